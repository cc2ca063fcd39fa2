"""The renewal campaign: everybody insured, once, at the right amount, and nobody who left."""

import os
import uuid
from datetime import date, datetime

import pytest
import time_machine
from django.db import connection
from django.db.models import CharField, Value
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.asserts import assertContains, assertNotContains

from enrollment import renewal, services
from enrollment.models import Application, Cover, RenewalCampaign, RenewalEntry
from enrollment.states import State
from payments import campaigns, print_runs
from payments.models import Notice
from payments.workflow import NoticeWorkflow
from portal.audit.models import AuditEntry
from portal.jobs import services as jobs
from portal.jobs.models import Job
from portal.outbox.models import Message
from portal.people.models import Basis
from portal.people.services import appoint_guardian
from portal.regions.calendar import SHANGHAI
from portal.regions.models import Region
from tests.enrollment import journeys
from tests.enrollment.test_money import publish
from tests.people_cast import ResidentFactory, actor, make_staff, region, sign_in

LAST_YEAR = datetime(2025, 11, 24, 10, 0, tzinfo=SHANGHAI)
TOWN = "450302001"


def insured(*, town=TOWN, **fields):
    """Somebody with cover for 2026 that was taken over from the old system."""
    fields.setdefault("home_region", region(town))
    ended = {name: fields.pop(name) for name in ("ended_on", "end_reason") if name in fields}
    flags = {name: fields.pop(name) for name in ("assistance_category", "employee_insured") if name in fields}
    person = ResidentFactory(**fields)
    for name, value in flags.items():
        setattr(person, name, value)
    person.save()
    Cover.objects.create(
        person=person,
        region=region(town),
        cover_year=2026,
        benefits_from=date(2026, 1, 1),
        until=date(2026, 12, 31),
        **ended,
    )
    return person


def campaign(cast, place="450302", year=2027):
    return renewal.start(Region.objects.get(code=place), year, actor=actor(cast.reviewer))


def run(made, **options):
    """The worker runs the campaign's job as far as it may."""
    made.refresh_from_db()
    return jobs.run(made.job_id, **options)


def of(person):
    return Application.objects.get(beneficiary=person, cover_year=2027)


def told(person):
    return list(Message.objects.filter(resident_id=person.pk).order_by("pk").values_list("template", flat=True))


def test_insured_get_a_notice_without_a_review(cast, monday):
    """Issue 5: application and notice of 400 yuan, due at the end of the collection period, told once."""
    person = insured(name="韦一")
    made = campaign(cast)
    assert run(made) == "done"
    application = of(person)
    assert (application.state, application.payable_fen) == (State.AWAITING_PAYMENT, 40_000)
    assert (application.notice.amount_fen, application.notice.due_on) == (40_000, date(2026, 12, 31))
    assert application.notice.cover_year == 2027
    assert told(person) == ["enrollment_renewed"]
    assert list(application.timeline.values_list("transition", flat=True).order_by("id")) == ["begin", "renew", "bill"]
    assert list(renewal.notices_of(made)) == [application.notice]
    made.refresh_from_db()
    assert made.finished_at is not None


def test_paid_renewal_is_cover_without_a_gap(cast, monday):
    """DOMAIN §6: paid in the collection period, covered from New Year."""
    person = insured()
    run(campaign(cast))
    application = of(person)
    journeys.pay(application)
    assert application.state == State.ENROLLED
    assert (application.cover.benefits_from, application.cover.until) == (date(2027, 1, 1), date(2027, 12, 31))
    assert told(person) == ["enrollment_renewed", "payments_paid", "enrollment_enrolled"]


def test_unpaid_renewal_lapses_without_a_word(cast, monday):
    """Not paid: it ends quietly, and the person may apply anew."""
    person = insured()
    run(campaign(cast))
    with time_machine.travel(datetime(2027, 1, 20, 9, 0, tzinfo=SHANGHAI), tick=False):
        NoticeWorkflow.expire.sweep()
        assert of(person).state == State.LAPSED
    assert told(person) == ["enrollment_renewed"]


