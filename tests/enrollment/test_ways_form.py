"""The form itself: identity kinds, answers that vanish, guardians and agents, coming back on another device."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from enrollment import attorney, resume, services
from enrollment.models import Application, Mandate, MandateState, ResumeLink
from enrollment.states import State
from portal.limits import RateLimited
from portal.outbox.models import Message
from portal.people.identity import parse_identity_number
from portal.people.models import Guardianship, Level, Resident
from portal.regions.models import Office, Region
from tests.enrollment import journeys
from tests.people_cast import ResidentFactory, actor, identity_number, sign_in

pytestmark = pytest.mark.django_db


def section_url(application, code):
    return reverse("enrollment:section", args=[application.pk, code])


@pytest.mark.parametrize(
    ("number", "grounds", "asks_for_card"),
    [
        (None, {"local_hukou", "residence_permit", "student"}, True),
        ("830000199201300022", {"hmt_resident", "student"}, False),
        ("932682198501010017", {"foreign_permanent", "student"}, False),
    ],
)
def test_the_form_asks_what_fits_the_identity_document(number, grounds, asks_for_card, client, monday):
    """A2, S1-14, UX-R8: residents of Hong Kong, Macao and Taiwan and foreigners are not asked for a resident's card."""
    person = ResidentFactory(name="测试", **({"identity_number": number} if number else {}))
    sign_in(client, person)
    draft = journeys.draft(person)
    form = client.get(section_url(draft, "cover")).context["form"]
    assert {code for code, _label in form.fields["status"].choices} == grounds
    assert ("has_id_card" in client.get(section_url(draft, "person")).context["form"].fields) is asks_for_card
    wrong = "hmt_resident" if number is None else "local_hukou"
    refused = client.post(section_url(draft, "cover"), {"status": wrong, "other_cover": "none", "missed_years": "0"})
    assert refused.status_code == 200
    assert "status" in refused.context["form"].errors


def test_birth_date_and_sex_come_from_the_number_and_can_be_disputed(client, monday, cast):
    """UX-R8, A2: filled in, changed by the person, and the clerk is told of the difference."""
    sign_in(client, cast.zhang)
    draft = services.start(
        actor=actor(cast.zhang),
        resident=cast.zhang,
        region=Region.objects.get(code="450302001"),
        for_whom="self",
        cover_year=2027,
        beneficiary=cast.zhang,
    )
    form = client.get(section_url(draft, "person")).context["form"]
    assert form["birth_on"].value() == date(1990, 3, 7)
    assert form["sex"].value() == "M"
    case = journeys.under_review(cast.zhang, answers={"person": {"birth_on": date(1990, 3, 8)}})
    assert case.checks.get(code="identity").reason_code == "birth_differs"


def test_answers_that_vanish_are_named_before_they_are_dropped(client, monday, cast):
    """UX-R6: a student who turns out to be none is told which answers go, and only a second save drops them."""
    sign_in(client, cast.zhang)
    draft = journeys.draft(cast.zhang)
    url = section_url(draft, "cover")
    student = {"status": "student", "school": "tertiary", "listed_by_school": "no", "other_cover": "none"}
    client.post(url, student | {"missed_years": "0"})
    draft.refresh_from_db()
    assert draft.answers["cover"]["school"] == "tertiary"
    changed = {"status": "local_hukou", "school": "tertiary", "listed_by_school": "no", "other_cover": "none"}
    asked = client.post(f"{url}?back=check", changed | {"missed_years": "1"})
    assert asked.status_code == 200
    text = asked.content.decode()
    assert "这些回答将被删除" in text
    assert "大学、大专或职业院校" in text
    assert 'name="drop"' in text
    assert asked.context["form"]["missed_years"].value() == "1"
    draft.refresh_from_db()
    assert draft.answers["cover"]["school"] == "tertiary"
    saved = client.post(f"{url}?back=check", changed | {"missed_years": "1", "drop": "yes"})
    assert saved.url == reverse("enrollment:check_answers", args=[draft.pk])
    draft.refresh_from_db()
    assert draft.answers["cover"]["status"] == "local_hukou"
    assert not draft.answers["cover"]["school"]
    assert "大学" not in client.get(saved.url).content.decode()


