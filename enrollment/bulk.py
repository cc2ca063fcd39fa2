"""Approving many cases at once: a preview that says what will happen and why not, then set-based rounds (B7, UX-C7).

Only cases of one category whose every required paper is judged are approved. What changed since the selection is left
alone and named. The rounds are short transactions, so that a stop loses nothing and another run goes on.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Exists, OuterRef
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from enrollment import queueing
from enrollment.codes import Status
from enrollment.models import Application, BulkDecision, BulkItem, CaseLease
from enrollment.queueing import Filter
from enrollment.workflow import EnrollmentWorkflow
from portal.design.cells import as_text
from portal.jobs import services as jobs
from portal.jobs.models import Job
from portal.jobs.progress import Progress
from portal.jobs.registry import runner
from portal.people.actors import Actor, Role
from portal.people.backends import actor_of, load_user
from portal.workflow.core import Transition, holds_all, truth

KIND = "enrollment.bulk_approve"
MOST = 500
ROUND = 100
AT_ONCE = 25
"""Up to so many cases are done in the request itself."""

AT_MOST = timedelta(minutes=2)
"""For so long the request that does few cases itself may be at work; afterwards it has died."""

REASONS = {
    "changed": _("changed since you selected it"),
    "state": _("not to be decided any more"),
    "papers": _("not every required paper is judged"),
    "refused": _("a paper was not accepted"),
    "category": _("of another ground than most of the selection"),
    "leased": _("open at a colleague's"),
    "own": _("your own case or that of your household"),
    "rights": _("your role for this office has ended"),
}
Outcome = BulkItem.Outcome
OUTCOMES = {
    Outcome.WAITING: _("Not dealt with"),
    Outcome.APPROVED: _("Approved"),
    # Nothing was decided about it: no word that anybody could take for a rejection.
    Outcome.SKIPPED: _("Left as it was"),
}


@dataclass
class Preview:
    """What will be done, and what not and why."""

    category: str = ""
    ready: list[BulkItem] = field(default_factory=list)
    left: list[tuple[BulkItem, str]] = field(default_factory=list)

    @property
    def category_label(self) -> Any:
        return dict(Status.choices).get(self.category, self.category)

    @property
    def reasons(self) -> list[tuple[Any, int]]:
        """Why rows are left out, with their number."""
        counts = Counter(reason for _item, reason in self.left)
        return [(REASONS[reason], count) for reason, count in counts.most_common()]


def transition_of(actor: Actor) -> Transition:
    """The approval at the actor's level."""
    county = actor.role == Role.COUNTY_REVIEWER
    return EnrollmentWorkflow.county_approve if county else EnrollmentWorkflow.approve


def select(*, actor: Actor, grant_id: int | None, view: Filter, pks: Iterable[UUID] | None) -> BulkDecision:
    """Keeps a selection with the versions seen: the given rows, or the first 500 of a view; four statements."""
    if actor.user_id is None:
        raise PermissionDenied
    if pks is None:
        sets = queueing.chosen(actor, view)
        rows = [row for one in sets for row in one.order_by(*view.order.by).values_list("pk", "version")[:MOST]]
    else:
        wanted = list(dict.fromkeys(pks))[:MOST]
        visible = Application.objects.visible_to(actor).filter(pk__in=wanted)
        rows = list(visible.order_by("due_at", "pk").values_list("pk", "version"))
    with transaction.atomic():
        bulk = BulkDecision.objects.create(
            owner_id=actor.user_id, grant_id=grant_id, query=view.address, selected=len(rows[:MOST])
        )
        BulkItem.objects.bulk_create(
            BulkItem(bulk=bulk, application_id=pk, version=version, position=position)
            for position, (pk, version) in enumerate(rows[:MOST])
        )
    return bulk


def preview(bulk: BulkDecision, actor: Actor) -> Preview:
    """Sorts the selection into what will be approved and what not; a constant number of statements."""
    items = list(_judged(bulk.items.filter(outcome=Outcome.WAITING), actor))
    own = EnrollmentWorkflow.conflict(actor, [item.application_id for item in items])
    found = Preview(category=_most_common(items, own, actor))
    for item in items:
        reason = _obstacle(item, own, actor, found.category)
        if reason:
            found.left.append((item, reason))
        else:
            found.ready.append(item)
    return found


