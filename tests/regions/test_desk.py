"""The policy desk in the browser's eyes: lists, drafts, preview, publication, calendar."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from portal.regions import policy
from portal.regions.models import CalendarYear, PolicyRule, Region
from tests.people_cast import Cast, sign_in
from tests.regions.conftest import Admins
from tests.regions.test_calendar import CSV_2027

pytestmark = pytest.mark.django_db

FEE = "/desk/policy/450300/fee/premium.2027/"
PAPER = "/desk/policy/450300/material/new_adult.RESIDENCE_PROOF/"


@pytest.fixture(autouse=True)
def now() -> Iterator[None]:
    with time_machine.travel("2026-11-21T02:00:00Z", tick=False):
        yield


@pytest.fixture
def first(admins: Admins) -> Client:
    client = Client()
    sign_in(client, admins.first)
    return client


@pytest.fixture
def second(admins: Admins) -> Client:
    client = Client()
    sign_in(client, admins.second)
    return client


def page(client: Client, url: str, **query: Any) -> str:
    response = client.get(url, query)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def post_fee(client: Client, **data: Any) -> Any:
    return client.post(FEE, {"amount": "410", "valid_from": "2027-01-01", "reason": "示例文号", **data})


def test_fee_goes_from_draft_to_publication_and_the_pages_follow_on_the_day(first: Client, second: Client) -> None:
    """UX-A1, UX-A3, H3, N17: draft, preview with old and new, refused to its drafter, published by the second admin."""
    response = post_fee(first)
    rule = PolicyRule.objects.get(state="draft")
    assert response.url == reverse("regions:change", args=[rule.pk])
    preview = page(first, response.url)
    assert "¥400.00" in preview
    assert "¥410.00" in preview
    assert reverse("regions:publish", args=[rule.pk]) not in preview
    refused = first.post(reverse("regions:publish", args=[rule.pk]))
    assert refused.status_code == 409
    assert "另一名管理员" in refused.content.decode()
    assert reverse("regions:publish", args=[rule.pk]) in page(second, response.url)
    assert second.post(reverse("regions:publish", args=[rule.pk])).status_code == 302
    guilin = Region.objects.get(code="450300")
    assert policy.for_region(guilin).fee("premium", cover_year=2027).amount_fen == 40000
    assert policy.for_region(guilin, date(2027, 1, 1)).fee("premium", cover_year=2027).amount_fen == 41000
    listed = page(second, reverse("regions:rules"))
    assert "待生效" in listed
    assert "2027年1月1日" in listed
    assert second.post(reverse("regions:publish", args=[rule.pk])).status_code == 409
    assert second.post(reverse("regions:withdraw", args=[rule.pk])).status_code == 302
    assert policy.for_region(guilin, date(2027, 1, 1)).fee("premium", cover_year=2027).amount_fen == 40000


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("", "请填写金额"),
        ("-1", "不能是负数"),
        ("－1", "不能是负数"),
        ("abc", "请用数字"),
        ("四百", "请用数字"),
        ("400.505", "两位小数"),
        ("1e3", "请用数字"),
        ("٤٠٠", "请用数字"),
        ("1,000", "请用数字"),
        ("999999999999", "请用数字"),
        ("1000000", "不能超过"),
        ("4" * 60, "请用数字"),
    ],
)
def test_bad_amount_is_refused_in_plain_words(first: Client, amount: str, words: str) -> None:
    """UX-R7: what was typed stays."""
    response = post_fee(first, amount=amount)
    assert response.status_code == 200
    text = response.content.decode()
    assert words in text
    assert "示例文号" in text
    assert not PolicyRule.objects.filter(state="draft").exists()


@pytest.mark.parametrize(
    ("amount", "fen"),
    [
        ("400", 40000),
        ("400.5", 40050),
        ("400.50", 40050),
        ("４００．５０", 40050),
        (" ¥400 ", 40000),
        ("0", 0),
        ("400元", 40000),
    ],
)
def test_amount_is_read_as_people_write_it(first: Client, amount: str, fen: int) -> None:
    assert post_fee(first, amount=amount).status_code == 302
    assert PolicyRule.objects.get(state="draft").value["standard_fen"] == fen


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("", "请填写生效日期"),
        ("2026-11-20", "不能早于今天"),
        ("2027-02-30", "例如 2027-01-01"),
        ("morgen", "例如 2027-01-01"),
        ("9999-01-01", "太远"),
    ],
)
def test_bad_first_day_is_refused_in_plain_words(first: Client, day: str, words: str) -> None:
    """UX-A1: the past cannot be edited."""
    response = post_fee(first, valid_from=day)
    assert response.status_code == 200
    assert words in response.content.decode()


@pytest.mark.parametrize("day", ["2027-01-01", "2027年1月1日", "２０２７/１/１", "2027.1.1"])
def test_first_day_is_read_as_people_write_it(first: Client, day: str) -> None:
    assert post_fee(first, valid_from=day).status_code == 302
    assert PolicyRule.objects.get(state="draft").valid_from == date(2027, 1, 1)


def test_amount_can_be_left_unpublished(first: Client) -> None:
    """S0-09: pending instead of an amount, not beside it."""
    assert "不能同时" in post_fee(first, pending="on").content.decode()
    assert post_fee(first, amount="", pending="on").status_code == 302
    assert PolicyRule.objects.get(state="draft").value["standard_fen"] is None


def test_taken_day_is_an_error_of_the_form(first: Client, second: Client) -> None:
    """H2: not a server error."""
    post_fee(first)
    second.post(reverse("regions:publish", args=[PolicyRule.objects.get(state="draft").pk]))
    response = post_fee(first, amount="420")
    assert response.status_code == 200
    assert "已有一项变更自 2027年1月1日 起生效" in response.content.decode()


def test_paper_is_changed_with_both_languages(first: Client, second: Client) -> None:
    """S0-04, A3, UX-A3: the list of residents follows on the day."""
    data = {
        "level": "required",
        "original_or_copy": "copy",
        "copies": "２",
        "note_zh": "示例",
        "note_en": "",
        "valid_from": "2026-11-22",
    }
    assert "同时填写中文和英文" in first.post(PAPER, data).content.decode()
    data |= {"note_en": "sample"}
    response = first.post(PAPER, data)
    assert response.status_code == 302
    assert "必须提供" in page(first, response.url)
    rule = PolicyRule.objects.get(state="draft")
    second.post(reverse("regions:publish", args=[rule.pk]))
    guilin = Region.objects.get(code="450300")
    before = {paper.code: paper for paper in policy.for_region(guilin).materials("new_adult", {"lives_at_hukou": True})}
    after = policy.for_region(guilin, date(2026, 11, 22)).materials("new_adult", {"lives_at_hukou": True})
    paper = next(paper for paper in after if paper.code == "RESIDENCE_PROOF")
    assert "RESIDENCE_PROOF" not in before
    assert (paper.level, paper.copies, paper.original_or_copy, paper.note["zh"]) == ("required", 2, "copy", "示例")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"level": ""}, "请选择对该材料的要求"),
        ({"copies": "-1"}, "0 到 9"),
        ({"copies": "10"}, "0 到 9"),
        ({"level": "conditional", "condition_zh": "", "condition_en": ""}, "哪些情形"),
    ],
)
def test_bad_paper_is_refused_in_plain_words(first: Client, data: dict[str, str], words: str) -> None:
    valid = {"level": "required", "original_or_copy": "copy", "copies": "1", "valid_from": "2027-01-01"}
    response = first.post(PAPER, {**valid, **data})
    assert response.status_code == 200
    assert words in response.content.decode()


def test_another_paper_can_be_asked_for(first: Client) -> None:
    """S0-03: the list of materials is open."""
    text = page(first, reverse("regions:rules"), region="450302", kind="material", scenario="newborn")
    url = reverse("regions:edit_material", args=["450302", "newborn.PHOTO"])
    assert url in text
    data = {"level": "required", "original_or_copy": "original", "copies": "1", "valid_from": "2027-01-01"}
    assert first.post(url, data).status_code == 302


def test_list_says_where_each_rule_comes_from(first: Client) -> None:
    """UX-A4: inherited from city, province or nation."""
    text = page(first, reverse("regions:rules"), region="450302", kind="time_limit")
    assert "桂林市" in text
    assert "全国" in text
    assert "沿用上级" in text
    assert "10 个工作日" in text


def test_every_tab_and_scenario_opens_in_both_languages(first: Client) -> None:
    for language in ("zh-hans", "en"):
        first.cookies["django_language"] = language
        for kind in ("fee", "material", "time_limit", "channel"):
            page(first, reverse("regions:rules"), region="450300", kind=kind)
        page(first, reverse("regions:calendar"))
        page(first, reverse("regions:calculator"), region="450302")
        page(first, FEE)
        page(first, PAPER)


@pytest.mark.parametrize(
    "url",
    [
        "/desk/policy/?region=442000",
        "/desk/policy/?kind=setting",
        "/desk/policy/442000/fee/premium.2027/",
        "/desk/policy/450300/fee/stamp_duty/",
        "/desk/policy/450300/fee/premium.1066/",
        "/desk/policy/450300/fee/premium.２０２７/",
        "/desk/policy/450300/material/new_adult.UNICORN/",
        "/desk/policy/450300/material/wedding.ID_CARD/",
        "/desk/policy/999999/fee/premium.2027/",
        "/desk/policy/changes/999999/",
        "/desk/policy/calculator/?region=442000",
    ],
)
def test_what_is_not_the_admins_does_not_exist(first: Client, url: str) -> None:
    """B10, H3: other regions and unknown rules are 404."""
    assert first.get(url).status_code == 404


def test_rule_of_another_region_does_not_exist(first: Client, admins: Admins) -> None:
    """H3: another admin's draft cannot even be read."""
    post_fee(first)
    rule = PolicyRule.objects.get(state="draft")
    stranger = Client()
    sign_in(stranger, admins.elsewhere)
    assert stranger.get(reverse("regions:change", args=[rule.pk])).status_code == 404
    for name in ("publish", "withdraw", "roll_back"):
        assert stranger.post(reverse(f"regions:{name}", args=[rule.pk])).status_code == 404


