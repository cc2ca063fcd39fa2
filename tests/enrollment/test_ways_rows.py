"""The procedure descriptions row by row where no other test names them, and hostile input into the ways in."""

from datetime import date

import pytest
from django.urls import reverse

from enrollment import offices, papers, services
from enrollment.models import Application
from portal.people.models import Level
from portal.regions import policy as policies
from portal.regions.models import Region
from tests.enrollment import journeys
from tests.enrollment.registrations import FLEXIBLE
from tests.enrollment.registrations import handed_in as registered
from tests.enrollment.test_bad_input import FINE, HOSTILE
from tests.enrollment.test_ways_coordination import clerk  # noqa: F401
from tests.enrollment.test_ways_form import declared
from tests.people_cast import ResidentFactory, actor, sign_in

pytestmark = pytest.mark.django_db


def test_the_page_before_the_start_answers_what_a_visitor_needs(client, monday):
    """S0-03, S0-04, S0-09, S0-12, S0-13, S1-17, S1-18, S1-22, UX-R1: papers, form, cost, law, offices, advice."""
    client.get(reverse("enrollment:check"), {"region": "450302001"})
    page = client.get(reverse("enrollment:materials")).content.decode()
    for words in (
        "居民身份证",
        "居民户口簿",
        "近期免冠照片",
        "居住证明",
        "¥400.00",
        "空白参保登记表",
        "第二十四条",
        "各地办理条件、材料和时限可能不同，请先向当地医保或人社部门咨询。",
        "0773-000 0038",
        "3个工作日",
        "当场",
    ):
        assert words in page, words
    assert page.count("立即申请") == 1
    assert reverse("enrollment:blank_form", args=["docx"]) in page


@pytest.mark.parametrize("place", ["450302001", "442000001", "360113001"])
def test_every_region_names_its_form_its_offices_and_its_order_of_payment(place, regions):
    """S0-01, S0-05, S0-08, S1-04, S1-08, S1-19, S1-22: configuration, and somebody answers for every place."""
    region = Region.objects.get(code=place)
    policy = policies.for_region(region)
    assert "参保登记表" in policy.text("form.enrollment.title")
    assert policy.setting("payment_order") in ("review_first", "pay_first")
    serving = offices.serving(region, policy)
    assert serving
    assert all(office.phone and office.address and office.hours for office in serving)
    assert any(law["article"]["zh"] == "第二十四条" for law in policy.setting("legal.enrollment"))


def test_accuracy_truth_and_materials_are_confirmed_before_the_end(client, monday, cast):
    """S0-02, S0-06, S0-07, S1-18, A4: every answer is shown with a link to change it; the declaration is recorded."""
    sign_in(client, cast.zhang)
    draft = journeys.draft(cast.zhang)
    url = reverse("enrollment:check_answers", args=[draft.pk])
    page = client.get(url).content.decode()
    for code in ("person", "contact", "cover", "assistance", "office"):
        assert f"{reverse('enrollment:section', args=[draft.pk, code])}?back=check" in page
    sent = {"token": draft.submit_token, "version": draft.version}
    assert "请勾选声明后再提交" in client.post(url, sent).content.decode()
    client.post(url, sent | {"truthful": "on"})
    draft.refresh_from_db()
    assert draft.declaration_at is not None
    receipt = papers.receipt(draft)
    assert any("真实" in text for text in receipt.paragraphs)


def test_the_audit_has_its_time_and_the_person_presents_the_card(monday, cast):
    """S1-20, S1-21, S0-10, S0-11: decided within the stated time; help says where the card is shown and how kept."""
    case = journeys.under_review(cast.zhang)
    assert offices.expected_on(case) == date(2026, 11, 26)
    policy = policies.for_region(case.region)
    assert "卡面清洁" in policy.text("card.care_notice")


def test_an_eligible_person_is_one_who_belongs_has_no_other_cover_and_lives_here(client, monday, cast):
    """S1-14, S1-15, S1-16: by the form too; not met conditions are named before submission, and the clerk is told."""
    sign_in(client, cast.zhang)
    draft = journeys.draft(cast.zhang, answers={"contact": {"in_area": False}, "cover": {"other_cover": "employee"}})
    page = client.get(reverse("enrollment:check_answers", args=[draft.pk])).content.decode()
    assert "居住在本地区" in page or "住在" in page
    case = services.submit(application=draft, actor=actor(cast.zhang), token=draft.submit_token, version=draft.version)
    journeys.sweep()
    findings = dict(case.checks.filter(outcome="finding").values_list("code", "reason_code"))
    assert findings["area"] == "not_local"
    assert findings["other_cover"] == "refused"


