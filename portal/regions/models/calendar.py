"""The working-day calendar as the State Council publishes it, and the extra days of single regions."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.regions.models.places import Region


class CalendarYear(models.Model):
    """A year of the calendar; a year that is not published gives provisional dates only."""

    class Status(models.TextChoices):
        PUBLISHED = "PUBLISHED", _("Published")
        STATUTORY_ONLY = "STATUTORY_ONLY", _("Statutory days only")

    year = models.PositiveSmallIntegerField(_("year"), primary_key=True)
    status = models.CharField(_("status"), max_length=16, choices=Status.choices)
    version = models.PositiveIntegerField(_("version"), default=1)
    source_notice = models.CharField(_("State Council notice"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("calendar year")
        verbose_name_plural = _("calendar years")
        ordering = ["year"]

    def __str__(self) -> str:
        return str(self.year)


class CalendarDay(models.Model):
    """A day that differs from the plain week: off although a weekday or by statute, or worked although a weekend."""

    class Kind(models.TextChoices):
        OFF = "off", _("Day off")
        MAKEUP = "makeup_workday", _("Make-up working day")

    date = models.DateField(_("date"), primary_key=True)
    is_workday = models.BooleanField(_("working day"))
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    festival = models.CharField(_("festival"), max_length=40, blank=True)
    source_notice = models.CharField(_("State Council notice"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("calendar day")
        verbose_name_plural = _("calendar days")
        ordering = ["date"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="off", is_workday=False) | models.Q(kind="makeup_workday", is_workday=True),
                name="regions_calendarday_kind_agrees",
            )
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.get_kind_display()}"


class RegionalHoliday(models.Model):
    """An extra day off in one region and everything below it, such as the two days of 三月三 in Guangxi."""

    region = models.ForeignKey(Region, verbose_name=_("region"), on_delete=models.PROTECT, related_name="holidays")
    date = models.DateField(_("date"))
    name_zh = models.CharField(_("Chinese name"), max_length=60)
    name_en = models.CharField(_("English name"), max_length=100)

    class Meta:
        verbose_name = _("regional holiday")
        verbose_name_plural = _("regional holidays")
        ordering = ["date", "region"]
        constraints = [models.UniqueConstraint(fields=["region", "date"], name="regions_holiday_once")]

    def __str__(self) -> str:
        return f"{self.date} {self.name_zh}"