def test_auditor_reads_and_changes_nothing(first: Client, admins: Admins) -> None:
    """S1-23: reads all, changes nothing."""
    post_fee(first)
    rule = PolicyRule.objects.get(state="draft")
    auditor = Client()
    sign_in(auditor, admins.auditor)
    assert reverse("regions:edit_fee", args=["450300", "premium.2027"]) not in page(auditor, reverse("regions:rules"))
    page(auditor, reverse("regions:change", args=[rule.pk]))
    assert auditor.get(FEE).status_code == 403
    assert auditor.post(reverse("regions:publish", args=[rule.pk])).status_code == 403
    assert auditor.post(reverse("regions:calendar_import")).status_code == 403


def test_clerk_is_refused_and_visitor_sent_to_sign_in(admins: Admins, cast: Cast) -> None:
    clerk = Client()
    sign_in(clerk, cast.clerk)
    assert clerk.get(reverse("regions:rules")).status_code == 403
    response = Client().get(reverse("regions:rules"))
    assert response.status_code == 302
    assert "/staff/sign-in/" in response.url


def test_rule_in_force_offers_the_way_back(first: Client, second: Client) -> None:
    """N17: reversible."""
    post_fee(first, valid_from="2026-11-21")
    rule = PolicyRule.objects.get(state="draft")
    second.post(reverse("regions:publish", args=[rule.pk]))
    response = second.post(reverse("regions:roll_back", args=[rule.pk]))
    draft = PolicyRule.objects.get(state="draft")
    assert response.url == reverse("regions:change", args=[draft.pk])
    assert draft.value["standard_fen"] == 40000
    assert draft.valid_from == date(2026, 11, 22)


