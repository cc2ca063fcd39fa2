"""The declaration of a workflow, and the one way every subject moves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models import Case, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.utils import timezone
from django.utils.functional import classproperty
from django.utils.translation import gettext_lazy as _

from portal.audit import record, seals
from portal.jobs.nudge import nudge
from portal.people.actors import Actor, Role

from . import moving, reacting, sweeping
from .clocks import Clock
from .deadlines import Deadline, Facts, Reminder, Setting
from .errors import ConflictOfInterest, NotAvailable, Unmet, WrongRole
from .lookups import Keys, written_out
from .models import Subject, TimelineEntryBase

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

BEGIN = "begin"
"""The transition name of a subject's first timeline entry."""
RECOUNT = "recount"
"""The transition name of the entry that says a new calendar moved the due date."""


Condition = Q | Combinable


S = TypeVar("S", bound=Subject)


@dataclass(frozen=True)
class Requirement:
    """A rule about the subject's data in front of a transition: `holds` in SQL, `otherwise` is what the person reads.

    A condition over other tables must be an `Exists`, so that it neither multiplies rows nor widens a lock.
    """

    holds: Condition | Callable[[datetime], Condition]
    otherwise: _StrOrPromise

    def condition(self, at: datetime) -> Condition:
        return self.holds(at) if callable(self.holds) else self.holds


def holds_all(requirements: Iterable[Requirement], at: datetime) -> Q:
    """The conjunction of requirements."""
    return Q(*(requirement.condition(at) for requirement in requirements))


def truth(condition: Condition) -> Case:
    """The condition as true or false: SQL's unknown counts as false, also under negation."""
    return Case(When(condition, then=Value(True)), default=Value(False)) if condition else Case(default=Value(True))


@dataclass(frozen=True, eq=False)
class Batch:
    """What a reaction gets: the subjects one move has moved, by pk, and their timeline entries.

    `held` is the one subject moved, as it is now, where the caller had read it whole under a lock: reactions that would
    read it again may use it.
    """

    transition: Transition
    actor: Actor
    at: datetime
    keys: Keys
    entry_ids: list[int]
    held: Any = None

    @property
    def workflow(self) -> type[Workflow]:
        return self.transition.workflow

    @cached_property
    def pks(self) -> list[UUID]:
        return [key if isinstance(key, UUID) else UUID(key) for key in self.keys]

    @cached_property
    def texts(self) -> list[str]:
        """The pks as UUIDs are written out, for columns that hold them as text."""
        return [written_out(key) for key in self.keys]

    @cached_property
    def memory(self) -> dict[str, Any]:
        """What one reaction has read about the batch and the next ones may use."""
        return {}

    @cached_property
    def entries(self) -> list[Any]:
        """The timeline entries, read when first asked for."""
        found = self.workflow.timeline._base_manager.in_bulk(self.entry_ids)
        return [found[pk] for pk in sorted(found)]

    def subjects(self) -> QuerySet[Any]:
        """The moved rows, for joins and filters."""
        return self.workflow.model._base_manager.filter(pk__among=self.keys)


Reaction = Callable[[Batch], None]


@dataclass(frozen=True)
class Option:
    """A transition that the actor's role may fire from the present state; available when nothing is unmet."""

    transition: Transition
    unmet: Sequence[str] = ()

    @property
    def available(self) -> bool:
        return not self.unmet


