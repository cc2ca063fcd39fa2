"""Commands over rosters: take a file, check it line by line, submit the good lines.

Every step is a batch of its own transaction and starts from the lines as they are stored, so that a killed or stopped
job goes on where it was and nothing is written twice.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from pathlib import PurePath

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Count, Max
from django.utils import timezone

from enrollment import services as single
from enrollment.models import (
    Application,
    ApplicationMaterial,
    Outcome,
    Roster,
    RosterFile,
    RosterRow,
    RosterState,
)
from enrollment.rosters.columns import Fault
from enrollment.rosters.reading import RawLine, RosterRefused, open_table
from enrollment.rosters.verdicts import Judged, Setting, doubles, index_of, judge, new_resident, setting_of
from enrollment.workflow import EnrollmentWorkflow
from portal import audit
from portal.crypto import keyed_digest, seal_bytes, unseal_bytes
from portal.jobs import services as jobs
from portal.jobs.models import Job
from portal.people.actors import Actor, Role
from portal.people.models import Resident, StaffGrant
from portal.people.names import comparable_name
from portal.regions import calendar
from portal.regions.models import Office, PolicySnapshot, Region

BATCH = 500
MAX_CONTENDERS = 4
KEPT_DAYS = 180
LOOK_SECONDS = 20
"""The first look at a file happens while the agent waits; a file that needs longer is not worth it."""

CHECK_JOB, SUBMIT_JOB = "enrollment.roster_check", "enrollment.roster_submit"
Step = Callable[[int, int], None]
"""Called after each batch with the lines done and the lines there are."""


class AlreadyUploaded(Exception):
    """The village has uploaded this very file for this year before; `first` is that roster."""

    def __init__(self, first: Roster) -> None:
        super().__init__("already uploaded")
        self.first = first


class NotReady(Exception):
    """The roster is not in the state for this step."""


class LineRefused(Exception):
    """What an agent entered for one person cannot be submitted; `judged` says why."""

    def __init__(self, judged: Judged, setting: Setting) -> None:
        super().__init__("refused")
        self.judged = judged
        self.setting = setting


class NoLongerAgent(Exception):
    """Whoever entered the roster is no agent of the village any more; nothing is submitted in their name."""


def take(*, actor: Actor, office: Office | None, cover_year: int, file_name: str, content: bytes) -> Roster:
    """Stores a file whose heading can be read, and starts its check; nothing is kept of one that cannot.

    Raises PermissionDenied for anybody but an agent, RosterRefused, and AlreadyUploaded for the same bytes again.
    """
    if actor.role != Role.COMMITTEE_AGENT or actor.user_id is None:
        raise PermissionDenied
    region = Region.objects.get(code=actor.region_code)
    with closing(open_table(content, seconds=LOOK_SECONDS).lines):
        pass
    same = {"region": region, "cover_year": cover_year, "digest": keyed_digest(content, purpose="enrollment.roster")}
    roster = Roster(**same, office=office, created_by_id=actor.user_id, file_name=_shown_name(file_name))
    try:
        with transaction.atomic():
            roster.save(force_insert=True)
            RosterFile.objects.create(roster=roster, content_cipher=seal_bytes(content, aad=_place(roster)))
            _start(roster, CHECK_JOB, actor)
            audit.record("enrollment.roster_taken", actor, subject=roster, details={"bytes": len(content)})
    except IntegrityError:
        first = Roster.objects.live().filter(**same).first()
        if first is None:
            raise
        raise AlreadyUploaded(first) from None
    return roster


def go_on(roster: Roster, actor: Actor) -> Job | None:
    """Starts the job of a busy roster again where it was stopped or has failed; returns the one that works on it."""
    if not roster.is_busy:
        return None
    job = Job.objects.filter(pk=roster.job_id).first() if roster.job_id else None
    if job is not None and job.is_live:
        return job
    with transaction.atomic():
        locked = Roster.objects.select_for_update().get(pk=roster.pk)
        if locked.job_id != roster.job_id or not locked.is_busy:
            return None
        return _start(locked, CHECK_JOB if locked.state == RosterState.CHECKING else SUBMIT_JOB, actor)


def check(roster: Roster, step: Step) -> None:
    """Reads the file and stores every line with its verdict, batch by batch; goes on behind the last stored line.

    A file that turns out to be no roster leaves its reason and nothing else.
    """
    if roster.state != RosterState.CHECKING:
        return
    content = unseal_bytes(bytes(roster.file.content_cipher), aad=_place(roster))
    done = roster.rows.count()
    after = roster.rows.aggregate(last=Max("line"))["last"] or 0
    setting = setting_of(roster)
    try:
        table = open_table(content)
        with closing(table.lines) as lines, calendar.pinned():
            fresh = (raw for raw in lines if raw.line > after)
            while batch := list(islice(fresh, BATCH)):
                _store(roster, batch, setting)
                done += len(batch)
                step(done, max(table.total, done))
    except RosterRefused as refusal:
        _refuse(roster, refusal)
        return
    with transaction.atomic():
        Roster.objects.filter(pk=roster.pk, state=RosterState.CHECKING).update(
            state=RosterState.CHECKED, kind=table.kind, line_count=done, checked_at=timezone.now()
        )
        RosterFile.objects.filter(roster=roster).delete()


def submit(roster: Roster, actor: Actor) -> Job | None:
    """Starts the submission of the good lines, on the agent's word that they are true; None when it runs already.

    Raises NotReady for a roster that is not checked or has no good line.
    """
    if actor.role != Role.COMMITTEE_AGENT or actor.user_id != roster.created_by_id:
        raise PermissionDenied
    with transaction.atomic():
        locked = Roster.objects.select_for_update().get(pk=roster.pk)
        if locked.state in (RosterState.SUBMITTING, RosterState.SUBMITTED):
            return None
        if locked.state != RosterState.CHECKED or not locked.rows.filter(outcome=Outcome.GOOD).exists():
            raise NotReady
        locked.state, locked.declared_at = RosterState.SUBMITTING, timezone.now()
        locked.save(update_fields=["state", "declared_at"])
        audit.record("enrollment.roster_submitted", actor, subject=roster)
        return _start(locked, SUBMIT_JOB, actor)


def submit_good(roster: Roster, step: Step) -> None:
    """Submits the good lines, batch by batch; what is submitted already is left alone.

    Raises NoLongerAgent.
    """
    if roster.state != RosterState.SUBMITTING:
        return
    actor = agent_of(roster)
    done = roster.rows.filter(outcome=Outcome.SUBMITTED).count()
    total = done + roster.rows.filter(outcome=Outcome.GOOD).count()
    while batch := list(roster.rows.filter(outcome=Outcome.GOOD).order_by("line")[:BATCH]):
        with calendar.pinned():
            done += submit_lines(roster, batch, actor)
        step(done, total)
    Roster.objects.filter(pk=roster.pk, state=RosterState.SUBMITTING).update(
        state=RosterState.SUBMITTED, submitted_at=timezone.now()
    )


def submit_lines(roster: Roster, rows: Sequence[RosterRow], actor: Actor) -> int:
    """Submits lines that were good when they were checked, and are judged anew; returns how many were submitted.

    Somebody who applies for themselves at the same moment wins: the batch is undone, judged again, and the line says
    so.
    """
    for attempt in range(MAX_CONTENDERS):
        try:
            with transaction.atomic():
                return _submit_lines(roster, [row.pk for row in rows], actor)
        except IntegrityError:
            if attempt == MAX_CONTENDERS - 1:
                raise
    return 0


def register_one(*, actor: Actor, office: Office | None, cover_year: int, cells: Mapping[str, str]) -> Application:
    """Registers one person whom an agent entered in a form, by the rules of a line of a roster.

    Raises PermissionDenied, and LineRefused with what is wrong, also for a person the village registered before.
    """
    if actor.role != Role.COMMITTEE_AGENT or actor.user_id is None:
        raise PermissionDenied
    region = Region.objects.get(code=actor.region_code)
    roster = Roster(region=region, office=office, cover_year=cover_year, created_by_id=actor.user_id)
    for attempt in range(MAX_CONTENDERS):
        try:
            with transaction.atomic():
                at = timezone.now()
                snapshot = PolicySnapshot.objects.take(region, calendar.local_date(at))
                setting = setting_of(roster, actor.region_path, snapshot.policy)
                found = judge([RawLine(1, dict(cells))], setting)
                good = _register(found, setting, snapshot, actor, at)
                if not good:
                    raise LineRefused(found[0], setting)
                return good[0].application
        except IntegrityError:
            if attempt == MAX_CONTENDERS - 1:
                raise
    raise NotReady


def agent_of(roster: Roster) -> Actor:
    """Who entered the roster, as far as they are still agent of the village today; raises NoLongerAgent (REL-R9)."""
    user = roster.created_by
    grants = StaffGrant.objects.live().filter(user=user, user__is_active=True, role=Role.COMMITTEE_AGENT)
    for grant in grants.select_related("region"):
        if roster.region.path.startswith(grant.region.path):
            return Actor(
                Role.COMMITTEE_AGENT,
                user.pk,
                user.own_resident_id,
                grant.office_id,
                grant.region.code,
                grant.region.path,
                str(user),
            )
    raise NoLongerAgent


def counts(roster: Roster) -> dict[str, int]:
    """How many lines have which verdict."""
    found = roster.rows.order_by().values_list("outcome").annotate(number=Count("pk"))
    return {outcome.value: 0 for outcome in Outcome} | dict(found)


def erase_old(limit: int = 50) -> int:
    """Erases what was written in the lines of old rosters, and files nobody finished reading; returns the rosters.

    The verdicts and the applications stay; names and numbers of people who were never registered do not.
    """
    before = timezone.now() - timedelta(days=KEPT_DAYS)
    old = list(Roster.objects.filter(created_at__lt=before, erased_at=None).order_by("created_at")[:limit])
    for roster in old:
        with transaction.atomic():
            roster.rows.update(cells_cipher=b"", id_index="", name_index="")
            RosterFile.objects.filter(roster=roster).delete()
            Roster.objects.filter(pk=roster.pk).update(erased_at=timezone.now())
    return len(old)


def _start(roster: Roster, kind: str, actor: Actor) -> Job:
    job = jobs.start(kind, owner_id=actor.user_id, params={"roster": str(roster.pk)})
    Roster.objects.filter(pk=roster.pk).update(job_id=job.pk)
    roster.job_id = job.pk
    return job


def _place(roster: Roster) -> str:
    return f"enrollment.roster.file:{roster.pk}"


def _shown_name(name: str) -> str:
    """The name of the file for the agent's own list, without folders and signs that cannot be shown."""
    plain = "".join(sign for sign in PurePath(name.replace("\\", "/")).name if sign.isprintable())
    return plain[-120:] or "roster"


