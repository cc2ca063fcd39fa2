"""What a visitor finds out before signing in: may I join, what to bring, from when am I covered."""

import pytest
from django.urls import reverse

from enrollment import lists
from enrollment.models import Application
from portal.documents.papers import paper_fields, render_docx, render_html, render_pdf
from portal.regions import policy as policies
from portal.regions.models import Region
from tests.enrollment import journeys
from tests.enrollment.test_papers import squeezed, text_of_docx, text_of_pdf

pytestmark = pytest.mark.django_db


def day(prefix, year, month, number):
    return {f"{prefix}_year": year, f"{prefix}_month": month, f"{prefix}_day": number}


def at(client, place="450302001"):
    """The visitor has chosen a place."""
    client.get(reverse("enrollment:check"), {"region": place})
    return client


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"status": "none"}, "只有在本地有户口"),
        ({"other_cover": "employee"}, "职工"),
        ({"other_cover": "other_region"}, "同一年度不能在两个地区参保"),
        ({"in_area": "no"}, "居住在本地区"),
    ],
)
def test_each_failed_rule_has_a_reason_and_an_advice_before_sign_in(told, words, client, monday):
    """A1, S1-14, S1-15, S1-16, S1-22, UX-R1: in Chinese, with what can be done, and nothing is kept."""
    fine = day("birth_on", "1980", "5", "1") | {"status": "local_hukou", "other_cover": "none", "in_area": "yes"}
    page = at(client).post(reverse("enrollment:check"), fine | told)
    assert page.status_code == 200
    refused = page.context["verdict"].refusals
    assert len(refused) == 1
    assert refused[0].advice
    assert not Application.objects.exists()
    assert client.post(reverse("enrollment:check"), fine).context["verdict"].eligible
    assert str(refused[0].reason) in page.content.decode(), words


def test_a_parent_of_a_newborn_reads_window_guardian_and_both_years(client, monday):
    """A1, S1-15, DOMAIN §6, §13: through a guardian, covered from birth, two years with what each costs."""
    told = day("birth_on", "2026", "10", "10") | {"status": "local_hukou", "other_cover": "none", "in_area": "yes"}
    text = at(client).post(reverse("enrollment:check"), told | {"assistance": "ORPHAN"}).content.decode()
    assert "监护人" in text
    assert "从出生之日起享受待遇" in text
    assert "2026" in text
    assert "2027" in text
    assert "名单" in text
    assert "group=newborn" in text


def test_the_list_of_materials_is_printed_as_web_page_pdf_and_word_before_the_start(client, monday):
    """A3, N5, N15, S0-03, S0-04, S1-18: same entries in all three forms, alternatives in one, a basis each."""
    region = Region.objects.get(code="450302001")
    policy = policies.for_region(region)
    rules = policy.materials("new_adult", {"age": 40, "local": True})
    paper = lists.materials_list(region, policy, rules, ["成年人"])
    renderings = [squeezed(render_html(paper)), text_of_pdf(render_pdf(paper)), text_of_docx(render_docx(paper))]
    for label, value in paper_fields(paper):
        for rendering in renderings:
            assert squeezed(label) in rendering
            assert squeezed(value) in rendering
    assert any("居民身份证 或 居民户口簿" in row[0] for row in paper.tables[0].rows)
    assert any("近期免冠照片" in row[0] for row in paper.tables[0].rows)
    at(client)
    query = {"status": "foreign_permanent", "group": "adult", "assistance": "DIBAO"}
    for fmt in ("html", "pdf", "docx"):
        assert client.get(reverse("enrollment:materials_paper", args=[fmt]), query).status_code == 200
    assert client.get(reverse("enrollment:materials_paper", args=["exe"]), query).status_code == 404
    page = client.get(reverse("enrollment:materials"), query).content.decode()
    assert "外国人永久居留身份证" in page
    assert "样子" in page
    assert "status=foreign_permanent" in page


def test_the_source_that_is_asked_first_is_named_on_the_list(client, monday):
    """N15, UX-R11: the certificate of an assisted group is asked from the authority's list first."""
    query = {"status": "local_hukou", "group": "adult", "assistance": "DIBAO"}
    page = at(client).get(reverse("enrollment:materials"), query).content.decode()
    assert "我们先向民政、残联、乡村振兴部门名单核对" in page


