import stat
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from portal.jobs import registry, retention, services
from portal.jobs.models import Job, JobState
from portal.jobs.progress import Progress
from portal.jobs.registry import Runner
from tests.people_cast import Cast, actor, sign_in

pytestmark = pytest.mark.django_db


class Work:
    """A job of `size` units that keeps count, fails when told, and goes on from its cursor."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.fail_at: int | None = None
        self.on_unit: Any = None

    def __call__(self, progress: Progress) -> None:
        size = progress.params["size"]
        for number in range(progress.cursor.get("next", 0), size):
            if number == self.fail_at:
                raise RuntimeError("broken unit")
            self.done.append(number)
            if self.on_unit:
                self.on_unit(progress, number)
            progress._next_beat = 0
            progress.step(number + 1, size, cursor={"next": number + 1})
        path = progress.result_path("list.txt")
        path.write_text("\n".join(map(str, self.done)))
        progress.finish_with(path)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    instance = Work()
    monkeypatch.setitem(
        registry.runners, "count", Runner(instance, "数数", lambda params: f"/counted/{params['size']}")
    )
    return instance


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-11-23T04:00:00Z", tick=False) as traveller:
        yield traveller


def start(size: int = 5, owner_id: int | None = None) -> Job:
    return services.start("count", owner_id=owner_id, params={"size": size})


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def test_job_runs_to_its_end_once(work: Work) -> None:
    """REL-I7: called twice, done once."""
    job = start()
    assert services.run(job.pk) == "done"
    assert services.run(job.pk) == ""
    job = fresh(job)
    assert (job.state, job.done, job.total, job.percent) == ("done", 5, 5, 100)
    assert work.done == [0, 1, 2, 3, 4]
    assert job.result_file == "list.txt"
    assert stat.S_IMODE((job.folder / "list.txt").stat().st_mode) == 0o600
    assert stat.S_IMODE(job.folder.stat().st_mode) == 0o700


def test_job_of_an_unknown_kind_is_refused_at_once() -> None:
    with pytest.raises(LookupError):
        services.start("nobody-does-this", owner_id=None, params={})


def test_long_job_goes_on_in_the_next_task(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    nudged: list[str] = []
    monkeypatch.setattr(services, "nudge", lambda task, *args, queue: nudged.append(task))
    job = start(3)
    assert services.run(job.pk, run_seconds=0) == "waiting"
    assert fresh(job).attempts == 0, "using up one's time is no failure"
    while services.run(job.pk, run_seconds=0) != "done":
        assert fresh(job).state == JobState.WAITING
    assert work.done == [0, 1, 2]
    assert len(nudged) == 4


def test_failing_job_is_tried_five_times_with_growing_waits(work: Work, clock: time_machine.Traveller) -> None:
    """REL-K13."""
    work.fail_at = 3
    job = start()
    waits = []
    for _attempt in range(4):
        assert services.run(job.pk) == "waiting"
        waits.append((fresh(job).next_try_at - timezone.now()).total_seconds())
        assert services.run(job.pk) == "", "not before its time"
        clock.move_to(fresh(job).next_try_at)
    assert services.run(job.pk) == "failed"
    assert waits == [30, 120, 600, 1800]
    assert work.done == [0, 1, 2], "finished units are not done again"
    assert fresh(job).state == JobState.FAILED


def test_job_that_kills_its_worker_ends_after_five_attempts(work: Work, clock: time_machine.Traveller) -> None:
    """REL-K13: no crash loop, because the attempt is counted before the work."""
    job = start()
    for _attempt in range(services.MAX_ATTEMPTS):
        assert services.claim(job.pk) is not None
        clock.shift(services.STALLED_AFTER + timedelta(seconds=1))
    assert services.run(job.pk) == "failed"
    assert work.done == []


def test_stalled_job_is_resumed_from_its_cursor_and_the_old_worker_is_fenced_off(
    work: Work, clock: time_machine.Traveller
) -> None:
    """REL-P1: what a killed worker left is found again, and two workers never both write."""
    job = start()

    def stall(progress: Progress, number: int) -> None:
        if number == 2 and len(work.done) == 3:
            clock.shift(services.STALLED_AFTER + timedelta(seconds=1))
            assert services.run_stalled() == 1
            assert fresh(job).state == JobState.DONE

    work.on_unit = stall
    assert services.run(job.pk) == ""
    assert work.done == [0, 1, 2, 2, 3, 4]
    assert (fresh(job).state, fresh(job).done) == ("done", 5)


def test_living_job_is_left_to_its_worker(work: Work, clock: time_machine.Traveller) -> None:
    job = start()
    assert services.claim(job.pk)
    clock.shift(services.STALLED_AFTER - timedelta(seconds=1))
    assert services.run_stalled() == 0
    assert services.claim(job.pk) is None


def test_stalled_jobs_are_taken_oldest_first(work: Work, clock: time_machine.Traveller) -> None:
    first = start()
    clock.shift(10)
    start()
    assert services.run_stalled() == 1
    assert fresh(first).state == JobState.DONE


def test_stop_ends_a_running_job_after_its_unit(work: Work) -> None:
    job = start()
    work.on_unit = lambda progress, number: services.request_stop(job) if number == 1 else None
    assert services.run(job.pk) == "stopped"
    assert work.done == [0, 1]
    assert fresh(job).result_file == ""


def test_stop_ends_a_waiting_job_at_once(work: Work) -> None:
    job = start()
    services.request_stop(job)
    assert fresh(job).state == JobState.STOPPED
    assert services.run(job.pk) == ""


def test_stopped_stalled_job_does_not_start_again(work: Work, clock: time_machine.Traveller) -> None:
    job = start()
    services.claim(job.pk)
    services.request_stop(job)
    clock.shift(services.STALLED_AFTER + timedelta(seconds=1))
    assert services.run(job.pk) == "stopped"
    assert work.done == []


def test_final_job_has_an_end(work: Work) -> None:
    job = start()
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(state=JobState.DONE)


def test_page_shows_progress_without_scripts(client: Client, cast: Cast, work: Work) -> None:
    """G, J1: the page renews itself while the job lives."""
    job = start(owner_id=sign_in(client, cast.clerk).user_id)
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert '<noscript><meta http-equiv="refresh"' in page
    assert "正在排队" in page
    services.run(job.pk)
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert "http-equiv" not in page
    assert "处理完成" in page
    assert "/counted/5" in page
    response = client.get(f"/jobs/{job.pk}/file/")
    assert b"".join(response.streaming_content) == b"0\n1\n2\n3\n4"
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Disposition"].startswith("attachment")


def test_job_belongs_to_its_owner_alone(client: Client, cast: Cast, work: Work) -> None:
    """REL-M2: other people's jobs are not there."""
    job = start(owner_id=actor(cast.clerk).user_id)
    services.run(job.pk)
    for person in (cast.second_clerk, cast.admin, cast.zhang):
        sign_in(client, person)
        assert client.get(f"/jobs/{job.pk}/").status_code == 404
        assert client.get(f"/jobs/{job.pk}/file/").status_code == 404
        assert client.post(f"/jobs/{job.pk}/stop/").status_code == 404
    client.logout()
    assert client.get(f"/jobs/{job.pk}/").status_code == 302


