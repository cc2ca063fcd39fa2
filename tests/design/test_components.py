"""Page components: words beside every colour, dates, links, headings."""

from datetime import date, datetime
from typing import Any

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.utils import timezone
from lxml import html

from portal.design.components import PageLinks, Progress, SummaryRow, Task, TimelineItem


def draw(template: str, **context: Any) -> html.HtmlElement:
    return html.fragment_fromstring(Template(template).render(Context(context)), "div")


def words(template: str, **context: Any) -> str:
    return " ".join(draw(template, **context).text_content().split())


def test_tasks_say_their_state_in_words() -> None:
    """UX-R3, UX-E8: each task has its state in words, tied to its link; what cannot be opened has no link."""
    tasks = [
        Task("填写信息", "/a/", "completed"),
        {"title": "核对提交", "state": "cannot_start", "hint": "先完成以上各项"},
    ]
    root = draw("{% task_list tasks %}", tasks=tasks)
    link = root.xpath("//a")[0]
    assert link.get("href") == "/a/"
    assert root.xpath(f'//*[@id="{link.get("aria-describedby")}"]')[0].text_content().strip() == "✓ 已完成"
    assert len(root.xpath("//a")) == 1
    assert "暂不能开始" in root.text_content()
    assert "先完成以上各项" in root.text_content()


def test_a_summary_row_says_what_its_link_changes() -> None:
    """UX-R6: 修改 is followed by the name of the answer for those who hear links out of context."""
    rows = [
        SummaryRow("姓名", "张三", "/name/"),
        {"label": "备注", "value": ""},
        SummaryRow("住址", "", lines=["一", "二"]),
    ]
    root = draw("{% summary_list rows heading='参保人' change_url='/all/' %}", rows=rows)
    assert [link.text_content() for link in root.xpath("//a")] == ["修改 参保人", "修改 姓名"]
    assert "未填写" in root.text_content()
    assert root.xpath("//dd[3 or 2]//div")[0].text == "一"


def test_a_timeline_tells_done_now_and_next() -> None:
    """UX-R13, F1: state in words, who, when, promised day; the present step is marked for screen readers."""
    at = timezone.make_aware(datetime(2026, 11, 20, 9, 30))
    items = [
        TimelineItem("您提交了申请", at=at, actor="张*"),
        TimelineItem(
            "审核中", Progress.NOW, due=date(2026, 11, 25), text="3 个工作日已用 1 个", url="/x/", url_label="办理点"
        ),
        {"title": "参保成功", "state": "next"},
    ]
    root = draw("{% timeline items %}", items=items)
    steps = [" ".join(step.text_content().split()) for step in root.xpath("//li")]
    assert steps[0] == "您提交了申请 已完成2026年11月20日 09:30张*"
    assert "进行中" in steps[1]
    assert "2026年11月25日前" in steps[1]
    assert steps[2] == "参保成功 下一步"
    assert [step.get("aria-current") for step in root.xpath("//li")] == [None, "step", None]


@pytest.mark.parametrize(
    ("days", "said"),
    [(2, "剩 2 个工作日"), (1, "剩 1 个工作日"), (0, "今天到期"), (-1, "超期 1 个工作日"), (None, "没有时限")],
)
def test_deadlines_are_told_in_words(days: int | None, said: str) -> None:
    """UX-C2, UX-E8: never by colour alone."""
    assert words("{% deadline days on %}", days=days, on=date(2026, 11, 25)) == f"{said} 2026年11月25日"


def test_a_stopped_clock_says_so() -> None:
    """UX-C2: while the resident must answer nothing runs."""
    assert words("{% deadline 2 paused=True %}") == "计时暂停"


def test_small_components() -> None:
    """UX-R4, UX-R23, UX-C1: steps, amounts, pages, tabs, links back and breadcrumbs."""
    assert words("{% steps 2 5 '个人信息' %}") == "第 2 步，共 5 步个人信息"
    assert words("{% amount 40000 '应缴金额' '人民币肆佰元整' %}") == "应缴金额¥400.00人民币肆佰元整"
    assert (
        words("{% pagination page %}", page=PageLinks("/p/", "/n/", 50, 120)) == "← 上一页本页 50 条，共 120 条下一页 →"
    )
    assert words("{% pagination page %}", page=PageLinks()) == ""
    assert words("{% tag '审核中' 'nonsense' %}") == "审核中"
    tabs = [{"label": "我的", "url": "/q/", "current": True, "count": 0}]
    root = draw("{% tabs tabs '待办' %}", tabs=tabs)
    assert root.xpath("//a")[0].get("aria-current") == "page"
    assert root.text_content().split() == ["我的", "0"]
    assert draw("{% back_link '/b/' %}").xpath("//a")[0].text == "返回"
    crumbs = draw("{% breadcrumbs '首页' '/' '指南' '/help/' '缴费' %}")
    assert [link.get("href") for link in crumbs.xpath("//a")] == ["/", "/help/"]
    assert crumbs.xpath('//*[@aria-current="page"]')[0].text == "缴费"


def test_components_with_a_body() -> None:
    """UX-R12: the body sees the page's variables; titles are escaped."""
    assert draw("{% panel title %}<b>{{ no }}</b>{% endpanel %}", title="<i>", no="1").xpath("//h1")[0].text == "<i>"
    assert draw("{% panel '完成' %}<b>{{ no }}</b>{% endpanel %}", no="1").xpath("//b")[0].text == "1"
    root = draw("{% notification_banner kind='success' id='saved' %}<p>好</p>{% endnotification_banner %}")
    assert root.xpath('//*[@role="alert"]')[0].get("aria-labelledby") == "saved-title"
    assert root.xpath('//*[@id="saved-title"]')[0].text == "已完成"
    assert words("{% warning %}请核对{% endwarning %}") == "!请注意 请核对"
    assert draw("{% inset 'internal' %}x{% endinset %}").xpath('//*[contains(@class, "portal-inset--internal")]')
    assert draw("{% details '什么' open=True %}x{% enddetails %}").xpath("//details[@open]")
    assert words("{% card '受理机构' %}甲山{% endcard %}") == "受理机构甲山"
    bar = draw("{% identity_bar name number='450302202611' %}{% tag '审核中' %}{% endidentity_bar %}", name="张*")
    assert bar.text_content().split() == ["张*4503", "0220", "2611审核中"]
    assert draw("{% filters '筛选' %}x{% endfilters %}").xpath('//form[@method="get"]')


def test_a_misspelt_component_is_found_when_the_template_is_read() -> None:
    """UX-E1: mistakes in templates do not wait for the page."""
    with pytest.raises(TemplateSyntaxError):
        Template("{% panel 'a' 'b' %}{% endpanel %}")
