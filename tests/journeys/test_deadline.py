"""Nobody decides in time; something has to be put right; the answer is no; the worker is not there."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from enrollment import services
from enrollment.models import Application
from portal.regions.models import Office
from tests.harness.browser import PHONE
from tests.harness.portals import LivePortal
from tests.journeys import walk
from tests.journeys.walk import follow, heading, press

pytestmark = pytest.mark.browser

Opener = Callable[..., Page]


def test_the_worker_hands_an_overdue_case_to_the_county(live_portal: LivePortal, browser_page: Opener) -> None:
    """B9, F1, N3: past its time the sweep worker escalates; the resident reads it, the county reviewer approves.

    The passing of three working days is played by setting `due_at` of this one row into the past; the timeline and the
    clock ledger, which are append-only, stay as they are.
    """
    resident, application = walk.with_application(live_portal, "覃到期", "under_review")
    page = browser_page(scripts=False, size=PHONE)
    walk.enter(page, live_portal, resident)
    page.goto(f"/applications/{application.pk}/")
    expect(page.locator("main")).to_contain_text("经办机构正在审核")
    with live_portal.orm():
        Application.objects.filter(pk=application.pk).update(due_at=timezone.now() - timedelta(minutes=1))
    walk.reload_until(page, "已转由县级经办机构办理")
    expect(page.locator("main")).to_contain_text("逾期未作决定，已转县级经办机构办理")
    desk = browser_page(scripts=False)
    walk.staff_sign_in(desk, "reviewer.xiufeng")
    heading(desk, "申请受理")
    walk.open_case(desk, application.grouped_number)
    walk.accept_all(desk)
    press(desk, "保存并通过")
    expect(desk.locator(".portal-undo")).to_be_visible()
    # For ten seconds the decision may be taken back; then the worker asks for the payment.
    walk.reload_until(page, "请缴费")
    desk.reload()
    expect(desk.locator(".portal-identity")).to_contain_text("待缴费")
    expect(page.locator("main")).to_contain_text("县级经办机构审核通过")


def test_only_what_the_clerk_asked_for_is_put_right(live_portal: LivePortal, browser_page: Opener) -> None:
    """B5, N20, UX-R16: an answer and a material are asked for at once; only they open; before and after are shown."""
    resident, application = walk.with_application(live_portal, "蒋补正", "under_review")
    desk = browser_page(scripts=False)
    walk.staff_sign_in(desk, "clerk.jiashan")
    desk.goto(f"/desk/applications/{application.pk}/")
    follow(desk, "要求补正")
    press(desk, "预览居民将看到的内容")
    expect(desk.locator(".govuk-error-summary")).to_contain_text("请至少选择一项")
    desk.get_by_label("住址", exact=True).check()
    desk.get_by_label("住址：问题说明").fill("请写到门牌号")
    desk.get_by_label("居民身份证", exact=True).check()
    desk.get_by_label("居民身份证：问题说明").fill("复印件看不清")
    press(desk, "预览居民将看到的内容")
    expect(desk.locator(".portal-preview")).to_contain_text("复印件看不清")
    press(desk, "发送给申请人")
    page = browser_page(scripts=False, size=PHONE)
    walk.enter(page, live_portal, resident)
    page.goto(f"/applications/{application.pk}/")
    expect(page.locator("main")).to_contain_text("时限暂停计算")
    follow(page, "查看需要补正的内容")
    for text in ("请写到门牌号", "复印件看不清"):
        expect(page.locator("main")).to_contain_text(text)
    assert page.locator("main form input:not([type=hidden])").count() == 2
    page.get_by_label("住址").fill("甲山路5号3栋402室")
    page.get_by_role("checkbox").check()
    press(page, "提交补正")
    expect(page.locator("main")).to_contain_text("经办机构正在审核")
    desk.reload()
    row = desk.get_by_role("row", name="请写到门牌号")
    expect(row).to_contain_text("示例路8号")
    expect(row).to_contain_text("甲山路5号3栋402室")


def test_a_rejection_says_why_what_next_and_where_to_appeal(live_portal: LivePortal, browser_page: Opener) -> None:
    """B6: without a reason nothing is rejected; the resident reads reason, next step and right of appeal."""
    resident, application = walk.with_application(live_portal, "毛未过", "under_review")
    desk = browser_page(scripts=False)
    walk.staff_sign_in(desk, "clerk.jiashan")
    desk.goto(f"/desk/applications/{application.pk}/reject/")
    press(desk, "预览居民将看到的内容")
    expect(desk.locator(".govuk-error-summary")).to_be_visible()
    desk.get_by_label("原因", exact=True).select_option(label="已参加其他社会医疗保险")
    desk.get_by_label("向申请人说明原因").fill("您已在桂林参加职工医保。")
    desk.get_by_label("申请人下一步可以怎么办？").select_option(label="请先停止其他保险，再重新申请。")
    press(desk, "预览居民将看到的内容")
    expect(desk.locator(".portal-preview")).to_contain_text("您已在桂林参加职工医保。")
    press(desk, "不予通过")
    page = browser_page(scripts=False, size=PHONE)
    walk.enter(page, live_portal, resident)
    page.goto(f"/applications/{application.pk}/")
    for text in ("申请未通过", "您已在桂林参加职工医保。", "请先停止其他保险，再重新申请。", "60日内", "行政复议"):
        expect(page.locator("main")).to_contain_text(text)


def test_the_receipt_is_there_while_no_worker_runs(live_portal: LivePortal, browser_page: Opener) -> None:
    """F3, I5: submitted with every worker stopped, the dated receipt is there at once; the worker takes it up later."""
    resident, application = walk.with_application(live_portal, "石回执", "draft")
    with live_portal.orm():
        for section, values in walk.REST_OF_THE_FORM.items():
            services.save_section(application=application, section=section, values=values)
        office = Office.objects.get(code="450302003-service")
        services.save_section(application=application, section="office", values={"office": office}, office=office)
    page = browser_page(scripts=False, size=PHONE)
    walk.enter(page, live_portal, resident)
    workers = ("beat", "sweep", "outbox", "papers")
    live_portal.kill(*workers)
    try:
        page.goto(f"/applications/{application.pk}/form/check/")
        page.get_by_role("checkbox").check()
        press(page, "提交申请")
        heading(page, "申请已收到")
        number = page.locator(".govuk-panel .portal-number").inner_text()
        receipt = walk.text_of_pdf(walk.download(page, "下载PDF 申请回执"))
        assert walk.without_spaces(number) in receipt
        assert "石回执" in receipt
    finally:
        live_portal.start(*workers)
    follow(page, "查看进度")
    walk.reload_until(page, "经办机构正在审核")
