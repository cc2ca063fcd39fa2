"""States of a card application and of a card."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class State(models.TextChoices):
    """Where a card application stands; the order is the order of the diagrams."""

    DRAFT = "draft", _("Draft")
    AWAITING_PAYMENT = "awaiting_payment", _("Waiting for payment")
    UNDER_REVIEW = "under_review", _("Under review")
    CORRECTION_REQUIRED = "correction_required", _("Correction required")
    IN_PRODUCTION = "in_production", _("In production")
    READY_FOR_PICKUP = "ready_for_pickup", _("Ready for pickup")
    COLLECTED = "collected", _("Collected")
    REJECTED = "rejected", _("Rejected")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    LAPSED = "lapsed", _("Lapsed")
    SEALED = "sealed", _("Sealed, not collected")


FINAL = (State.COLLECTED, State.REJECTED, State.WITHDRAWN, State.LAPSED, State.SEALED)
NOT_LIVE = (State.DRAFT, State.REJECTED, State.WITHDRAWN, State.LAPSED, State.SEALED)
DUE = (State.DRAFT, State.UNDER_REVIEW, State.CORRECTION_REQUIRED, State.IN_PRODUCTION, State.READY_FOR_PICKUP)


class CardState(models.TextChoices):
    """Where a card stands in its own life."""

    INACTIVE = "inactive", pgettext_lazy("card", "Not activated")
    ACTIVE = "active", pgettext_lazy("card", "Active")
    LOSS_TEMPORARY = "loss_temporary", _("Reported lost for a time")
    LOSS_FORMAL = "loss_formal", _("Formally reported lost")
    REPLACED = "replaced", pgettext_lazy("card", "Replaced")
    CANCELLED = "cancelled", pgettext_lazy("card", "Cancelled")
    EXPIRED = "expired", pgettext_lazy("card", "Expired")


CARD_FINAL = (CardState.REPLACED, CardState.CANCELLED, CardState.EXPIRED)
