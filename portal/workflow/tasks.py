"""The worker's tick."""

from __future__ import annotations

from celery import shared_task

from . import rounds

SECONDS = 3.0
"""How long a tick may go on taking batches; the next one follows within ten seconds."""


@shared_task(name="portal.workflow.tasks.sweep")
def sweep() -> dict[str, int]:
    """Move what is due, retry failed reactions, follow a new calendar; safe to run twice and two at once."""
    return dict(rounds.run(SECONDS))
