"""Steps that people take through the pages of the portal, in Chinese, with scripts off."""

import itertools
import re
import time
from dataclasses import dataclass, field
from io import BytesIO

from django.conf import settings
from django.test import Client
from playwright.sync_api import Locator, Page, expect
from pypdf import PdfReader

from enrollment.models import Application
from portal.demo.enrolments import Story, Teller
from portal.demo.people import PASSWORD
from portal.people import sessions
from portal.people.models import Resident, User
from portal.people.services import account_of, register_resident
from portal.regions.models import Region
from tests.harness.portals import LivePortal
from tests.people_cast import next_identity_number

CODE = re.compile(r"\d{6}")
_COUNT = itertools.count()
REST_OF_THE_FORM = {
    "cover": {"status": "local_hukou", "other_cover": "none", "missed_years": 0},
    "assistance": {"assistance": "none"},
}


@dataclass(frozen=True)
class Newcomer:
    """Somebody whom the portal does not know yet; number and telephone are synthetic and used once."""

    name: str
    number: str = field(default_factory=next_identity_number)
    phone: str = field(default_factory=lambda: f"199{70_000_000 + next(_COUNT)}")


def press(page: Page, name: str) -> None:
    """Presses a button that is named exactly so."""
    page.get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str) -> None:
    """Follows the first link that is named exactly so."""
    page.get_by_role("link", name=name, exact=True).first.click()


def choose(page: Page, question: str, answer: str) -> None:
    """Chooses one of the radios of a question."""
    group(page, question).get_by_label(answer, exact=True).check()


def group(page: Page, question: str) -> Locator:
    """The fieldset of a question."""
    return page.get_by_role("group", name=question)


def heading(page: Page, text: str) -> None:
    """The page has this first heading."""
    expect(page.get_by_role("heading", level=1)).to_contain_text(text)


def reload_until(page: Page, text: str, *, seconds: float = 60) -> None:
    """Reloads the page, as a resident without scripts does, until it shows a text."""
    limit = time.monotonic() + seconds
    while text not in page.locator("main").inner_text():
        assert time.monotonic() < limit, f"Waited {seconds} s in vain for {text}:\n{page.locator('main').inner_text()}"
        page.wait_for_timeout(300)
        page.reload()


def pick_place(page: Page, *places: str) -> None:
    """Picks county and town on the pages of the region picker."""
    for place in places:
        page.get_by_label(place, exact=True).check()
        press(page, "继续")


def read_code(phone: Page, number: str) -> str:
    """Reads the newest code of a telephone on the demo phone page."""
    return CODE.findall(read_phone(phone, number, "验证码"))[0]


def read_phone(phone: Page, number: str, text: str) -> str:
    """Opens the page of a telephone and returns its messages, newest first, once one of them has the text."""
    phone.goto("/demo/phone/")
    link = phone.get_by_role("link", name=number)
    body = phone.locator(".demo-phone__screen")
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        if link.count():
            link.click()
        if number in body.inner_text() and text in body.inner_text():
            return str(body.locator(".demo-phone__messages").inner_text())
        phone.wait_for_timeout(300)
        phone.goto("/demo/phone/")
    raise AssertionError(f"No message with {text} on {number}: {body.inner_text()}")


def sign_in(page: Page, phone: Page, person: Newcomer) -> None:
    """Signs in on the page that asks for it, with the code that the telephone shows."""
    heading(page, "登录")
    page.get_by_label("姓名").fill(person.name)
    page.get_by_label("身份证件号码").fill(person.number)
    page.get_by_label("手机号码").fill(person.phone)
    press(page, "继续")
    heading(page, "填写验证码")
    page.get_by_label("短信验证码").fill(read_code(phone, person.phone))
    press(page, "登录")


def staff_sign_in(page: Page, username: str) -> None:
    """Signs a member of staff of the demo in."""
    page.goto("/staff/sign-in/")
    page.get_by_label("用户名").fill(username)
    page.get_by_label("密码").fill(PASSWORD)
    press(page, "登录")


def enter(page: Page, live: LivePortal, person: Resident | User) -> None:
    """Gives the context of a page the session of somebody, without the pages of signing in."""
    with live.orm():
        user = account_of(person) if isinstance(person, Resident) else person
        client = Client()
        client.force_login(user, backend=sessions.BACKEND)
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live.url}])


def download(page: Page, name: str) -> BytesIO:
    """Fetches the file that a link leads to, with the session of the page."""
    address = page.get_by_role("link", name=name, exact=True).first.get_attribute("href")
    assert address
    answer = page.request.get(address)
    assert answer.ok, answer.status
    return BytesIO(answer.body())


def text_of_pdf(file: BytesIO) -> str:
    """The text of every page of a PDF, without blanks."""
    return without_spaces("".join(sheet.extract_text() for sheet in PdfReader(file).pages))


def without_spaces(text: str) -> str:
    """Text of a paper without blanks and line ends, which a line break may put anywhere in Chinese."""
    return "".join(text.split())


def accept_all(desk: Page) -> None:
    """Ticks every material as seen and accepted."""
    for accepted in desk.get_by_label("已核对，合格").all():
        accepted.check()


def open_case(desk: Page, number: str) -> None:
    """Opens a case from the queue, going to the next page while it is not on this one."""
    link = desk.get_by_role("link", name=number)
    while not link.count():
        follow(desk, "下一页")
    link.click()
    expect(desk.locator(".portal-identity")).to_contain_text(number)


def newcomer_of_jiashan(name: str) -> Resident:
    """A new resident on file; call it within `orm()`."""
    newcomer = Newcomer(name)
    home = Region.objects.get(code="450302003")
    return register_resident(identity_number=newcomer.number, name=name, phone=newcomer.phone, home_region=home)


def with_application(live: LivePortal, name: str, ends: str) -> tuple[Resident, Application]:
    """A new resident with an application at the service point of Jiashan that services brought to this state."""
    with live.orm():
        resident = newcomer_of_jiashan(name)
        staff = {
            user.username: user for user in User.objects.filter(username__in=["clerk.jiashan", "reviewer.xiufeng"])
        }
        teller = Teller(clerks=[staff["clerk.jiashan"]], reviewer=staff["reviewer.xiufeng"])
        return resident, teller.tell(Story(resident, ends))
