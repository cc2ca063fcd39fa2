"""Production and pickup at the desk: files, reports, hand-over, agents, and what a queue costs."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from cards import batches, services
from cards.models import AgentCode, Card, HandOver, ProductionBatch
from cards.states import State
from cards.views.production import as_text
from portal.audit.models import AuditEntry
from tests.cards import journeys
from tests.people_cast import actor, identity_number, sign_in

pytestmark = pytest.mark.django_db
AGENT = {"agent_name": "王五", "agent_number": identity_number("442000", "19880101", "M")}


@pytest.mark.parametrize("cell", ["=1+1", "+86", "-1", "@SUM(A1)", "\tx", "\r=1"])
def test_no_cell_begins_a_formula(cell):
    """N22, G4: what a spreadsheet would compute is written as text."""
    assert as_text(cell) == f"'{cell}"
    assert as_text("陈海珊") == "陈海珊"


def test_the_producers_file_holds_what_a_card_needs(monday, client):
    """D10: one line an application, opened only by the card office, each download on the audit log."""
    clerk = journeys.card_clerk()
    application = journeys.in_production(journeys.resident(name="韦𠮷"), clerk)
    batch = batches.make_batch(actor=actor(clerk), region=journeys.region("442000"))
    url = reverse("cards:batch_file", args=[batch.pk])
    assert client.get(url).status_code == 302
    sign_in(client, journeys.pickup_clerk())
    assert client.get(url).status_code == 403
    sign_in(client, journeys.card_clerk("other", "360100"))
    assert client.get(url).status_code == 404
    sign_in(client, clerk)
    answer = client.get(url)
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["application_number"] for row in rows] == [application.number]
    assert rows[0]["name"] == "韦𠮷"
    assert rows[0]["identity_number"] == application.resident.identity_number
    assert answer["Cache-Control"] == "no-store"
    assert AuditEntry.objects.filter(action="cards.batch_file").count() == 1


def test_a_report_file_books_arrivals_and_failures(monday, client):
    """N22: the producer's file; what is not in production here is named and left alone."""
    clerk = journeys.card_clerk()
    first = journeys.in_production(journeys.resident(), clerk)
    second = journeys.in_production(journeys.resident(), clerk)
    batches.make_batch(actor=actor(clerk), region=journeys.region("442000"))
    sign_in(client, clerk)
    text = f"{first.number};arrived\n\n{second.number};failed\n6261111111111111;arrived\n"
    file = SimpleUploadedFile("report.csv", text.encode("gb18030"))
    page = client.post(reverse("cards:report"), {"file": file}).content.decode()
    assert "已到卡：1。制卡失败：1。" in page
    assert "6261111111111111" in page
    assert journeys.fresh(first).state == State.READY_FOR_PICKUP
    assert journeys.fresh(second).state == State.IN_PRODUCTION
    assert ProductionBatch.objects.get().lines.filter(report="failed").count() == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"6261111111111111;lost", "第 1 行"),
        (b"\x80\xff\x00\xff", "不是文本文件"),
        (b"1" * (1024 * 1024 + 1), "超过 1 MB"),
    ],
)
def test_a_bad_report_changes_nothing(content, words, monday, client):
    """N22: a wrong word, no text, too large: the reason beside the field."""
    sign_in(client, journeys.card_clerk())
    answer = client.post(reverse("cards:report"), {"file": SimpleUploadedFile("r.csv", content)})
    assert answer.status_code == 200
    assert words in answer.content.decode()


def test_an_empty_or_contradicting_report_is_refused(monday, client):
    """N22: at least one number, and none in both lists."""
    sign_in(client, journeys.card_clerk())
    assert "至少填写一个" in client.post(reverse("cards:report"), {}).content.decode()
    both = {"arrived": "6261111111111111", "failed": "6261111111111111"}
    assert "同时出现" in client.post(reverse("cards:report"), both).content.decode()


