"""One question a page in the large edition: nothing typed is lost, nothing is asked twice (J3, UX-R7, UX-R18)."""

import re

import pytest
from django import forms
from django.http import QueryDict
from django.test import Client, RequestFactory
from django.urls import reverse

from portal.design.fields import DatePartsField
from portal.people import questions
from portal.people.preferences import ELDER_COOKIE
from portal.people.views.residents import PENDING
from tests.people_cast import identity_number

NUMBER = identity_number("450302", "19511010", "F", serial=1)
SIGN_IN = "/sign-in/"


class Visit(forms.Form):
    """A date, a line, two files; the line and the date must fit each other."""

    day = DatePartsField(label="Day")
    name = forms.CharField(label="Name")
    picture = forms.FileField(label="Picture", required=False)
    letter = forms.FileField(label="Letter", required=False)

    def clean(self):
        told = super().clean()
        if told.get("name") == "never":
            self.add_error("day", "not on this day")
        return told


def asked(data=None, *, typed=None):
    """The form that a reader of the large edition gets."""
    request = RequestFactory().post("/", data) if data is not None else RequestFactory().get("/")
    request.COOKIES[ELDER_COOKIE] = "1"
    if typed is not None:
        request.typed = QueryDict(mutable=True)
        request.typed.update(typed)
    return questions.one_at_a_time(request, lambda posted: Visit(posted))


def shown(form) -> list[str]:
    return [name for name, field in form.fields.items() if not isinstance(field.widget, forms.HiddenInput)]


DAY = {"day_year": "1956", "day_month": "3", "day_day": "8"}


def test_files_come_last_and_together():
    """J3: a file cannot travel in a hidden control, so all of them stand on the last page."""
    assert [len(page) for page in questions._pages(Visit())] == [1, 1, 2]
    last = asked(DAY | {"name": "张三", "_question": "1"})
    assert shown(last) == ["picture", "letter"]
    assert last.is_multipart()
    assert (last.question, last.questions, last.more_questions) == (3, 3, False)
    assert asked(DAY | {"name": "张三", "_question": "2"}) is None


def test_a_wrong_date_is_asked_again_with_its_three_parts_once():
    """UX-R7: the typed parts stand in the boxes and in no hidden control beside them."""
    form = asked(DAY | {"day_month": "13", "version": "4", "csrfmiddlewaretoken": "x", "_question": "0"})
    html = str(form["day"])
    assert 'value="13"' in html
    assert list(form.errors) == ["day"]
    assert set(form.fields) == {"day", "_question"}


def test_a_rule_over_several_answers_leads_back_to_the_question():
    """UX-R7: found only at the end, it opens the question it belongs to, and the other answers travel on."""
    form = asked(DAY | {"name": "never", "_question": "2"})
    assert shown(form) == ["day"]
    assert form.errors["day"] == ["not on this day"]
    assert form["name"].value() == "never"


def test_a_switch_of_language_stays_at_the_question():
    """UX-R21: the third page stays the third page, with what was typed before in hidden controls."""
    form = asked(typed=DAY | {"name": "张三", "_question": "1", "_switch": "en"})
    assert shown(form) == ["name"]
    assert form.initial["name"] == "张三"
    assert form.fields["day_year"].widget.is_hidden
    assert "_switch" not in form.fields


@pytest.mark.parametrize("place", ["", "9", "-1", "１", "9999", "x"])
def test_a_place_that_does_not_exist_gives_the_whole_form(place):
    """J3: what is posted without a place, or with a made-up one, is taken as the whole form."""
    assert asked(DAY | {"_question": place}) is None


@pytest.mark.django_db
def test_an_old_person_signs_in_one_question_after_the_other(client: Client):
    """J3, UX-R18: name, number, telephone, each with its own error; a code is asked for only after the last."""
    client.cookies[ELDER_COOKIE] = "1"
    assert shown(client.get(SIGN_IN).context["form"]) == ["name"]
    told = {"name": "李秀英", "_question": "0"}
    second = client.post(SIGN_IN, told)
    assert shown(second.context["form"]) == ["identity_number"]
    assert PENDING not in client.session
    wrong = client.post(SIGN_IN, {"name": "李秀英", "identity_number": NUMBER[:-1], "_question": "1"})
    assert list(wrong.context["form"].errors) == ["identity_number"]
    assert "李秀英" in wrong.content.decode()
    told = {"name": "李秀英", "identity_number": NUMBER, "_question": "1"}
    third = client.post(SIGN_IN, told)
    assert shown(third.context["form"]) == ["phone"]
    assert len(re.findall(r'name="identity_number"', third.content.decode())) == 1
    done = client.post(SIGN_IN, told | {"phone": "19900000055", "_question": "2"})
    assert done.url == reverse("people:sign_in_code")
    assert PENDING in client.session
