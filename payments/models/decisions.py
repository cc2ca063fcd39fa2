"""What is decided about money at the exceptions desk: facts in a row, never edited."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.models.notices import Notice, PaymentException
from portal.audit.append_only import AppendOnlyModel


class Action(models.TextChoices):
    """What may become of the money."""

    ASSIGN = "assign", _("Assign the money to a notice")
    REFUND = "refund", _("Pay the money back to the payer")
    KEEP = "keep", _("Keep the money in suspense")
    DISMISS = "dismiss", _("Nothing more to do")


class Step(models.TextChoices):
    """How far a decision is. Where money moves to another name, a second person confirms or refuses."""

    PROPOSED = "proposed", _("Proposed")
    CONFIRMED = "confirmed", _("Confirmed")
    REFUSED = "refused", _("Refused")


class ExceptionDecision(AppendOnlyModel):
    """One step of a decision; `turn` counts the proposals about one exception."""

    exception = models.ForeignKey(PaymentException, models.PROTECT, related_name="decisions", db_index=False)
    turn = models.PositiveSmallIntegerField()
    action = models.CharField(_("decision"), max_length=8, choices=Action.choices)
    step = models.CharField(_("step"), max_length=10, choices=Step.choices)
    notice = models.ForeignKey(Notice, models.PROTECT, verbose_name=_("notice"), null=True, related_name="+")
    at = models.DateTimeField(_("decided"), default=timezone.now)
    actor_user_id = models.BigIntegerField()
    proposed_by = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("decision about an exception")
        verbose_name_plural = _("decisions about exceptions")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["exception", "turn"], condition=Q(step="proposed"), name="payments_decision_one_proposal"
            ),
            models.UniqueConstraint(
                fields=["exception", "turn"], condition=~Q(step="proposed"), name="payments_decision_one_end"
            ),
            models.CheckConstraint(
                condition=Q(proposed_by__isnull=True) | ~Q(proposed_by=F("actor_user_id")),
                name="payments_decision_by_two",
            ),
            models.CheckConstraint(
                condition=Q(action="assign", notice__isnull=False) | ~Q(action="assign") & Q(notice__isnull=True),
                name="payments_decision_assigns_to_a_notice",
            ),
            models.CheckConstraint(
                condition=Q(action__in=Action.values, step__in=Step.values), name="payments_decision_known_words"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.exception_id} {self.action} {self.step}"
