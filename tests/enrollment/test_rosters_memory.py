"""A roster of 50,000 lines does not exhaust the memory of a worker (REL-X3)."""

import resource

import pytest

from enrollment.rosters import services
from tests.enrollment import roster_files as files

pytestmark = [pytest.mark.django_db, pytest.mark.soak]
LINES = 50_000
GROWTH_MB = 150


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_fifty_thousand_lines_are_checked_in_batches(cast, monday):
    """REL-X3: 50,000 lines, every tenth wrong; memory grows by far less than the lines together would take."""
    rows = [files.line() for _number in range(LINES)]
    for row in rows[::10]:
        row[1] = "?"
    content = files.as_workbook(rows)
    del rows
    roster = files.take(cast.agent, content)
    del content
    before = peak_mb()
    services.check(roster, lambda done, total: None)
    assert peak_mb() - before < GROWTH_MB
    figures = services.counts(roster)
    assert (figures["good"], figures["bad"]) == (LINES - LINES // 10, LINES // 10)
