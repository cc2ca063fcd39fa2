"""The set-based move: lock, write history, update, keep the clocks, in one statement per step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection, models
from django.db.models import F, QuerySet
from django.db.models.functions import Cast

from portal.people.actors import Actor

from . import clocks
from .clocks import Action, Tick
from .deadlines import Facts, Setting
from .lookups import Keys, membership
from .models import ClockEntry, Note, Subject

if TYPE_CHECKING:
    from .core import Transition, Workflow


@dataclass(frozen=True)
class Arrival:
    """What a move writes into equal rows: one UPDATE serves all rows that share it."""

    target: str
    stays: bool
    due_at: datetime | None = None
    remind_at: datetime | None = None
    mirrors: tuple[tuple[str, date | None], ...] = ()
    ticks: tuple[Tick, ...] = ()
    policy_id: int | None = None
    codes: tuple[str, ...] = ()
    calendar: int = 0


def columns_for(transition: Transition) -> tuple[str, ...]:
    """The columns of the subject on which due date, reminder and clocks of the arriving rows depend."""
    workflow = transition.workflow
    needed: list[str] = []
    for target in transition.targets:
        reminder = workflow.reminders.get(target)
        if transition.on_reminder:
            needed += (*(reminder.columns if reminder else ()), "due_at", "state_since")
            continue
        needed += workflow.arrival_columns(target)
        for clock in workflow.clocks:
            if any(clock.action(source, target) in (Action.START, Action.RESUME) for source in transition.sources):
                needed += clock.needs
            elif any(clock.action(source, target) for source in transition.sources):
                needed += ("policy_id",) if clock.days_from_policy else ()
    return tuple(dict.fromkeys(needed))


def lock(
    chosen: QuerySet[Any], columns: Sequence[str], *, limit: int | None = None, skip_locked: bool
) -> list[tuple[Any, ...]]:
    """Lock the chosen rows and read (pk as text, state, *columns); a sweep leaves out rows that others hold.

    SQLite has no row locks: there the transaction itself holds the one write lock.
    """
    key = Cast("pk", models.TextField())
    taken = chosen[:limit] if limit else chosen
    joins = len(chosen.query.alias_map) > 1
    if joins:
        # The lock must not spill over the joined tables, so the rows are locked by pk and judged again under the lock.
        taken = chosen.model._base_manager.filter(
            pk__in=taken.values("pk") if limit else chosen.order_by().values("pk")
        )
    if connection.features.has_select_for_update:
        taken = taken.select_for_update(skip_locked=skip_locked, no_key=True)
    local = [] if joins else [column for column in columns if "__" not in column]
    rows = list(taken.values_list(key, "state", *local))
    if not rows or (not joins and len(local) == len(columns)):
        return rows
    keys = Keys(row[0] for row in rows)
    wanted = chosen.filter(pk__among=keys) if joins else chosen.model._base_manager.filter(pk__among=keys)
    return list(wanted.values_list(key, "state", *columns))


def arrivals(
    transition: Transition,
    rows: Sequence[tuple[Any, ...]],
    columns: Sequence[str],
    at: datetime,
    changes: Mapping[str, Any] | None = None,
) -> dict[Arrival, Keys]:
    """Group the rows by what decides their dates, and compute each group once, as they are after `changes`."""
    workflow = transition.workflow
    held: dict[str, dict[str, clocks.Tail]] = {}
    if _looks_back(transition, rows):
        held = clocks.tails(workflow.name, Keys(row[0] for row in rows))
    grouped: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for row in rows:
        grouped[(row[1:], tuple(sorted(held.get(row[0], {}).items())) if held else ())].append(row[0])
    policy_at = columns.index("policy_id") + 1 if "policy_id" in columns else None
    policies = {key[0][policy_at] for key in grouped if policy_at} - {None}
    setting = Setting.of(at, policies) if columns or workflow.clocks else Setting.bare(at)
    found: dict[Arrival, list[str]] = defaultdict(list)
    changed = {column: value for column, value in (changes or {}).items() if column in columns}
    for (values, tails), pks in grouped.items():
        source, target = values[0], transition.target_of(values[0])
        facts = Facts(setting, source, target, dict(zip(columns, values[1:], strict=True)) | changed, since=at)
        new = arrival(workflow, facts, dict(tails), reminds=transition.on_reminder, undoes=transition.undoes)
        found[new] += pks
    return {new: Keys(pks) for new, pks in found.items()}


def _looks_back(transition: Transition, rows: Iterable[tuple[Any, ...]]) -> bool:
    """Say whether a clock's last row is needed: to pause or resume it, or because a deadline follows it."""
    workflow = transition.workflow
    if transition.undoes and workflow.clocks:
        return True
    for source in {row[1] for row in rows} if workflow.clocks else ():
        target = transition.target_of(source)
        deadline = workflow.deadline(target)
        for clock in workflow.clocks:
            action = clock.action(source, target)
            if action in (Action.PAUSE, Action.RESUME):
                return True
            if source != target and action is None and deadline and clock.kind in deadline.clocks:
                return True
    return False