def test_a_student_says_which_school_and_the_papers_follow(client, monday, cast):
    """S1-14, N15, UX-R6, UX-R7: the question is needed for students alone."""
    sign_in(client, cast.zhang)
    draft = journeys.draft(cast.zhang)
    url = section_url(draft, "cover")
    refused = client.post(url, {"status": "student", "other_cover": "none", "missed_years": "0"})
    assert "school" in refused.context["form"].errors
    told = {"status": "student", "school": "k12", "listed_by_school": "yes", "other_cover": "none", "missed_years": "0"}
    client.post(url, told)
    draft.refresh_from_db()
    case = services.submit(application=draft, actor=actor(cast.zhang), token=draft.submit_token, version=draft.version)
    assert set(case.materials.values_list("code", flat=True)) == {"ID_CARD", "SCHOOL_LIST", "PHOTO"}


def test_a_child_is_entered_with_the_guardians_details_and_the_register(client, monday, cast):
    """A10, S1-15, UX-R20: relation, guardian's name and masked number; the birth certificate follows the register."""
    sign_in(client, cast.guardian)
    draft = journeys.draft(cast.guardian, beneficiary=cast.child)
    url = section_url(draft, "person")
    page = client.get(url).content.decode()
    assert "张三" in page
    assert "监护人身份证件号码" in page
    assert cast.zhang.identity_number not in page
    born = {"birth_on_year": "2019", "birth_on_month": "7", "birth_on_day": "1", "sex": "M", "has_id_card": "no"}
    assert "relation" in client.post(url, born).context["form"].errors
    client.post(url, born | {"relation": "parent", "register": "listed"})
    draft.refresh_from_db()
    case = services.submit(
        application=draft, actor=actor(cast.guardian), token=draft.submit_token, version=draft.version
    )
    required = set(case.materials.filter(required=True).values_list("code", flat=True))
    assert {"GUARDIAN_ID", "HOUSEHOLD_REGISTER", "BIRTH_CERTIFICATE"} <= required


# Powers of attorney


def declared(agent, principal, **changes):
    """A power of attorney that waits for its paper."""
    region = Region.objects.get(code="450302001")
    values = {
        "name": principal.name,
        "number": parse_identity_number(principal.identity_number, principal.id_kind),
        "relation": "agent",
        "valid_from": date(2026, 11, 1),
        "valid_until": date(2026, 12, 31),
        "region": region,
        "office": Office.objects.responsible_for(region, "service_point"),
    }
    return attorney.declare(actor=actor(agent), **(values | changes))


def test_an_agent_declares_a_clerk_sees_the_paper_and_the_agent_applies(client, monday, cast):
    """A10, UX-R20, F5: from the page to the submitted application; both are told; the papers name agent and power."""
    sign_in(client, cast.zhang)
    client.get(reverse("enrollment:check"), {"region": "450302001"})
    told = {"name": cast.wang.name, "identity_number": cast.wang.identity_number, "relation": "agent"}
    told |= {"valid_from_year": "2026", "valid_from_month": "11", "valid_from_day": "1"}
    told |= {"valid_until_year": "2026", "valid_until_month": "12", "valid_until_day": "31"}
    answer = client.post(reverse("enrollment:attorney_new"), told)
    mandate = Mandate.objects.get()
    assert answer.url == reverse("enrollment:mandate", args=[mandate.pk])
    assert mandate.principal is None
    assert not Resident.objects.visible_to(actor(cast.zhang)).filter(pk=cast.wang.pk).exists()
    for fmt in ("html", "pdf", "docx"):
        assert client.get(reverse("enrollment:mandate_paper", args=[mandate.pk, fmt])).status_code == 200

    desk = Client()
    sign_in(desk, cast.clerk)
    assert "张*" in desk.get(reverse("enrollment:desk_attorney")).content.decode()
    confirm = reverse("enrollment:mandate_confirm", args=[mandate.pk])
    half = desk.post(confirm, {"paper": "on", "agent_card": "on"})
    assert "principal_card" in half.context["seen_form"].errors
    assert desk.post(confirm, {"paper": "on", "agent_card": "on", "principal_card": "on"}).status_code == 302
    again = desk.post(confirm, {"paper": "on", "agent_card": "on", "principal_card": "on"})
    assert again.status_code == 409
    mandate.refresh_from_db()
    assert (mandate.state, mandate.principal, mandate.seen_by) == (MandateState.CONFIRMED, cast.wang, cast.clerk)
    assert mandate.principal_number == ""
    assert Message.objects.filter(template="enrollment_attorney_confirmed", resident=cast.zhang).count() == 1
    assert Message.objects.filter(template="enrollment_attorney_given", resident=cast.wang).count() == 1

    begun = client.post(reverse("enrollment:start"), {"who": str(cast.wang.pk)})
    draft = Application.objects.get(beneficiary=cast.wang)
    assert begun.url == reverse("enrollment:tasks", args=[draft.pk])
    page = client.get(section_url(draft, "person")).content.decode()
    assert "2026年11月1日至2026年12月31日有效，委托书已由窗口核验" in page
    case = journeys.submitted(cast.zhang, beneficiary=cast.wang, answers={"person": {"relation": "agent"}})
    assert case.for_whom == "family"
    required = set(case.materials.filter(required=True).values_list("code", flat=True))
    assert {"AGENT_ID", "POWER_OF_ATTORNEY"} <= required
    assert Message.objects.filter(template="enrollment_submitted").count() == 2