def hand(client, application, **told):
    body = {"version": application.version, "document": "id_card", "form_seen": "on"} | told
    return client.post(reverse("cards:hand_over", args=[application.pk]), body)


def test_an_agent_needs_a_code_that_works_once(monday, client):
    """S4-23, D11, N22: without code refused, a wrong one refused, the right one once; the record names the agent."""
    clerk = journeys.card_clerk()
    application = journeys.ready(journeys.resident(), clerk)
    sign_in(client, application.resident)
    page = client.post(reverse("cards:agent_code", args=[application.pk])).content.decode()
    old = page.split('portal-number">')[1].split("<")[0].replace(" ", "")
    page = client.post(reverse("cards:agent_code", args=[application.pk])).content.decode()
    code = page.split('portal-number">')[1].split("<")[0].replace(" ", "")
    assert len(code) == 8
    assert code not in str(list(AgentCode.objects.values()))
    sign_in(client, clerk)
    for told in (AGENT, AGENT | {"agent_code": "00000000"}, AGENT | {"agent_code": old}):
        answer = hand(client, application, **told)
        assert answer.status_code == 200
        assert not Card.objects.exists()
    assert hand(client, application, **AGENT, agent_code=code).status_code == 200
    record = HandOver.objects.get(application=application)
    assert (record.by_agent, record.agent_name, record.handed_by) == (True, "王五", clerk)
    assert AgentCode.objects.filter(used_at__isnull=True).count() == 0
    again = hand(client, application, **AGENT, agent_code=code)
    assert again.status_code == 409


def test_a_household_register_alone_needs_an_agent(monday, client):
    """S4-23, S4-24: the original identity card, or the register with an agent; and the printed form."""
    clerk = journeys.card_clerk()
    application = journeys.ready(journeys.resident(), clerk)
    sign_in(client, clerk)
    assert "代领人" in hand(client, application, document="household_register").content.decode()
    assert "须查验打印的申领登记表" in hand(client, application, form_seen="").content.decode()
    assert not Card.objects.exists()


def test_pickup_finds_by_number_and_never_by_leafing(monday, client):
    """D11, F6: at least six figures; another region's cards are not found."""
    clerk = journeys.card_clerk()
    application = journeys.ready(journeys.resident(), clerk)
    url = reverse("cards:pickup")
    sign_in(client, clerk)
    assert "至少输入" in client.get(url, {"number": "12345"}).content.decode()
    assert application.grouped_number in client.get(url, {"number": application.number}).content.decode()
    sign_in(client, journeys.card_clerk("other", "360100"))
    assert application.grouped_number not in client.get(url, {"number": application.number}).content.decode()


def test_the_queue_costs_the_same_for_few_and_for_many(monday, client, django_assert_max_num_queries):
    """C-rows, PERFORMANCE goal 10: queries do not grow with the rows."""
    sign_in(client, journeys.card_clerk())
    journeys.under_review(journeys.resident())
    url = reverse("cards:queue")
    client.get(url)
    with django_assert_max_num_queries(20) as few:
        client.get(url)
    for _count in range(27):
        journeys.under_review(journeys.resident())
    with django_assert_max_num_queries(20) as many:
        page = client.get(url)
    assert len(many) == len(few)
    following = [
        part for part in page.content.decode().split('"') if part.startswith("?tab=decide") and "after" in part
    ]
    assert client.get(url + following[0].replace("&amp;", "&")).content.decode().count("portal-number") == 3


def test_a_decision_on_an_old_page_is_told_apart(monday, client):
    """N18, B7: the second of two clerks reads what happened, and the reason typed is kept."""
    application = journeys.under_review(journeys.resident())
    clerk = journeys.card_clerk()
    services.approve(application=application, actor=actor(clerk), version=application.version)
    sign_in(client, clerk)
    body = {"version": application.version - 1, "reason": "照片不清楚", "next_step": "重新拍照"}
    answer = client.post(reverse("cards:reject", args=[application.pk]), body)
    assert answer.status_code == 409
    assert "照片不清楚" in answer.content.decode()