def test_calculator_shows_amounts_and_what_is_not_published(first: Client, admins: Admins) -> None:
    """UX-A5"""
    text = page(first, reverse("regions:calculator"), region="450302", on="2026-11-21")
    assert "¥160.00" in text
    assert "¥240.00" in text
    elsewhere = Client()
    sign_in(elsewhere, admins.elsewhere)
    assert "¥0.00" in page(elsewhere, reverse("regions:calculator"), region="442000", on="nonsense")


def upload(client: Client, content: bytes, **data: str) -> Any:
    return client.post(
        reverse("regions:calendar_import"),
        {"file": SimpleUploadedFile("2027.csv", content), "source_notice": "示例", **data},
    )


def test_calendar_year_is_previewed_then_published(first: Client) -> None:
    """H4, N1: preview lists the days, confirmation publishes."""
    assert "2027 年节假日安排尚未导入" in page(first, reverse("regions:calendar"))
    preview = upload(first, CSV_2027.encode())
    assert preview.status_code == 200
    assert "2027年2月11日" in preview.content.decode()
    assert CalendarYear.objects.get(year=2027).status == "STATUTORY_ONLY"
    data = {"confirmed": preview.context["text"], "source_notice": preview.context["notice"]}
    assert first.post(reverse("regions:calendar_import"), data).status_code == 302
    year = CalendarYear.objects.get(year=2027)
    assert (year.status, year.source_notice) == ("PUBLISHED", "示例")
    assert "尚未导入" not in page(first, reverse("regions:calendar"))


