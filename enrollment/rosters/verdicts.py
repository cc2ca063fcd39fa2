"""The verdict on each line of a roster: what is written, what the file says elsewhere, what the portal knows.

A batch is judged with a constant number of queries. What the portal knows of a person is told only where number and
name agree and the person lives in the agent's own village: a roster is no way to look up strangers (RELIABILITY §4.9).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from enrollment import eligibility, offices, steps, terms
from enrollment.codes import ForWhom
from enrollment.eligibility import Effect
from enrollment.models import Application, Cover, Outcome, Roster, RosterRow
from enrollment.rosters.columns import Fault, Person, Read, read_line
from enrollment.rosters.reading import RawLine
from portal.crypto import blind_index
from portal.people.identity import IdentityNumber, age_on
from portal.people.models import Resident, identity_index
from portal.people.names import comparable_name
from portal.people.services import ADULT_AGE_YEARS
from portal.regions import calendar
from portal.regions import policy as policies
from portal.regions.models import Office, Region
from portal.regions.policy_values import Policy

ELIGIBILITY = "eligibility."
CONTRADICTIONS = ("contradiction", "other_facts")
DECISIVE = (
    "birth_on",
    "sex",
    "in_area",
    "status",
    "school",
    "other_cover",
    "missed_years",
    "assistance",
    "has_id_card",
    "guardian_number",
    "relation",
)
"""The columns by which a case is decided; who moved or has another telephone is the same person twice."""

CELL_OF_RULE = {"status": "status", "age": "birth_on", "other_cover": "other_cover", "area": "in_area"}


@dataclass(frozen=True)
class Setting:
    """What all lines of a roster share: place, office, year, the rules of the day, and who entered them."""

    region: Region
    office: Office | None
    cover_year: int
    policy: Policy
    today: date
    agent_id: int | None
    scope_path: str


@dataclass
class Judged:
    """One line with its verdict. `case` is an application that is not stored yet, with the answers of the line."""

    raw: RawLine
    read: Read
    id_index: str = ""
    name_index: str = ""
    faults: list[Fault] = field(default_factory=list)
    is_known: bool = False
    person: Resident | None = None
    guardian: Resident | None = None
    case: Application | None = None

    @property
    def outcome(self) -> Outcome:
        if self.is_known:
            return Outcome.KNOWN
        return Outcome.BAD if self.faults else Outcome.GOOD

    @property
    def application(self) -> Application:
        """The case; only for lines that can be submitted."""
        if self.case is None:
            raise LookupError(f"line {self.raw.line} has no case")
        return self.case

    @property
    def said(self) -> Person:
        """What the line says; only for lines without faults."""
        if self.read.person is None:
            raise LookupError(f"line {self.raw.line} could not be read")
        return self.read.person


@dataclass(frozen=True)
class _OnFile:
    """What the portal knows about the people of a batch."""

    people: Mapping[str, Resident]
    own_entries: frozenset[UUID]
    applied: frozenset[UUID]
    insured: frozenset[UUID]


def setting_of(roster: Roster, scope_path: str = "", policy: Policy | None = None) -> Setting:
    """The setting of a stored roster today; without a scope that of its own village."""
    today = calendar.today()
    return Setting(
        region=roster.region,
        office=roster.office or offices.fallback(roster.region),
        cover_year=roster.cover_year,
        policy=policy or policies.for_region(roster.region, today),
        today=today,
        agent_id=roster.created_by_id,
        scope_path=scope_path or roster.region.path,
    )


def judge(lines: Sequence[RawLine], setting: Setting) -> list[Judged]:
    """Judges lines by themselves and by what the portal knows; doubles within the file are found by `doubles`."""
    found = [_read(raw, setting.today) for raw in lines]
    on_file = _on_file(found, setting)
    for judged in found:
        if judged.read.person is not None:
            _judge_person(judged, judged.read.person, on_file, setting)
    return found


def doubles(found: Sequence[Judged], roster: Roster) -> dict[int, Fault]:
    """Adds the faults of numbers that stand in the file twice; returns those of lines that are stored already.

    The same person again is a double, and the first line counts. One number under two names, or with two answers to a
    question that the case is decided by, is a contradiction, and no line of it counts, because nobody can say which is
    right.
    """
    lines = {judged.raw.line for judged in found}
    indexes = {judged.id_index for judged in found if judged.id_index}
    stored = RosterRow.objects.filter(roster=roster, id_index__in=indexes).exclude(line__in=lines)
    first: dict[str, Judged | RosterRow] = {}
    for row in stored.order_by("line"):
        first.setdefault(row.id_index, row)
    contradicted: dict[int, Fault] = {}
    for judged in found:
        if not judged.id_index:
            continue
        other = first.setdefault(judged.id_index, judged)
        if other is judged:
            continue
        line = other.raw.line if isinstance(other, Judged) else other.line
        column, code = _contradiction(judged, other)
        if not code:
            _refuse(judged, Fault("id_number", "duplicate", line))
            continue
        _refuse(judged, Fault(column, code, line))
        fault = Fault(column, code, judged.raw.line)
        if not isinstance(other, Judged):
            contradicted.setdefault(line, fault)
        elif not any(known.code in CONTRADICTIONS for known in other.faults):
            _refuse(other, fault)
    return contradicted


def _contradiction(judged: Judged, other: Judged | RosterRow) -> tuple[str, str]:
    """In which column two lines about one number contradict each other, and how; empty texts when they do not."""
    if judged.name_index and other.name_index and judged.name_index != other.name_index:
        return "name", "contradiction"
    said = judged.read.person
    if isinstance(other, Judged):
        before = other.read.person
    else:
        written = other.written
        before = read_line(written["cells"], written["marks"], calendar.today()).person
    if said is None or before is None:
        return "", ""
    column = next((name for name in DECISIVE if getattr(said, name) != getattr(before, name)), "")
    return column, "other_facts" if column else ""


def findings(raw: RawLine, setting: Setting) -> dict[str, eligibility.Finding]:
    """The outcome of every rule of the region for one line, in the active language; none for one that is unreadable."""
    read = read_line(raw.cells, raw.marks, setting.today)
    if read.person is None:
        return {}
    case = _case(read.person, None, None, setting)
    verdict = terms.verdict(_facts(case, setting), setting.policy, setting.today)
    return {found.code: found for found in verdict.findings}


def _read(raw: RawLine, today: date) -> Judged:
    read = read_line(raw.cells, raw.marks, today)
    judged = Judged(raw, read, faults=list(read.faults))
    if read.number is not None:
        judged.id_index = index_of(read.number)
    if read.name:
        judged.name_index = blind_index(comparable_name(read.name), purpose="enrollment.roster.name")
    return judged


def index_of(number: IdentityNumber) -> str:
    """The key under which people with this number are on file."""
    return identity_index(number.kind, number.normalized)


def _refuse(judged: Judged, fault: Fault) -> None:
    judged.faults.append(fault)
    judged.is_known = False


def _on_file(found: Iterable[Judged], setting: Setting) -> _OnFile:
    indexes = set()
    for judged in found:
        if judged.read.person is None:
            continue
        indexes.add(judged.id_index)
        if judged.said.guardian_number is not None:
            indexes.add(index_of(judged.said.guardian_number))
    people = {row.id_index: row for row in Resident.objects.filter(id_index__in=indexes).select_related("home_region")}
    pks = [row.pk for row in people.values()]
    live = Application.objects.live().filter(beneficiary__in=pks, cover_year=setting.cover_year).order_by()
    own: set[UUID] = set()
    others: set[UUID] = set()
    for pk, helper_id, village_id in live.values_list("beneficiary_id", "helper_id", "roster_row__roster__region_id"):
        is_own = (helper_id is not None and helper_id == setting.agent_id) or village_id == setting.region.pk
        if pk is not None:
            (own if is_own else others).add(pk)
    covers = Cover.objects.standing().filter(person__in=pks, cover_year=setting.cover_year).order_by()
    insured = frozenset(covers.values_list("person_id", flat=True))
    return _OnFile(people, frozenset(own), frozenset(others), insured)


def _judge_person(judged: Judged, said: Person, on_file: _OnFile, setting: Setting) -> None:
    known = on_file.people.get(judged.id_index)
    if known is not None:
        if comparable_name(known.name) != comparable_name(said.name):
            judged.faults.append(Fault("name", "other_name"))
            return
        if known.home_region is None or not known.home_region.path.startswith(setting.scope_path):
            judged.faults.append(Fault("", "outside"))
            return
        if known.pk in on_file.own_entries:
            judged.is_known = True
            return
        if known.pk in on_file.applied or known.pk in on_file.insured:
            judged.faults.append(Fault("", "insured" if known.pk in on_file.insured else "applied"))
            return
        if known.employee_insured:
            judged.faults.append(Fault("other_cover", "employee"))
    judged.person = known
    _judge_rules(judged, said, on_file, setting)


def _judge_rules(judged: Judged, said: Person, on_file: _OnFile, setting: Setting) -> None:
    """Eligibility, the open years and the guardian, by the rules that a single application goes through."""
    judged.case = _case(said, judged.person, None, setting)
    facts = _facts(judged.case, setting)
    verdict = terms.verdict(facts, setting.policy, setting.today)
    for refusal in verdict.refusals:
        judged.faults.append(Fault(CELL_OF_RULE.get(refusal.code, ""), f"{ELIGIBILITY}{refusal.code}"))
    years = terms.open_years(setting.today, said.birth_on, setting.region, setting.policy)
    if setting.cover_year not in [year.year for year in years]:
        judged.faults.append(Fault("", "not_open"))
    if any(found.effect is Effect.GUARDIAN for found in verdict.findings):
        _judge_guardian(judged, said, on_file, setting)


def _judge_guardian(judged: Judged, said: Person, on_file: _OnFile, setting: Setting) -> None:
    number = said.guardian_number
    faults = judged.faults
    before = len(faults)
    if number is None:
        faults.append(Fault("guardian_number", "guardian"))
    if not said.guardian_name:
        faults.append(Fault("guardian_name", "guardian"))
    if not said.relation:
        faults.append(Fault("relation", "relation"))
    if number is None or len(faults) > before:
        return
    known = on_file.people.get(index_of(number))
    born = known.birth_date if known else number.birth_date
    if index_of(number) == judged.id_index:
        faults.append(Fault("guardian_number", "own_guardian"))
    elif born is None or age_on(born, setting.today) < ADULT_AGE_YEARS:
        faults.append(Fault("guardian_number", "young_guardian"))
    elif known and comparable_name(known.name) != comparable_name(said.guardian_name):
        faults.append(Fault("guardian_name", "other_name"))
    judged.guardian = known
    judged.case = _case(said, judged.person, known, setting, for_child=True)


def _case(
    said: Person, person: Resident | None, guardian: Resident | None, setting: Setting, *, for_child: bool = False
) -> Application:
    """An unsaved application with the answers of a line; people not on file are unsaved as well."""
    beneficiary = person or new_resident(said.name, said.number, setting.region, said)
    case = Application(
        resident=guardian or beneficiary,
        beneficiary=beneficiary,
        for_whom=ForWhom.CHILD if for_child else ForWhom.SELF,
        relation=said.relation if for_child else "",
        region=setting.region,
        office=setting.office,
        cover_year=setting.cover_year,
    )
    case.answers = answers_of(said, setting.office, for_child=for_child)
    return case


def _facts(case: Application, setting: Setting) -> dict[str, Any]:
    return terms.facts_of(case, setting.policy, setting.today)


def new_resident(name: str, number: IdentityNumber, region: Region | None, said: Person | None = None) -> Resident:
    """Somebody not on file yet, as the village declares them; unsaved. A guardian is known by name and number only."""
    resident = Resident(
        name=name,
        birth_date=said.birth_on if said else number.birth_date,
        sex=said.sex if said else number.sex,
        home_region=region,
        hukou_region_code=number.region_code,
        address=said.address if said else "",
        has_id_card=said.has_id_card if said else False,
    )
    resident.set_identity(number.kind, number.normalized)
    return resident


def answers_of(said: Person, office: Office | None, *, for_child: bool) -> dict[str, dict[str, Any]]:
    """The answers of the registration form, section by section, as a resident's own would be stored."""
    person = {"birth_on": said.birth_on, "sex": said.sex, "has_id_card": said.has_id_card}
    if for_child:
        person["relation"] = said.relation
    sections: dict[str, dict[str, Any]] = {
        steps.PERSON: person,
        steps.CONTACT: {"phone": said.phone, "address": said.address, "in_area": said.in_area},
        steps.COVER: {
            "status": said.status,
            "school": said.school,
            "other_cover": said.other_cover,
            "missed_years": said.missed_years,
        },
        steps.ASSISTANCE: {"assistance": said.assistance},
        steps.OFFICE: {"office": office},
    }
    return {code: steps.stored(values) for code, values in sections.items()}
