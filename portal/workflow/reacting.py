"""Reactions: what other apps do about a batch of facts, and what happens when they fail."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from portal.people.actors import SYSTEM

from .lookups import Keys
from .models import ReactionFailure

if TYPE_CHECKING:
    from .core import Batch, Transition

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
WAITS = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1))
CONNECTION_LOST = (OperationalError, InterfaceError)
"""Errors of the connection or of locks: nobody's fault, the whole transaction is tried again."""


def name_of(reaction: Callable[..., Any]) -> str:
    return f"{reaction.__module__}.{reaction.__qualname__}"


def run(batch: Batch) -> None:
    """Call every reaction once for the batch.

    A person's move is vetoed by an exception. A fact stands: the failing reaction is rolled back to its savepoint and
    leaves a `ReactionFailure`.
    """
    for reaction in batch.transition.reactions:
        if batch.transition.vetoable_by(batch.actor):
            reaction(batch)
            continue
        try:
            with transaction.atomic():
                reaction(batch)
        except CONNECTION_LOST:
            raise
        except Exception as error:
            logger.exception(
                "reaction_failed transition=%s reaction=%s rows=%d",
                batch.transition,
                name_of(reaction),
                len(batch.keys),
            )
            ReactionFailure.objects.create(
                workflow=batch.workflow.name,
                transition=batch.transition.name,
                reaction=name_of(reaction),
                entry_ids=batch.entry_ids,
                error=_short(error),
                failed_at=batch.at,
                next_try_at=batch.at + WAITS[0],
            )


def _short(error: Exception) -> str:
    # The class alone: an exception's text may quote personal data.
    return f"{type(error).__module__}.{type(error).__qualname__}"[:300]


def waiting() -> QuerySet[ReactionFailure]:
    """Failures that are not resolved yet; those without `next_try_at` wait for an operator."""
    return ReactionFailure.objects.filter(resolved_at__isnull=True)


def retry_due(at: datetime, registry: dict[str, Any], limit: int = 20) -> int:
    """Try the failed reactions whose wait is over again, and say how many are resolved now."""
    due = list(waiting().filter(next_try_at__lte=at).order_by("next_try_at")[:limit])
    return sum(retry(failure, at, registry) for failure in due)


def retry(failure: ReactionFailure, at: datetime, registry: dict[str, Any]) -> bool:
    """Run one failed reaction again; a batch that still fails is split, so that one bad row holds back no other."""
    workflow = registry.get(failure.workflow)
    transition: Transition | None = workflow.transitions.get(failure.transition) if workflow else None
    reaction = (
        next((one for one in transition.reactions if name_of(one) == failure.reaction), None) if transition else None
    )
    left = list(failure.entry_ids)
    error = "reaction no longer registered"
    if transition is not None and reaction is not None:
        left, error = _attempt(transition, reaction, left)
    if not left:
        failure.resolved_at, failure.next_try_at = at, None
    else:
        failure.entry_ids, failure.error, failure.attempts = left, error, failure.attempts + 1
        done = failure.attempts >= MAX_ATTEMPTS
        failure.next_try_at = None if done else at + WAITS[min(failure.attempts - 1, len(WAITS) - 1)]
    failure.save()
    return not left


def _attempt(transition: Transition, reaction: Callable[[Batch], None], entry_ids: list[int]) -> tuple[list[int], str]:
    """Run the reaction over the entries, whole, then one by one; return those that still fail, and the last error."""
    runs = [entry_ids] if len(entry_ids) == 1 else [entry_ids, *([one] for one in entry_ids)]
    left, error = [], ""
    for number, ids in enumerate(runs):
        try:
            with transaction.atomic():
                reaction(rebuilt(transition, ids))
        except CONNECTION_LOST:
            raise
        except Exception as raised:
            error = _short(raised)
            logger.warning(
                "reaction_failed_again transition=%s reaction=%s rows=%d", transition, name_of(reaction), len(ids)
            )
            left += ids if len(runs) == 1 or number else []
        else:
            if not number:
                return [], ""
    return left, error


def rebuilt(transition: Transition, entry_ids: list[int]) -> Batch:
    """The batch as it was, from its timeline entries."""
    from .core import Batch

    entries = list(transition.workflow.timeline._base_manager.filter(pk__in=entry_ids))
    return Batch(transition, SYSTEM, entries[0].at, Keys(entry.subject_id for entry in entries), entry_ids)
