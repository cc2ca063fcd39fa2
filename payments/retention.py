"""Statement files after their time: the file, which names payers, is erased; its lines stay in the books."""

from datetime import datetime, timedelta

from django.utils import timezone

from payments.models import Statement, StatementState
from payments.statements import file_of
from portal import audit
from portal.people.actors import SYSTEM
from portal.regions import calendar
from portal.regions import policy as policies

SETTING = "statement.keep_days"
DEFAULT_DAYS = 3_653
"""Bank statements are kept ten years (会计档案管理办法, appendix 1); the regional setting may say otherwise."""

AT_ONCE = 500


def erase_old_files(at: datetime | None = None) -> int:
    """Erases the files of finished statements that are older than their region keeps them; returns how many."""
    at = at or timezone.now()
    erased = 0
    days: dict[int, int] = {}
    finished = Statement.objects.filter(
        erased_at=None, state__in=[StatementState.DONE, StatementState.REFUSED], finished_at__isnull=False
    )
    for statement in finished.select_related("region").order_by("finished_at").iterator(chunk_size=AT_ONCE):
        if statement.region_id not in days:
            policy = policies.for_region(statement.region, calendar.local_date(at))
            days[statement.region_id] = int(policy.setting(SETTING, DEFAULT_DAYS))
        kept = days[statement.region_id]
        if statement.finished_at is None or statement.finished_at > at - timedelta(days=kept):
            continue
        # The file goes first: after a kill in between, the next round finds it gone and notes it.
        file_of(statement.pk).unlink(missing_ok=True)
        if Statement.objects.filter(pk=statement.pk, erased_at=None).update(erased_at=at):
            audit.record(
                "statement.file_erased", SYSTEM, subject=statement, details={"days": days[statement.region_id]}
            )
            erased += 1
    return erased
