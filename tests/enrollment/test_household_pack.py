"""A family in one visit: entered together, decided one by one, paid with one notice."""

import re
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.urls import reverse

from enrollment import households, progress, services
from enrollment.models import Application, Cover, HouseholdPack, PackState
from enrollment.states import State
from payments import collective
from payments.models import Notice
from payments.services import book_payment, confirm_refund
from payments.states import State as NoticeState
from payments.workflow import NoticeWorkflow
from portal.outbox.models import Message
from portal.people.actors import SYSTEM
from portal.people.models import Basis, Relation
from portal.people.services import appoint_guardian, form_household
from portal.regions.models import Office, Region
from tests.enrollment import journeys
from tests.enrollment.conftest import MONDAY
from tests.enrollment.test_money import ZHONGSHAN
from tests.payments.racing import at_once
from tests.people_cast import FIRST_DAY, ResidentFactory, actor, make_staff, sign_in

pytestmark = pytest.mark.django_db

TOWN = "450302001"
PERSON = {"sex": "M", "has_id_card": "yes", "relation": "parent", "register": "shows"}
CONTACT = {"phone": "19900000001", "address": "甲山村8号", "in_area": "yes"}
COVER = {"status": "local_hukou", "other_cover": "none", "missed_years": "0"}


@pytest.fixture
def family(cast):
    """Zhang with his wife and their child."""
    assert cast.li
    return cast.guardian, cast.li, cast.child


def answers_of(row: Application, town: str = TOWN) -> None:
    """Everything about one person, as the pages store it."""
    told = journeys.ANSWERS | {"person": journeys.ANSWERS["person"] | {"birth_on": row.beneficiary.birth_date}}
    for section in households.personal_sections():
        services.save_section(application=row, section=section.code, values=told[section.code])


def filled(people, *, town: str = TOWN, office_kind: str = "service_point") -> HouseholdPack:
    """A family with every answer, not submitted."""
    applicant = people[0]
    who, region = actor(applicant), Region.objects.get(code=town)
    pack = households.open_pack(actor=who, applicant=applicant, region=region, cover_year=2027)
    assert not households.add_members(pack=pack, actor=who, people=people)
    office = Office.objects.responsible_for(region, office_kind)
    households.save_shared(pack=pack, section="contact", values=journeys.ANSWERS["contact"])
    households.save_shared(pack=pack, section="office", values={"office": office}, office=office)
    for row in households.drafts(pack):
        answers_of(row, town)
    return pack


def submitted(people, **options) -> HouseholdPack:
    pack = filled(people, **options)
    shown = households.fingerprint(households.drafts(pack))
    households.submit(pack=pack, actor=actor(people[0]), token=pack.submit_token, shown=shown)
    journeys.sweep()
    return pack


def member(pack: HouseholdPack, person) -> Application:
    return Application.objects.for_pages().get(pack=pack, beneficiary=person)


def approve(pack: HouseholdPack, person, clerk) -> Application:
    row = journeys.seen(member(pack, person), clerk)
    services.approve(application=row, actor=actor(clerk), version=row.version)
    return member(pack, person)


def reject(pack: HouseholdPack, person, clerk) -> None:
    row = member(pack, person)
    services.reject(
        application=row,
        actor=actor(clerk),
        version=row.version,
        reason_code="other_cover",
        reason="已参加职工医保",
        next_step="停保后再来",
    )


def whole(pack: HouseholdPack) -> Notice | None:
    return collective.open_collective(purpose=households.PURPOSE, reference=str(pack.pk))


def pay(notice: Notice) -> None:
    book_payment(
        channel=notice.channels[0].code,
        provider_txn=f"T{notice.number}",
        amount_fen=notice.amount_fen,
        paid_on=notice.issued_on,
        actor=SYSTEM,
        notice_number=notice.number,
    )


