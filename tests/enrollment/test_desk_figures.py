"""The desk's figures, its paged lists, the family beside a case, and what a village tells its people."""

import datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from enrollment import households, leases, messages, workload
from enrollment import services as enrolments
from enrollment.models import Application, Mandate, MandateState, Registration, Roster
from enrollment.rosters import notices, texts
from enrollment.states import State
from payments.templatetags.plots import plot
from portal.audit.models import AuditEntry
from portal.outbox.models import Message
from portal.people.models import Resident
from portal.regions.calendar import SHANGHAI
from portal.regions.models import PolicyRule, PolicySnapshot, Region
from tests.enrollment import journeys
from tests.enrollment import roster_files as files
from tests.enrollment.test_household_pack import submitted as family_of
from tests.people_cast import ResidentFactory, actor, next_identity_number, sign_in

pytestmark = pytest.mark.django_db


def at(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def one(figures, code):
    return next(figure for figure in figures if figure.code == code)


def column(figure, number):
    """The values of one series of the plot by the label of the day, zeros left out."""
    return {label: value for label, value in zip(figure.labels, figure.series[number].values, strict=True) if value}


def test_the_day_by_day_figures_follow_from_the_timeline(regions, cast):
    """UX-C2: received, decided and open per day; what was taken back counts as neither."""
    with time_machine.travel(at("2026-11-20T10:00"), tick=False):
        first, second = journeys.under_review(cast.zhang), journeys.under_review(ResidentFactory())
    with time_machine.travel(at("2026-11-23T09:00"), tick=False):
        journeys.under_review(ResidentFactory())
        seen = journeys.seen(first, cast.clerk)
        enrolments.approve(application=seen, actor=actor(cast.clerk), version=seen.version)
        journeys.ask(second, cast.clerk)
    with time_machine.travel(at("2026-11-24T09:00"), tick=False):
        found = one(workload.figures(actor(cast.clerk)), "per-day")
        assert column(found, 0) == {"11-20": 2, "11-23": 1}
        assert column(found, 1) == {"11-23": 1}
        assert column(found, 2) == {"11-20": 2, "11-21": 2, "11-22": 2, "11-23": 2, "11-24": 2}
        assert [row[1:] for row in found.rows if row[0].startswith("2026年11月23日")] == [["1", "1", "2"]]
        drawn = plot(found)
        assert all(bar.height >= 0 for bar in drawn["bars"])
        aged = one(workload.figures(actor(cast.clerk)), "ageing")
        assert [row[1] for row in aged.rows] == ["0", "0", "0", "1", "0", "1"]


def test_a_decision_taken_back_is_no_decision(monday, cast):
    """UX-C2, UX-C6."""
    from enrollment import undoing

    case = journeys.seen(journeys.under_review(cast.zhang), cast.clerk)
    enrolments.approve(application=case, actor=actor(cast.clerk), version=case.version, undo_seconds=10)
    case.refresh_from_db()
    undoing.take_back(application=case, actor=actor(cast.clerk), version=case.version)
    found = one(workload.figures(actor(cast.clerk)), "per-day")
    assert [sum(values.values()) for values in (column(found, 0), column(found, 1))] == [1, 0]
    assert found.series[2].values[-1] == 1


def test_the_figures_cost_the_same_for_few_and_many_and_show_no_other_office(monday, cast, client):
    """UX-C2, J9, B10: a fixed number of statements, the own office alone, a table behind each plot."""
    journeys.under_review(cast.zhang)
    for who in (cast.clerk, cast.other_clerk):
        sign_in(client, who)
        client.get(reverse("enrollment:workload"))
    counted = []
    for _time in range(2):
        sign_in(client, cast.clerk)
        client.get(reverse("enrollment:workload"))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page = client.get(reverse("enrollment:workload"))
        counted.append(len(queries))
        for _case in range(3):
            journeys.under_review(ResidentFactory())
    assert counted[0] == counted[1]
    assert page.content.decode().count("<svg viewBox") == 2
    assert page.content.decode().count("<table") == 2
    assert sum(one(workload.figures(actor(cast.other_clerk)), "per-day").series[0].values) == 0


def mandates(cast, number, **fields):
    """Powers of attorney at the office of the clerk."""
    clerk = actor(cast.clerk)
    region = Region.objects.get(code="450302001")
    rows = []
    for count in range(number):
        row = Mandate(
            agent=ResidentFactory(), principal_name="李四", principal_id_kind="mainland_id", relation="parent",
            valid_from=datetime.date(2026, 11, 1), valid_until=datetime.date(2027, 11, 1), region=region,
            office_id=clerk.office_id, declared_at=at("2026-11-01T10:00") + datetime.timedelta(minutes=count), **fields,
        )  # fmt: skip
        row.principal_number = next_identity_number()
        rows.append(row)
    return Mandate.objects.bulk_create(rows)


def test_powers_of_attorney_are_read_page_by_page(monday, cast, client):
    """A10, J9: every row once, oldest first, in the part where it belongs; the queries do not grow."""
    waiting = mandates(cast, 55)
    refused = mandates(cast, 1, state=MandateState.REFUSED, reason="x")
    sign_in(client, cast.clerk)
    url, seen = reverse("enrollment:desk_attorney"), []
    page = client.get(url)
    while True:
        seen += [row.pk for row in page.context["rows"]]
        following = page.context["page"].next_url
        if not following:
            break
        with CaptureQueriesContext(connection) as queries:
            page = client.get(url + following)
        assert len(queries) < 16
    assert seen == [row.pk for row in waiting]
    closed = client.get(url, {"tab": "closed"}).context
    assert [row.pk for row in closed["rows"]] == [row.pk for row in refused]
    assert [tab["count"] for tab in closed["tabs"]] == ["55", "0", "1"]
    sign_in(client, cast.other_clerk)
    assert client.get(url).context["rows"] == []


def test_registrations_have_parts_by_where_they_stand(monday, cast, client):
    """S3-09, C3: to take over, in arrears, running, ended; an address that names no part opens the first."""
    snapshot = PolicySnapshot.objects.take(Region.objects.get(code="450302001"), datetime.date(2026, 11, 23))
    common = {
        "region": snapshot.region, "office_id": actor(cast.clerk).office_id, "policy": snapshot,
        "employment": "flexible", "wage_fen": 1, "base_fen": 1, "individual_fen": 1, "unit_fen": 0,
        "created_at": at("2026-11-01T10:00"), "handed_in_at": at("2026-11-02T10:00"),
    }  # fmt: skip
    taken = common | {"accepted_at": at("2026-11-03T10:00"), "accepted_by": cast.clerk}

    def row(**fields):
        return Registration.objects.create(resident=ResidentFactory(), **fields)

    waiting, running, late = row(**common), row(**taken), row(**taken)
    ended = row(**taken, ended_on=datetime.date(2026, 11, 20))
    late.periods.create(
        month=datetime.date(2026, 10, 1), individual_fen=1, unit_fen=0, due_on=datetime.date(2026, 10, 25)
    )
    sign_in(client, cast.clerk)
    url = reverse("enrollment:desk_coordination")
    for tab, wanted in (("waiting", waiting), ("late", late), ("running", running), ("ended", ended), ("x", waiting)):
        assert [found.pk for found in client.get(url, {"tab": tab}).context["rows"]] == [wanted.pk], tab
    assert "欠费" in client.get(url, {"tab": "late"}).content.decode()


def test_rosters_are_read_page_by_page_by_the_agent_and_the_desk(monday, cast, client):
    """G1, N12: every roster once, newest first; an agent sees the own ones."""
    region, office_id = Region.objects.get(code="450302001"), actor(cast.clerk).office_id
    first = at("2026-11-01T10:00")
    Roster.objects.bulk_create(
        Roster(
            region=region, office_id=office_id, cover_year=2027, created_by=cast.agent, file_name=f"{number}.csv",
            digest=f"d{number}", state="submitted", declared_at=first,
            created_at=first + datetime.timedelta(minutes=number),
        )
        for number in range(30)
    )  # fmt: skip
    for who in (cast.agent, cast.clerk):
        sign_in(client, who)
        page = client.get(reverse("enrollment:rosters"))
        names = [row["roster"].file_name for row in page.context["rosters"]]
        page = client.get(reverse("enrollment:rosters") + page.context["page"].next_url)
        names += [row["roster"].file_name for row in page.context["rosters"]]
        assert names == [f"{number}.csv" for number in reversed(range(30))]


def test_the_agent_opens_the_desk_at_the_village(monday, cast, client):
    """G3: no page in between."""
    sign_in(client, cast.agent)
    assert client.get(reverse("enrollment:desk")).url == reverse("enrollment:committee")


def test_the_family_stands_beside_each_of_its_cases(monday, cast, client):
    """N13: the others with their states and links; who is with another office is counted and not named."""
    assert cast.li
    pack = family_of([cast.guardian, cast.li, cast.child])
    first, second, third = households.members(pack)
    sign_in(client, cast.clerk)
    page = client.get(reverse("enrollment:review", args=[first.pk]), {"in": "tab=decide"}).content.decode()
    assert "全家一起登记" in page
    for other in (second, third):
        assert f"{reverse('enrollment:review', args=[other.pk])}?in=tab%3Ddecide" in page
    Application.objects.filter(pk=third.pk).update(office=actor(cast.other_clerk).office_id)
    page = client.get(reverse("enrollment:review", args=[first.pk])).content.decode()
    assert reverse("enrollment:review", args=[third.pk]) not in page
    assert "另有1人由其他机构办理" in page
    alone = journeys.under_review(ResidentFactory())
    assert "全家一起登记" not in client.get(reverse("enrollment:review", args=[alone.pk])).content.decode()


def quiet():
    """The region lets villages tell their people."""
    PolicyRule.objects.filter(key=messages.OWN_MESSAGES).update(value=False)
    assert PolicyRule.objects.filter(key=messages.OWN_MESSAGES).exists()


def told(application):
    sent = Message.objects.filter(resident=application.resident).order_by("pk").values_list("template", flat=True)
    return [template.removeprefix("enrollment_") for template in sent]


@pytest.mark.parametrize("own", [True, False])
def test_the_region_chooses_whether_a_village_tells_its_people(own, monday, cast, client):
    """F5, N12, G3: own messages, or the village's word; corrections and refusals are always told; said beforehand."""
    if not own:
        quiet()
    roster = files.submitted(
        cast.agent, files.as_csv([files.line(phone="19900770001"), files.line(phone="19900770002")])
    )
    sentence = texts.who_is_told(roster.region)
    assert ("系统不发短信" in sentence) is not own
    journeys.sweep()
    first, second = Application.objects.filter(roster_row__roster=roster).order_by("roster_row__line")
    seen = journeys.seen(first, cast.clerk)
    enrolments.approve(application=seen, actor=actor(cast.clerk), version=seen.version)
    journeys.ask(second, cast.clerk)
    journeys.sweep()
    assert told(first) == (["submitted", "approved"] if own else [])
    assert told(second) == (["submitted", "correction"] if own else ["correction"])
    alone = journeys.submitted(ResidentFactory(phone="19900770003"))
    assert told(alone) == ["submitted"], "who applies in person is told in any region"
    sign_in(client, cast.agent)
    assert sentence in client.get(reverse("enrollment:committee_register")).content.decode()
    cover = client.get(reverse("enrollment:roster_cover", args=[roster.pk, "html"])).content.decode()
    assert sentence[:20] in cover


def test_an_agent_who_is_not_on_file_names_who_answers_for_the_sum(monday, cast, client):
    """G2, G3: asked beside the button, once; a number under another name is refused; no message."""
    roster = files.submitted(cast.agent, files.as_csv([files.line(), files.line()]))
    journeys.sweep()
    for case in Application.objects.filter(roster_row__roster=roster):
        seen = journeys.seen(case, cast.clerk)
        enrolments.approve(application=seen, actor=actor(cast.clerk), version=seen.version)
    journeys.sweep()
    assert set(Application.objects.values_list("state", flat=True)) == {State.AWAITING_PAYMENT}
    sign_in(client, cast.agent)
    url = reverse("enrollment:roster_notices", args=[roster.pk])
    page = client.post(url)
    assert set(page.context["payer_form"].errors) == {"payer_name", "payer_number"}
    wrong = {"payer_name": "别人", "payer_number": cast.zhang.identity_number}
    assert "姓名和证件号码不一致" in client.post(url, wrong).content.decode()
    number, before = next_identity_number(), Resident.objects.count()
    assert client.post(url, {"payer_name": "黄会计", "payer_number": number}).status_code == 302
    (notice,) = notices.of(roster)
    assert (notice.resident.name, notice.amount_fen) == ("黄会计", 80_000)
    assert Resident.objects.count() == before + 1
    assert not Message.objects.filter(resident=notice.resident).exists()
    assert client.get(reverse("enrollment:roster", args=[roster.pk])).context["payer_form"] is None
    assert client.post(url).status_code == 302
    assert notices.of(roster) == [notice]
    assert AuditEntry.objects.filter(action="enrollment.roster_billed").count() == 2


def test_the_next_case_follows_without_a_decision(monday, cast, client):
    """B8: in the order of the view, past what a colleague has open, and back to the queue behind the last one."""
    cases = [journeys.under_review(ResidentFactory()) for _case in range(3)]
    cases.sort(key=lambda case: (case.due_at, case.pk))
    sign_in(client, cast.clerk)

    def following(case):
        return client.get(reverse("enrollment:next_case", args=[case.pk]), {"in": "tab=decide"}).url

    assert str(cases[1].pk) in following(cases[0])
    assert f"/{cases[1].pk}/next/?in=tab%3Ddecide" in client.get(following(cases[0])).content.decode()
    leases.open_case(cases[2], actor(cast.reviewer))
    Application.objects.filter(pk=cases[0].pk).update(state=State.WITHDRAWN, due_at=None)
    assert following(cases[1]).startswith(f"{reverse('enrollment:queue')}?tab=decide")