def test_a_mandate_that_ended_before_the_form_was_submitted_stops_it(client, monday, cast):
    """A10: validity dates hold at the moment of submission; what was typed is kept."""
    mandate = declared(cast.zhang, cast.wang, valid_until=date(2026, 11, 25))
    attorney.confirm(mandate=mandate, actor=actor(cast.clerk))
    draft = journeys.draft(cast.zhang, beneficiary=cast.wang, answers={"person": {"relation": "agent"}})
    monday.shift(timedelta(days=3))
    sign_in(client, cast.zhang)
    url = reverse("enrollment:check_answers", args=[draft.pk])
    page = client.post(url, {"truthful": "on", "token": draft.submit_token, "version": draft.version})
    assert page.status_code == 409
    assert "您已不能为此人代办" in page.content.decode()
    draft.refresh_from_db()
    assert draft.state == State.DRAFT
    assert draft.answers["contact"]["address"]


def test_either_side_takes_a_power_back_at_once(client, monday, cast):
    """A10: the person represented ends it on the portal; nobody else may."""
    mandate = attorney.confirm(mandate=declared(cast.zhang, cast.wang), actor=actor(cast.clerk))
    with pytest.raises(PermissionDenied):
        attorney.take_back(mandate=mandate, actor=actor(cast.li))
    sign_in(client, cast.wang)
    assert "张三" in client.get(reverse("enrollment:attorney")).content.decode()
    client.post(reverse("enrollment:mandate_end", args=[mandate.pk]))
    mandate.refresh_from_db()
    assert mandate.state == MandateState.WITHDRAWN
    assert not Resident.objects.visible_to(actor(cast.zhang)).filter(pk=cast.wang.pk).exists()
    assert not Guardianship.objects.live().filter(guardian=cast.zhang, ward=cast.wang).exists()


def test_a_power_is_confirmed_by_a_disinterested_clerk_and_not_after_its_last_day(monday, cast):
    """A10, N19: nobody puts the power of their own people in force."""
    mandate = declared(cast.zhang, cast.wang)
    with pytest.raises(PermissionDenied):
        attorney.confirm(mandate=mandate, actor=actor(cast.clerk_at_home))
    monday.shift(timedelta(days=60))
    with pytest.raises(attorney.MandateOver):
        attorney.confirm(mandate=mandate, actor=actor(cast.clerk))


def test_what_an_agent_types_tells_nothing_about_others(monday, cast):
    """A10, REL-M3: known and unknown numbers are answered alike; a wrong name is the clerk's to see."""
    stranger = identity_number("450305", "19770101", "F", serial=3)
    unknown = declared(cast.zhang, cast.wang, number=parse_identity_number(stranger), name="无名")
    known = declared(cast.zhang, cast.wang, name="别的名字")
    assert (unknown.state, known.state) == (MandateState.DECLARED, MandateState.DECLARED)
    assert declared(cast.zhang, cast.wang).pk == known.pk
    with pytest.raises(attorney.NameDiffers):
        attorney.confirm(mandate=known, actor=actor(cast.clerk))
    new = attorney.confirm(mandate=unknown, actor=actor(cast.clerk))
    assert new.principal.level == Level.SELF_DECLARED
    with pytest.raises(attorney.OwnNumber):
        declared(cast.zhang, cast.zhang)
    with pytest.raises(attorney.NotAnAdult):
        declared(cast.zhang, cast.child)