def test_browser_line_ends_do_not_spoil_the_confirmed_text(first: Client) -> None:
    data = {"confirmed": CSV_2027.replace("\n", "\r\n"), "source_notice": ""}
    assert first.post(reverse("regions:calendar_import"), data).status_code == 302


@pytest.mark.parametrize("content", [b"", b"date,kind\n2027-01-01,holiday\n", b"\x00" * 50, b"x" * 80_000])
def test_bad_calendar_file_changes_nothing(first: Client, content: bytes) -> None:
    response = upload(first, content)
    assert response.status_code == 422
    assert "govuk-error-summary" in response.content.decode()
    assert CalendarYear.objects.get(year=2027).status == "STATUTORY_ONLY"


def test_tampered_confirmation_is_refused(first: Client) -> None:
    response = first.post(reverse("regions:calendar_import"), {"confirmed": "date,kind\n2027-01-01,party\n"})
    assert response.status_code == 302
    assert CalendarYear.objects.get(year=2027).status == "STATUTORY_ONLY"


@pytest.mark.parametrize(
    ("moment", "urgent"),
    [("2026-10-31T02:00:00Z", None), ("2026-11-01T02:00:00Z", False), ("2026-12-10T02:00:00Z", True)],
)
def test_alarm_rings_from_november_and_louder_from_december(admins: Admins, moment: str, urgent: bool | None) -> None:
    """REL-C1: the desk is told in time that next year's holidays are missing."""
    with time_machine.travel(moment, tick=False):
        client = Client()
        sign_in(client, admins.first)
        text = page(client, reverse("regions:calendar"))
    assert ("尚未导入" in text) is (urgent is not None)
    assert ("请尽快办理" in text) is bool(urgent)


def test_configuration_admin_records_and_tells_of_a_changed_day(first: Client) -> None:
    """H4: a single day changed in the Django admin is known at once."""
    from portal.audit.models import AuditEntry
    from portal.regions import calendar

    assert calendar.is_workday(date(2026, 11, 24))
    for name in ("region", "office", "calendarday", "calendaryear", "regionalholiday"):
        assert first.get(reverse(f"admin:regions_{name}_changelist")).status_code == 200
    response = first.post(
        reverse("admin:regions_calendarday_add"),
        {"date": "2026-11-24", "kind": "off", "festival": "", "source_notice": ""},
    )
    assert response.status_code == 302
    assert not calendar.is_workday(date(2026, 11, 24))
    assert AuditEntry.objects.filter(action="calendarday.added").exists()
