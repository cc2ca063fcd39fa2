"""The region tree, and the offices in it."""

from collections.abc import Iterable

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Length
from django.utils.translation import gettext_lazy as _

from portal.regions.text import both, pick

NATION_CODE = "000000"


def covers(scope_path: str, path: str) -> bool:
    """Says whether a scope contains a place, by their paths; an empty scope contains nothing, the nation everything."""
    return bool(scope_path) and (scope_path == f"{NATION_CODE}/" or path.startswith(scope_path))


class RegionLevel(models.TextChoices):
    NATION = "nation", _("Nation")
    PROVINCE = "province", _("Province")
    CITY = "city", _("City")
    COUNTY = "county", _("County or district")
    TOWN = "town", _("Town or subdistrict")


class RegionQuerySet(models.QuerySet["Region"]):
    def within(self, region: "Region") -> "RegionQuerySet":
        """The region itself and everything below it."""
        return self.within_path(region.path)

    def within_path(self, scope_path: str) -> "RegionQuerySet":
        """The same by path, as an actor carries it; an empty scope holds nothing."""
        if not scope_path:
            return self.none()
        if scope_path == f"{NATION_CODE}/":
            return self
        return self.filter(path__startswith=scope_path)

    def level(self, level: str) -> "RegionQuerySet":
        return self.filter(level=level, active=True)


class Region(models.Model):
    """A place of the administrative division; `path` lists the codes from the province down, each followed by a slash.

    The nation is a row of its own (code 000000) that carries the default policies; it stands in no path.
    """

    code = models.CharField(
        _("code"), max_length=12, unique=True, validators=[RegexValidator(r"^[0-9]{6}([0-9]{3}){0,2}$")]
    )
    level = models.CharField(_("level"), max_length=10, choices=RegionLevel.choices)
    parent = models.ForeignKey(
        "self", verbose_name=_("part of"), on_delete=models.PROTECT, null=True, blank=True, related_name="children"
    )
    path = models.CharField(_("path"), max_length=80, unique=True, editable=False)
    name_zh = models.CharField(_("Chinese name"), max_length=60)
    name_en = models.CharField(_("English name"), max_length=100)
    active = models.BooleanField(_("in use"), default=True)

    objects = RegionQuerySet.as_manager()

    class Meta:
        verbose_name = _("region")
        verbose_name_plural = _("regions")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=models.Q(level__in=RegionLevel.values), name="regions_region_level_known"),
            models.CheckConstraint(
                condition=models.Q(level__in=["nation", "province"]) | models.Q(parent__isnull=False),
                name="regions_region_below_province_has_parent",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        self.set_path()
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def set_path(self) -> None:
        """Derives the path from the region above."""
        self.path = f"{self.parent.path if self.parent else ''}{self.code}/"

    @property
    def name(self) -> str:
        return pick(both(self.name_zh, self.name_en))

    @property
    def codes(self) -> list[str]:
        """The codes from the nation down to this region, in which policies are inherited."""
        own = self.path.rstrip("/").split("/")
        return own if own == [NATION_CODE] else [NATION_CODE, *own]

    @property
    def full_name(self) -> str:
        """The names from the city down, run together in Chinese and reversed with commas in English."""
        places = [place for place in (*self.ancestors(), self) if place.level not in ("nation", "province")] or [self]
        return pick(
            both(
                "".join(place.name_zh for place in places),
                ", ".join(place.name_en for place in reversed(places)),
            )
        )

    def ancestors(self) -> list["Region"]:
        """The regions above this one, the province first, without the nation."""
        above = self.path.rstrip("/").split("/")[:-1]
        return list(Region.objects.filter(code__in=above).order_by(Length("path"))) if above else []


class OfficeKind(models.TextChoices):
    COUNTY_CENTRE = "county_centre", _("County medical insurance centre")
    SERVICE_POINT = "service_point", _("Medical insurance service point")
    HRSS_CENTRE = "hrss_centre", _("Township HRSS service centre")
    TAX_BUREAU = "tax_bureau", _("Tax bureau")
    VILLAGE_COMMITTEE = "village_committee", _("Village or neighbourhood committee")
    BANK = "bank", _("Bank outlet")
    CARD_OFFICE = "card_office", _("Card office")
    PICKUP_POINT = "pickup_point", _("Pickup point")
    INSTITUTION = "institution", _("Designated medical institution")


class OfficeQuerySet(models.QuerySet["Office"]):
    def in_use(self) -> "OfficeQuerySet":
        return self.filter(active=True)

    def serving(self, region: Region, kinds: Iterable[str]) -> "OfficeQuerySet":
        """The offices of these kinds in the region and above it, the nearest first."""
        return (
            self.in_use()
            .filter(region__code__in=region.codes, kind__in=list(kinds))
            .select_related("region")
            .order_by(Length("region__path").desc(), "code")
        )

    def within(self, region: Region) -> "OfficeQuerySet":
        """The offices in the region and below it."""
        return self.filter(region__in=Region.objects.within(region))

    def responsible_for(self, region: Region, kind: str) -> "Office | None":
        """The office of this kind that answers for the region: its own, else the county's, else the city's (A7)."""
        return self.serving(region, [kind]).first()


class Office(models.Model):
    """A place people can go to or call."""

    code = models.CharField(_("code"), max_length=40, unique=True)
    kind = models.CharField(_("kind"), max_length=20, choices=OfficeKind.choices)
    region = models.ForeignKey(Region, verbose_name=_("region"), on_delete=models.PROTECT, related_name="offices")
    name_zh = models.CharField(_("Chinese name"), max_length=80)
    name_en = models.CharField(_("English name"), max_length=160)
    address_zh = models.CharField(_("Chinese address"), max_length=160)
    address_en = models.CharField(_("English address"), max_length=240)
    hours_zh = models.CharField(_("opening hours in Chinese"), max_length=120)
    hours_en = models.CharField(_("opening hours in English"), max_length=160)
    phone = models.CharField(_("telephone"), max_length=40)
    bank_code = models.CharField(
        _("bank code"), max_length=12, blank=True, help_text=_("Only for bank outlets, such as ICBC.")
    )
    active = models.BooleanField(_("in use"), default=True)

    objects = OfficeQuerySet.as_manager()

    class Meta:
        verbose_name = _("office")
        verbose_name_plural = _("offices")
        ordering = ["code"]
        indexes = [models.Index(fields=["region", "kind"], name="regions_office_region_kind")]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=OfficeKind.values), name="regions_office_kind_known"),
            models.CheckConstraint(
                condition=~models.Q(kind="bank") | ~models.Q(bank_code=""), name="regions_office_bank_has_code"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return pick(both(self.name_zh, self.name_en))

    @property
    def address(self) -> str:
        return pick(both(self.address_zh, self.address_en))

    @property
    def hours(self) -> str:
        return pick(both(self.hours_zh, self.hours_en))
