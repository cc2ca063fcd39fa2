"""From the home page to the cover: a new resident of Guilin, a clerk and a bank, on a running portal."""

import re
from collections.abc import Callable

import docx
import pytest
from playwright.sync_api import Page, expect

from tests.harness.browser import PHONE
from tests.journeys import walk
from tests.journeys.walk import Newcomer, choose, follow, group, heading, press

pytestmark = pytest.mark.browser

Opener = Callable[..., Page]


@pytest.mark.both_databases
def test_a_new_resident_of_guilin_enrols_with_scripts_off(browser_page: Opener) -> None:
    """A3, A4, B6, E2, F1, F3, J1, S0-02, S1-08: eligibility, form, receipt, review, notice, payment, cover."""
    person = Newcomer("韦小满")
    page = browser_page(scripts=False, size=PHONE)
    phone = browser_page(scripts=False)
    check_eligibility(page)
    see_materials(page)
    follow(page, "立即申请")
    walk.sign_in(page, phone, person)
    fill_in(page, person)
    number = submit(page, person)
    keep_receipt(page, person, number)
    follow(page, "查看进度")
    walk.reload_until(page, "经办机构正在审核")
    see_progress(page)
    decide(browser_page(scripts=False), number)
    pay(page, browser_page(scripts=False, size=PHONE), person)
    see_cover(page)
    told = walk.read_phone(phone, person.phone, "待遇享受期")
    assert number.replace(" ", "") in walk.without_spaces(told)
    assert told.count("400.00") >= 2


def check_eligibility(page: Page) -> None:
    """Picks the place from the home page and answers the four questions, once wrongly."""
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.get_by_label("您住在哪里？").select_option(label="桂林市")
    press(page, "确定")
    walk.pick_place(page, "秀峰区", "甲山街道")
    expect(page.locator(".portal-hero__place")).to_contain_text("甲山街道")
    follow(page, "先查一查能不能参保")
    answer_check(page, other="职工基本医疗保险")
    heading(page, "暂时不能参保")
    expect(page.locator("main")).to_contain_text("不符合")
    follow(page, "返回")
    answer_check(page, other="没有")
    heading(page, "可以参保")


def answer_check(page: Page, *, other: str) -> None:
    """Fills in the public check for somebody of 36."""
    for label, value in (("年", "1990"), ("月", "3"), ("日", "7")):
        group(page, "出生日期").get_by_label(label).fill(value)
    choose(page, "参保人以什么身份在本地参保？", "本地户籍")
    choose(page, "其他医疗保险", other)
    choose(page, "参保人住在所选地区吗？", "是")
    press(page, "查看结果")


def see_materials(page: Page) -> None:
    """Materials, fee, offices and times of this place, before the application begins."""
    follow(page, "要带什么、缴多少、去哪里、多久办好")
    heading(page, "办理指南")
    main = page.locator("main")
    for text in ("居民身份证", "居民户口簿", "¥400.00", "3个工作日", "当场", "甲山"):
        expect(main).to_contain_text(text)


def fill_in(page: Page, person: Newcomer) -> None:
    """The registration form: an error that keeps what was typed, a pause, and the rest of the task list."""
    heading(page, "开始申请")
    choose(page, "为谁参保？", f"本人（{person.name}）")
    press(page, "继续")
    heading(page, "参保登记表")
    follow(page, "个人信息")
    expect(group(page, "出生日期").get_by_label("年")).to_have_value(person.number[6:10])
    choose(page, "性别", "男")
    choose(page, "参保人是否有居民身份证？", "是")
    press(page, "保存并继续")
    refuse_bad_input(page)
    leave_and_return(page)
    choose(page, "参保人以什么身份在本地参保？", "本地户籍")
    choose(page, "其他医疗保险", "没有")
    choose(page, "到目前为止，参保人中断参保几年？", "今年已参保，或者从未参保")
    press(page, "保存并继续")
    heading(page, "资助参保")
    press(page, "保存并继续")
    heading(page, "受理机构和材料")
    page.get_by_label("甲山街道医保服务站").check()
    press(page, "保存并继续")


def refuse_bad_input(page: Page) -> None:
    """A telephone that is too short: the summary leads to the box, and what was typed is still there."""
    heading(page, "联系方式和住址")
    typed_phone = page.get_by_label("手机号码").input_value()
    page.get_by_label("手机号码").fill("1990000")
    page.get_by_label("住址").fill("甲山路18号")
    choose(page, "参保人住在所选地区吗？", "是")
    press(page, "保存并继续")
    expect(page).to_have_title(re.compile("^错误"))
    page.locator(".govuk-error-summary a").first.click()
    assert page.url.endswith(f"#{page.get_by_label('手机号码').get_attribute('id')}")
    expect(page.get_by_label("手机号码")).to_have_value("1990000")
    expect(page.get_by_label("住址")).to_have_value("甲山路18号")
    expect(group(page, "参保人住在所选地区吗？").get_by_label("是")).to_be_checked()
    page.get_by_label("手机号码").fill(typed_phone)
    press(page, "保存并继续")


