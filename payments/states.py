"""States of a payment notice."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class State(TextChoices):
    """Where a payment notice stands."""

    ISSUED = "issued", _("To be paid")
    PAID = "paid", _("Paid")
    REFUNDING = "refunding", _("Refund proposed")
    REFUNDED = "refunded", _("Refunded")
    EXPIRED = "expired", _("Expired")
    CANCELLED = "cancelled", _("Cancelled")