def test_the_task_list_says_what_is_done_and_what_cannot_start_yet(client, monday, cast):
    """UX-R3, UX-R4, UX-R5: states in words, why the last step is closed, five questions a page at most."""
    sign_in(client, cast.zhang)
    draft = services.start(
        actor=actor(cast.zhang),
        resident=cast.zhang,
        region=Region.objects.get(code="450302001"),
        for_whom="self",
        cover_year=2027,
        beneficiary=cast.zhang,
    )
    page = client.get(reverse("enrollment:tasks", args=[draft.pk])).content.decode()
    assert page.count("未开始") == 5
    assert "暂不能开始" in page
    assert "2026年12月23日" in page
    for code in ("person", "contact", "cover", "assistance", "office"):
        form = client.get(reverse("enrollment:section", args=[draft.pk, code])).context["form"]
        assert 1 <= len(form.fields) <= 5, code


def test_questions_about_a_school_are_kept_from_people_past_school_age(client, monday):
    """UX-R4: a pensioner is not asked; somebody who says to be a student is, whatever the age."""
    old = ResidentFactory(name="老人", identity_number="450305195001019980")
    sign_in(client, old)
    draft = journeys.draft(old)
    url = reverse("enrollment:section", args=[draft.pk, "cover"])
    assert "school" not in client.get(url).context["form"].fields
    told = {"status": "student", "other_cover": "none", "missed_years": "0"}
    assert "school" in client.post(url, told).context["form"].errors
    assert client.post(url, told | {"school": "tertiary"}).status_code == 302
    assert "school" in client.get(url).context["form"].fields


def test_a_second_application_is_refused_and_led_to_the_first_and_five_replays_are_one(client, monday, cast):
    """A9: beginning again for the same year shows the first; the same page sent five times gives the same receipt."""
    sign_in(client, cast.zhang)
    client.get(reverse("enrollment:check"), {"region": "450302001"})
    draft = journeys.draft(cast.zhang)
    url = reverse("enrollment:check_answers", args=[draft.pk])
    sent = {"token": draft.submit_token, "version": draft.version, "truthful": "on"}
    answers = {client.post(url, sent).url for _replay in range(5)}
    assert answers == {reverse("enrollment:receipt", args=[draft.pk])}
    again = client.post(reverse("enrollment:start"), {"who": "self"})
    assert again.status_code == 409
    assert reverse("enrollment:application", args=[draft.pk]) in again.content.decode()
    assert Application.objects.count() == 1


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_hostile_text_in_the_forms_of_the_ways_in_is_answered(kind, clerk, cast, client):  # noqa: F811
    """REL-F1, REL-F2: no 500 anywhere, and nothing is stored from it."""
    mandate = declared(cast.zhang, cast.wang)
    row = registered(cast.li, **FLEXIBLE)
    day = ["_year", "_month", "_day"]
    forms = [
        (cast.zhang, reverse("enrollment:simulator"), [f"birth_on{d}" for d in day] + ["missed_years", "assistance"]),
        (cast.zhang, reverse("enrollment:attorney_new"), ["name", "identity_number", "relation", "valid_from_year"]),
        (
            cast.zhang,
            reverse("enrollment:coordination_register", args=["unit"]),
            ["employer", "wage_fen", "dependants"],
        ),
        (cast.clerk, reverse("enrollment:mandate_refuse", args=[mandate.pk]), ["reason"]),
        (clerk, reverse("enrollment:registration_act", args=[row.pk, "return"]), ["reason", "version"]),
        (clerk, reverse("enrollment:registration_act", args=[row.pk, "papers"]), ["seen", "version"]),
        (clerk, reverse("enrollment:registration_act", args=[row.pk, "pay"]), ["period", "proof", "version"]),
    ]
    text = HOSTILE[kind]
    for person, url, fields in forms:
        sign_in(client, person)
        client.get(reverse("enrollment:check"), {"region": "450302001"})
        answer = client.post(url, dict.fromkeys(fields, text))
        assert answer.status_code in FINE, (url, answer.status_code)
        assert "<script>alert(1)" not in answer.content.decode()
    row.refresh_from_db()
    assert row.stage == "handed_in"
    assert cast.zhang.level == Level.VERIFIED
