"""The card in a real browser with scripts off: from the home page to the active card, on a running demo."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.demo import people
from tests.harness.browser import DESKTOP, PHONE
from tests.journeys import walk
from tests.journeys.walk import Newcomer, choose, follow, heading, press

pytestmark = pytest.mark.browser

Opener = Callable[..., Page]


@pytest.mark.both_databases
def test_a_newcomer_to_zhongshan_gets_an_active_card_with_scripts_off(browser_page: Opener) -> None:
    """S4-05 to S4-24, S2-08, D1, D3, D5, D10, D11, D12, J1: window, steps, bank, office, pickup, activation."""
    lin = Newcomer(people.LIN.name, people.LIN.number, people.LIN.phone)
    page, phone = browser_page(scripts=False, size=PHONE), browser_page(scripts=False)
    page.goto("/cards/?region=442000100")
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
    card_number, code = collect(browser_page(scripts=False, size=DESKTOP), number)
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
    expect(desk.locator("img.portal-photo")).to_be_visible()
    press(desk, "通过")
    desk.goto("/desk/cards/production/")
    press(desk, "生成批次")
    follow(desk, "登记到卡和失败")
    desk.get_by_label("已到领卡点").fill(number)
    press(desk, "登记")
    expect(desk.locator("main")).to_contain_text("已到卡：1")


def collect(desk: Page, number: str) -> tuple[str, str]:
    """The service point hands over; returns card number and activation code of the letter."""
    walk.staff_sign_in(desk, "clerk.xiaolan")
    desk.goto(f"/desk/cards/pickup/?number={number[-6:]}")
    desk.locator("main td a").first.click()
    choose(desk, "查验了哪种原件？", "身份证原件")
    desk.get_by_label("已查验打印的申领登记表。").check()
    press(desk, "发卡")
    expect(desk.locator(".govuk-panel")).to_contain_text(people.LIN.name)
    found = desk.locator("dd .portal-number").all_inner_texts()
    return found[0], found[1]
