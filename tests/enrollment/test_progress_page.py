"""Where is my case: who has it, since when, by when, whom to call, and what can be taken back."""

import datetime

import pytest
from django.urls import reverse

from enrollment import discarding, offices, services
from enrollment.models import Application
from enrollment.states import State
from portal.help.models import Feedback
from portal.outbox.models import Message
from portal.regions.calendar import SHANGHAI
from portal.regions.models import Office, Region
from portal.workflow.errors import NotAvailable
from tests.enrollment import journeys
from tests.people_cast import ResidentFactory, actor, sign_in

pytestmark = pytest.mark.django_db


def page_of(client, application, name="application"):
    return client.get(reverse(f"enrollment:{name}", args=[application.pk])).content.decode()


def test_each_stage_names_who_has_it_and_whom_to_call(monday, cast, client):
    """F1, UX-R13, N2: draft, submitted, under review, correction, payment, insured; telephone and address always."""
    sign_in(client, cast.zhang)
    draft = journeys.draft(cast.zhang)
    office = draft.office
    stages = []

    def look():
        page = page_of(client, draft)
        assert office.phone in page
        assert office.address in page
        for words in ("现由谁办理", "自何时起", "有疑问请拨打"):
            assert words in page
        stages.append(page)

    look()
    services.submit(application=draft, actor=actor(cast.zhang), token=draft.submit_token, version=draft.version)
    look()
    journeys.sweep()
    look()
    assert "已用0个工作日，共3个工作日" in stages[-1]
    draft.refresh_from_db()
    journeys.ask(draft, cast.clerk)
    look()
    assert "您：有事项等您办理" in stages[-1]
    draft.refresh_from_db()
    services.resubmit(application=draft, actor=actor(cast.zhang), version=draft.version, values={}, handed_in=[])
    draft.refresh_from_db()
    services.approve(application=journeys.seen(draft, cast.clerk), actor=actor(cast.clerk), version=draft.version)
    draft.refresh_from_db()
    monday.shift(60)
    journeys.sweep()
    look()
    draft.refresh_from_db()
    journeys.pay(draft)
    look()
    assert "已办结" in stages[-1]


def test_nobody_is_asked_to_pay_once_the_pay_by_day_is_over(monday, cast, client):
    """F1, F2, UX-R13: while money of the last day may still arrive, page, list and look-up say so."""
    case = journeys.approved(cast.zhang, cast.clerk)
    monday.move_to(datetime.datetime.combine(case.notice.due_on, datetime.time(12), tzinfo=SHANGHAI))
    sign_in(client, cast.zhang)
    assert "请缴费" in page_of(client, case)
    monday.shift(datetime.timedelta(days=1))
    sign_in(client, cast.zhang)
    told = {"number": case.number, "end": cast.zhang.identity_number[-4:]}
    for page in (
        page_of(client, case),
        client.get(reverse("enrollment:mine")).content.decode(),
        client.post(reverse("lookup"), told).content.decode(),
    ):
        assert "缴费期限已过" in page
        assert "请缴费" not in page
        assert "需要您处理" not in page
        assert "缴费截止日" not in page
        assert "您：有事项等您办理" not in page


def test_where_the_payment_comes_first_no_day_of_decision_is_promised_before_it(monday, client):
    """A8, UX-R12, F1: receipt, message and progress say that the review begins with the payment, by no false day."""
    region = Region.objects.get(code="442000001")
    person = ResidentFactory(home_region=region, hukou_region_code="442000")
    sign_in(client, person)
    case = journeys.submitted(person, town=region.code)
    page = page_of(client, case, "receipt")
    assert "缴费后由" in page
    assert "作出决定" not in page
    assert "最晚日期" not in page_of(client, case)
    message = Message.objects.get(template="enrollment_submitted", resident=person)
    assert "缴费后开始审核" in message.body
    assert "作出决定" not in message.body
    journeys.sweep()
    monday.shift(datetime.timedelta(days=4))
    case = journeys.reload(case)
    journeys.pay(case, paid_on=datetime.date(2026, 11, 26))
    assert offices.expected_on(journeys.reload(case)) == datetime.date(2026, 11, 26)