def _refuse(roster: Roster, refusal: RosterRefused) -> None:
    with transaction.atomic():
        roster.rows.all().delete()
        RosterFile.objects.filter(roster=roster).delete()
        Roster.objects.filter(pk=roster.pk, state=RosterState.CHECKING).update(
            state=RosterState.REFUSED, refusal=refusal.code, refusal_params=refusal.params, checked_at=timezone.now()
        )


def _store(roster: Roster, batch: Sequence[RawLine], setting: Setting) -> None:
    found = judge(batch, setting)
    contradicted = doubles(found, roster)
    rows = [_row(roster, judged) for judged in found]
    with transaction.atomic():
        RosterRow.objects.bulk_create(rows, batch_size=BATCH)
        for row in RosterRow.objects.filter(roster=roster, line__in=contradicted):
            _give_faults(row, [*row.faults, contradicted[row.line]])


def _row(roster: Roster, judged: Judged) -> RosterRow:
    row = RosterRow(
        roster=roster,
        line=judged.raw.line,
        id_index=judged.id_index,
        name_index=judged.name_index,
        outcome=judged.outcome,
        faults=[list(fault) for fault in judged.faults],
        fault_count=len(judged.faults),
    )
    row.written = {"cells": judged.raw.cells, "marks": judged.raw.marks}
    return row


