"""A regional policy as plain data: what it costs, what to bring, how long it takes, where to pay.

A `Policy` is built from rules already merged by inheritance, or from a stored snapshot; it asks no database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from portal.regions import materials
from portal.regions.materials import MaterialRule
from portal.regions.text import both, pick

MISSING = object()
FEE_KINDS = ("premium", "card_first", "card_replacement")


class PolicyGap(LookupError):
    """A region lacks a rule the portal needs; `check_regions` finds these before residents do."""

    def __init__(self, region_code: str, what: str) -> None:
        super().__init__(f"region {region_code} has no rule for {what}")
        self.region_code = region_code
        self.what = what


@dataclass(frozen=True)
class Fee:
    """What one person pays, in fen; `pending` while the region has not published the amount."""

    amount_fen: int | None
    standard_fen: int | None
    assistance_fen: int | None
    pending: bool
    label: Mapping[str, str]
    category: str = ""
    legal_basis: Mapping[str, str] | None = None

    @property
    def nothing_payable(self) -> bool:
        return self.amount_fen == 0

    @property
    def name(self) -> str:
        return pick(self.label)


@dataclass(frozen=True)
class Channel:
    """A way to pay."""

    code: str
    label: Mapping[str, str]
    office_kind: str
    bank_code: str
    online: bool

    @property
    def name(self) -> str:
        return pick(self.label)


@dataclass(frozen=True)
class Policy:
    """The rules in force for one region on one day.

    `data` is JSON: {"region": code, "rules": {kind: {key: value}}, "sources": {"kind/key": region code}}.
    """

    region_code: str
    on: date
    data: Mapping[str, Any]

    def rule(self, kind: str, key: str, default: Any = MISSING) -> Any:
        """The raw value of a rule.

        Raises PolicyGap when there is none and no default was given.
        """
        value = self.data["rules"].get(kind, {}).get(key, default)
        if value is MISSING:
            raise PolicyGap(self.region_code, f"{kind} {key}")
        return value

    def source(self, kind: str, key: str) -> str:
        """The code of the region whose rule applies, or an empty text."""
        return str(self.data["sources"].get(f"{kind}/{key}", ""))

    def setting(self, key: str, default: Any = MISSING) -> Any:
        """A setting by name.

        Raises PolicyGap when it is missing and no default was given.
        """
        return self.rule("setting", key, default)

    def text(self, key: str, default: Any = MISSING) -> str:
        """A bilingual setting in the active language."""
        return pick(self.setting(key, default))

    def days(self, key: str) -> int:
        """A time limit in working days, or in calendar days when the key ends in `_calendar`.

        Raises PolicyGap when the region has none.
        """
        return int(self.rule("time_limit", key)["days"])

    def fee(
        self, kind: str, *, cover_year: int | None = None, category: str | None = None, age: int | None = None
    ) -> Fee:
        """What a person of this category pays; `age`, on 1 January of the cover year, may give assistance by itself.

        A premium year without a published amount is pending, but full assistance is nothing payable whatever the
        amount will be. Raises PolicyGap for a card fee without a rule, ValueError for an unknown kind or a premium
        without its year.
        """
        if kind not in FEE_KINDS:
            raise ValueError(f"unknown fee kind {kind}")
        if kind != "premium":
            value = self.rule("fee", kind)
            amount = value["amount_fen"]
            return Fee(amount, amount, 0, amount is None, value["label"], legal_basis=value.get("legal_basis"))
        if cover_year is None:
            raise ValueError("a premium needs its cover year")
        value = self.rule("fee", f"premium.{cover_year}", None) or {"standard_fen": None}
        label = value.get("label") or both(
            f"{cover_year} 年度城乡居民医保个人缴费", f"Residents' insurance premium {cover_year}"
        )
        grants = self.rule("fee", f"assistance.{cover_year}", None) or self.rule("fee", "assistance", {})
        return _premium(value, label, grants, category or "", age)

    def materials(self, scenario: str, facts: Mapping[str, Any] | None = None) -> list[MaterialRule]:
        """The exact list of papers for a scenario and the facts known so far.

        Raises PolicyGap for a scenario the region does not know.
        """
        rules = self.data["rules"].get("material", {})
        if not any(key.startswith(f"{scenario}.") for key in rules):
            raise PolicyGap(self.region_code, f"material {scenario}")
        return materials.solve(rules, scenario, facts or {})

    def scenarios(self) -> list[str]:
        """The scenarios for which the region lists papers."""
        return sorted({key.split(".", 1)[0] for key in self.data["rules"].get("material", {}) if "." in key})

    def channels(self, kind: str) -> list[Channel]:
        """The ways to pay a premium (`premium`) or a card fee (`nontax`), in the order of the region.

        Raises PolicyGap when the region has none.
        """
        return [
            Channel(
                code=entry["code"],
                label=entry["name"],
                office_kind=entry.get("office_kind", ""),
                bank_code=entry.get("bank_code", ""),
                online=bool(entry.get("online", False)),
            )
            for entry in self.rule("channel", kind)
        ]


def _premium(
    value: Mapping[str, Any],
    label: Mapping[str, str],
    grants: Mapping[str, Mapping[str, Any]],
    category: str,
    age: int | None,
) -> Fee:
    """The lowest of the plain premium and every assistance the person has a right to."""
    standard: int | None = value["standard_fen"]
    basis = value.get("legal_basis")
    granted = [category] if category in grants else []
    if age is not None:
        granted += sorted(name for name, grant in grants.items() if grant.get("min_age") and age >= grant["min_age"])
    pending = standard is None
    plain = Fee(standard, standard, None if pending else 0, pending, label, legal_basis=basis)
    fees = [*(_assisted(standard, name, grants[name], label, basis) for name in granted), plain]
    return min(fees, key=lambda fee: (fee.amount_fen is None, fee.amount_fen or 0))


def _assisted(
    standard: int | None,
    category: str,
    grant: Mapping[str, Any],
    label: Mapping[str, str],
    basis: Mapping[str, str] | None,
) -> Fee:
    """Applies assistance: full, fixed (the person pays a sum) or by percentage (the state pays a share, to the fen)."""
    mode = grant["mode"]
    if mode == "full":
        return Fee(0, standard, standard, False, label, category, basis)
    if standard is None:
        return Fee(None, None, None, True, label, category, basis)
    share = standard - grant["pays_fen"] if mode == "fixed" else (standard * grant["percent"] + 50) // 100
    share = max(0, min(standard, share))
    return Fee(standard - share, standard, share, False, label, category, basis)
