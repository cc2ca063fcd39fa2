"""Print runs: the notices of a place as one file, made in parts, stopped, killed and resumed."""

import io
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pypdf import PdfReader
from pytest_django.asserts import assertContains, assertNotContains

from payments import campaigns, kinds, print_runs
from payments.models import Notice, PrintRun
from payments.services import propose_refund, refuse_refund
from portal.audit.models import AuditEntry
from portal.documents import records
from portal.documents.models import PaperRecord
from portal.jobs import services as jobs
from portal.jobs.models import Job, JobState
from tests.documents.code_reading import read_squares
from tests.documents.test_retext import pictures
from tests.payments.notices import NOON, issue, pay
from tests.people_cast import ResidentFactory, actor, office, region, sign_in

pytestmark = pytest.mark.django_db
TOWN = "450302001"
NAMES = ("王五", "李四", "张三", "赵六", "孙七", "周八", "吴九")


class Killed(BaseException):
    """What ends a worker at once, as far as the code that runs can tell."""


@pytest.fixture
def notices(time_machine) -> list[Notice]:
    """Seven notices of one town."""
    time_machine.move_to(NOON, tick=False)
    return [issue(resident=ResidentFactory(name=name)) for name in NAMES]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of three notices."""
    monkeypatch.setattr(print_runs, "MAX_PAPERS", 3)


def start(cast, **fields) -> PrintRun:
    return print_runs.start_print_run(actor=actor(cast.cashier), region=region(TOWN), **fields)


def file_of(run: PrintRun) -> bytes:
    job = Job.objects.get(pk=run.job_id)
    assert job.state == JobState.DONE
    return (job.folder / job.result_file).read_bytes()


def numbers_in(content: bytes) -> list[str]:
    """The notice numbers of the pages, in order."""
    found = []
    for page in PdfReader(io.BytesIO(content)).pages:
        squeezed = "".join(page.extract_text().split())
        found.append(next(n.number for n in Notice.objects.all() if f"编号：{n.number}" in squeezed))
    return found


def in_order() -> list[str]:
    return list(Notice.objects.order_by("region__code", "payer_name", "number").values_list("number", flat=True))


def test_cashier_prints_the_notices_of_a_place(client, cast, notices, small_parts, tmp_path):
    """Print runs: choose, follow, download; sorted, audited, each paper with a record of its own (N4)."""
    sign_in(client, cast.cashier)
    address = reverse("payments:print_runs")
    page = client.get(address)
    assertContains(page, "开始批量打印")
    answer = client.post(address, {"region": region(TOWN).pk, "state": "issued", "language": "zh-hans"})
    run = PrintRun.objects.get()
    assert answer.url == reverse("jobs:show", args=[run.job_id])
    assert jobs.run(run.job_id) == "done"
    content = file_of(run)
    assert numbers_in(content) == in_order()
    assert [mark.title for mark in PdfReader(io.BytesIO(content)).outline] == [region(TOWN).name]
    drawn = pictures(content, tmp_path, "run", dpi=300, page=1)
    path, _mark, query = read_squares(drawn[0]).partition("?")
    code = path.rstrip("/").rsplit("/", 1)[1]
    assert records.verify(code, dict(part.split("=") for part in query.split("&"))).outcome == "genuine"
    assert PaperRecord.objects.count() == len(notices)
    progress_page = client.get(reverse("jobs:show", args=[run.job_id]))
    assertNotContains(progress_page, reverse("jobs:download", args=[run.job_id]))
    assert client.get(reverse("jobs:download", args=[run.job_id])).status_code == 404
    shown = client.get(reverse("payments:print_run", args=[run.pk]))
    assertContains(shown, "7 页")
    download = client.get(reverse("payments:print_run_file", args=[run.pk]))
    assert b"".join(download.streaming_content) == content
    assert download["Cache-Control"] == "no-store"
    actions = AuditEntry.objects.filter(action__startswith="print_run").values_list("action", flat=True)
    assert sorted(actions) == ["print_run.downloaded", "print_run.started"]
    assertContains(client.get(address), "已完成")


@pytest.mark.parametrize("moment", ["before the part", "after the part", "before the file"])
def test_killed_run_goes_on_and_prints_nothing_twice(cast, notices, small_parts, moment, monkeypatch, time_machine):
    """REL-R2, kill -9 during a print run: the next worker goes on from the last whole part."""
    run = start(cast)
    if moment == "before the file":
        monkeypatch.setattr(print_runs, "assemble", _dying)
    elif moment == "before the part":
        monkeypatch.setattr(print_runs, "_print_part", _dying_after(print_runs._print_part, 2))
    else:
        monkeypatch.setattr(print_runs.Progress, "step", _dying_after(print_runs.Progress.step, 1))
    with pytest.raises(Killed):
        jobs.run(run.job_id)
    monkeypatch.undo()
    monkeypatch.setattr(print_runs, "MAX_PAPERS", 3)
    assert Job.objects.get(pk=run.job_id).state == JobState.RUNNING
    time_machine.shift(jobs.STALLED_AFTER + timedelta(seconds=1))
    assert jobs.run_stalled() == 1
    assert numbers_in(file_of(run)) == in_order()
    assert PaperRecord.objects.count() == len(notices)
    assert sorted(path.suffix for path in Job.objects.get(pk=run.job_id).folder.iterdir()) == [".pdf"]


def _dying(*_args, **_fields):
    raise Killed


def _dying_after(function, times: int):
    left = [times]

    def call(*args, **fields):
        if not left[0]:
            raise Killed
        left[0] -= 1
        return function(*args, **fields)

    return call


def test_run_is_handed_on_when_its_time_is_up(cast, notices, small_parts):
    """REL-K13: a long run takes many short tasks."""
    run = start(cast)
    states = [jobs.run(run.job_id, run_seconds=0) for _turn in range(4)]
    assert states == ["waiting", "waiting", "waiting", "done"]
    assert numbers_in(file_of(run)) == in_order()


def test_stopped_run_leaves_no_names_behind(cast, notices, small_parts, monkeypatch):
    """The stop button: the parts are removed, and there is no file."""
    run = start(cast)
    assert jobs.run(run.job_id, run_seconds=0) == "waiting"
    job = Job.objects.get(pk=run.job_id)
    assert list(job.folder.iterdir())
    step = print_runs.Progress.step

    def stop_then_step(progress, *args, **fields):
        jobs.request_stop(job)
        return step(progress, *args, **fields)

    monkeypatch.setattr(print_runs.Progress, "step", stop_then_step)
    assert jobs.run(run.job_id) == "stopped"
    assert list(job.folder.iterdir()) == []


def test_stopped_run_is_printed_again_by_its_owner(client, cast, notices, small_parts):
    """Print runs, J1: stop and go on by plain forms; the file is whole, and a run at work is left alone."""
    sign_in(client, cast.cashier)
    run = start(cast)
    assert jobs.run(run.job_id, run_seconds=0) == "waiting"
    stopped = run.job_id
    client.post(reverse("jobs:stop", args=[stopped]))
    assert Job.objects.get(pk=stopped).state == JobState.STOPPED
    address, again = (reverse(f"payments:{name}", args=[run.pk]) for name in ("print_run", "print_run_again"))
    assertContains(client.get(address), f'action="{again}"')
    assert client.get(reverse("payments:print_run_file", args=[run.pk])).status_code == 404
    for _click in range(2):
        answer = client.post(again)
    run.refresh_from_db()
    assert run.job_id != stopped
    assert answer.url == reverse("jobs:show", args=[run.job_id])
    assertNotContains(client.get(address), f'action="{again}"')
    assert jobs.run(run.job_id) == "done"
    assert numbers_in(file_of(run)) == in_order()
    sign_in(client, cast.reviewer)
    assert client.post(again).status_code == 404
    assert Job.objects.count() == 2


def test_refused_refund_leaves_the_paper_of_the_run_genuine(cast, notices):
    """N4, E11: printed one by one or in number, the paper after a refused refund is one and the same version."""
    pay(notices[0])
    first = kinds.paper_of(Notice.objects.get(pk=notices[0].pk))
    propose_refund(notices[0], reason="paid_twice", actor=actor(cast.cashier))
    refuse_refund(notices[0], actor=actor(cast.second_cashier))
    row = Notice.objects.select_related("region", "office", "policy", "superseded_by").get(pk=notices[0].pk)
    [together] = kinds.papers_of([row])
    assert together.codes == kinds.paper_of(row).codes != first.codes
    records.issue_record(kind="premium_notice", subject_kind="payments.notice", subject_id=row.pk, version=5)
    code = together.codes[0].payload.partition("?")[0].rstrip("/").rsplit("/", 1)[1]
    assert records.verify(code, {}).outcome == "genuine"


def test_papers_of_a_run_say_what_has_become_of_each_notice(cast, notices):
    """E11, N4: paid ones say paid, and their papers replace the earlier ones."""
    before = kinds.paper_of(notices[0])
    pay(notices[0])
    run = start(cast)
    assert jobs.run(run.job_id) == "done"
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(file_of(run))).pages]
    assert sum("请勿重复缴费" in "".join(text.split()) for text in pages) == 1
    code = before.codes[0].payload.partition("?")[0].rstrip("/").rsplit("/", 1)[1]
    assert records.verify(code, {}).outcome == "superseded"
    only_open = start(cast, state="issued")
    assert only_open.notice_count == len(notices) - 1


def test_notice_that_cannot_be_printed_is_named_and_the_rest_is_printed(client, cast, notices):
    """D8: a character no font has goes to printing by hand."""
    odd = issue(resident=ResidentFactory(name="张\U0003134a"))
    run = start(cast)
    assert jobs.run(run.job_id) == "done"
    run.refresh_from_db()
    assert run.left_out == [odd.number]
    assert run.page_count == len(notices)
    sign_in(client, cast.cashier)
    assertContains(client.get(reverse("payments:print_run", args=[run.pk])), odd.grouped_number)


def test_run_of_only_such_notices_has_no_file(client, cast, time_machine):
    time_machine.move_to(NOON, tick=False)
    issue(resident=ResidentFactory(name="张\U0003134a"))
    run = start(cast)
    assert jobs.run(run.job_id) == "done"
    sign_in(client, cast.cashier)
    assertContains(client.get(reverse("payments:print_run", args=[run.pk])), "没有文件")
    assert client.get(reverse("payments:print_run_file", args=[run.pk])).status_code == 404


def test_person_on_an_open_notice_for_many_is_left_out(cast, notices):
    """The notice for many asks for the same money."""
    Notice.objects.filter(pk=notices[1].pk).update(collective=notices[0])
    assert start(cast).notice_count == len(notices) - 1


def test_choice_is_narrowed_by_kind_state_year_and_days(cast, notices, time_machine):
    """Print runs: by purpose, state, cover year and day of issue."""
    later = NOON + timedelta(days=3)
    time_machine.move_to(later, tick=False)
    issue(at=later, kind="nontax")
    choices = (
        {},
        {"kind": "nontax"},
        {"cover_year": 2027},
        {"issued_until": NOON.date()},
        {"issued_from": later.date()},
    )
    assert [start(cast, **choice).notice_count for choice in choices] == [8, 1, 7, 7, 1]
    for nothing in ({"cover_year": 2031}, {"state": "paid"}, {"office": office("bank", TOWN)}):
        with pytest.raises(print_runs.NothingToPrint):
            start(cast, **nothing)


def test_form_says_in_words_why_nothing_was_started(client, cast, notices, monkeypatch):
    """UX-E1: nothing typed is lost."""
    sign_in(client, cast.cashier)
    address = reverse("payments:print_runs")
    chosen = {"region": region(TOWN).pk, "language": "zh-hans", "cover_year": "2031"}
    assertContains(client.post(address, chosen), "没有符合条件的通知单")
    assertContains(client.post(address, chosen), "2031")
    days = {"issued_from": "2026-11-23", "issued_until": "2026-11-01"}
    assertContains(client.post(address, {**chosen, **days}), "结束日期早于开始日期")
    monkeypatch.setattr(print_runs, "MAX_NOTICES", 3)
    assertContains(client.post(address, {**chosen, "cover_year": ""}), "7")
    assert not PrintRun.objects.exists()


def test_no_one_prints_or_opens_what_lies_outside_the_area(client, cast, notices):
    """RELIABILITY §3: the place must lie in the area, and a run belongs to the account that started it."""
    with pytest.raises(PermissionError):
        print_runs.start_print_run(actor=actor(cast.cashier), region=region("450305001"))
    sign_in(client, cast.cashier)
    answer = client.post(reverse("payments:print_runs"), {"region": region("450305001").pk, "language": "zh-hans"})
    assert answer.status_code == 200
    assert not PrintRun.objects.exists()
    run = start(cast)
    sign_in(client, cast.reviewer)
    for name in ("payments:print_run", "payments:print_run_file"):
        assert client.get(reverse(name, args=[run.pk])).status_code == 404
    sign_in(client, cast.clerk)
    assert client.get(reverse("payments:print_runs")).status_code == 403


def test_queries_do_not_grow_with_the_notices(cast, notices):
    """Records, places and ways to pay are read for all notices of a part together."""
    rows = Notice.objects.select_related("region", "office", "policy", "superseded_by").order_by("number")
    with CaptureQueriesContext(connection) as few:
        kinds.papers_of(list(rows[:2]))
    PaperRecord.objects.all().delete()
    with CaptureQueriesContext(connection) as many:
        kinds.papers_of(list(rows))
    assert len(many) <= len(few)


def test_records_made_together_are_the_ones_made_alone(cast, notices):
    """N4: one record for each version of a paper, whoever prints first."""
    alone = kinds.paper_of(notices[2]).codes[0].payload
    together = kinds.papers_of(list(Notice.objects.order_by("number")))
    assert alone in {paper.codes[0].payload for paper in together}
    again = kinds.papers_of(list(Notice.objects.order_by("number")))
    assert [paper.codes for paper in again] == [paper.codes for paper in together]
    assert PaperRecord.objects.count() == len(notices)
    assert all(row.code for row in PaperRecord.objects.all())


def test_run_of_a_campaign_prints_its_notices_only(client, cast, notices, monkeypatch):
    """Issue 5: the notices of a campaign, within one's area; a campaign that does not reach there is refused."""
    own, other = campaigns.Campaign(uuid.uuid4(), "2027 续保"), uuid.uuid4()
    chosen = Notice.objects.filter(pk__in=[notices[1].pk, notices[4].pk])
    source = campaigns.Source(lambda _actor: [own], {own.pk: own}.get, lambda _pk: chosen)
    monkeypatch.setattr(campaigns, "_sources", [source])
    sign_in(client, cast.cashier)
    address = reverse("payments:print_runs")
    assertContains(client.get(f"{address}?campaign={own.pk}"), f'<option value="{own.pk}" selected>2027 续保</option>')
    fields = {"region": region(TOWN).pk, "language": "zh-hans"}
    assertContains(client.post(address, fields | {"campaign": str(other)}), "govuk-error-summary")
    with pytest.raises(PermissionError):
        start(cast, campaign=other)
    client.post(address, fields | {"campaign": str(own.pk)})
    run = PrintRun.objects.get()
    assert (run.campaign, run.notice_count) == (own.pk, 2)
    assert jobs.run(run.job_id) == "done"
    assert sorted(numbers_in(file_of(run))) == sorted(chosen.values_list("number", flat=True))
    assertContains(client.get(reverse("payments:print_run", args=[run.pk])), "2027 续保")


def test_parts_of_an_older_form_are_printed_again(cast, notices, small_parts):
    """REL-R2: a run that began before the portal was renewed is whole, not joined from parts that do not fit."""
    run = start(cast)
    assert jobs.run(run.job_id, run_seconds=0) == "waiting"
    job = Job.objects.get(pk=run.job_id)
    Job.objects.filter(pk=job.pk).update(cursor=job.cursor | {"form": 1})
    assert jobs.run(run.job_id) == "done"
    assert numbers_in(file_of(run)) == in_order()