def test_assisted_groups_pay_their_amounts(cast, monday):
    """DOMAIN §6, §9 A: nothing for orphans, 160 yuan for the minimum allowance; the free ones are insured at once."""
    orphan, dibao, plain = insured(assistance_category="ORPHAN"), insured(assistance_category="DIBAO"), insured()
    found = renewal.preview(Region.objects.get(code="450302"), 2027)
    assert {(group.category, group.fee.amount_fen, group.people) for group in found.groups} == {
        ("ORPHAN", 0, 1),
        ("DIBAO", 16_000, 1),
        ("", 40_000, 1),
    }
    assert (found.people, found.total_fen) == (3, 56_000)
    run(campaign(cast))
    assert of(orphan).state == State.ENROLLED
    assert told(orphan) == ["enrollment_enrolled"]
    assert of(dibao).notice.lines[0].assistance_fen == 24_000
    assert [of(person).payable_fen for person in (dibao, plain)] == [16_000, 40_000]


def test_who_left_is_left_out_and_counted(cast, monday):
    """Died, moved, employed, insured or applied already: no notice, and a count by reason."""
    insured(ended_on=date(2026, 3, 1), end_reason="died")
    insured(ended_on=date(2026, 3, 1), end_reason="moved")
    insured(ended_on=date(2026, 3, 1), end_reason="employed")
    insured(employee_insured=True)
    applied = insured()
    journeys.submitted(applied)
    covered = insured()
    Cover.objects.create(
        person=covered,
        region=region(TOWN),
        cover_year=2027,
        benefits_from=date(2027, 1, 1),
        until=date(2027, 12, 31),
    )
    stays = insured()
    found = renewal.preview(Region.objects.get(code="450302"), 2027)
    assert sorted(people for _reason, people in found.left_out) == [1] * 6
    made = campaign(cast)
    run(made)
    made.refresh_from_db()
    assert made.left_out == dict.fromkeys(["died", "moved", "employed", "employee_scheme", "applied", "covered"], 1)
    assert RenewalEntry.objects.get().person == stays


def test_other_places_and_years_are_not_touched(cast, monday):
    """G3: a district's campaign stays in the district."""
    neighbour = insured(town="450305001", home_region=region("450305001"))
    run(campaign(cast))
    assert not Application.objects.filter(beneficiary=neighbour).exists()


def test_changed_facts_go_through_the_review(cast, monday):
    """A group that no authority confirms, a pupil, a move: the office looks first, nothing is asked for yet."""
    with time_machine.travel(LAST_YEAR, tick=False):
        poor = ResidentFactory(name="低保户")
        case = journeys.approved(poor, cast.clerk, year=2026, answers={"assistance": {"assistance": "DIBAO"}})
        journeys.pay(case)
        assert case.state == State.ENROLLED
    far = insured(home_region=Region.objects.get(code="442000100"))
    Message.objects.all().delete()
    found = renewal.preview(Region.objects.get(code="450302"), 2027)
    assert sorted(people for _reason, people in found.reviewed) == [1, 1]
    run(campaign(cast))
    for person in (poor, far):
        application = of(person)
        assert (application.state, application.notice) == (State.SUBMITTED, None)
        assert application.materials.exists()
        assert told(person) == ["enrollment_renewal_review"]
    journeys.sweep()
    assert of(poor).state == State.UNDER_REVIEW


def test_last_years_answers_are_kept(cast, monday):
    """UX-R11: address and telephone are not asked again; the missed years are none."""
    with time_machine.travel(LAST_YEAR, tick=False):
        person = ResidentFactory(name="去年")
        case = journeys.approved(person, cast.clerk, year=2026, answers={"contact": {"address": "甲山村9号"}})
        journeys.pay(case)
    run(campaign(cast))
    application = of(person)
    assert application.answers["contact"]["address"] == "甲山村9号"
    assert application.answers["cover"]["missed_years"] == 0
    assert application.office == case.office


def test_guardian_gets_the_notice_of_a_minor(cast, monday):
    """A4: the child is insured, the guardian is told and pays."""
    parent = ResidentFactory(name="家长")
    child = insured(name="孩子", birth_date=date(2019, 7, 1), phone="", has_id_card=False)
    appoint_guardian(guardian=parent, ward=child, basis=Basis.PARENT, valid_from=date(2020, 1, 1))
    run(campaign(cast))
    assert (of(child).resident, of(child).notice.resident) == (parent, parent)
    assert told(parent) == ["enrollment_renewed"]