@dataclass(kw_only=True, eq=False)
class Transition:
    """One declared move.

    `target` None keeps every row in its state (reminders). `roles` are closed unless named. `on_deadline` and
    `on_reminder` are swept by the worker when `due_at` or `remind_at` has come. `fact` says that the move records
    what already happened (money arrived): no reaction can veto it. `decision` is a judgement over a person: nobody
    makes it on their own or their household's case. `undoes` takes the move before it back: clocks go on as if it had
    not been. `needs_note` demands a reason. `internal` entries are shown to staff only. `story` and `label` may use
    %(actor)s and %(office)s.
    """

    sources: Collection[str]
    label: _StrOrPromise
    story: _StrOrPromise
    target: str | None = None
    roles: Collection[str] = (Role.SYSTEM,)
    requires: Sequence[Requirement] = ()
    on_deadline: bool = False
    on_reminder: bool = False
    fact: bool = False
    decision: bool = False
    undoes: bool = False
    needs_note: bool = False
    internal: bool = False
    reactions: list[Reaction] = field(default_factory=list, init=False)
    workflow: type[Workflow] = field(init=False, repr=False)
    name: str = field(init=False, default="")

    def __set_name__(self, owner: type[Workflow], name: str) -> None:
        self.workflow, self.name = owner, name

    def __str__(self) -> str:
        return f"{self.workflow.name}.{self.name}"

    @property
    def targets(self) -> tuple[str, ...]:
        """The states this transition can lead to."""
        return tuple(self.sources) if self.target is None else (self.target,)

    def target_of(self, source: str) -> str:
        return source if self.target is None else self.target

    def vetoable_by(self, actor: Actor) -> bool:
        """Reactions may stop only what a person fires, never a fact or the worker."""
        return not (self.fact or self.on_deadline or self.on_reminder or actor.role == Role.SYSTEM)

    def movable(self, at: datetime | None = None) -> QuerySet[Any]:
        """Every subject that may move now: the one rule behind button, click and sweep.

        An on-deadline transition leaves out what an earlier declared one of the same state would take.
        """
        at = at or timezone.now()
        found = self.workflow.model._base_manager.filter(holds_all(self.requires, at), state__in=self.sources)
        if self.on_deadline:
            found = found.filter(due_at__lte=at)
        if self.on_reminder:
            found = found.filter(remind_at__lte=at)
        for number, earlier in enumerate(self._before()):
            taken = Q(state__in=earlier.sources) & holds_all(earlier.requires, at)
            found = found.alias(**{f"before_{number}": truth(taken)}).filter(**{f"before_{number}": False})
        return found

    def _before(self) -> list[Transition]:
        if not self.on_deadline:
            return []
        found = []
        for other in self.workflow.transitions.values():
            if other is self:
                break
            if other.on_deadline and set(other.sources) & set(self.sources):
                found.append(other)
        return found

    def fire(
        self,
        subject: S,
        actor: Actor,
        version: int | None = None,
        note: str = "",
        codes: Mapping[str, Any] | None = None,
        *,
        changes: Mapping[str, Any] | None = None,
        at: datetime | None = None,
        held: bool = False,
    ) -> S:
        """Move one subject as one actor, refresh its machine columns and return it.

        `version` is the one the actor saw, None for callers that hold no page; `changes` are further columns written
        by the same UPDATE, and due dates follow them. `held` says that the caller read the whole row under a lock in
        this transaction and gives the transaction up when this raises: nothing is read again. Raises WrongRole or
        ConflictOfInterest (403), NotAvailable or Unmet (409).
        """
        self._check_role(actor)
        if self.needs_note and not note.strip():
            raise Unmet(self, subject, [str(_("Give a reason."))])
        if self.decision and self.workflow.conflict(actor, [subject.pk]):
            raise self._conflict(subject, actor)
        at = at or timezone.now()
        chosen = None
        if not (held and self._judges_by_state):
            chosen = self.movable(at).filter(pk=subject.pk)
            if version is not None:
                chosen = chosen.filter(version=version)
        elif subject.state not in self.sources or version not in (None, subject.version):
            raise self._diagnosis(subject, version, at)
        with transaction.atomic(savepoint=not held):
            moved = self.take(
                chosen, actor, at, note=note, codes=codes, changes=changes, held=subject if held else None
            )
        if moved is None:
            raise self._diagnosis(subject, version, at)
        if held:
            return subject
        subject.refresh_from_db(fields=[*self.workflow.columns, *(changes or ())])
        return subject

    def move(
        self,
        subjects: QuerySet[Any] | Iterable[UUID],
        actor: Actor,
        note: str = "",
        codes: Mapping[str, Any] | None = None,
        *,
        changes: Mapping[str, Any] | None = None,
        at: datetime | None = None,
    ) -> list[UUID]:
        """Move all of these that may move, set-based, and return their pks; the others are left alone.

        Callers cut long lists into batches of at most a few thousand. Raises WrongRole; cases of the actor's
        household are left out and recorded.
        """
        self._check_role(actor)
        at = at or timezone.now()
        if isinstance(subjects, QuerySet):
            chosen = self.movable(at).filter(pk__in=subjects.order_by().values("pk"))
        else:
            chosen = self.movable(at).filter(pk__among=list(subjects))
        if self.decision:
            own = self.workflow.conflict(actor, list(chosen.values_list("pk", flat=True)))
            for pk in own:
                self._record_conflict(self.workflow.model(id=pk), actor)
            chosen = chosen.exclude(pk__in=own)
        with transaction.atomic():
            moved = self.take(chosen, actor, at, note=note, codes=codes, changes=changes)
        return moved.pks if moved else []

    def sweep(self, limit: int | None = None, at: datetime | None = None) -> int:
        """Move up to `limit` due rows as SYSTEM and say how many moved; call again until it returns 0.

        There is no lower bound in time. A batch that raises is retried one by one and the offender set aside.
        """
        return sweeping.sweep(self, limit, at)

    @property
    def _judges_by_state(self) -> bool:
        """Whether the state alone says who may move, so that a row read under a lock need not be asked for again."""
        return not (self.requires or self.on_deadline or self.on_reminder)

    def take(
        self,
        chosen: QuerySet[Any] | None,
        actor: Actor,
        at: datetime,
        *,
        limit: int | None = None,
        skip_locked: bool = False,
        note: str = "",
        codes: Mapping[str, Any] | None = None,
        changes: Mapping[str, Any] | None = None,
        seen: list[UUID | str] | None = None,
        held: Subject | None = None,
    ) -> Batch | None:
        """Move the chosen rows inside the caller's transaction: the one place where a state changes.

        `chosen` None means `held` alone, which the caller has read and judged under a lock. `seen` receives the pks
        before anything is written, for a caller that must know which rows were in hand when it raised.
        """
        columns = moving.columns_for(self)
        if chosen is not None:
            rows = moving.lock(chosen, columns, limit=limit, skip_locked=skip_locked)
        else:
            rows = [(str(held.pk), held.state, *(_walk(held, column) for column in columns))] if held else []
        if not rows:
            return None
        keys = Keys(row[0] for row in rows)
        if seen is not None:
            seen += keys
        found = moving.arrivals(self, rows, columns, at, changes)
        if len(found) == 1:
            keys = next(iter(found.values()))
        dated = next((new for new in found if new.due_at is not None), None)
        if dated is not None and dated.calendar:
            codes = {**(codes or {}), "calendar": dated.calendar}
        entry_ids = moving.write_history(
            self.workflow, keys, actor, at, transition=self.name, target=self.target, note=note, codes=codes
        )
        moving.update(self, found, at, changes or {})
        if held is not None:
            moving.bring_up_to_date(held, next(iter(found)), at, changes or {})
        moving.write_ticks(self.workflow, found, at)
        batch = Batch(self, actor, at, keys, entry_ids, held)
        reacting.run(batch)
        if not skip_locked and any(new.due_at is not None and new.due_at <= at for new in found):
            # Due on arrival: the worker need not wait for its next tick. A lost nudge costs ten seconds.
            nudge("portal.workflow.tasks.sweep", queue="sweep")
        return batch

    def unmet(self, subject: Subject, at: datetime | None = None) -> list[str]:
        """The sentences of the requirements that do not hold, in one query."""
        at = at or timezone.now()
        marks = {f"holds_{number}": truth(one.condition(at)) for number, one in enumerate(self.requires)}
        row = self.workflow.model._base_manager.filter(pk=subject.pk).annotate(**marks).values(*marks).first() or {}
        return [str(one.otherwise) for number, one in enumerate(self.requires) if not row.get(f"holds_{number}")]

    def _check_role(self, actor: Actor) -> None:
        if actor.role not in self.roles:
            raise WrongRole(str(self))

    def _conflict(self, subject: Subject, actor: Actor) -> ConflictOfInterest:
        recorded = not connection.in_atomic_block
        if recorded:
            self._record_conflict(subject, actor)
        return ConflictOfInterest(self, subject, actor, recorded=recorded)

    def _record_conflict(self, subject: Subject, actor: Actor) -> None:
        record("workflow.conflict", actor, subject=subject, outcome="refused", details={"transition": str(self)})

    def _diagnosis(self, subject: Subject, version: int | None, at: datetime) -> Unmet | NotAvailable:
        current = self.workflow.model._base_manager.filter(pk=subject.pk).first() or subject
        if current.state in self.sources and version in (None, current.version):
            reasons = self.unmet(current, at) if self.requires else []
            if reasons:
                return Unmet(self, current, reasons)
        return NotAvailable(self, current)