def leave_and_return(page: Page) -> None:
    """Leaves the form for the home page; it is on the list of one's applications, two sections done."""
    heading(page, "参保资格和其他保险")
    page.goto("/")
    page.get_by_role("link", name="办理进度查询").first.click()
    follow(page, "继续填写")
    expect(page.locator("main")).to_contain_text("已完成2项，共5项")
    follow(page, "参保资格和其他保险")


def submit(page: Page, person: Newcomer) -> str:
    """Checks the answers, changes one, declares, submits; returns the number of the application."""
    heading(page, "提交前请核对")
    main = page.locator("main")
    expect(main).to_contain_text("甲山路18号")
    expect(main).to_contain_text("¥400.00")
    page.get_by_role("link", name="修改 住址").click()
    page.get_by_label("住址").fill("甲山路18号2单元")
    press(page, "保存并继续")
    heading(page, "提交前请核对")
    expect(main).to_contain_text("甲山路18号2单元")
    press(page, "提交申请")
    expect(page.locator(".govuk-error-summary")).to_contain_text("请勾选声明后再提交")
    expect(page.get_by_role("checkbox")).not_to_be_checked()
    page.get_by_role("checkbox").check()
    press(page, "提交申请")
    heading(page, "申请已收到")
    return page.locator(".govuk-panel .portal-number").inner_text()


def keep_receipt(page: Page, person: Newcomer, number: str) -> None:
    """The receipt as PDF names the number, the person, the office and the promise."""
    text = walk.text_of_pdf(walk.download(page, "下载PDF 申请回执"))
    for wanted in (number, person.name, "甲山街道", "3个工作日内办结", "甲山路18号2单元", "400.00"):
        assert walk.without_spaces(wanted) in text, wanted


def see_progress(page: Page) -> None:
    """What is done, what is now, what comes, by when, where and whom to call."""
    main = page.locator("main")
    for text in ("审核中", "最迟", "已用0个工作日，共3个工作日", "缴纳保险费", "甲山街道", "0773"):
        expect(main).to_contain_text(text)


def decide(page: Page, number: str) -> None:
    """The clerk of the service point finds the case in the queue, ticks the materials and approves."""
    walk.staff_sign_in(page, "clerk.jiashan")
    heading(page, "申请受理")
    walk.open_case(page, number)
    for text in ("韦小满", "甲山路18号2单元", "正常"):
        expect(page.locator("main")).to_contain_text(text)
    press(page, "保存并通过")
    expect(page.locator("main")).to_contain_text("请先逐项核对必需材料")
    follow(page, "返回该申请")
    walk.accept_all(page)
    press(page, "保存并通过")
    expect(page.locator(".portal-identity")).to_contain_text("审核通过")


def pay(page: Page, bank: Page, person: Newcomer) -> None:
    """The notice on paper, then the bank counter, where the teller types the number."""
    walk.reload_until(page, "请缴费")
    follow(page, "查看缴费通知")
    number = page.locator(".portal-number").first.inner_text()
    expect(page.locator("main")).to_contain_text("¥400.00")
    printed = walk.text_of_pdf(walk.download(page, "下载缴费通知（PDF）"))
    word = "".join(docx.Document(walk.download(page, "下载 Word 版")).element.body.itertext())
    for text in (printed, walk.without_spaces(word)):
        for wanted in (number, person.name, "400.00", "肆佰元整", "广西壮族自治区城乡居民基本医疗保险"):
            assert walk.without_spaces(wanted) in text, wanted
    bank.goto("/demo/bank/")
    bank.get_by_label("通知书编号或缴款码").fill(number)
    press(bank, "查找通知")
    bank.get_by_role("radio").first.check()
    bank.get_by_label("实收金额（元）").fill("400")
    press(bank, "收款并打印回单")
    expect(bank.locator("main")).to_contain_text("缴费成功")
    page.reload()
    expect(page.locator("main")).to_contain_text("请勿重复缴费")


def see_cover(page: Page) -> None:
    """The resident is insured, with dates."""
    page.goto("/my/")
    page.get_by_role("link", name=re.compile("韦小满，参保年度")).first.click()
    walk.reload_until(page, "待遇享受期")
    expect(page.locator(".govuk-panel")).to_contain_text(re.compile(r"待遇享受期：\d{4}年\d+月\d+日至\d{4}年12月31日"))