def arrival(
    workflow: type[Workflow], facts: Facts, tails: Mapping[str, clocks.Tail], *, reminds: bool, undoes: bool = False
) -> Arrival:
    """Compute due date, reminder and clock rows of one group; a row that stays where it is keeps its dates."""
    reminder = workflow.reminders.get(facts.target)
    if facts.source == facts.target:
        if not reminds:
            return Arrival(facts.target, stays=True)
        standing = replace(facts, due_at=facts["due_at"], since=facts["state_since"])
        return Arrival(facts.target, stays=True, remind_at=reminder.following(facts.at, standing) if reminder else None)
    ticks: list[Tick] = []
    dates: dict[str, date] = {}
    mirrors: list[tuple[str, date | None]] = []
    for clock in workflow.clocks:
        tail = tails.get(clock.kind)
        action = clock.action(facts.source, facts.target)
        if undoes and action in (Action.START, Action.RESUME) and tail is not None and tail.before is not None:
            action = Action.REVERT
        made = clocks.tick(clock, action, facts, tail)
        if made:
            ticks.append(made)
        due_on = made.due_on if made else tail.due_on if tail else None
        if due_on:
            dates[clock.kind] = due_on
        if clock.mirrored_in and made and made.due_on:
            mirrors.append((clock.mirrored_in, made.due_on))
    facts = replace(facts, clocks=dates)
    deadline = workflow.deadline(facts.target)
    facts = replace(facts, due_at=deadline.instant(facts) if deadline else None)
    return Arrival(
        facts.target,
        stays=False,
        due_at=facts.due_at,
        remind_at=reminder.following(facts.at, facts) if reminder else None,
        mirrors=tuple(mirrors),
        ticks=tuple(ticks),
        policy_id=facts.policy_id if ticks else None,
        codes=facts.codes if ticks else (),
        calendar=facts.setting.calendar.version,
    )


def update(transition: Transition, found: Mapping[Arrival, Keys], at: datetime, changes: Mapping[str, Any]) -> None:
    """Write the new state: one UPDATE per distinct arrival; the row count is the judge.

    Raises RowsMoved when a row was changed since it was read, which only a database without locks allows.
    """
    model = transition.workflow.model
    for new, pks in found.items():
        values: dict[str, Any] = {"sweep_attempts": 0, "sweep_failed_at": None}
        if not new.stays:
            values |= {"state": new.target, "state_since": at, "due_at": new.due_at, "remind_at": new.remind_at}
        elif transition.on_reminder:
            values["remind_at"] = new.remind_at
        values |= dict(new.mirrors)
        values |= changes
        if _updated(model, pks, [str(source) for source in transition.sources], values) != len(pks):
            raise RowsMoved(str(transition))


def _updated(model: type[Subject], pks: Keys, sources: Sequence[str], values: Mapping[str, Any]) -> int:
    """Write one set of values and the next version into rows of these states; say how many there were."""
    if any(hasattr(value, "resolve_expression") for value in values.values()):
        chosen = model._base_manager.filter(pk__among=pks, state__in=sources)
        return chosen.update(version=F("version") + 1, **values)
    # Plain values need no query compiler, which costs as much as the rest of a move of one row.
    quote = connection.ops.quote_name
    assigned, parameters = ["version = version + 1"], []
    for name, value in values.items():
        column: Any = model._meta.get_field(name)
        given = value.prepare_database_save(column) if isinstance(value, models.Model) else value
        assigned.append(f"{quote(column.column)} = %s")
        parameters.append(column.get_db_prep_save(given, connection))
    condition, keys = membership("id", pks, connection.vendor)
    places = ", ".join(["%s"] * len(sources))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {quote(model._meta.db_table)} SET {', '.join(assigned)} "  # noqa: S608  names come from the model
            f"WHERE {condition} AND state IN ({places})",
            [*parameters, keys, *sources],
        )
        return int(cursor.rowcount)


