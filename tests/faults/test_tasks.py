"""Every Celery task may run twice, and beside itself: brokers deliver twice, beats double, workers restart."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.conf import settings
from django.db import models

from portal.audit.models import SealMark
from portal.celery import app
from portal.workflow.models import Heartbeat
from tests.enrollment.conftest import MONDAY
from tests.faults.task_work import WORK, load_regions
from tests.payments.racing import at_once

app.loader.import_default_modules()
OURS = sorted(name for name in app.tasks if not name.startswith("celery."))
AT_ONCE = 4

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases, pytest.mark.processes]


@pytest.fixture(autouse=True)
def monday(transactional_db: None) -> Iterator[None]:
    """The delivered regions, on a day inside the collection period."""
    load_regions()
    with time_machine.travel(MONDAY):
        yield


def everything() -> dict[str, list[Any]]:
    """Every row of every table but the pulses, which beat without work."""
    kept: list[type[models.Model]] = [one for one in apps.get_models() if one not in (Heartbeat, SealMark)]
    return {one._meta.label: sorted(map(plain, one._base_manager.values_list())) for one in kept}


def plain(row: tuple[Any, ...]) -> str:
    """A row as text; PostgreSQL answers binary columns with views of memory."""
    return repr([bytes(value) if isinstance(value, memoryview) else value for value in row])


@pytest.mark.parametrize("name", OURS)
def test_a_task_called_twice_in_a_row_does_its_work_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """REL-I7: the second call changes no row at all. A new task needs an entry in `WORK`."""
    work = WORK[name](monkeypatch)
    assert work.always or work.outcome() != work.expected
    app.tasks[name](*work.arguments)
    assert work.outcome() == work.expected
    before = everything()
    app.tasks[name](*work.arguments)
    assert work.outcome() == work.expected
    after = everything()
    if not work.always:
        assert {label for label in before if before[label] != after[label]} == set()


@pytest.mark.parametrize("name", OURS)
def test_a_task_called_in_parallel_does_its_work_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """REL-I7: four processes at the same moment; none fails, and a call afterwards finds nothing left."""
    work = WORK[name](monkeypatch)
    results = at_once([partial(app.tasks[name], *work.arguments)] * AT_ONCE)
    assert [result for result in results if isinstance(result, BaseException)] == []
    app.tasks[name](*work.arguments)
    assert work.outcome() == work.expected


def test_whatever_a_nudge_starts_beat_starts_too() -> None:
    """REL finding 2: a nudge may be lost, so only a task that names its row may be missing from the schedule."""
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled <= set(OURS)
    assert set(OURS) - scheduled == {"portal.jobs.tasks.run_job"}, "its rows are found by run_stalled"
    assert set(WORK) == set(OURS)