def test_stop_button_stops(client: Client, cast: Cast, work: Work) -> None:
    job = start(owner_id=sign_in(client, cast.clerk).user_id)
    assert client.get(f"/jobs/{job.pk}/stop/").status_code == 405
    assert client.post(f"/jobs/{job.pk}/stop/").status_code == 302
    assert fresh(job).state == JobState.STOPPED


def test_old_files_and_rows_are_erased(work: Work, clock: time_machine.Traveller) -> None:
    job = start()
    services.run(job.pk)
    clock.shift(timedelta(days=retention.KEEP_FILES_DAYS, seconds=1))
    retention.erase_old()
    assert not job.folder.exists()
    assert fresh(job).result_file == ""
    clock.shift(timedelta(days=retention.KEEP_DAYS))
    retention.erase_old()
    assert not Job.objects.exists()


def test_job_that_comes_farther_each_time_it_is_killed_is_not_given_up(
    work: Work, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REL-K13, E7: the count of attempts starts anew with progress, and with nothing else."""

    class Killed(BaseException):
        """The worker's process is gone."""

    def die(progress: Progress, number: int) -> None:
        if len(work.done) % 2 == 0:
            raise Killed

    work.on_unit = die
    job = start(20)
    for killed in range(1, 3 * services.MAX_ATTEMPTS):
        with pytest.raises(Killed):
            services.run(job.pk)
        assert (fresh(job).done, fresh(job).attempts) == (killed, 1)
        clock.shift(services.STALLED_AFTER + timedelta(seconds=1))
    # From here on it dies where it stands, and one that starts over and comes less far has made no progress either.
    Job.objects.update(cursor={}, done=0)
    before = len(work.done)

    def die_at_once(progress: Progress, number: int) -> None:
        if number == 3:
            raise Killed

    work.on_unit = die_at_once
    for _attempt in range(services.MAX_ATTEMPTS - 1):
        Job.objects.update(cursor={})
        with pytest.raises(Killed):
            services.run(job.pk)
        clock.shift(services.STALLED_AFTER + timedelta(seconds=1))
    assert services.run(job.pk) == "failed"
    assert len(work.done) == before + 4 * (services.MAX_ATTEMPTS - 1)