class Workflow:
    """A declared state machine; subclasses name model, timeline, states and transitions, see the package's docstring.

    `deadlines` are states left by the worker when due; `targets` are due dates that are shown and reminded about but
    move nothing. `retired` keeps the stories of transitions that no longer exist, because their names stand in the
    timeline.
    """

    name: ClassVar[str]
    model: ClassVar[type[Subject]]
    timeline: ClassVar[type[TimelineEntryBase]]
    states: ClassVar[type[models.TextChoices]]
    initial: ClassVar[str]
    deadlines: ClassVar[Mapping[str, Deadline]] = {}
    targets: ClassVar[Mapping[str, Deadline]] = {}
    reminders: ClassVar[Mapping[str, Reminder]] = {}
    clocks: ClassVar[Sequence[Clock]] = ()
    retired: ClassVar[Mapping[str, _StrOrPromise]] = {}
    begin_story: ClassVar[_StrOrPromise] = _("%(actor)s started this.")
    recount_story: ClassVar[_StrOrPromise] = _("A new working-day calendar was published; the date was counted again.")
    transitions: ClassVar[Mapping[str, Transition]] = {}
    registry: ClassVar[dict[str, type[Workflow]]] = {}
    by_model: ClassVar[dict[type[Subject], type[Workflow]]] = {}

    def __init_subclass__(cls, *, registered: bool = True, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.transitions = {name: value for name, value in vars(cls).items() if isinstance(value, Transition)}
        if "name" not in vars(cls):
            cls.name = cls.__name__.removesuffix("Workflow").lower()
        cls.by_model[cls.model] = cls
        if registered:
            cls.registry[cls.name] = cls
            seals.register(f"timeline.{cls.name}", cls.timeline)

    @classproperty
    def columns(cls) -> tuple[str, ...]:
        """The columns the machine writes."""
        mirrors = tuple(clock.mirrored_in for clock in cls.clocks if clock.mirrored_in)
        return ("state", "state_since", "due_at", "remind_at", "version", "sweep_attempts", "sweep_failed_at", *mirrors)

    @classproperty
    def final(cls) -> list[str]:
        """The states without a way out, in the order of the enum."""
        left = {source for one in cls.transitions.values() for source in one.sources}
        return [str(state) for state in cls.states.values if state not in left]

    @classmethod
    def deadline(cls, state: str) -> Deadline | None:
        """How `due_at` of a state is found, whether the worker or a person acts on it."""
        return cls.deadlines.get(state) or cls.targets.get(state)

    @classmethod
    def arrival_columns(cls, state: str) -> list[str]:
        """The columns of a row that decide its due date and reminder in a state it arrives in."""
        reminder = cls.reminders.get(state)
        wanted = [*(deadline.columns if (deadline := cls.deadline(state)) else ())]
        wanted += [
            column for column in (reminder.columns if reminder else ()) if column not in ("due_at", "state_since")
        ]
        return wanted

    @classmethod
    def story(cls, name: str) -> str:
        """The sentence of a transition, also of a retired one, before its names are filled in."""
        built_in = {BEGIN: cls.begin_story, RECOUNT: cls.recount_story, **cls.retired}
        return str(cls.transitions[name].story if name in cls.transitions else built_in[name])

    @classmethod
    def conflict(cls, actor: Actor, pks: Sequence[UUID]) -> set[UUID]:
        """Those of the subjects that concern the actor or their household; apps override this."""
        return set()

    @classmethod
    def begin(
        cls, subject: Any, actor: Actor, *, at: datetime | None = None, codes: Mapping[str, Any] | None = None
    ) -> Any:
        """Store a new subject in the initial state with its due date and its first timeline entry."""
        return cls.begin_many([subject], actor, at=at, codes=codes)[0]

    @classmethod
    def begin_many(
        cls,
        subjects: Sequence[Any],
        actor: Actor,
        *,
        at: datetime | None = None,
        codes: Mapping[str, Any] | None = None,
    ) -> list[Any]:
        """The same for many, in two statements."""
        at = at or timezone.now()
        columns = cls.arrival_columns(cls.initial)
        values = [{column: _walk(subject, column) for column in columns} for subject in subjects]
        setting = (
            Setting.of(at, {row["policy_id"] for row in values if row.get("policy_id")})
            if columns
            else Setting.bare(at)
        )
        for subject, row in zip(subjects, values, strict=True):
            new = moving.arrival(cls, Facts(setting, "", cls.initial, row, since=at), {}, reminds=False)
            subject.state, subject.state_since = cls.initial, at
            subject.due_at, subject.remind_at = new.due_at, new.remind_at
        with transaction.atomic():
            made = cls.model._base_manager.bulk_create(subjects, batch_size=2_000)
            moving.write_history(
                cls, Keys(row.pk for row in made), actor, at, transition=BEGIN, target=None, begins=True, codes=codes
            )
        return made

    @classmethod
    def options(cls, subject: Subject, actor: Actor, at: datetime | None = None) -> list[Option]:
        """What this role may fire now and what is missing, in one query (one more where the actor could decide)."""
        at = at or timezone.now()
        mine = [
            one
            for one in cls.transitions.values()
            if actor.role in one.roles and not (one.on_deadline or one.on_reminder)
        ]
        wanted = list(
            dict.fromkeys(requirement for one in mine if subject.state in one.sources for requirement in one.requires)
        )
        marks = {f"holds_{number}": truth(requirement.condition(at)) for number, requirement in enumerate(wanted)}
        row = cls.model._base_manager.filter(pk=subject.pk).annotate(**marks).values("state", *marks).first()
        if row is None or row["state"] != subject.state:
            return []
        met = {requirement: row[f"holds_{number}"] for number, requirement in enumerate(wanted)}
        found = [
            Option(one, [str(requirement.otherwise) for requirement in one.requires if not met[requirement]])
            for one in mine
            if subject.state in one.sources
        ]
        if any(option.transition.decision for option in found) and cls.conflict(actor, [subject.pk]):
            own = str(_("This is your own case or that of your household; a colleague decides it."))
            return [Option(one.transition, [own, *one.unmet]) if one.transition.decision else one for one in found]
        return found

    @classmethod
    def failed(cls) -> QuerySet[Any]:
        """The rows the sweep has given up on, for the operators' list."""
        return cls.model._base_manager.filter(sweep_attempts__gte=reacting.MAX_ATTEMPTS).order_by("sweep_failed_at")

    @classmethod
    def retry(cls, pks: Iterable[UUID]) -> int:
        """Put rows the sweep has given up on back into it."""
        return cls.failed().filter(pk__among=list(pks)).order_by().update(sweep_attempts=0, sweep_failed_at=None)


def _walk(subject: Any, column: str) -> Any:
    for part in column.split("__"):
        subject = getattr(subject, part) if subject is not None else None
    return subject