def _give_faults(row: RosterRow, faults: Sequence[Sequence[object]]) -> None:
    """Makes a line bad for these reasons, or says that the village has registered the person where there is none."""
    row.faults = [list(fault) for fault in faults]
    row.fault_count = len(row.faults)
    row.outcome = Outcome.BAD if row.faults else Outcome.KNOWN
    row.save(update_fields=["faults", "fault_count", "outcome"])


def _submit_lines(roster: Roster, pks: Sequence[int], actor: Actor) -> int:
    locked = RosterRow.objects.select_for_update().filter(pk__in=pks, outcome=Outcome.GOOD).order_by("line")
    rows = {row.line: row for row in locked}
    written = [(row.line, row.written) for row in rows.values()]
    raws = [RawLine(line, said["cells"], said["marks"]) for line, said in written]
    at = timezone.now()
    snapshot = PolicySnapshot.objects.take(roster.region, calendar.local_date(at))
    setting = setting_of(roster, actor.region_path, snapshot.policy)
    found = judge(raws, setting)
    good = _register(found, setting, snapshot, actor, at)
    for judged in found:
        if judged.outcome != Outcome.GOOD:
            _give_faults(rows[judged.raw.line], judged.faults)
    submitted = [rows[judged.raw.line] for judged in good]
    for row, judged in zip(submitted, good, strict=True):
        row.application, row.outcome = judged.case, Outcome.SUBMITTED
    RosterRow.objects.bulk_update(submitted, ["application", "outcome"], batch_size=BATCH)
    return len(good)


