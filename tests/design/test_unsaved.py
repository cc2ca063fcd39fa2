"""Switching language or size on a page with a form: the page stays, and so does what was typed (UX-R21)."""

import pytest
from django.http import QueryDict
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from enrollment.models import Application
from portal.design.unsaved import put_back
from tests.enrollment import journeys
from tests.enrollment.conftest import monday, regions  # noqa: F401
from tests.people_cast import cast, sign_in  # noqa: F401

PAGE = """<!doctype html><form id="other"><input name="a" value="x"></form>
<form method="post" id="page-form"><input type="hidden" name="csrfmiddlewaretoken" value="t">
<input type="text" name="a" value="old"><input name="b"><input type="password" name="p">
<input type="text" name="code" autocomplete="one-time-code">
<input type="radio" name="r" value="1" checked><input type="radio" name="r" value="2">
<input type="checkbox" name="c" value="yes" checked><select name="s"><option value="">-</option>
<option value="2">zwei &amp; drei</option></select><textarea name="t">old</textarea></form><p>a &lt; b</p>"""


def typed(**values):
    data = QueryDict(mutable=True)
    for name, value in values.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return data


def test_typed_values_are_put_into_every_kind_of_control():
    """UX-R21: text, radios, boxes, lists, long text; not into another form, passwords, codes or the token."""
    page = put_back(
        PAGE, typed(a='"><b>', b="2", p="geheim", code="123456", r="2", s="2", t="</textarea>", csrfmiddlewaretoken="z")
    )
    assert '<form id="other"><input name="a" value="x"></form>' in page
    assert 'name="a" value="&quot;&gt;&lt;b&gt;"' in page
    assert '<input name="b" value="2">' in page
    assert 'value="2" checked' in page
    assert 'value="1" checked' not in page
    assert 'value="yes" checked' not in page
    assert '<option value="2" selected>zwei &amp; drei</option>' in page
    assert '<textarea name="t">&lt;/textarea&gt;</textarea>' in page
    assert 'value="t"' in page
    for kept_out in ("geheim", "123456", 'value="z"'):
        assert kept_out not in page
    assert "<p>a &lt; b</p>" in page


@given(st.text(max_size=60))
def test_no_text_breaks_out_of_its_control(text):
    """REL-I5: whatever is typed, the page around it is the same."""
    page = put_back(PAGE, typed(a=text, t=text))
    assert page.count("<form") == 2
    assert page.count("</textarea>") == 1
    assert page.endswith("<p>a &lt; b</p>")


@pytest.mark.django_db
def test_a_form_page_keeps_what_was_typed_in_the_other_language(monday, cast, client):  # noqa: F811
    """UX-R21, J1: a button of the form, no script; nothing is stored, the address stays, the language is kept."""
    draft = journeys.draft(cast.zhang)
    before = Application.objects.get(pk=draft.pk).version
    sign_in(client, cast.zhang)
    url = reverse("enrollment:section", args=[draft.pk, "contact"])
    assert 'form="page-form" name="_switch" value="en"' in client.get(url).content.decode()
    answer = client.post(url, {"phone": "199", "address": "新村 9 号", "in_area": "no", "_switch": "en"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Contact and address" in page
    assert 'value="199"' in page
    assert "新村 9 号" in page
    assert "govuk-error-summary" not in page
    assert Application.objects.get(pk=draft.pk).version == before
    assert "Contact and address" in client.get(url).content.decode()


@pytest.mark.django_db
def test_the_size_can_be_switched_in_the_middle_of_a_form(monday, cast, client):  # noqa: F811
    """UX-R18, UX-R21: the large edition comes with what was typed, and is kept in the account."""
    draft = journeys.draft(cast.zhang)
    sign_in(client, cast.zhang)
    url = reverse("enrollment:section", args=[draft.pk, "contact"])
    page = client.post(url, {"phone": "199", "address": "x", "_switch": "elder"}).content.decode()
    assert 'class="govuk-template elder"' in page
    assert 'value="199"' in page
    cast.zhang.refresh_from_db()
    assert cast.zhang.large_edition


@pytest.mark.django_db
def test_a_switch_is_protected_like_any_form(monday, cast):  # noqa: F811
    """J5: a switch sent from another site is refused."""
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    assert strict.post(reverse("people:sign_in"), {"_switch": "en", "name": "x"}).status_code == 403


@pytest.mark.django_db
def test_what_was_typed_is_there_again_after_a_time_out(monday, cast, client):  # noqa: F811
    """UX-E12, J7: the session ends while the form is open; the same person finds the page and the typed values."""
    draft = journeys.draft(cast.zhang)
    url = reverse("enrollment:section", args=[draft.pk, "contact"])
    sign_in(client, cast.zhang)
    client.get(url)
    monday.shift(16 * 60)
    late = client.post(url, {"phone": "199", "address": "新村 9 号", "in_area": "no"})
    assert late.status_code == 302
    assert "sign-in" in late["Location"]
    _sign_in_here(client, cast.zhang)
    page = client.get(url).content.decode()
    assert "新村 9 号" in page
    assert "尚未保存" in page
    assert "新村 9 号" not in client.get(url).content.decode()


@pytest.mark.django_db
def test_nobody_else_finds_what_was_typed(monday, cast, client):  # noqa: F811
    """REL-A4: another person at the same computer sees nothing of it, nor does the stored session show it in clear."""
    sign_in(client, cast.zhang)
    url = reverse("people:child")
    monday.shift(16 * 60)
    client.post(url, {"name": "张小小", "identity_number": "x"})
    assert "张小小" not in str(dict(client.session.items()))
    _sign_in_here(client, cast.wang)
    assert "张小小" not in client.get(url).content.decode()


def _sign_in_here(client, resident):
    """Signs in inside the browser's present session, as the sign-in page does."""
    from django.http import HttpRequest

    from portal.people import sessions
    from portal.people.services import account_of

    request = HttpRequest()
    request.session = client.session
    sessions.begin(request, account_of(resident))
    request.session.save()
    client.cookies["sid"] = request.session.session_key
