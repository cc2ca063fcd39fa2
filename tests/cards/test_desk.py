"""Production and pickup at the desk: files, reports, hand-over, agents, and what a queue costs."""

import csv
import gzip
import io
import zipfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cards import batches, pictures, services
from cards.models import AgentCode, Card, HandOver, PhotoReceipt, ProductionBatch
from cards.states import State
from cards.views.production import as_text
from portal.audit.models import AuditEntry
from portal.outbox.models import Message
from portal.people.models import Basis
from portal.people.services import appoint_guardian
from portal.regions import calendar
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


def test_the_producer_gets_the_pictures_and_nobody_approves_one_unseen(monday, client):
    """N14, D10: receipt and upload come as pictures named by the application; a case whose picture is on its way cannot
    be approved, and the police's photo needs no copy here.
    """
    clerk = journeys.card_clerk()
    on_file = journeys.in_production(journeys.resident(), clerk)
    late = journeys.resident(police_photo=False)
    services.add_receipt(number="LATE0000001", resident=late, taken_on=calendar.today())
    waiting = journeys.under_review(late, receipt="LATE0000001")
    sign_in(client, clerk)
    review = reverse("cards:review", args=[waiting.pk])
    approve = reverse("cards:approve", args=[waiting.pk])
    assert "照片尚未送达" in client.get(review).content.decode()
    assert approve not in client.get(review).content.decode()
    refused = client.post(approve, {"version": waiting.version})
    assert refused.status_code == 409
    assert "照片尚未送达" in refused.content.decode()
    sealed = pictures.sealed_for_receipt("LATE0000001", journeys.picture())
    PhotoReceipt.objects.filter(number="LATE0000001").update(image=sealed)
    assert approve in client.get(review).content.decode()
    assert client.post(approve, {"version": waiting.version}).status_code == 302
    batch = batches.make_batch(actor=actor(clerk), region=journeys.region("442000"))
    answer = client.get(reverse("cards:batch_pictures", args=[batch.pk]))
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.namelist() == [f"{waiting.number}.jpg"]
    assert archive.read(archive.namelist()[0]) == journeys.picture()
    assert answer["Cache-Control"] == "no-store"
    assert AuditEntry.objects.filter(action="cards.batch_pictures").count() == 1
    text = client.get(reverse("cards:batch_file", args=[batch.pk])).content.decode("utf-8-sig")
    told = {row["application_number"]: row for row in csv.DictReader(io.StringIO(text))}
    assert (told[on_file.number]["photo_source"], told[on_file.number]["photo_receipt"]) == ("on_file", "")
    assert (told[waiting.number]["photo_source"], told[waiting.number]["photo_receipt"]) == ("receipt", "LATE0000001")


def test_untrue_papers_keep_the_card_and_the_applicant_learns_why(monday, client):
    """S2-03, S2-04, S2-06: the page of the hand-over leads the clerk through what is to be seen; untrue papers stop it
    with a reason on record, in a message and on the page, and the card can be collected later.
    """
    clerk = journeys.pickup_clerk()
    application = journeys.ready(journeys.resident(), journeys.card_clerk())
    due = application.due_at
    sign_in(client, clerk)
    guide = client.get(reverse("cards:hand_over", args=[application.pk])).content.decode()
    for words in (application.resident.name, "查验了哪种原件", "身份证原件", "户口簿原件", "申领登记表", "代领人"):
        assert words in guide, words
    url = reverse("cards:turn_away", args=[application.pk])
    assert url in guide
    assert "reason" in client.post(url, {"version": application.version}).context["form"].errors
    reason = "身份证不是持卡人本人的，请带本人的。"
    body = {"version": application.version, "reason": reason}
    assert client.post(url, body).url == reverse("cards:hand_over", args=[application.pk])
    again = client.post(url, body)
    assert again.status_code == 409
    assert reason in again.content.decode()
    row = journeys.fresh(application)
    assert (row.state, row.due_at) == (State.READY_FOR_PICKUP, due)
    assert not Card.objects.exists()
    entry = row.timeline.get(transition="turn_away")
    assert (entry.actor_user_id, entry.note.text) == (clerk.pk, reason)
    assert reason in Message.objects.get(template="cards_turned_away").body
    assert hand(client, row).status_code == 200
    assert Card.objects.get().holder == application.resident
    sign_in(client, application.resident)
    assert reason in client.get(reverse("cards:application", args=[application.pk])).content.decode()


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
    person = application.resident.identity_number
    assert application.grouped_number in client.get(url, {"number": person.lower()}).content.decode()
    found = client.get(reverse("cards:queue"), {"number": person})
    assert found.url == reverse("cards:review", args=[application.pk])
    sign_in(client, journeys.card_clerk("other", "360100"))
    for number in (application.number, person):
        assert application.grouped_number not in client.get(url, {"number": number}).content.decode()
    assert client.get(reverse("cards:queue"), {"number": person}).status_code == 200


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


def test_the_pages_of_a_card_are_small_and_cost_the_same_for_a_large_family(
    monday, client, django_assert_max_num_queries
):
    """J9, UX-E3: page, style and script of each page together under 100 KB over the wire; the list of cards and
    applications asks as often for one as for six.
    """
    parent = journeys.resident()
    card, _code = journeys.collected(parent, journeys.card_clerk())
    mine = reverse("cards:mine")
    sign_in(client, parent)
    client.get(mine)
    with CaptureQueriesContext(connection) as one:
        client.get(mine)
    queries = len(one)
    for sign in "甲乙丙丁戊":
        child = journeys.resident(name=f"陈小{sign}", phone="", has_id_card=False)
        appoint_guardian(guardian=parent, ward=child, basis=Basis.PARENT)
        journeys.submitted(child, applicant=parent)
    sign_in(client, parent)
    client.get(mine)
    with django_assert_max_num_queries(queries):
        assert client.get(mine).content.decode().count("陈小") == 5
    static = sum(
        len(gzip.compress(Path(f"static/{name}").read_bytes())) for name in ("build/portal.css", "src/portal.js")
    )
    case = card.application_id
    pages = [mine, reverse("cards:about"), reverse("cards:card", args=[card.pk]), reverse("cards:entry")]
    pages += [reverse(f"cards:{name}", args=[case]) for name in ("application", "personal", "form", "pay")]
    for url in pages:
        answer = client.get(f"{url}?region={journeys.TOWN}")
        assert answer.status_code == 200, url
        assert static + len(gzip.compress(answer.content)) < 100_000, url


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
