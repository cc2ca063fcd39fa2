"""One question a page, for readers of the large edition (J3): any form with several questions is asked in turn.

What was answered before travels along in hidden controls, so that nothing is stored before the last answer and scripts
are not needed. The view goes on as usual once everything is answered.
"""

from collections.abc import Callable

from django import forms
from django.forms.utils import ErrorDict
from django.http import HttpRequest, QueryDict

from portal.people.preferences import is_elder

QUESTION = "_question"
SKIPPED = ("csrfmiddlewaretoken", QUESTION)
Build = Callable[[QueryDict | None], forms.Form]


def one_at_a_time(request: HttpRequest, build: Build) -> forms.Form | None:
    """The form of the next question, or None when the view should take the whole form as it is.

    `build` makes the form from posted data or, with None, from what is known already.
    """
    if not is_elder(request):
        return None
    whole = build(None)
    if whole.is_multipart():
        return None  # a file cannot travel along in a hidden control
    names = [name for name, field in whole.fields.items() if not isinstance(field.widget, forms.HiddenInput)]
    if len(names) < 2:
        return None
    if request.method != "POST":
        return _ask(whole, names, 0, {})
    answered = _place(request.POST.get(QUESTION, ""), len(names))
    if answered is None:
        return None
    filled = build(request.POST)
    name = names[answered]
    if name in filled.errors:
        return _ask_again(build(request.POST), names, answered, request.POST, filled.errors)
    if answered + 1 < len(names):
        return _ask(whole, names, answered + 1, _carried(request.POST, names[answered + 1]))
    wrong = next((place for place, one in enumerate(names) if one in filled.errors), None)
    if wrong is not None:
        return _ask_again(build(request.POST), names, wrong, request.POST, filled.errors)
    return None


def _place(text: str, count: int) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 and int(text) < count else None


def _ask(form: forms.Form, names: list[str], place: int, carried: dict[str, list[str]]) -> forms.Form:
    form.fields = {names[place]: form.fields[names[place]]}
    _carry(form, {**carried, QUESTION: [str(place)]})
    return form


def _ask_again(form: forms.Form, names: list[str], place: int, typed: QueryDict, errors: ErrorDict) -> forms.Form:
    """The same question with its error and what was typed."""
    name = names[place]
    carried = _carried(typed, name)
    field = form.fields[name]
    form.fields = {name: field}
    form.data = typed.copy()
    form.data[QUESTION] = str(place)
    _carry(form, {**carried, QUESTION: [str(place)]})
    form.full_clean()
    form.errors.clear()
    form.errors[name] = errors[name]
    return form


def _carried(typed: QueryDict, asked: str) -> dict[str, list[str]]:
    """What was answered before, without the controls of the question that is asked now."""
    own = {asked} | {f"{asked}_{part}" for part in range(4)}
    return {name: values for name, values in typed.lists() if name not in SKIPPED and name not in own}


def _carry(form: forms.Form, values: dict[str, list[str]]) -> None:
    carried = {name: listed if len(listed) > 1 else listed[0] for name, listed in values.items() if listed}
    form.initial = {**form.initial, **carried}
    for name, value in carried.items():
        widget = forms.MultipleHiddenInput() if isinstance(value, list) else forms.HiddenInput()
        form.fields[name] = forms.Field(required=False, widget=widget)
