"""Links that take an applicant back to a draft on another device (A11)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from enrollment.models.applications import Application


class ResumeLink(models.Model):
    """The one link of a draft that opens it; a new one takes the place of the one before.

    Only a keyed digest of the code is kept: who reads the database cannot make a link.
    """

    application = models.OneToOneField(Application, on_delete=models.CASCADE, related_name="resume_link")
    digest = models.CharField(max_length=64, unique=True)
    sent_at = models.DateTimeField(_("sent at"))
    expires_at = models.DateTimeField(_("valid until"))
    sent = models.PositiveSmallIntegerField(_("links sent"), default=1)

    class Meta:
        verbose_name = _("link to a draft")
        verbose_name_plural = _("links to drafts")

    def __str__(self) -> str:
        return f"{self.sent_at:%Y-%m-%d %H:%M}"