def test_a_family_registers_in_one_visit_through_the_pages(client, monday, family):
    """N13, UX-R3, UX-R6, F3: pick people, shared answers once, one check, one declaration, one receipt."""
    zhang, _li, _child = family
    sign_in(client, zhang)
    client.get("/check/", {"region": TOWN})
    assert reverse("enrollment:household_start") in client.get(reverse("enrollment:mine")).content.decode()
    page = client.post(reverse("enrollment:household_start"), {"who": []})
    assert "error-summary" in page.content.decode()
    chosen = {"who": [str(person.pk) for person in family]}
    client.post(reverse("enrollment:household_start"), chosen, follow=True)
    pack = HouseholdPack.objects.get()
    office = Office.objects.responsible_for(pack.region, "service_point")
    url = reverse("enrollment:household_shared", args=[pack.pk, "contact"])
    for _page in range(20):
        code = url.rstrip("/").rpartition("/")[2]
        told = {"contact": CONTACT, "office": {"office": office.pk}, "cover": COVER, "person": dict(PERSON)}
        told |= {"assistance": {"assistance": "none"}}
        if code == "person":
            row = Application.objects.get(pk=url.split("/")[-3])
            day = row.beneficiary.birth_date
            told["person"] |= {"birth_on_year": day.year, "birth_on_month": day.month, "birth_on_day": day.day}
            told["person"]["relation"] = {"self": "", "child": "parent", "family": "spouse"}[row.for_whom]
        answer = client.post(url, told[code])
        assert answer.status_code == 302, re.findall(r"error-message.*", answer.content.decode())
        url = answer["Location"]
        if url.endswith("/check/"):
            break
    check = client.get(url).content.decode()
    assert all(person.name in check for person in family)
    assert "truthful" in check
    form = {name: re.search(rf'name="{name}" value="([^"]+)"', check)[1] for name in ("token", "shown")}
    assert client.post(url, form).status_code == 200  # the declaration is not ticked
    answer = client.post(url, form | {"truthful": "on"}, follow=True)
    numbers = [row.grouped_number for row in pack.members.all()]
    assert len(numbers) == 3
    assert all(number in answer.content.decode() for number in numbers)
    assert client.post(url, form | {"truthful": "on"}).status_code == 302
    assert Application.objects.exclude(state=State.DRAFT).count() == 3
    assert client.get(reverse("enrollment:household", args=[pack.pk])).status_code == 200
    stranger = ResidentFactory()
    sign_in(client, stranger)
    assert client.get(reverse("enrollment:household", args=[pack.pk])).status_code == 404


def test_one_refused_does_not_block_the_others_and_one_notice_collects_the_rest(monday, cast, family):
    """N13: decided one by one, one notice when everybody is decided, told once, paid once, everybody insured."""
    zhang, li, child = family
    pack = submitted(family)
    assert pack.state == PackState.DECIDING
    approve(pack, zhang, cast.clerk)
    assert whole(pack) is None
    approve(pack, child, cast.clerk)
    assert not Message.objects.filter(template="payments_issued").exists()
    assert Message.objects.filter(template="enrollment_approved_together").count() >= 2
    reject(pack, li, cast.clerk)
    notice = whole(pack)
    assert {line.reference for line in notice.lines} == {str(member(pack, p).pk) for p in (zhang, child)}
    assert Message.objects.filter(template="payments_issued").count() == 1
    pay(notice)
    assert [member(pack, person).state for person in family] == [State.ENROLLED, State.REJECTED, State.ENROLLED]
    assert Cover.objects.filter(person__in=[zhang, child]).count() == 2
    assert Message.objects.filter(template="payments_paid").count() == 1
    assert pack.state == PackState.DONE


def test_the_familys_page_leads_to_the_notice_of_the_only_one_who_pays(client, monday, cast, family):
    """N13: two refused, one approved: no notice for a family of one, and nobody has to look for the single one."""
    zhang, li, child = family
    pack = submitted(family)
    approve(pack, zhang, cast.clerk)
    sign_in(client, zhang)
    url = reverse("enrollment:household", args=[pack.pk])
    assert "请缴费：张三" not in client.get(url).content.decode()
    reject(pack, li, cast.clerk)
    reject(pack, child, cast.clerk)
    notice = member(pack, zhang).notice
    page = client.get(url).content.decode()
    assert "请缴费：张三" in page
    assert notice.get_absolute_url() in page
    monday.move_to(MONDAY + timedelta(days=60))
    sign_in(client, zhang)
    late = client.get(url).content.decode()
    assert "请缴费" not in late
    assert "缴费期限已过" in late