def _register(
    found: Sequence[Judged], setting: Setting, snapshot: PolicySnapshot, actor: Actor, at: datetime
) -> list[Judged]:
    """Makes and submits the applications of judged lines, set-based, by the rules of a single one; returns the lines
    that got one.
    """
    _add_people(found)
    good = [judged for judged in found if judged.outcome == Outcome.GOOD and judged.case is not None]
    numbers = single.free_numbers(calendar.local_date(at).year, len(good))
    cases: list[Application] = []
    papers: list[ApplicationMaterial] = []
    for judged, number in zip(good, numbers, strict=True):
        case = judged.application
        columns, materials = single.frozen_terms(case, snapshot, setting.policy, at)
        for name, value in columns.items():
            setattr(case, name, value)
        case.number, case.helper_id = number, actor.user_id
        cases.append(case)
        papers += materials
    if cases:
        EnrollmentWorkflow.begin_many(cases, actor, at=at)
        ApplicationMaterial.objects.bulk_create(papers, batch_size=2_000)
        EnrollmentWorkflow.submit.move([case.pk for case in cases], actor, at=at)
    return good


def _add_people(found: Sequence[Judged]) -> None:
    """Puts the people of good lines on file who are not yet, each once, also where a parent is on the list as well.

    Somebody who stands in the batch under two names is refused: nobody can say which is right.
    """
    new: dict[str, Resident] = {}

    for judged in found:
        if judged.outcome != Outcome.GOOD or judged.case is None or judged.person is not None:
            continue
        person = judged.case.beneficiary
        if person is None:
            continue
        person.set_phone(judged.said.phone if judged.case.resident is person else "")
        new[judged.id_index] = person
    for judged in found:
        case, said = judged.case, judged.read.person
        if judged.outcome != Outcome.GOOD or case is None or said is None or not case.is_for_other:
            continue
        if judged.guardian is None and said.guardian_number is not None:
            guardian = new_resident(said.guardian_name, said.guardian_number, None)
            guardian.set_phone(said.phone)
            row = new.setdefault(index_of(said.guardian_number), guardian)
            if comparable_name(row.name) != comparable_name(guardian.name):
                judged.faults.append(Fault("guardian_name", "other_name"))
                new.pop(judged.id_index, None)
                continue
            case.resident = row
    Resident.objects.bulk_create(new.values(), batch_size=BATCH)