def _judged(items: Any, actor: Actor) -> Any:
    """The items with their cases, and what the approval requires of each as true or false."""
    transition, at = transition_of(actor), timezone.now()
    seen, unrefused = (truth(holds_all([rule], at)) for rule in transition.requires)
    cases = Application.objects.filter(pk=OuterRef("application")).order_by()
    busy = CaseLease.objects.filter(application=OuterRef("application"), until__gt=at).exclude(holder=actor.user_id)
    return (
        items.annotate(
            papers_seen=Exists(cases.annotate(met=seen).filter(met=True)),
            none_refused=Exists(cases.annotate(met=unrefused).filter(met=True)),
            busy=Exists(busy),
        )
        .select_related("application__beneficiary", "application__region")
        .defer("application__answers_cipher", "application__facts")
    )


def _obstacle(item: Any, own: set[UUID], actor: Actor, category: str) -> str:
    case = item.application
    if case.version != item.version:
        return "changed"
    if case.state not in transition_of(actor).sources:
        return "state"
    if item.application_id in own:
        return "own"
    if item.busy:
        return "leased"
    if not item.none_refused:
        return "refused"
    if not item.papers_seen:
        return "papers"
    return "category" if category and case.category != category else ""


def _most_common(items: Sequence[Any], own: set[UUID], actor: Actor) -> str:
    counts = Counter(item.application.category for item in items if not _obstacle(item, own, actor, ""))
    return counts.most_common(1)[0][0] if counts else ""


def start(bulk: BulkDecision, actor: Actor) -> BulkDecision:
    """Begins once: few cases are done at once, more of them as a job; a second press changes nothing."""
    begun = BulkDecision.objects.filter(pk=bulk.pk, started_at=None).update(started_at=timezone.now())
    bulk.refresh_from_db()
    if begun and bulk.selected <= AT_ONCE:
        run_all(bulk, actor)
    elif begun:
        _start_job(bulk, actor)
    return bulk


def go_on(bulk: BulkDecision, actor: Actor) -> BulkDecision:
    """Takes up what a stop, or a process that died, has left; changes nothing while the work still runs or is done."""
    with transaction.atomic():
        locked = BulkDecision.objects.select_for_update().get(pk=bulk.pk)
        if is_left(locked):
            _start_job(locked, actor)
    bulk.refresh_from_db()
    return bulk


def is_left(bulk: BulkDecision) -> bool:
    """Whether a decision was begun, is not finished, and nothing works on it."""
    if bulk.started_at is None or bulk.finished_at is not None:
        return False
    if bulk.job_id is None:
        return bulk.started_at < timezone.now() - AT_MOST
    job = Job.objects.filter(pk=bulk.job_id).first()
    return job is None or not job.is_live


def _start_job(bulk: BulkDecision, actor: Actor) -> None:
    with transaction.atomic():
        job = jobs.start(KIND, owner_id=actor.user_id, params={"bulk": str(bulk.pk)}, total=bulk.selected)
        BulkDecision.objects.filter(pk=bulk.pk).update(job_id=job.pk)
    bulk.job_id = job.pk


def run_all(bulk: BulkDecision, actor: Actor) -> None:
    """Does what is left of a decision, round by round."""
    while approve_round(bulk, actor):
        pass
    _finish(bulk)


