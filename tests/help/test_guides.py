"""The guide pages: complete in both languages, dated, with their legal basis."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from portal.help import guides, markup

HAN = re.compile(r"[\u4e00-\u9fff]")
ALL = guides.all_guides()


@pytest.mark.parametrize("slug", ALL)
def test_a_guide_says_the_same_in_both_languages(slug: str) -> None:
    """UX-R21: same parts, same tables, same lists, same links; no Chinese in the English text."""
    guide = ALL[slug]
    shapes = []
    for language in ("zh", "en"):
        body = guide.bodies[language]
        kinds = re.findall(r"^(## |### |- |\d+\. |\||> )", body, re.MULTILINE)
        shapes.append((["1. " if kind[0].isdigit() else kind for kind in kinds], re.findall(r"\]\(([^)]+)\)", body)))
    assert shapes[0] == shapes[1]
    assert not HAN.search(guide.titles["en"] + guide.summaries["en"] + guide.bodies["en"])
    for basis in guide.basis:
        assert basis.law["zh"]
        assert basis.article["zh"]
        assert basis.says["zh"]
        assert not HAN.search(basis.law["en"] + basis.article["en"] + basis.says["en"])


@pytest.mark.parametrize("slug", ALL)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_guide_is_a_page(client: Client, db: None, slug: str, language: str) -> None:
    """UX-E9: title, date and telephone on each page; links inside the portal lead somewhere."""
    client.cookies["django_language"] = language
    response = client.get(reverse("help:page", args=[slug]))
    page = response.content.decode()
    assert response.status_code == 200
    assert ("更新日期：2026年11月20日" if language == "zh-hans" else "Last updated 20 November 2026") in page
    assert "12393" in page
    for address in re.findall(r'<a class="govuk-link[^"]*" href="(/help/[^"?#]*)', page):
        assert client.get(address).status_code == 200, address


CONTENT = [
    ("S0-02", "how-to-join", ["备齐材料", "登记表", "提交材料并缴费", "领取社会保障卡"]),
    ("S0-11", "card-care", ["保持卡面清洁"]),
    ("S0-12", "how-to-join", ["第二十四条", "国发〔2016〕3号"]),
    ("S0-13", "how-to-join", ["12393", "/help/offices/"]),
    ("S1-21", "cover", ["定点医疗机构", "社会保障卡"]),
    ("S1-22", "materials", ["您所在地区的准确清单"]),
    ("S1-23", "law", ["县级以上", "合理使用、安全可控", "第八十七条"]),
    ("S2-01", "get-card", ["了解当地规定", "备齐材料", "到指定地点领取", "激活"]),
    ("S2-03", "get-card", ["有效身份证件", "近期免冠照片"]),
    ("S2-05", "get-card", ["经办机构", "医保中心", "服务网点"]),
    ("S2-08", "get-card", ["现场", "电话", "网上"]),
    ("S2-09", "get-card", ["及时激活", "看病、买药"]),
    ("S2-10", "pooled", ["30 日内", "第五十八条"]),
    ("S2-11", "card-functions", ["集成电路卡", "电子凭证", "第二条"]),
    ("S2-12", "card-functions", ["记录信息", "查询信息", "办理业务"]),
    ("S2-13", "questions", ["离开单位", "报销", "哪个应用", "另一个城市", "灵活就业", "卡过期", "密码", "每个月"]),
    ("S3-02", "pooled", ["单位缴费", "个人缴费"]),
    ("S3-10", "pooled", ["各地规定不同", "咨询"]),
    ("S3-11", "cover", ["第二十八条", "急诊、抢救"]),
    ("S3-12", "cover", ["第二十九条", "直接结算", "异地就医结算"]),
    ("S3-13", "questions", ["外国人", "电子照片", "退", "农村的卡"]),
    ("S4-23", "card-online", ["身份证原件", "户口簿原件", "代办人的身份证原件"]),
    ("S4-25", "pooled", ["分担疾病风险", "因病致贫"]),
    ("S4-26", "pooled", ["个人账户", "统筹基金", "并没有这样一部条例"]),
]


@pytest.mark.parametrize(("row", "slug", "expected"), CONTENT, ids=[row[0] for row in CONTENT])
def test_the_guides_carry_the_rules(row: str, slug: str, expected: list[str]) -> None:
    """S0-02, S0-11..S0-13, S1-21..S1-23, S2-01..S2-13, S3-02, S3-10..S3-13, S4-23, S4-25, S4-26: each is told."""
    guide = ALL[slug]
    text = guide.bodies["zh"] + "".join(basis.article["zh"] + basis.says["zh"] for basis in guide.basis)
    assert [word for word in expected if word not in text] == [], row


def test_rights_and_privacy_are_told() -> None:
    """DOMAIN §10: 60 days, the online channel, free of charge; notice instead of consent, terms of keeping."""
    appeal, privacy = ALL["appeal"].bodies["zh"], ALL["privacy"].bodies["zh"]
    assert all(word in appeal for word in ("60 日", "6 个月", "15 日", "互联网", "不收费", "最长不超过一年"))
    assert all(
        word in privacy for word in ("不需要取得您的同意", "30 天", "1 年", "90 天", "24 小时", "3 年", "14 周岁")
    )


def test_markup_is_text_unless_it_is_ours() -> None:
    """REL-CO: whatever stands in a page file, only the known marks become elements."""
    drawn = markup.render("## A <b>\n\n<script>alert(1)</script> **bold** [x](javascript:1) [y](/help/)\n\n- a\n- b")
    assert "<script>" not in drawn
    assert "&lt;b&gt;" in drawn
    assert "<strong>bold</strong>" in drawn
    assert 'href="javascript' not in drawn
    assert '<a class="govuk-link" href="/help/">y</a>' in drawn


def test_headings_can_be_jumped_to() -> None:
    """UX-E7: the contents of a long page lead to its parts."""
    guide = ALL["paying"]
    with translation.override("zh-hans"):
        for anchor, heading in guide.contents:
            assert f'id="{anchor}" class="govuk-heading-m">{heading}' in guide.html


def test_unknown_guides_do_not_exist(client: Client, db: None) -> None:
    """UX-E10: no such page, plainly."""
    assert client.get("/help/nothing-here/").status_code == 404