def test_a_refused_power_says_why_and_erases_the_number(client, monday, cast):
    """A10, B6: the reason is the agent's to read."""
    mandate = declared(cast.zhang, cast.wang)
    sign_in(client, cast.clerk)
    url = reverse("enrollment:mandate_refuse", args=[mandate.pk])
    assert "reason" in client.post(url, {}).context["refuse_form"].errors
    client.post(url, {"reason": "委托书没有签名"})
    mandate.refresh_from_db()
    assert (mandate.state, mandate.principal_number) == (MandateState.REFUSED, "")
    sign_in(client, cast.zhang)
    assert "委托书没有签名" in client.get(reverse("enrollment:mandate", args=[mandate.pk])).content.decode()


# The link to another device


def sent_link():
    """The link of the newest message."""
    body = Message.objects.filter(template="enrollment_resume").order_by("-pk").first().body
    return "/r/" + body.split("/r/")[1].split("（")[0].split()[0]


def test_a_draft_is_resumed_on_another_device_by_one_link(client, monday, cast):
    """A11, UX-R5: sent to the own telephone, opens the page that was left, opens nothing for others."""
    draft = journeys.draft(cast.zhang)
    answers = draft.answers
    answers.pop("assistance")
    draft.answers = answers
    Application.objects.filter(pk=draft.pk).update(answers_cipher=draft.answers_cipher)
    sign_in(client, cast.zhang)
    tasks = client.get(reverse("enrollment:tasks", args=[draft.pk])).content.decode()
    assert "2026年12月23日" in tasks  # until when the draft is kept
    page = client.post(reverse("enrollment:resume_send", args=[draft.pk]), follow=True).content.decode()
    assert "199****0001" in page
    message = Message.objects.get(template="enrollment_resume")
    assert (message.phone, message.urgent) == ("19900000001", True)
    link = sent_link()

    tablet = Client()
    visitor = tablet.get(link)
    assert visitor.status_code == 200
    assert "张三" not in visitor.content.decode()
    assert f"next={link}" in visitor.content.decode().replace("%2F", "/")
    sign_in(tablet, cast.zhang)
    assert tablet.get(link).url == section_url(draft, "assistance")
    other = Client()
    sign_in(other, cast.wang)
    stranger = other.get(link)
    assert "这个链接是别人的" in stranger.content.decode()
    assert tablet.get("/r/nothing-at-all-here/").status_code == 404
    assert tablet.get(link[:-2] + "0/").status_code == 404


def test_an_expired_link_says_so_and_the_second_link_works(client, monday, cast):
    """A11 (OF#1959): after seven days the link says when it expired; a new one works and the first is void."""
    draft = journeys.draft(cast.zhang)
    sign_in(client, cast.zhang)
    send = reverse("enrollment:resume_send", args=[draft.pk])
    client.post(send)
    first = sent_link()
    monday.shift(timedelta(days=7, seconds=1))
    sign_in(client, cast.zhang)
    gone = client.get(first)
    assert gone.status_code == 410
    assert "过期" in gone.content.decode()
    client.post(send)
    second = sent_link()
    assert second != first
    assert client.get(second).url == reverse("enrollment:check_answers", args=[draft.pk])
    void = client.get(first)
    assert void.status_code == 410
    assert "已经发过新的链接" in void.content.decode()
    draft.refresh_from_db()
    services.submit(application=draft, actor=actor(cast.zhang), token=draft.submit_token, version=draft.version)
    assert client.get(second).url == reverse("enrollment:application", args=[draft.pk])
    assert "不能填写" in Client().get(second).content.decode()


def test_a_link_never_outlives_the_draft_and_only_the_owner_sends_it(monday, cast):
    """A11: valid until the draft lapses at the latest; five a day; no telephone, no link."""
    draft = journeys.draft(cast.zhang)
    monday.shift(timedelta(days=27))
    link = resume.send(application=draft, actor=actor(cast.zhang))
    assert link.expires_at == draft.due_at
    assert link.expires_at < timezone.now() + timedelta(days=7)
    with pytest.raises(PermissionDenied):
        resume.send(application=draft, actor=actor(cast.li))
    for _again in range(4):
        resume.send(application=draft, actor=actor(cast.zhang))
    with pytest.raises(RateLimited):
        resume.send(application=draft, actor=actor(cast.zhang))
    assert ResumeLink.objects.get().sent == 5
    quiet = ResidentFactory(name="无电话", phone="")
    with pytest.raises(resume.NoPhone):
        resume.send(application=journeys.draft(quiet), actor=actor(quiet))
