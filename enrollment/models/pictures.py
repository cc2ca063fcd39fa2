"""Photos of the materials of an application, sent by the applicant with the form or with a correction (UX-R9)."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from enrollment.models.applications import Application
from enrollment.states import State
from portal.documents.models import Upload
from portal.people.actors import Actor

PURPOSE = "material."
"""How the purpose of such an upload begins; who may see one is decided here and nowhere else."""
UNDO_MINUTES = 10


class MaterialPictureQuerySet(models.QuerySet["MaterialPicture"]):
    """Doors to the photos, and the questions asked about them."""

    def visible_to(self, actor: Actor) -> "MaterialPictureQuerySet":
        """Photos of the applications an actor may see; staff see what was handed in and nothing that is being made."""
        rows = self.filter(
            application__in=Application.objects.visible_to(actor).order_by().values("pk"), removed_at=None
        )
        return rows.handed_in() if actor.is_staff_role else rows

    def handed_in(self) -> "MaterialPictureQuerySet":
        """Those of a submitted form, and those of a correction once it was sent."""
        being_corrected = Q(application__state=State.CORRECTION_REQUIRED, round=F("application__correction_round"))
        return self.standing().exclude(application__state=State.DRAFT).exclude(being_corrected)

    def standing(self) -> "MaterialPictureQuerySet":
        """Those nobody deleted."""
        return self.filter(removed_at=None)

    def can_come_back(self, at: datetime) -> "MaterialPictureQuerySet":
        """Deleted ones whose deletion can still be taken back."""
        return self.filter(removed_at__gt=at - timedelta(minutes=UNDO_MINUTES))

    def gone(self, at: datetime) -> "MaterialPictureQuerySet":
        """Deleted ones whose time is over."""
        return self.filter(removed_at__lte=at - timedelta(minutes=UNDO_MINUTES))


class MaterialPicture(models.Model):
    """One photo of one material; `round` is the correction it came with, 0 for the form itself.

    Deleting marks it, so that the deletion can be taken back for ten minutes (UX-R17).
    """

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="pictures")
    code = models.CharField(_("material"), max_length=40)
    round = models.PositiveSmallIntegerField(_("round of correction"), default=0)
    upload = models.OneToOneField(Upload, on_delete=models.CASCADE, related_name="material_picture")
    sent_at = models.DateTimeField(_("sent at"), default=timezone.now)
    removed_at = models.DateTimeField(_("deleted at"), null=True, blank=True)

    objects = MaterialPictureQuerySet.as_manager()

    class Meta:
        verbose_name = _("photo of a material")
        verbose_name_plural = _("photos of materials")
        ordering = ["sent_at", "id"]
        indexes = [
            # read by the task that erases
            models.Index(
                fields=["removed_at"], name="enrollment_picture_removed", condition=Q(removed_at__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(code=""), name="enrollment_picture_of_material"),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True) | Q(removed_at__gte=F("sent_at")),
                name="enrollment_picture_removed_later",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.sent_at:%Y-%m-%d %H:%M}"