def test_without_a_chosen_office_the_county_centre_is_named(monday, cast, client):
    """F1: a draft that has come to no office yet still says where to ask."""
    draft = journeys.draft(cast.zhang)
    Application.objects.filter(pk=draft.pk).update(office=None)
    sign_in(client, cast.zhang)
    assert Office.objects.responsible_for(draft.region, "county_centre").phone in page_of(client, draft)


def test_the_completion_page_says_everything_once(monday, cast, client):
    """UX-R12, UX-E11: number in groups, what comes and when, code to the progress, papers, masked number, rating."""
    application = journeys.submitted(cast.zhang)
    sign_in(client, cast.zhang)
    page = page_of(client, application, "receipt")
    for part in (application.grouped_number, "2026年11月26日", "data:image/png", "?download=1", "199****0001"):
        assert part in page
    client.post(reverse("help:feedback"), {"page": "/applications/<uuid:pk>/receipt/", "rating": "5", "text": ""})
    assert Feedback.objects.get().page == "/applications/<uuid:pk>/receipt/"


def test_the_correction_page_opens_what_was_asked_and_shows_the_rest(monday, cast, client):
    """UX-R16: one control for the one answer asked; the others are words."""
    application = journeys.under_review(cast.zhang)
    journeys.ask(application, cast.clerk)
    sign_in(client, cast.zhang)
    page = page_of(client, application, "correct")
    assert 'name="contact.address"' in page
    assert 'name="contact.phone"' not in page
    assert "19900000001" in page
    assert "请按户口簿填写门牌号" in page
    assert reverse("enrollment:request_paper", args=[application.pk, "pdf"]) in page


def test_a_deleted_draft_can_be_taken_back_for_ten_minutes(monday, cast, client):
    """UX-R17: a page asks first; the list offers to take it back; the answers are there again."""
    draft = journeys.draft(cast.zhang)
    sign_in(client, cast.zhang)
    url = reverse("enrollment:discard", args=[draft.pk])
    assert "确定删除草稿吗" in client.get(url).content.decode()
    client.post(url, {"version": draft.version})
    mine = client.get(reverse("enrollment:mine")).content.decode()
    assert "撤销删除" in mine
    assert "10:10" in mine
    monday.shift(9 * 60)
    client.post(reverse("enrollment:restore", args=[draft.pk]))
    draft.refresh_from_db()
    assert not draft.is_discarded
    assert draft.due_at == Application.objects.get(pk=draft.pk).due_at
    assert draft.due_at > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=25)
    assert draft.answers["contact"]["address"] == "甲山村8号"


def test_a_deleted_draft_is_erased_after_ten_minutes(monday, cast, client):
    """UX-R17, PIPL 47: the sweep erases it; taking it back is refused in words; an old page cannot save into it."""
    draft = journeys.draft(cast.zhang)
    discarding.discard(application=draft, actor=actor(cast.zhang), version=draft.version)
    with pytest.raises(NotAvailable):
        services.save_section(application=draft, section="contact", values={"phone": "19900000001"})
    assert (
        services.start(
            actor=actor(cast.zhang),
            resident=cast.zhang,
            region=draft.region,
            for_whom="self",
            cover_year=2027,
            beneficiary=cast.zhang,
        )
        != draft
    )
    monday.shift(10 * 60 + 1)
    sign_in(client, cast.zhang)
    assert client.post(reverse("enrollment:restore", args=[draft.pk])).status_code == 409
    journeys.sweep()
    draft.refresh_from_db()
    assert draft.state == State.LAPSED
    assert draft.answers == {}
    assert str(draft.pk) not in client.get(reverse("enrollment:mine")).content.decode()


def test_nobody_else_deletes_a_draft_and_a_submitted_one_stays(monday, cast, client):
    """M3: 404 for the family; a case under review is withdrawn, not deleted."""
    draft = journeys.draft(cast.zhang)
    sign_in(client, cast.li)
    assert client.post(reverse("enrollment:discard", args=[draft.pk]), {"version": draft.version}).status_code == 404
    application = journeys.under_review(cast.wang, town="450305001")
    with pytest.raises(NotAvailable):
        discarding.discard(application=application, actor=actor(cast.wang), version=application.version)
    with pytest.raises(NotAvailable):
        discarding.discard(application=draft, actor=actor(cast.zhang), version=draft.version + 1)