def test_a_family_with_nothing_to_pay_is_promised_no_notice(client, monday, family):
    """N13, DOMAIN §6: before submission and on the receipt; one who pays brings the notice back."""
    pack = filled(family)
    sign_in(client, family[0])
    url = reverse("enrollment:household_check", args=[pack.pk])
    assert "全家一张缴费通知单" in client.get(url).content.decode()
    for row in households.drafts(pack):
        services.save_section(application=row, section="assistance", values={"assistance": "EXTREME_POVERTY"})
    page = client.get(url).content.decode()
    assert "无需缴费：由政府全额资助" in page
    for words in ("全家一张缴费通知", "审核通过后再缴费", "¥"):
        assert words not in page
    rows = households.drafts(pack)
    households.submit(pack=pack, actor=actor(family[0]), token=pack.submit_token, shown=households.fingerprint(rows))
    told = client.get(reverse("enrollment:household_receipt", args=[pack.pk])).content.decode()
    for words in ("缴费通知单", "缴费后"):
        assert words not in told


def test_the_family_may_pay_for_those_approved_so_far(client, monday, cast, family):
    """N13: nobody waits for the slowest; the rest gets a notice of its own when it is decided."""
    zhang, li, child = family
    pack = submitted(family)
    approve(pack, zhang, cast.clerk)
    approve(pack, li, cast.clerk)
    sign_in(client, zhang)
    assert client.post(reverse("enrollment:household_pay", args=[pack.pk])).status_code == 302
    first = whole(pack)
    assert first.members.count() == 2
    pay(first)
    approve(pack, child, cast.clerk)
    assert whole(pack) is None  # a single notice is told and paid as usual
    assert Message.objects.filter(template="payments_issued").count() == 2
    pay(member(pack, child).notice)
    assert {member(pack, person).state for person in family} == {State.ENROLLED}


def test_who_has_applied_already_is_named_and_the_rest_goes_on(monday, cast, family):
    """N13, A9: a duplicate is left out by name, at the choice of people and at the submission."""
    zhang, li, child = family
    first = journeys.submitted(li)
    who, region = actor(zhang), Region.objects.get(code=TOWN)
    pack = households.open_pack(actor=who, applicant=zhang, region=region, cover_year=2027)
    troubles = households.add_members(pack=pack, actor=who, people=family)
    assert [(trouble.application.beneficiary, trouble.first) for trouble in troubles] == [(li, first)]
    services.withdraw(application=first, actor=actor(li), version=Application.objects.get(pk=first.pk).version)
    pack = filled(family)
    journeys.submitted(li)
    shown = households.fingerprint(households.drafts(pack))
    left_out = households.submit(pack=pack, actor=who, token=pack.submit_token, shown=shown)
    assert [trouble.application.beneficiary for trouble in left_out] == [li]
    assert member(pack, li).state == State.DRAFT
    assert {member(pack, person).state for person in (zhang, child)} == {State.SUBMITTED}


def test_nothing_is_submitted_when_somebody_cannot_be(client, monday, family):
    """N13, UX-E9: all or a clear reason per person; an old page submits nothing."""
    zhang, _li, child = family
    pack = filled(family)
    stale = households.fingerprint(households.drafts(pack))
    row = member(pack, child)
    told = {name: value for name, value in row.answers.items() if name != "cover"}
    row.answers = told
    Application.objects.filter(pk=row.pk).update(answers_cipher=row.answers_cipher)
    with pytest.raises(households.PackRefused) as refused:
        households.submit(pack=pack, actor=actor(zhang), token=pack.submit_token, shown=stale)
    assert [trouble.application.beneficiary for trouble in refused.value.troubles] == [child]
    assert {row.state for row in pack.members.all()} == {State.DRAFT}
    answers_of(member(pack, child))
    with pytest.raises(households.PackChanged):
        households.submit(pack=pack, actor=actor(zhang), token=pack.submit_token, shown=stale)
    sign_in(client, zhang)
    form = {"token": str(pack.submit_token), "shown": stale, "truthful": "on"}
    assert client.post(reverse("enrollment:household_check", args=[pack.pk]), form).status_code == 409
    assert {row.state for row in pack.members.all()} == {State.DRAFT}


