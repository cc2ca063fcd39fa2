"""Production: approved applications go to the producer in batches, and its report comes back."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from cards.models import BatchLine, CardApplication, ProductionBatch
from cards.services import staff_id
from cards.states import State
from cards.workflow import CardApplicationWorkflow
from portal import audit
from portal.people.actors import Actor
from portal.regions import calendar
from portal.regions.models import Region


def make_batch(*, actor: Actor, region: Region, limit: int = 500) -> ProductionBatch | None:
    """Puts approved applications that are with no producer into one batch; None when there are none."""
    with transaction.atomic():
        waiting = (
            CardApplication.objects.select_for_update(of=("self",))
            .filter(state=State.IN_PRODUCTION, region__path__startswith=region.path)
            .exclude(batch_lines__report=BatchLine.Report.NONE)
            .order_by("promised_on", "id")[:limit]
        )
        rows = list(waiting)
        if not rows:
            return None
        at = timezone.now()
        batch = ProductionBatch.objects.create(
            number=f"{calendar.local_date(at):%Y%m%d}{secrets.randbelow(10**6):06d}",
            region=region,
            made_at=at,
            made_by_id=staff_id(actor),
        )
        BatchLine.objects.bulk_create([BatchLine(batch=batch, application=row) for row in rows])
        audit.record("cards.batch", actor, subject=batch, details={"applications": len(rows)})
    return batch


@dataclass(frozen=True)
class Reported:
    """What a producer's report changed."""

    arrived: int
    failed: int
    skipped: list[str]


def report_production(*, actor: Actor, region: Region, arrived: Iterable[str], failed: Iterable[str]) -> Reported:
    """Books the producer's report by application number; what is not in production is named and left alone."""
    arrived, failed = set(arrived), set(failed) - set(arrived)
    with transaction.atomic():
        rows = {
            row.number: row
            for row in CardApplication.objects.filter(
                number__in=arrived | failed, state=State.IN_PRODUCTION, region__path__startswith=region.path
            )
        }
        came = [rows[number].pk for number in sorted(arrived) if number in rows]
        broke = [rows[number].pk for number in sorted(failed) if number in rows]
        lines = BatchLine.objects.filter(report=BatchLine.Report.NONE)
        lines.filter(application__in=came).update(report=BatchLine.Report.ARRIVED)
        lines.filter(application__in=broke).update(report=BatchLine.Report.FAILED)
        done = CardApplicationWorkflow.arrive.move(came, actor)
        again = CardApplicationWorkflow.production_failed.move(broke, actor)
    return Reported(len(done), len(again), sorted((arrived | failed) - set(rows)))
