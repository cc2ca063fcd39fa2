"""The frame of pages, the switches, and the pages for what goes wrong."""

import re
from typing import Any

import pytest
from django import forms
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone, translation
from lxml import html
from pytest_django import Settings

from portal import errors
from portal.design import desk
from portal.people.actors import ANONYMOUS, Actor, Role

HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
def request_() -> Any:
    request = RequestFactory().get("/somewhere/?a=1")
    request.actor = ANONYMOUS
    request.request_id = "TESTNO12"
    return request


def parse(response: Any) -> html.HtmlElement:
    return html.document_fromstring(response.content.decode())


def test_a_page_says_its_language_title_and_landmarks(client: Client, db: None) -> None:
    """UX-E2, UX-E7, UX-E9: language, distinct title, skip link first, one main, header and footer."""
    root = parse(client.get(reverse("home")))
    assert root.get("lang") == "zh-Hans"
    assert root.xpath("//title")[0].text == "首页 – 居民医保与社保卡自助服务 – 参保"
    assert root.xpath("//body//a")[0].get("href") == "#main"
    assert len(root.xpath("//main[@id='main']")) == 1
    assert len(root.xpath("//h1")) == 1
    assert root.xpath("//header")
    assert root.xpath("//footer")


def test_titles_of_refused_forms_begin_with_error(request_: Any) -> None:
    """UX-E9: the title is read first."""

    class One(forms.Form):
        a = forms.CharField()

    for form, begins in [(One({}), True), (One({"a": "1"}), False), (One(), False)]:
        title = html.document_fromstring(render_to_string("base.html", {"form": form}, request_)).xpath("//title")[0]
        assert title.text.startswith("错误：") is begins


def test_language_is_switched_and_the_page_kept(client: Client, db: None) -> None:
    """UX-R21: each language is named in itself; the switch returns to the same page and lasts."""
    root = parse(client.get("/help/?x=1"))
    link = root.xpath('//a[@hreflang="en"]')[0]
    assert (link.text, link.get("lang")) == ("English", "en")
    response = client.get(link.get("href"), follow=True)
    assert response.redirect_chain == [("/help/?x=1", 302)]
    page = parse(response)
    assert page.get("lang") == "en"
    main = page.xpath("//main")[0]
    assert not HAN.search(main.text_content())
    back = page.xpath('//a[@hreflang="zh-Hans"]')[0]
    assert (back.text, back.get("lang")) == ("中文", "zh-Hans")
    assert parse(client.get(back.get("href"), follow=True)).get("lang") == "zh-Hans"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil", ""])
def test_switches_never_lead_to_another_site(client: Client, target: str) -> None:
    """REL-CO: `next` names a page of this portal or nothing."""
    for address in (reverse("design:language", args=["en"]), reverse("design:display", args=["elder"])):
        assert client.get(address, {"next": target}).headers["Location"] == "/"


def test_unknown_switches_do_not_exist(client: Client, db: None) -> None:
    """UX-R21: only the languages and sizes that there are."""
    assert client.get("/language/fr/").status_code == 404
    assert client.get("/display/huge/").status_code == 404


def test_the_large_edition_lasts_until_switched_off(client: Client, db: None) -> None:
    """UX-R18, J3: a cookie keeps it; the page says which edition the link leads to."""
    link = parse(client.get("/help/")).xpath('//a[contains(@href, "/display/elder/")]')[0]
    assert link.text == "长辈版"
    root = parse(client.get(link.get("href"), follow=True))
    assert "elder" in root.get("class").split()
    off = root.xpath('//a[contains(@href, "/display/standard/")]')[0]
    assert off.text == "标准版"
    assert "elder" not in parse(client.get(off.get("href"), follow=True)).get("class").split()


ANSWERS = [
    ("400.html", 400, lambda request: errors.bad_request(request)),
    ("403.html", 403, lambda request: errors.permission_denied(request)),
    ("403_csrf.html", 403, lambda request: errors.csrf_failure(request)),
    ("404.html", 404, lambda request: errors.page_not_found(request)),
    ("413.html", 413, lambda request: errors.bad_request(request, RequestDataTooBig())),
    ("500.html", 500, lambda request: errors.server_error(request)),
    ("503.html", 503, lambda request: errors.unavailable(request, timezone.now())),
]


@pytest.mark.parametrize(("template", "status", "answer"), ANSWERS, ids=[row[0] for row in ANSWERS])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_fault_has_a_page_that_helps(
    request_: Any, template: str, status: int, answer: Any, language: str
) -> None:
    """UX-E10: plain words, what became of the data, what to do, reference, telephone and hours; right status."""
    with translation.override(language):
        response = answer(request_)
    assert response.status_code == status
    main = parse(response).xpath("//main")[0]
    assert len(main.xpath(".//h1")) == 1
    assert [heading.text for heading in main.xpath(".//h2")] == (
        ["我的信息还在吗？", "我可以怎么做？"] if language == "zh-hans" else ["What about my data?", "What can I do?"]
    )
    assert "TESTNO12" in main.text_content()
    assert "12393" in main.text_content()
    assert "8:30–12:00" in main.text_content()
    assert response["Cache-Control"] == "no-store"
    if language == "en":
        assert not HAN.search(main.text_content())
    else:
        assert not re.search(r"\b(error|data|server|please)\b", main.text_content(), re.IGNORECASE)