def test_unpublished_premium_holds_the_notices_until_it_is_published(cast, monday):
    """DOMAIN §0.13, §9 C: Nanchang's amount for 2027 is pending; publishing wakes the held rows, told once then."""
    place = Region.objects.filter(path__startswith="360000/360100/", level="town").order_by("code").first()
    person = insured(town=place.code, home_region=place)
    free = insured(town=place.code, home_region=place, birth_date=date(1950, 1, 1))
    found = renewal.preview(Region.objects.get(code="360100"), 2027)
    assert found.pending
    made = campaign(cast, place="360100")
    run(made)
    assert (of(person).state, of(person).is_held, told(person)) == (State.APPROVED, True, [])
    assert of(free).state == State.ENROLLED
    publish("360100", 2027, 42_000)
    while services.price_held():
        pass
    journeys.sweep()
    assert (of(person).state, of(person).notice.amount_fen) == (State.AWAITING_PAYMENT, 42_000)
    assert told(person) == ["enrollment_renewed"]


def test_pay_first_region_renews_without_a_review(cast, monday, settings):
    """Whatever comes first elsewhere, a renewal is paid and then insured."""
    person = insured(town="442000100", home_region=Region.objects.get(code="442000100"))
    run(campaign(cast, place="442000"))
    journeys.pay(of(person))
    assert of(person).state == State.ENROLLED


def test_campaign_goes_on_after_a_stop_and_doubles_nothing(cast, monday, monkeypatch):
    """REL-K: batches of two; stopped, gone on, started again: one application, notice and message each."""
    monkeypatch.setattr(renewal, "BATCH", 2)
    people = [insured() for _person in range(5)]
    made = campaign(cast)
    assert run(made, run_seconds=0) == "waiting"
    assert RenewalEntry.objects.count() == 2
    renewal.stop(made, actor=actor(cast.reviewer))
    assert not renewal.is_running(made)
    again = campaign(cast)
    assert (again.pk, again.job_id != made.job_id) == (made.pk, True)
    assert campaign(cast).job_id == again.job_id
    assert run(again) == "done"
    late = insured()
    assert run(campaign(cast)) == "done"
    assert [Application.objects.filter(beneficiary=person).count() for person in [*people, late]] == [1] * 6
    assert [told(person) for person in [*people, late]] == [["enrollment_renewed"]] * 6
    assert Notice.objects.count() == 6
    assert AuditEntry.objects.filter(action="enrollment.renewal_started").count() == 3


def test_batch_without_its_cursor_is_not_doubled(cast, monday):
    """REL-K: killed between commit and cursor: the same covers come again and are passed over."""
    people = [insured() for _person in range(3)]
    made = campaign(cast)
    pks = list(Cover.objects.values_list("pk", flat=True))
    assert renewal.renew(made, pks) == 3
    assert renewal.renew(made, pks) == 0
    assert run(made) == "done"
    assert Application.objects.filter(beneficiary__in=people).count() == 3


def test_somebody_who_applies_at_the_same_moment_wins(cast, monday, monkeypatch):
    """REL-R: the database refuses the second application; the others of the batch are renewed all the same."""
    quick, other = insured(), insured()
    made = campaign(cast)
    first = journeys.submitted(quick)
    real = renewal._judged

    def blind(*words):
        """The look before the application was there."""
        return real(*words).annotate(out=Value("", output_field=CharField()))

    with monkeypatch.context() as before:
        before.setattr(renewal, "_judged", blind)
        assert renewal.renew(made, list(Cover.objects.values_list("pk", flat=True))) == 1
    assert of(quick) == first
    assert of(other).state == State.AWAITING_PAYMENT
    assert not Message.objects.filter(resident_id=quick.pk, template="enrollment_renewed").exists()


def test_queries_do_not_grow_with_the_people(cast, monday):
    """PERFORMANCE: a batch of forty takes hardly more statements than one of six."""
    made = campaign(cast)
    counted = []
    for people in (6, 40):
        known = list(Cover.objects.values_list("pk", flat=True))
        for _person in range(people):
            insured()
        with CaptureQueriesContext(connection) as queries:
            renewal.renew(made, list(Cover.objects.exclude(pk__in=known).values_list("pk", flat=True)))
        counted.append(len(queries))
    assert counted[1] <= counted[0]


