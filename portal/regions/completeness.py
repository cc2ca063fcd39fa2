"""What a region must have before residents may use it (H5)."""

from collections.abc import Iterator
from dataclasses import dataclass

from portal.regions import calendar
from portal.regions.models import Office, Region
from portal.regions.models.policy import resolve
from portal.regions.policy_values import Policy

SCENARIOS = (
    "new_adult",
    "minor",
    "newborn",
    "non_local",
    "hmt",
    "foreign",
    "student",
    "assisted",
    "agent",
    "coordination",
    "first_card",
    "first_card_minor",
    "replacement",
    "exchange",
    "card_pickup",
)
TIME_LIMITS = (
    "correction",
    "escalated",
    "draft_calendar",
    "premium_notice",
    "card.promise",
    "card.production",
    "card.correction",
    "card_notice",
    "card.remind_unclaimed_calendar",
    "card.seal_calendar",
)
SETTINGS = (
    "payment_order",
    "self_application_age",
    "minimum_age",
    "enrollment.offices",
    "collection_period",
    "newborn_days",
    "waiting_months",
    "clearing_days",
    "notice.premium.title",
    "notice.nontax.title",
    "photo",
    "photo.receipt",
    "card.activation",
    "card.temporary_loss_days",
    "hotline",
    "appeal",
    "payee.premium",
    "payee.nontax",
    "legal.enrollment",
)
OTHER_OFFICES = ("card_office", "pickup_point")


@dataclass(frozen=True)
class Finding:
    """One thing a region lacks."""

    region: Region
    what: str

    def __str__(self) -> str:
        return f"{self.region.code} {self.region.name_en}: {self.what}"


def pooling_regions() -> list[Region]:
    """The regions that run the insurance: the cities in use."""
    return list(Region.objects.level("city"))


def findings() -> list[Finding]:
    """Everything missing, over all cities and the towns and counties below them."""
    today = calendar.today()
    return [
        Finding(region, what)
        for region in pooling_regions()
        for what in (*_policy_gaps(resolve(region, today)), *_office_gaps(region, resolve(region, today)))
    ]


def _policy_gaps(policy: Policy) -> Iterator[str]:
    fees = policy.data["rules"].get("fee", {})
    year = policy.on.year
    for key in (f"premium.{year}", f"premium.{year + 1}", "card_first", "card_replacement"):
        if key not in fees:
            yield f"no fee {key}"
    for kind in ("premium", "nontax"):
        if not policy.rule("channel", kind, None):
            yield f"no bank or other channel for {kind}"
    known = set(policy.scenarios())
    yield from (f"no papers for {scenario}" for scenario in SCENARIOS if scenario not in known)
    limits = [*TIME_LIMITS, *(f"review.{kind}" for kind in policy.setting("enrollment.offices", []))]
    yield from (f"no time limit {key}" for key in limits if policy.rule("time_limit", key, None) is None)
    yield from (f"no setting {key}" for key in SETTINGS if policy.rule("setting", key, None) is None)


def _office_gaps(region: Region, policy: Policy) -> Iterator[str]:
    kinds = policy.setting("enrollment.offices", [])
    offices = list(Office.objects.in_use().within(region).values_list("region__code", "kind", "bank_code"))
    have = {(code, kind) for code, kind, _bank in offices}
    present = {kind for _code, kind, _bank in offices}
    yield from (f"no office of kind {kind}" for kind in (*kinds, *OTHER_OFFICES) if kind not in present)
    banks = {bank for _code, _kind, bank in offices if bank}
    for channel_kind in ("premium", "nontax"):
        for channel in policy.rule("channel", channel_kind, None) or ():
            if channel.get("bank_code") and channel["bank_code"] not in banks:
                yield f"no outlet of bank {channel['bank_code']} for {channel_kind}"
    for place in Region.objects.within(region).filter(active=True):
        if not any((code, kind) in have for code in place.codes for kind in kinds):
            yield f"no enrolment office answers for {place.code} {place.name_en}"