def test_a_fault_of_ours_is_told_without_the_database(request_: Any) -> None:
    """UX-E10, REL-F2: no query, no session, no account is needed to say sorry; tests without `db` would fail on one."""
    assert errors.server_error(request_).status_code == 500


def test_a_fault_in_the_page_for_faults_is_still_answered(request_: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """UX-E10: when even that page cannot be drawn, plain words in both languages and the number remain."""

    def broken(*args: Any, **kwargs: Any) -> str:
        raise ValueError("no such file")

    monkeypatch.setattr(errors, "render_to_string", broken)
    response = errors.server_error(request_)
    page = response.content.decode()
    assert response.status_code == 500
    assert all(word in page for word in ("您之前保存的内容都在", "What you saved stays saved", "TESTNO12", "12393"))


def test_a_missing_database_is_a_closed_portal(request_: Any) -> None:
    """REL-F2: when the database is away the answer is 503 with a time to come back."""
    try:
        raise OperationalError("away")
    except OperationalError:
        response = errors.server_error(request_)
    assert response.status_code == 503
    assert response["Retry-After"] == "120"


def test_requests_without_a_number_get_one() -> None:
    """UX-E10: the number on the page is the one kept with the request."""
    request = RequestFactory().get("/")
    number = errors.reference(request)
    assert re.fullmatch(r"[2-9A-Z]{8}", number)
    assert errors.reference(request) == number


def test_waiting_and_conflict_pages_say_what_to_do(request_: Any) -> None:
    """UX-E10: 429 names the time to wait, 409 leads to the case as it is."""
    wait = render_to_string("429.html", {"retry_after_seconds": 700}, request_)
    assert "请在12 分钟后再试" in wait
    conflict = render_to_string("409.html", {"return_url": "/desk/x/", "message": "已由他人审核"}, request_)
    assert 'href="/desk/x/"' in conflict
    assert "已由他人审核" in conflict


def test_navigation_shows_what_the_role_may_open(monkeypatch: pytest.MonkeyPatch, request_: Any) -> None:
    """UX-C1: entries are registered once, sorted, filtered by role; the open one is marked."""
    monkeypatch.setattr(desk, "desk_entries", [])
    desk.register_nav("二", "help:offices", [Role.CLERK], order=20)
    desk.register_nav("一", "help:index", [Role.CLERK, Role.ADMIN], order=10)
    desk.register_nav("一", "help:index", [Role.CLERK, Role.ADMIN], order=10)
    desk.register_nav("三", "no:such", [Role.CLERK])
    request_.path = "/help/offices/"
    assert desk.links(desk.desk_entries, request_) == []
    request_.actor = Actor(Role.CLERK, user_id=1)
    assert [(link.label, link.current) for link in desk.links(desk.desk_entries, request_)] == [
        ("一", False),
        ("二", True),
    ]
    request_.actor = Actor(Role.ADMIN, user_id=1)
    assert [link.label for link in desk.links(desk.desk_entries, request_)] == ["一"]


def test_the_desk_shows_who_works_where(request_: Any, db: None) -> None:
    """UX-C1: name and role of the person at the desk stand in its header."""
    request_.actor = Actor(Role.CLERK, user_id=1, name="蒙办事员")
    page = html.document_fromstring(render_to_string("staff_base.html", {}, request_))
    person = " ".join(page.xpath('//*[@class="portal-header__person"]')[0].text_content().split())
    assert person == "蒙办事员 · 服务站工作人员" or person.startswith("蒙办事员 · ")


def test_the_style_guide_is_for_the_demonstration_only(client: Client, settings: Settings, db: None) -> None:
    """UX-E1: every component on one page; not part of a portal in operation."""
    assert client.get(reverse("design:guide")).status_code == 200
    assert "错误：" in parse(client.get(reverse("design:guide"), {"errors": "1"})).xpath("//title")[0].text
    settings.DEMO = False
    assert client.get(reverse("design:guide")).status_code == 404


def test_a_session_that_ends_soon_can_be_kept(request_: Any) -> None:
    """UX-E12: a strip with the moment of the end is part of every page of somebody signed in."""
    request_.session_expires_at = timezone.now()
    strip = html.document_fromstring(render_to_string("base.html", {}, request_)).xpath("//*[@data-session-ends]")[0]
    assert strip.get("hidden") is not None
    assert strip.xpath(".//form")[0].get("action") == reverse("people:keep")
