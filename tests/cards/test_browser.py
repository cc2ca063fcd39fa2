"""The card in a real browser with scripts off: from the home page to the active card, on a running demo."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import FilePayload, Page, expect

from cards import services
from cards.models import CardApplication
from portal.demo import people
from portal.demo.enrolments import actor_for
from portal.demo.history import clock_at
from portal.design.text import format_day
from portal.people.models import Resident, User
from tests.cards import journeys
from tests.harness.browser import DESKTOP, PHONE
from tests.harness.portals import LivePortal
from tests.journeys import walk
from tests.journeys.walk import Newcomer, choose, follow, heading, press
from tests.people_cast import next_identity_number

pytestmark = pytest.mark.browser

Opener = Callable[..., Page]


@pytest.mark.both_databases
def test_a_newcomer_to_zhongshan_gets_an_active_card_with_scripts_off(browser_page: Opener) -> None:
    """S4-05 to S4-24, S2-08, D1, D3, D5, D10, D11, D12, J1: window, steps, bank, office, pickup, activation."""
    lin = Newcomer(people.LIN.name, people.LIN.number, people.LIN.phone)
    page, phone = browser_page(scripts=False, size=PHONE), browser_page(scripts=False)
    page.goto("/")
    follow(page, "申领社保卡")
    walk.pick_place(page, "中山市", "小榄镇")
    expect(page.locator("main")).to_contain_text("¥20.00")
    follow(page, "进入自助服务窗口")
    choose(page, "相关业务", "首次申领社保卡")
    press(page, "登录并继续")
    walk.sign_in(page, phone, lin)
    press(page, "继续")
    number = apply(page)
    pay(page)
    promised = page.locator(".govuk-panel__body").inner_text()
    assert re.fullmatch(r"\d{4}年\d{1,2}月\d{1,2}日", promised)
    address = page.url
    make(browser_page(scripts=False, size=DESKTOP), number)
    page.reload()
    expect(page.locator(".govuk-panel")).to_contain_text("可领卡")
    press(page, "生成一次性代领码，由他人代领")
    agent_code = page.locator(".govuk-panel .portal-number").inner_text().replace(" ", "")
    card_number, code = collect(browser_page(scripts=False, size=DESKTOP), number, agent_code)
    page.goto(address)
    follow(page, "查看社保卡")
    expect(page.locator("main")).to_contain_text("请保持卡面清洁")
    follow(page, "网上激活")
    page.get_by_label("卡号后四位").fill(card_number[-4:])
    page.get_by_label("卡函上的激活码").fill(code)
    press(page, "激活")
    expect(page.locator(".govuk-panel")).to_contain_text("社保卡已激活")
    assert "领卡" in walk.read_phone(phone, lin.phone, "身份证原件")


def apply(page: Page) -> str:
    """Steps 1 and 2, with a wrong receipt first; returns the number of the application."""
    heading(page, "个人信息")
    page.get_by_label("住址").fill("小榄镇示例路8号")
    page.get_by_role("radio").first.check()
    page.get_by_label("照相回执号").fill("A2B4")
    press(page, "保存并核对")
    expect(page.locator(".govuk-error-summary")).to_contain_text("11位字母和数字")
    expect(page.get_by_label("住址")).to_have_value("小榄镇示例路8号")
    page.get_by_label("照相回执号").fill(people.RECEIPT.lower())
    press(page, "保存并核对")
    heading(page, "提交前请核对")
    page.get_by_role("checkbox").check()
    press(page, "核对提交")
    heading(page, "打印申领登记表")
    assert "中华人民共和国社会保障卡申领登记表" in walk.text_of_pdf(walk.download(page, "下载登记表（PDF）"))
    return page.locator(".govuk-inset-text strong").inner_text().replace(" ", "")


def pay(page: Page) -> None:
    """Step 3 and the demo bank; ends on the page of the progress."""
    follow(page, "进入第3步")
    expect(page.locator("main")).to_contain_text("贰拾元整")
    address = page.url
    follow(page, "演示：到银行柜台缴费")
    page.get_by_role("radio").first.check()
    page.get_by_label("实收金额（元）").fill("20")
    press(page, "收款并打印回单")
    expect(page.locator("main")).to_contain_text("缴费成功")
    page.goto(address.replace("pay/", ""))


def make(desk: Page, number: str) -> None:
    """The card office approves beside the photo, makes a batch, and books the arrival."""
    walk.staff_sign_in(desk, "card.zhongshan")
    desk.goto(f"/desk/cards/?number={number}")
    expect(desk.get_by_role("img", name="卡面照片")).to_be_visible()
    press(desk, "通过")
    desk.goto("/desk/cards/production/")
    press(desk, "生成批次")
    follow(desk, "登记到卡和失败")
    desk.get_by_label("已到领卡点").fill(number)
    press(desk, "登记")
    expect(desk.locator("main")).to_contain_text("已到卡：1")


def collect(desk: Page, number: str, agent_code: str) -> tuple[str, str]:
    """The service point hands over to an agent, whose first code is wrong; returns card number and activation code."""
    walk.staff_sign_in(desk, "clerk.xiaolan")
    desk.goto(f"/desk/cards/pickup/?number={number[-6:]}")
    desk.locator("main td a").first.click()
    choose(desk, "查验了哪种原件？", "户口簿原件")
    desk.get_by_label("已查验打印的申领登记表。").check()
    press(desk, "发卡")
    expect(desk.locator(".govuk-error-summary")).to_contain_text("须由持身份证原件的代领人办理")
    desk.get_by_label("代领人姓名").fill("王代领")
    desk.get_by_label("代领人身份证号码").fill(next_identity_number())
    desk.get_by_label("持卡人给的一次性代领码").fill("00000000")
    press(desk, "发卡")
    expect(desk.locator(".govuk-error-summary")).to_be_visible()
    desk.get_by_label("持卡人给的一次性代领码").fill(agent_code)
    press(desk, "发卡")
    expect(desk.locator(".govuk-panel")).to_contain_text(people.LIN.name)
    found = desk.locator("dd .portal-number").all_inner_texts()
    return found[0], found[1]


def with_refused_photo(live: LivePortal) -> tuple[Resident, CardApplication]:
    """Somebody whose fee was booked three weeks ago, and whose photo was refused four days later."""
    with live.orm():
        newcomer = Newcomer("林改照")
        resident = journeys.resident(name=newcomer.name, phone=newcomer.phone)
        clerk = actor_for(User.objects.get(username="card.zhongshan"))
        with clock_at(timezone.now() - timedelta(days=21)):
            application = journeys.under_review(resident)
        with clock_at(timezone.now() - timedelta(days=17)):
            services.ask_correction(
                application=application,
                actor=clerk,
                version=application.version,
                fields=["photo"],
                reason="照片背景不是白色，请重新上传。",
            )
        application.refresh_from_db()
    return resident, application


def test_a_refused_photo_is_corrected_with_scripts_off(live_portal: LivePortal, browser_page: Opener) -> None:
    """S4-21, D9, J4, N2, N20: the promise stands still, unfit files are explained, the later day is shown, and a
    second refusal at the desk stops the promise again.
    """
    resident, application = with_refused_photo(live_portal)
    first_promise = application.promised_on
    assert first_promise is not None
    page = browser_page(scripts=False, size=PHONE)
    walk.enter(page, live_portal, resident)
    page.goto(f"/cards/applications/{application.pk}/")
    expect(page.locator("main")).to_contain_text("照片背景不是白色")
    expect(page.locator("main")).to_contain_text("承诺时限暂停计算")
    follow(page, "去补正")
    unfit: list[FilePayload] = [
        {"name": "empty.jpg", "mimeType": "image/jpeg", "buffer": b""},
        {"name": "me.svg", "mimeType": "image/svg+xml", "buffer": b"<svg xmlns='http://www.w3.org/2000/svg'/>"},
        {"name": "half.jpg", "mimeType": "image/jpeg", "buffer": journeys.picture()[:500]},
    ]
    for file in unfit:
        send_photo(page, file)
        expect(page.locator(".govuk-error-summary")).to_be_visible()
    send_photo(page, {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": journeys.picture()})
    with live_portal.orm():
        application.refresh_from_db()
    # The working days of the seventeen days in between were not used.
    assert application.promised_on is not None
    assert application.promised_on > first_promise + timedelta(days=7)
    expect(page.locator(".govuk-panel__body")).to_contain_text(format_day(application.promised_on))
    refuse_again(browser_page(scripts=False, size=DESKTOP), application)
    page.reload()
    expect(page.locator("main")).to_contain_text("请正面免冠拍照。")
    expect(page.locator("main")).to_contain_text("承诺时限暂停计算")


def send_photo(page: Page, file: FilePayload) -> None:
    """Chooses a file and sends the correction."""
    page.locator("input[type=file]").set_input_files(file)
    press(page, "提交补正")


def refuse_again(desk: Page, application: CardApplication) -> None:
    """The card office sees the new photo and asks for another one."""
    walk.staff_sign_in(desk, "card.zhongshan")
    desk.goto(f"/desk/cards/?number={application.number}")
    expect(desk.get_by_role("img", name="卡面照片")).to_be_visible()
    follow(desk, "要求补正")
    desk.get_by_label("照片", exact=True).check()
    desk.get_by_label("向申请人说明").fill("请正面免冠拍照。")
    press(desk, "发送给申请人")