def approve_round(bulk: BulkDecision, actor: Actor, size: int = ROUND) -> int:
    """Approves or names the next cases in one transaction; says how many were dealt with, 0 when none is left."""
    with transaction.atomic():
        waiting = list(bulk.items.filter(outcome=Outcome.WAITING).order_by("position")[:size])
        if not waiting:
            return 0
        # Locked first: what is read afterwards cannot change before it is written.
        cases = Application.objects.filter(pk__in=[item.application_id for item in waiting])
        list(cases.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        # Read again: another worker may have dealt with them while this one waited for the lock.
        still = bulk.items.filter(pk__in=[item.pk for item in waiting], outcome=Outcome.WAITING)
        items = list(_judged(still, actor))
        own = EnrollmentWorkflow.conflict(actor, [item.application_id for item in items])
        category = _category_of(bulk, items, own, actor)
        for item in items:
            item.reason = _obstacle(item, own, actor, category)
        ready = [item.application_id for item in items if not item.reason]
        moved = set(
            transition_of(actor).move(ready, actor, codes={"bulk": str(bulk.pk)}, changes={"undo_until": None})
            if ready
            else ()
        )
        for item in items:
            item.outcome = Outcome.APPROVED if item.application_id in moved else Outcome.SKIPPED
            item.reason = "" if item.application_id in moved else item.reason or "changed"
        BulkItem.objects.bulk_update(items, ["outcome", "reason"])
        CaseLease.objects.filter(application__in=moved).delete()
    return len(waiting)


def _category_of(bulk: BulkDecision, items: Sequence[Any], own: set[UUID], actor: Actor) -> str:
    """The category of this decision: that of what it approved first, so that no round takes another one."""
    done = bulk.items.filter(outcome=Outcome.APPROVED).values_list("application__category", flat=True).first()
    return done if done is not None else preview(bulk, actor).category


def _finish(bulk: BulkDecision) -> None:
    BulkDecision.objects.filter(pk=bulk.pk, finished_at=None).update(finished_at=timezone.now())


def finished_url(params: dict[str, Any]) -> str:
    """Where the finished job leads."""
    return reverse("enrollment:bulk", args=[params["bulk"]])


def register() -> None:
    """Makes the job known; called once, when the apps are ready."""
    runner(KIND, label=_("Approving the selected applications"), finished_url=finished_url)(run)


def run(progress: Progress) -> None:
    """Approves as the clerk who asked for it, with the rights they have now; leaves a file with each case's result."""
    bulk = BulkDecision.objects.get(pk=progress.params["bulk"])
    user = load_user(bulk.owner_id)
    actor = actor_of(user, bulk.grant_id) if user is not None and user.is_active else None
    if actor is None or actor.role not in (Role.CLERK, Role.COUNTY_REVIEWER):
        bulk.items.filter(outcome=Outcome.WAITING).update(outcome=Outcome.SKIPPED, reason="rights")
    else:
        while approve_round(bulk, actor):
            progress.step(bulk.items.exclude(outcome=Outcome.WAITING).count(), bulk.selected)
    _finish(bulk)
    path = progress.result_path("result.csv")
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        write_results(bulk, csv.writer(file))
    progress.finish_with(path)
    progress.step(bulk.selected, bulk.selected)


def figures(bulk: BulkDecision) -> dict[str, int]:
    """How many cases have which outcome."""
    found = dict(bulk.items.order_by().values_list("outcome").annotate(number=Count("pk")))
    return {outcome.value: found.get(outcome.value, 0) for outcome in Outcome}


HEAD = (_("Number"), _("Person to insure"), _("Result"), _("Reason"))


def write_results(bulk: BulkDecision, writer: Any) -> None:
    """One line per case: number, masked name, result and why not."""
    writer.writerow([str(cell) for cell in HEAD])
    for row in results(bulk):
        writer.writerow([as_text(str(cell)) for cell in row])


def results(bulk: BulkDecision) -> list[tuple[str, str, str, str]]:
    """What became of each case."""
    return [result_of(item) for item in dealt_with(bulk)]


def dealt_with(bulk: BulkDecision) -> Any:
    """The cases of a decision in their order, with what a result says of each."""
    return bulk.items.select_related("application__beneficiary").defer(
        "application__answers_cipher", "application__facts"
    )


def result_of(item: BulkItem) -> tuple[str, str, str, str]:
    """Number, masked name, result and why not, as page and file show them."""
    return (
        item.application.grouped_number,
        item.application.beneficiary.masked_name if item.application.beneficiary else "",
        str(OUTCOMES[Outcome(item.outcome)]),
        str(REASONS.get(item.reason, "")),
    )
