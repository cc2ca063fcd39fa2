"""States of an enrolment application."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where an application stands; the order is the order of the diagrams."""

    DRAFT = "draft", _("Draft")
    SUBMITTED = "submitted", _("Submitted")
    UNDER_REVIEW = "under_review", _("Under review")
    CORRECTION_REQUIRED = "correction_required", _("Correction required")
    ESCALATED = "escalated", _("Escalated to the county")
    APPROVED = "approved", _("Approved")
    AWAITING_PAYMENT = "awaiting_payment", _("Waiting for payment")
    ENROLLED = "enrolled", _("Enrolled")
    REJECTED = "rejected", _("Rejected")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    LAPSED = "lapsed", _("Lapsed")


FINAL = (State.ENROLLED, State.REJECTED, State.WITHDRAWN, State.LAPSED)
NOT_LIVE = (State.DRAFT, State.REJECTED, State.WITHDRAWN, State.LAPSED)
LIVE = tuple(state for state in State if state not in NOT_LIVE)
TIMED = (State.DRAFT, State.UNDER_REVIEW, State.CORRECTION_REQUIRED, State.ESCALATED)
DECIDABLE = (State.UNDER_REVIEW, State.ESCALATED)
