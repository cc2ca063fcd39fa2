"""The papers solver: rules and facts in, the exact list of papers out (DOMAIN §8).

A rule with the key `ID_CARD` describes a paper once; `new_adult.ID_CARD` says how a scenario asks for it. A condition
is a mapping of facts to the value, the list of values or the bounds they must have; a list of such mappings holds
when one of them does. `when` makes a conditional paper required, dropped, or, while its facts are not all known,
leaves it conditional with its words; `unless` drops a paper once it is known to hold.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from portal.regions.text import pick

REQUIRED, CONDITIONAL, WAIVED = "required", "conditional", "waived"
ASSUMED = {
    "agent": False,
    "guardian": False,
    "local": True,
    "flexible": False,
    "category": "",
    "shared": (),
    "document": "RESIDENT_ID",
    "cardless": False,
}

Condition = Mapping[str, Any] | list[Mapping[str, Any]]


@dataclass(frozen=True)
class MaterialRule:
    """One paper as asked for, and what it looks like; papers of one `alternatives` group stand for each other."""

    code: str
    name: Mapping[str, str]
    level: str
    alternatives: str
    copies: int
    original_or_copy: str
    accepts_e_licence: bool
    sharing_source: Mapping[str, str] | None
    legal_basis: Mapping[str, str]
    note: Mapping[str, str]
    condition: Mapping[str, str]
    looks: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return pick(self.name)

    @property
    def required(self) -> bool:
        return self.level == REQUIRED


def holds(condition: Condition, facts: Mapping[str, Any]) -> bool | None:
    """Whether a condition holds; None while a fact it needs is unknown."""
    if isinstance(condition, list):
        answers = [holds(part, facts) for part in condition]
        return True if True in answers else None if None in answers else False
    answers = [_matches(facts[fact], wanted) if fact in facts else None for fact, wanted in condition.items()]
    return False if False in answers else None if None in answers else True


def _matches(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        if value is None:
            return False
        return all({"below": value < bound, "from": value >= bound}[name] for name, bound in wanted.items())
    return value in wanted if isinstance(wanted, list) else value == wanted


def solve(rules: Mapping[str, Mapping[str, Any]], scenario: str, facts: Mapping[str, Any]) -> list[MaterialRule]:
    """Lists the papers of a scenario in the order of the region.

    The fact `shared` holds the codes of papers a data source has answered: they are waived and the source is named.
    """
    known = {**ASSUMED, **facts}
    prefix = f"{scenario}."
    asked = [
        (key.removeprefix(prefix), {**rules.get(key.removeprefix(prefix), {}), **value})
        for key, value in rules.items()
        if key.startswith(prefix)
    ]
    asked.sort(key=lambda pair: (pair[1].get("order", 100), pair[0]))
    found = [_judge(code, value, known) for code, value in asked]
    return _settle_groups([rule for rule in found if rule is not None])


def _judge(code: str, value: Mapping[str, Any], facts: Mapping[str, Any]) -> MaterialRule | None:
    level = value["level"]
    if level == "none" or ("unless" in value and holds(value["unless"], facts)):
        return None
    if level == CONDITIONAL and "when" in value:
        answer = holds(value["when"], facts)
        if answer is False:
            return None
        level = REQUIRED if answer else CONDITIONAL
    source = value.get("sharing_source")
    if source and code in facts["shared"]:
        level = WAIVED
    return MaterialRule(
        code=code,
        name=value["name"],
        level=level,
        alternatives=value.get("alternatives", ""),
        copies=value.get("copies", 0),
        original_or_copy=value.get("original_or_copy", "original"),
        accepts_e_licence=value.get("accepts_e_licence", False),
        sharing_source=source,
        legal_basis=value["legal_basis"],
        note=value.get("note", {}),
        condition=value.get("condition", {}),
        looks=value.get("looks", {}),
    )


def _settle_groups(rules: list[MaterialRule]) -> list[MaterialRule]:
    """A group of one is no choice: its mark is dropped."""
    counts: dict[str, int] = {}
    for rule in rules:
        if rule.alternatives:
            counts[rule.alternatives] = counts.get(rule.alternatives, 0) + 1
    return [
        MaterialRule(**{**rule.__dict__, "alternatives": ""}) if counts.get(rule.alternatives) == 1 else rule
        for rule in rules
    ]


def groups(rules: Iterable[MaterialRule]) -> list[list[MaterialRule]]:
    """The list as people read it: each entry is one paper, or several of which one is enough."""
    entries: dict[str, list[MaterialRule]] = {}
    for rule in rules:
        entries.setdefault(rule.alternatives or f"={rule.code}", []).append(rule)
    return list(entries.values())


def outstanding(rules: Iterable[MaterialRule], presented: Collection[str]) -> list[list[MaterialRule]]:
    """The required entries that nothing presented answers; a waived paper answers its group (N15, B6)."""
    return [
        entry
        for entry in groups(rules)
        if any(rule.required for rule in entry)
        and not any(rule.code in presented or rule.level == WAIVED for rule in entry)
    ]


def scenario_for(facts: Mapping[str, Any]) -> str:
    """The enrolment scenario of a person, by `newborn`, `age`, `hmt`, `foreign`, `student`, `category`, `local`.

    Assisted groups keep the papers of their age: a child in care of the state is first a child.
    """
    if facts.get("newborn"):
        return "newborn"
    if facts.get("hmt"):
        return "hmt"
    if facts.get("foreign"):
        return "foreign"
    if facts.get("student"):
        return "student"
    if facts.get("age") is not None and facts["age"] < facts.get("self_application_age", 16):
        return "minor"
    if facts.get("category"):
        return "assisted"
    return "new_adult" if facts.get("local", True) else "non_local"