def test_a_paper_that_data_sharing_answered_is_shown_as_not_needed(monday, cast):
    """N15, UX-R11, B6: on file with civil affairs, so the certificate is waived, with its source, and not required."""
    type(cast.zhang).objects.filter(pk=cast.zhang.pk).update(assistance_category="DIBAO")
    known = journeys.submitted(cast.zhang, answers={"assistance": {"assistance": "DIBAO"}})
    asked = journeys.submitted(cast.li, answers={"assistance": {"assistance": "DIBAO"}})
    waived = known.materials.get(code="ASSISTANCE_CERTIFICATE")
    assert not waived.required
    assert "民政" in waived.need
    assert asked.materials.get(code="ASSISTANCE_CERTIFICATE").required


@pytest.mark.parametrize(
    ("place", "told", "words"),
    [
        ("450302001", {}, "2027年1月1日至2027年12月31日享受待遇"),
        ("450302001", day("pay_on", "2027", "2", "10"), "有3个月的待遇等待期"),
        ("450302001", day("pay_on", "2027", "7", "10"), "这一天不能参保"),
        ("442000001", day("pay_on", "2027", "2", "10"), "本地区没有补缴期"),
        ("360113001", {}, "享受不到待遇"),
        ("360113001", {}, "缴费标准尚未公布"),
        ("450302001", day("birth_on", "2026", "10", "10"), "从出生之日起享受待遇"),
    ],
)
def test_the_simulator_answers_in_every_region_without_sign_in(place, told, words, client, monday):
    """N21, S1-22: pay on this date, covered from that date; nothing is stored."""
    url = reverse("enrollment:simulator")
    fine = day("birth_on", "1980", "5", "1") | day("pay_on", "2026", "11", "23")
    fine |= {"missed_years": "0", "repaid_years": "0", "assistance": "none"}
    page = at(client, place).post(url, fine | told)
    assert page.status_code == 200
    assert words in page.content.decode()


def test_the_simulator_refuses_days_in_the_past_and_more_paid_than_missed_years(client, monday):
    """N21, UX-R7: message at the very field, and what was typed stays."""
    told = day("birth_on", "1980", "5", "1") | day("pay_on", "2026", "11", "22")
    told |= {"missed_years": "1", "repaid_years": "2"}
    form = at(client).post(reverse("enrollment:simulator"), told).context["form"]
    assert set(form.errors) == {"pay_on", "repaid_years"}
    assert form["birth_on"].value() == ["1980", "5", "1"]


def test_pages_that_need_a_place_ask_for_it_first(client, monday):
    """UX-R2: region first, from the picker, and back to the page."""
    for name, args in (
        ("check", []),
        ("materials", []),
        ("simulator", []),
        ("coordination", []),
        ("materials_paper", ["html"]),
        ("attorney_blank", ["html"]),
    ):
        url = reverse(f"enrollment:{name}", args=args)
        answer = client.get(url)
        assert answer.status_code == 302, name
        assert answer.url.startswith(reverse("regions:pick"))


def test_the_co_ordination_page_explains_parts_papers_places_and_law(client, monday):
    """S3-01, S3-02, S3-03, S3-09, S3-10, S3-11, S3-12, S2-10: before sign-in, for the chosen region."""
    page = at(client).get(reverse("enrollment:coordination")).content.decode()
    for words in (
        "单位部分",
        "个人部分",
        "30日",
        "第二十八条",
        "第二十九条",
        "第五十八条",
        "五类材料",
        "秀峰区医疗保险服务中心",
    ):
        assert words in page
    assert "¥140.00" in page  # two per cent of 7,000 yuan
    assert "¥490.00" in page
    assert "请先向当地医保或人社部门咨询" in page


def test_a_blank_power_of_attorney_is_printed_before_sign_in(client, monday):
    """A10, S1-17: web print, PDF and Word; no names in it."""
    at(client)
    for fmt in ("html", "pdf", "docx"):
        assert client.get(reverse("enrollment:attorney_blank", args=[fmt])).status_code == 200
    region = Region.objects.get(code="450302001")
    paper = lists.attorney_form(region, policies.for_region(region), {})
    assert "委托人" in squeezed(render_html(paper))
    assert "亲笔" not in paper.title
    assert len(paper.signatures) == 3