def test_pay_first_gives_the_family_one_notice_at_once_and_refunds_one_member(monday, cast):
    """N13, A8: one notice before the review; one refused after the payment gets that money back, the others go on."""
    zhang = ResidentFactory(home_region=Region.objects.get(code=ZHONGSHAN), hukou_region_code="442000")
    child = ResidentFactory(identity_number="450381201907019914", phone="", has_id_card=False)
    child.home_region = zhang.home_region
    child.save()
    appoint_guardian(guardian=zhang, ward=child, basis=Basis.PARENT, valid_from=FIRST_DAY)
    pack = submitted([zhang, child], town=ZHONGSHAN)
    notice = whole(pack)
    assert notice.members.count() == 2
    assert Message.objects.filter(template="payments_issued").count() == 1
    pay(notice)
    assert {member(pack, person).state for person in (zhang, child)} == {State.UNDER_REVIEW}
    clerk = make_staff("xiaolan", "clerk", ZHONGSHAN, office_kind="service_point")
    reject(pack, child, clerk)
    approve(pack, zhang, clerk)
    refund = member(pack, child).notice
    assert refund.state == NoticeState.REFUNDING
    assert "已缴款项将退还给您" in progress.step(member(pack, child)).text
    assert "退还" not in progress.step(member(pack, zhang)).text
    confirm_refund(refund, actor=actor(make_staff("cash", "cashier", "442000")))
    assert (member(pack, zhang).state, member(pack, zhang).notice.state) == (State.ENROLLED, NoticeState.PAID)
    notice.refresh_from_db()
    assert notice.state == NoticeState.PAID


def test_a_member_who_withdraws_leaves_the_notice_of_the_family(monday, cast, family):
    """N10, N13: withdrawn after the notice was issued: the family gets a new one for the rest."""
    zhang, li, _child = family
    pack = submitted(family)
    for person in family:
        approve(pack, person, cast.clerk)
    first = whole(pack)
    row = member(pack, li)
    services.withdraw(application=row, actor=actor(zhang), version=row.version)
    first.refresh_from_db()
    second = whole(pack)
    assert (first.superseded_by_id, second.members.count()) == (second.pk, 2)
    assert second.amount_fen < first.amount_fen


def test_a_notice_near_its_day_is_collected_though_others_wait(monday, cast, family):
    """E12: an approved member does not lapse because another one is still to be decided."""
    pack = submitted(family)
    approve(pack, family[0], cast.clerk)
    approve(pack, family[2], cast.clerk)
    notice = member(pack, family[0]).notice
    monday.move_to(notice.remind_at)
    NoticeWorkflow.remind.sweep()
    assert whole(pack).members.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.processes
@pytest.mark.timeout(300)
def test_the_last_two_members_approved_at_once_get_one_notice(monday, cast):
    """REL-R1, N13: neither of two clerks misses that the other one was the last; one notice for everybody."""
    clerks = actor(cast.clerk), actor(cast.second_clerk)
    for _turn in range(3):
        people = [ResidentFactory(), ResidentFactory(phone="")]
        form_household([(people[0], Relation.HEAD), (people[1], Relation.PARENT)])
        pack = submitted(people)
        rows = [journeys.seen(member(pack, person), cast.clerk) for person in people]

        def decide(row, who) -> str:
            with time_machine.travel(MONDAY, tick=False):
                services.approve(application=Application.objects.get(pk=row.pk), actor=who, version=row.version)
            return "approved"

        results = at_once([partial(decide, row, who) for row, who in zip(rows, clerks, strict=True)])
        assert results == ["approved", "approved"]
        assert whole(pack).members.count() == 2
        assert Notice.objects.filter(purpose=households.PURPOSE, reference=str(pack.pk)).count() == 1
