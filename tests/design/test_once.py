"""The frame and other parts of pages that are kept: nobody sees what was drawn for somebody else."""

import re

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.test import Client
from django.urls import get_script_prefix, set_script_prefix
from django.utils import translation

from portal.design import kept
from portal.people import sessions
from tests.people_cast import ResidentFactory, make_staff, region, sign_in

PART = Template(
    "{% load kept i18n %}"
    '{% once "hello" size=size with name=name %}{{ size }} {% translate "Yes" %} <b title="{{ name }}">{{ name }}</b>'
    "{{ secret }}{% endonce %}"
)
TOKEN = re.compile(r'value="[A-Za-z0-9]{64}"')
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:T|%)[^\"]*|\d{4}年\d+月\d+日 \d\d:\d\d|\d+ \w+ \d{4}, \d\d:\d\d")
REFERENCE = re.compile(r"(?:sid|csrf)=\w+")


@pytest.fixture(autouse=True)
def nothing_kept_before():
    kept.forget()
    yield
    kept.forget()


def draw(**values):
    return PART.render(Context(values))


def settled(response):
    """A page without its token and times."""
    assert response.status_code == 200
    return REFERENCE.sub("", MOMENT.sub("", TOKEN.sub("", response.content.decode())))


def test_values_are_put_in_escaped_and_for_one_visit():
    """PERFORMANCE goal 9: a hostile name is text, looks like no hole, and does not stay for the next reader."""
    assert draw(size=1, name="<script>") == '1 是 <b title="&lt;script&gt;">&lt;script&gt;</b>'
    assert draw(size=1, name="韦") == '1 是 <b title="韦">韦</b>'
    assert draw(size=1, name=f"{kept.HOLES[0]}\\1") == f'1 是 <b title="{kept.HOLES[0]}\\1">{kept.HOLES[0]}\\1</b>'
    assert draw(size=1, name="") == '1 是 <b title=""></b>'
    assert draw(size=2, name="韦").startswith("2 ")
    with translation.override("en"):
        assert draw(size=1, name="A") == '1 Yes <b title="A">A</b>'


def test_a_part_sees_nothing_that_it_was_not_given():
    """REL M: what is neither key nor hole cannot be kept, because it is not there."""
    assert "hidden" not in draw(size=1, name="韦", secret="hidden")


def test_a_part_that_changes_a_value_is_not_kept():
    """A filter over a value would work on the hole; such a part is drawn at each visit."""
    part = Template('{% load kept %}{% once "loud" with name=name %}{{ name|upper|urlencode }}{% endonce %}')
    assert [part.render(Context({"name": name})) for name in ("a b", "c&d")] == ["A%20B", "C%26D"]


def test_addresses_are_those_of_the_server_that_is_asked():
    """A prefix in one request, true or forged, is in no page of another one."""
    part = Template('{% load kept %}{% once "way" %}{% url "help:index" %}{% endonce %}')
    before, plain = get_script_prefix(), part.render(Context())
    try:
        set_script_prefix("/evil/")
        assert part.render(Context()) == f"/evil{plain}"
    finally:
        set_script_prefix(before)
    assert part.render(Context()) == plain


@pytest.mark.parametrize(
    "text", ["{% once %}x{% endonce %}", "{% once name %}x{% endonce %}", '{% once "a" b %}x{% endonce %}']
)
def test_a_part_without_a_plain_name_is_a_mistake(text):
    """A part is named in the template, and its values have names."""
    with pytest.raises(TemplateSyntaxError):
        Template("{% load kept %}" + text)


def test_people_in_turn_get_the_pages_they_would_get_alone(db):
    """Goals 8 and 9, M1: roles, languages, editions, hostile names in turn; byte for byte as if nothing were kept."""
    clerk = make_staff("zhao", "clerk", "450302001", office_kind="service_point")
    reviewer = make_staff("qian", "county_reviewer", "450302")
    clerk.display_name, reviewer.display_name = '<script>"甲&', "李审核"
    clerk.save(), reviewer.save()
    resident = ResidentFactory(name="韦春花", home_region=region("450302001"))
    readers = []
    for language, elder in (("zh-hans", ""), ("en", ""), ("zh-hans", "1")):
        for who in (clerk, reviewer, resident, None):
            client = Client()
            if who is resident:
                sign_in(client, resident)
            elif who is not None:
                client.force_login(who, backend=sessions.BACKEND)
            client.cookies["django_language"], client.cookies["elder"] = language, elder
            readers.append((client, "/desk/queue/" if who in (clerk, reviewer) else "/help/?a=1"))
    with kept.nothing_kept():
        alone = [settled(client.get(address, follow=True)) for client, address in readers]
    for _round in range(2):
        for (client, address), expected in zip(readers, alone, strict=True):
            assert settled(client.get(address, follow=True)) == expected
    assert "&lt;script&gt;&quot;甲&amp;" in alone[0]
    assert '<script>"' not in alone[0]
    assert "李审核" not in alone[0]
    assert "李审核" in alone[1]
    assert "韦春花" in alone[2]
    assert len(set(alone)) == len(alone)
