"""The procedure descriptions row by row where no other test names them, and hostile input into the ways in."""

from datetime import date, timedelta

import pytest
from django.urls import reverse

from cards.services import obstacles as card_obstacles
from enrollment import offices, papers, services
from enrollment.models import Application, Cover
from portal.outbox.models import Message
from portal.people.models import Level
from portal.regions import policy as policies
from portal.regions.models import Region
from tests.enrollment import journeys
from tests.enrollment.registrations import FLEXIBLE
from tests.enrollment.registrations import handed_in as registered
from tests.enrollment.test_bad_input import FINE, HOSTILE
from tests.enrollment.test_ways_coordination import clerk  # noqa: F401
from tests.enrollment.test_ways_form import declared
from tests.people_cast import ResidentFactory, actor, identity_number, make_staff, sign_in

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


def test_the_audit_has_its_time_and_the_card_follows_the_cover(monday, cast):
    """S1-20, S0-10, S0-11: decided within the stated time; no card before approval and payment; how it is kept."""
    case = journeys.under_review(cast.zhang)
    assert offices.expected_on(case) == date(2026, 11, 26)
    assert "not_insured" in card_obstacles(cast.zhang)
    case = journeys.seen(case, cast.clerk)
    services.approve(application=case, actor=actor(cast.clerk), version=case.version)
    assert "not_insured" in card_obstacles(cast.zhang)
    journeys.pay(journeys.reload(case))
    assert "not_insured" not in card_obstacles(cast.zhang)
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


def test_a_child_who_signs_in_alone_is_led_to_the_guardian(client, monday):
    """A10, S1-15: under 16 nobody applies alone, for themselves or for a family; the way out is named."""
    child = ResidentFactory(name="小学生", identity_number=identity_number("450302", "20120510", "F"))
    sign_in(client, child)
    client.get(reverse("enrollment:check"), {"region": "450302001"})
    for name in ("start", "household_start"):
        for answer in (
            client.get(reverse(f"enrollment:{name}")),
            client.post(reverse(f"enrollment:{name}"), {"who": "self"}),
        ):
            page = answer.content.decode()
            assert "请由父母或其他监护人代您办理" in page
            assert "未满16周岁" in page
            assert "0773-" in page
    assert not Application.objects.exists()
    old_enough = ResidentFactory(identity_number=identity_number("450302", date(2010, 11, 23)))
    sign_in(client, old_enough)
    assert client.post(reverse("enrollment:start"), {"who": "self"}).status_code == 302


def test_a_birthday_other_than_the_numbers_is_named_before_submission(client, monday, cast):
    """UX-R8: it may be right, so it is accepted, but nobody mistypes it unnoticed."""
    sign_in(client, cast.zhang)
    draft = journeys.draft(cast.zhang)
    url = reverse("enrollment:check_answers", args=[draft.pk])
    assert "号码中的不一致" not in client.get(url).content.decode()
    services.save_section(
        application=draft, section="person", values=journeys.ANSWERS["person"] | {"birth_on": date(1990, 3, 8)}
    )
    assert "出生日期与身份证件号码中的不一致" in client.get(url).content.decode()


def test_who_has_nothing_to_pay_is_nowhere_asked_for_money(client, monday, cast):
    """S1-22, DOMAIN §6: from the task list to the decision paper and every message; insured without a payment."""
    cast.zhang.assistance_category = "EXTREME_POVERTY"
    cast.zhang.save()
    sign_in(client, cast.zhang)
    case = journeys.draft(cast.zhang, answers={"assistance": {"assistance": "EXTREME_POVERTY"}})
    pages = [client.get(reverse(f"enrollment:{name}", args=[case.pk])) for name in ("tasks", "check_answers")]
    assert "无需缴费" in pages[1].content.decode()
    services.submit(application=case, actor=actor(cast.zhang), token=case.submit_token, version=case.version)
    pages.append(client.get(reverse("enrollment:receipt", args=[case.pk])))
    journeys.sweep()
    case = journeys.seen(journeys.reload(case), cast.clerk)
    services.approve(application=case, actor=actor(cast.clerk), version=case.version)
    pages += [client.get(reverse(f"enrollment:{name}", args=[case.pk])) for name in ("application", "receipt")]
    pages.append(client.get(reverse("enrollment:decision_paper", args=[case.pk, "html"])))
    for answer in pages:
        told = answer.content.decode().split("<main")[-1].split("</main>")[0]
        for words in ("¥", "请缴费", "缴纳保险费", "缴费通知", "需要缴费", "缴费后"):
            assert words not in told, (answer.request["PATH_INFO"], words)
    case.refresh_from_db()
    assert (case.state, case.notice, case.cover.waiting_months) == ("enrolled", None, 0)
    assert not any("缴费" in message.body for message in Message.objects.filter(resident=cast.zhang))


def test_the_offices_time_costs_nobody_with_nothing_to_pay_the_benefits(monday, cast):
    """N21: who is free of the premium has done everything with the application; paid cover begins with the payment."""
    old = ResidentFactory(name="老人", identity_number="450305195001019980")
    case = journeys.under_review(old, town="360113001", year=2027)
    assert case.nothing_payable  # 70 years and older, not exempt from waiting
    monday.shift(timedelta(days=103))  # into March: the collection period is over
    here = make_staff("nan", "clerk", "360113001", office_kind="service_point")
    case = journeys.seen(journeys.reload(case), here)
    services.approve(application=case, actor=actor(here), version=case.version)
    written = Cover.objects.get(application=case)
    assert (written.benefits_from, written.waiting_months) == (date(2027, 1, 1), 0)


def test_a_year_that_gives_nothing_any_more_is_named_before_anybody_pays(client, monday, cast):
    """N21, UX-R1: in Nanchang in November the year is late and the waiting period longer than what is left of it."""
    client.get(reverse("enrollment:check"), {"region": "360113001"})
    told = {"birth_on_year": "1980", "birth_on_month": "5", "birth_on_day": "1", "status": "local_hukou"}
    told |= {"other_cover": "none", "in_area": "yes", "assistance": "none"}
    words = "2026年度：享受不到待遇"
    page = client.post(reverse("enrollment:check"), told).content.decode()
    assert page.count(words) == 1
    exempt = client.post(reverse("enrollment:check"), told | {"assistance": "DIBAO"}).content.decode()
    assert words not in exempt
    assert "等待期后享受" not in exempt
    sign_in(client, cast.zhang)
    client.get(reverse("enrollment:check"), {"region": "360113001"})
    asked = client.post(reverse("enrollment:start"), {"who": "self"}).content.decode()
    assert asked.count(words) == 1
    draft = journeys.draft(cast.zhang, town="360113001", year=2026)
    assert words in client.get(reverse("enrollment:check_answers", args=[draft.pk])).content.decode()


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
