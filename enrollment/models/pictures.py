"""Photos of the materials of an application, sent by the applicant with the form or with a correction, or taken at the
counter (UX-R9).
"""

from datetime import datetime, timedelta
from uuid import uuid4

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from enrollment.models.applications import Application
from enrollment.models.households import WalkIn
from enrollment.states import State
from portal.documents.models import Upload
from portal.people.actors import Actor

PURPOSE = "material."
"""How the purpose of such an upload begins; who may see one is decided here and nowhere else."""
UNDO_MINUTES = 10
BEING_CORRECTED = Q(application__state=State.CORRECTION_REQUIRED, round=F("application__correction_round"))
HANDED_IN = Q(application__isnull=False) & ~Q(application__state=State.DRAFT) & ~BEING_CORRECTED


class MaterialPictureQuerySet(models.QuerySet["MaterialPicture"]):
    """Doors to the photos, and the questions asked about them."""

    def visible_to(self, actor: Actor) -> "MaterialPictureQuerySet":
        """Photos of the applications an actor may see; staff see what was handed in, what they took themselves, and
        nothing else that is being made.
        """
        rows = self.standing()
        of_cases = Q(application__in=Application.objects.visible_to(actor).order_by().values("pk"))
        if not actor.is_staff_role:
            return rows.filter(of_cases)
        of_counter = Q(walk_in__in=WalkIn.objects.visible_to(actor).unfinished().order_by().values("pk"))
        own = Q(upload__uploaded_by_id=actor.user_id) if actor.user_id else Q(pk=None)
        return rows.filter((of_cases & (HANDED_IN | own)) | of_counter)

    def handed_in(self) -> "MaterialPictureQuerySet":
        """Those of a submitted form, and those of a correction once it was sent."""
        return self.standing().filter(HANDED_IN)

    def standing(self) -> "MaterialPictureQuerySet":
        """Those nobody deleted and whose time is not over."""
        return self.filter(removed_at=None, erased_at=None)

    def can_come_back(self, at: datetime) -> "MaterialPictureQuerySet":
        """Deleted ones whose deletion can still be taken back."""
        return self.filter(erased_at=None, removed_at__gt=at - timedelta(minutes=UNDO_MINUTES))

    def gone(self, at: datetime) -> "MaterialPictureQuerySet":
        """Deleted ones whose time is over."""
        return self.filter(removed_at__lte=at - timedelta(minutes=UNDO_MINUTES))


class MaterialPicture(models.Model):
    """One photo of one material, or one page of a PDF file; `round` is the correction it came with, 0 for the form.

    It belongs to an application or, until the form is submitted, to what a clerk enters at the counter. Pages of one
    file share `file`; `place` is the order in which files came, which a file taken again keeps. Deleting marks it, so
    that the deletion can be taken back for ten minutes (UX-R17). After its time the picture goes and the row stays.
    """

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, null=True, blank=True, related_name="pictures"
    )
    walk_in = models.ForeignKey(WalkIn, on_delete=models.PROTECT, null=True, blank=True, related_name="pictures")
    code = models.CharField(_("material"), max_length=40)
    round = models.PositiveSmallIntegerField(_("round of correction"), default=0)
    file = models.UUIDField(_("file"), default=uuid4, editable=False)
    page = models.PositiveSmallIntegerField(_("page"), default=1)
    place = models.PositiveIntegerField(_("place in the order"), default=0)
    upload = models.OneToOneField(Upload, on_delete=models.CASCADE, null=True, related_name="material_picture")
    kept_as_is = models.BooleanField(_("sent in spite of a warning"), default=False)
    sent_at = models.DateTimeField(_("sent at"), default=timezone.now)
    removed_at = models.DateTimeField(_("deleted at"), null=True, blank=True)
    erased_at = models.DateTimeField(_("erased after its time at"), null=True, blank=True)

    objects = MaterialPictureQuerySet.as_manager()

    class Meta:
        verbose_name = _("photo of a material")
        verbose_name_plural = _("photos of materials")
        ordering = ["place", "sent_at", "id"]
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
            models.CheckConstraint(
                condition=Q(application__isnull=False, walk_in__isnull=True)
                | Q(application__isnull=True, walk_in__isnull=False),
                name="enrollment_picture_of_one_case",
            ),
            models.CheckConstraint(
                condition=Q(upload__isnull=False, erased_at__isnull=True)
                | Q(upload__isnull=True, erased_at__isnull=False),
                name="enrollment_picture_there_until_erased",
            ),
            models.CheckConstraint(condition=Q(page__gte=1), name="enrollment_picture_pages_from_one"),
            # A file sent again after the answer was lost is the same file.
            models.UniqueConstraint(fields=["application", "file", "page"], name="enrollment_picture_page_once"),
            models.UniqueConstraint(fields=["walk_in", "file", "page"], name="enrollment_picture_page_once_there"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.sent_at:%Y-%m-%d %H:%M}"