def bring_up_to_date(subject: Subject, new: Arrival, at: datetime, changes: Mapping[str, Any]) -> None:
    """Write into one row in memory what the UPDATE wrote into the database."""
    subject.version += 1
    subject.sweep_attempts, subject.sweep_failed_at = 0, None
    if not new.stays:
        subject.state, subject.state_since = str(new.target), at
        subject.due_at, subject.remind_at = new.due_at, new.remind_at
    for column, value in (*new.mirrors, *changes.items()):
        setattr(subject, column, value)


class RowsMoved(Exception):
    """A row that was read in this transaction was moved by another one."""


def write_ticks(workflow: type[Workflow], found: Mapping[Arrival, Keys], at: datetime) -> None:
    """Append the clock rows, one statement per distinct row content."""
    for new, pks in found.items():
        for made in new.ticks:
            insert_from(
                workflow.model,
                pks,
                ClockEntry,
                {"subject_id": "id"},
                {
                    "workflow": workflow.name,
                    "kind": made.kind,
                    "action": made.action,
                    "on": made.on,
                    "days": made.days,
                    "due_on": made.due_on,
                    "provisional": made.provisional,
                    "region_codes": " ".join(new.codes),
                    "policy_id": new.policy_id,
                    "calendar": new.calendar,
                    "at": at,
                },
            )


def write_history(
    workflow: type[Workflow],
    pks: Keys,
    actor: Actor,
    at: datetime,
    *,
    transition: str,
    target: str | None,
    begins: bool = False,
    note: str = "",
    codes: Mapping[str, Any] | None = None,
) -> list[int]:
    """Append one timeline entry per subject from the rows as they stand before the update; return the entries' ids."""
    copied = {"subject_id": "id", "was_due_at": "due_at", "version": "version" if begins else "version + 1"}
    constants: dict[str, Any] = {
        "transition": transition,
        "at": at,
        "actor_role": str(actor.role),
        "actor_user_id": actor.user_id,
        "actor_office_id": actor.office_id,
        "on_behalf_of": actor.acting_for_id,
        "codes": dict(codes or {}),
        "note_digest": Note.digest(note),
    }
    if begins:
        copied |= {"target": "state", "was_due_at": "NULL"}
        constants["source"] = ""
    else:
        copied["source"] = "state"
        if target is None:
            copied["target"] = "state"
        else:
            constants["target"] = target
    if note:
        notes = Note.objects.bulk_create(
            Note(workflow=workflow.name, subject_id=pk, text=note, written_at=at, author_id=actor.user_id)
            for pk in map(_uuid, pks)
        )
        table = connection.ops.quote_name(Note._meta.db_table)
        first = min(row.pk for row in notes)
        subjects = connection.ops.quote_name(workflow.model._meta.db_table)
        copied["note_id"] = f"(SELECT n.id FROM {table} n WHERE n.subject_id = {subjects}.id AND n.id >= {first:d})"  # noqa: S608
    return insert_from(workflow.model, pks, workflow.timeline, copied, constants)


def _uuid(key: UUID | str) -> UUID:
    return key if isinstance(key, UUID) else UUID(key)


def insert_from(
    subjects: type[models.Model],
    pks: Keys,
    into: type[models.Model],
    copied: Mapping[str, str],
    constants: Mapping[str, Any],
) -> list[int]:
    """INSERT … SELECT one row per subject, and return the new ids.

    `copied` gives SQL expressions over the subject's table by column, `constants` values by field name. The ORM can
    only insert rows that travelled to Python first, which costs more than all the rest of a sweep.
    """
    quote = connection.ops.quote_name
    fields: list[Any] = [into._meta.get_field(name) for name in constants]
    values = [
        field.get_db_prep_save(value, connection) for field, value in zip(fields, constants.values(), strict=True)
    ]
    columns = [quote(column) for column in (*copied, *(field.column for field in fields))]
    selected = [*copied.values(), *(["%s"] * len(values))]
    condition, keys = membership("id", pks, connection.vendor)
    sql = (
        f"INSERT INTO {quote(into._meta.db_table)} ({', '.join(columns)}) "  # noqa: S608  names come from models, values are parameters
        f"SELECT {', '.join(selected)} FROM {quote(subjects._meta.db_table)} WHERE {condition} RETURNING id"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, keys])
        return [row[0] for row in cursor.fetchall()]