def test_campaign_is_for_the_collection_period_and_a_real_place(cast, regions):
    """Started outside the period, or for a whole country, nothing happens."""
    with time_machine.travel(datetime(2026, 7, 1, 9, 0, tzinfo=SHANGHAI), tick=False), pytest.raises(renewal.NotOpen):
        campaign(cast)
    with pytest.raises(renewal.WrongLevel):
        campaign(cast, place="450000")
    assert not RenewalCampaign.objects.exists()


def test_reviewer_previews_starts_and_follows_a_campaign(cast, monday, client):
    """N17: counts before the start; progress, stop and go on without scripts."""
    insured()
    insured(employee_insured=True)
    sign_in(client, cast.reviewer)
    address = reverse("enrollment:renewals")
    place = Region.objects.get(code="450302")
    page = client.get(address, {"region": place.pk, "cover_year": "2027"})
    for text in ("¥400.00", "目前已参加职工医保", "开始续保"):
        assertContains(page, text)
    page = client.post(address, {"region": place.pk, "cover_year": "2027"}, follow=True)
    assertContains(page, "停止")
    made = RenewalCampaign.objects.get()
    assertContains(client.post(reverse("enrollment:renewal_stop", args=[made.pk]), follow=True), "继续")
    client.post(reverse("enrollment:renewal_resume", args=[made.pk]))
    run(made)
    page = client.get(reverse("enrollment:renewal", args=[made.pk]))
    assertContains(page, "待缴费")
    assertContains(page, "目前已参加职工医保")
    assert Job.objects.count() == 2


def test_campaigns_of_other_areas_are_out_of_reach(cast, monday, client):
    """RELIABILITY §3: another county neither sees nor starts it; an auditor sees and starts nothing."""
    insured()
    made = campaign(cast)
    place = Region.objects.get(code="450302")
    sign_in(client, cast.other_reviewer)
    assert client.get(reverse("enrollment:renewal", args=[made.pk])).status_code == 404
    assert client.post(reverse("enrollment:renewal_stop", args=[made.pk])).status_code == 404
    refused = client.post(reverse("enrollment:renewals"), {"region": place.pk, "cover_year": "2027"})
    assertContains(refused, "error-summary")
    sign_in(client, cast.auditor)
    assertNotContains(client.get(reverse("enrollment:renewal", args=[made.pk])), "停止</button>")
    client.post(reverse("enrollment:renewals"), {"region": place.pk, "cover_year": "2026"})
    assert RenewalCampaign.objects.count() == 1


@pytest.mark.soak
def test_ten_thousand_people_are_renewed(cast, monday):
    """A county in one go; the number comes from CANBAO_SOAK_PEOPLE."""
    count = int(os.environ.get("CANBAO_SOAK_PEOPLE", "500"))
    for _person in range(count):
        insured()
    made = campaign(cast)
    while run(made) != "done":
        pass
    assert Notice.objects.count() == count


def test_campaign_is_printed_by_those_whose_area_it_reaches(cast, monday, client):
    """Issue 5: a county prints its part of the city's campaign and its own, not the neighbour's."""
    here, there = insured(), insured(town="450305001")
    city = renewal.start(Region.objects.get(code="450300"), 2027, actor=actor(make_staff("su", "admin", "450300")))
    run(city)
    neighbours = RenewalCampaign.objects.create(region=region("450305"), cover_year=2027)
    known = campaigns.reaching(actor(cast.cashier))
    assert [choice.pk for choice in known] == [city.pk]
    assert known[0].name == "桂林市 2027 年度集中续保"
    assert campaigns.named(neighbours.pk).pk == neighbours.pk
    assert campaigns.named(uuid.uuid4()) is None
    assert not campaigns.notices_of(uuid.uuid4()).exists()
    assert set(campaigns.notices_of(city.pk)) == {of(here).notice, of(there).notice}
    chosen = {"actor": actor(cast.cashier), "region": region("450302")}
    assert print_runs.start_print_run(**chosen, campaign=city.pk).notice_count == 1
    with pytest.raises(PermissionError):
        print_runs.start_print_run(**chosen, campaign=neighbours.pk)
