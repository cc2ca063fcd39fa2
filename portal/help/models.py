"""What readers say about a page."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Rating(models.IntegerChoices):
    """The five grades of the national service rating (国办发〔2019〕51号)."""

    VERY_SATISFIED = 5, _("Very satisfied")
    SATISFIED = 4, _("Satisfied")
    FAIR = 3, _("Fair")
    DISSATISFIED = 2, _("Dissatisfied")
    VERY_DISSATISFIED = 1, _("Very dissatisfied")


class Feedback(models.Model):
    """A remark about a page, without any link to the person who made it (UX-E11)."""

    page = models.CharField(_("page"), max_length=200)
    rating = models.PositiveSmallIntegerField(_("rating"), choices=Rating.choices, null=True, blank=True)
    text = models.TextField(_("remark"), max_length=1000, blank=True)
    language = models.CharField(_("language"), max_length=10)
    given_on = models.DateField(_("given on"))

    class Meta:
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")
        ordering = ["-id"]
        indexes = [models.Index(fields=["page"], name="help_feedback_page")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(rating__isnull=True) | models.Q(rating__range=(1, 5)),
                name="help_feedback_rating_known",
            ),
            models.CheckConstraint(
                condition=models.Q(rating__isnull=False) | ~models.Q(text=""), name="help_feedback_says_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.page} {self.rating or ''}".strip()
