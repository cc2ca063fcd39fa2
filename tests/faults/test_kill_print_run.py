"""A print run is killed at every stage: the file is whole in the end, every notice is in it once."""

import io
from typing import Any

import pytest
from pypdf import PdfReader

from payments import print_runs
from payments.models import Notice
from portal.documents.models import PaperRecord
from portal.jobs import services as jobs
from portal.jobs.models import Job
from tests.faults.dying import finish, kill_through, let_time_pass
from tests.harness.soak import many
from tests.payments.notices import NOON, issue, snapshot
from tests.people_cast import ResidentFactory, actor, cast, region

__all__ = ["cast"]

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
TOWN = "450302001"


@pytest.mark.both_databases
def test_killed_print_run_is_whole_and_prints_nothing_twice(
    cast: Any, monkeypatch: pytest.MonkeyPatch, time_machine: Any
) -> None:
    """REL-R2, issue 5: kill -9 at one statement after another; each notice once, one record each, no rest on disk."""
    time_machine.move_to(NOON, tick=False)
    monkeypatch.setattr(print_runs, "MAX_PAPERS", many(3, 20, "papers of a part"))
    policy = snapshot()
    for number in range(many(7, 200, "notices")):
        issue(policy=policy, resident=ResidentFactory(name=f"张{chr(0x4E00 + number)}"))
    run = print_runs.start_print_run(actor=actor(cast.cashier), region=region(TOWN))
    killed = kill_through(
        lambda: jobs.run(run.job_id), first=4, growth=many(5, 3, "statements between kills"), after=let_time_pass
    )
    assert killed >= 3, killed
    finish(run.job_id)
    job = Job.objects.get(pk=run.job_id)
    content = (job.folder / job.result_file).read_bytes()
    pages = ["".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(content)).pages]
    expected = list(Notice.objects.order_by("region__code", "payer_name", "number").values_list("number", flat=True))
    assert [next(number for number in expected if f"编号：{number}" in page) for page in pages] == expected
    assert PaperRecord.objects.count() == len(expected)
    run.refresh_from_db()
    assert (run.page_count, run.left_out) == (len(expected), [])
    assert [path.suffix for path in job.folder.iterdir()] == [".pdf"]
