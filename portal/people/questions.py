"""One question a page, for readers of the large edition (J3): any form with several questions is asked in turn.

What was answered before travels along in hidden controls, so that nothing is stored before the last answer and scripts
are not needed. Files cannot travel so: they are asked for on the last page. The view goes on as usual once everything
is answered.
"""

from collections.abc import Callable
from typing import TypeVar

from django import forms
from django.forms.utils import ErrorDict
from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict

from portal.people.preferences import is_elder

QUESTION = "_question"
SKIPPED = ("csrfmiddlewaretoken", "version", "_switch", QUESTION)
"""What the page writes anew each time."""
Asked = TypeVar("Asked", bound=forms.Form)
Page = list[str]
"""The fields that are asked for on one page: one, or all files together."""


def one_at_a_time(request: HttpRequest, build: Callable[[QueryDict | None], Asked]) -> Asked | None:
    """The form of the next question, or None when the view should take the whole form as it is.

    `build` makes the form from posted data or, with None, from what is known already. A page that was asked for again
    in another language or size shows the question it stood at.
    """
    if not is_elder(request):
        return None
    whole = build(None)
    pages = _pages(whole)
    if len(pages) < 2:
        return None
    if request.method != "POST":
        typed = getattr(request, "typed", None) or QueryDict()
        return _ask(whole, pages, _place(typed.get(QUESTION, ""), len(pages)) or 0, typed)
    answered = _place(request.POST.get(QUESTION, ""), len(pages))
    if answered is None:
        return None
    errors = build(request.POST).errors
    if any(name in errors for name in pages[answered]):
        return _ask_again(build(request.POST), pages, answered, request.POST, errors)
    if answered + 1 < len(pages):
        return _ask(whole, pages, answered + 1, request.POST)
    wrong = next((place for place, page in enumerate(pages) if any(name in errors for name in page)), None)
    if wrong is not None:
        return _ask_again(build(request.POST), pages, wrong, request.POST, errors)
    return None


def _pages(form: forms.Form) -> list[Page]:
    asked = {name: field for name, field in form.fields.items() if not isinstance(field.widget, forms.HiddenInput)}
    files = [name for name, field in asked.items() if field.widget.needs_multipart_form]
    return [*([name] for name in asked if name not in files), *([files] if files else [])]


def _place(text: str, count: int) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 and int(text) < count else None


def _ask(form: Asked, pages: list[Page], place: int, typed: QueryDict) -> Asked:
    page = pages[place]
    form.fields = {name: form.fields[name] for name in page}
    known = {
        name: field.widget.value_from_datadict(typed, MultiValueDict(), name)
        for name, field in form.fields.items()
        if not field.widget.needs_multipart_form
        and not field.widget.value_omitted_from_data(typed, MultiValueDict(), name)
    }
    _carry(form, _carried(typed, page), place, len(pages))
    form.initial = {**form.initial, **{name: value for name, value in known.items() if value not in ("", None)}}
    return form


def _ask_again(form: Asked, pages: list[Page], place: int, typed: QueryDict, errors: ErrorDict) -> Asked:
    """The same question with its error and what was typed."""
    page = pages[place]
    form.fields = {name: form.fields[name] for name in page}
    form.data = typed.copy()
    form.data[QUESTION] = str(place)
    _carry(form, _carried(typed, page), place, len(pages))
    # Judged already; the form's own rules over several answers cannot judge it once most of its fields are hidden.
    vars(form)["_errors"] = ErrorDict({name: errors[name] for name in page if name in errors})
    return form


def _carried(typed: QueryDict, asked: Page) -> dict[str, list[str]]:
    """What was answered before, without the controls of the questions that are asked now."""
    own = {f"{name}{part}" for name in asked for part in ("", "_year", "_month", "_day")}
    return {name: values for name, values in typed.lists() if name not in SKIPPED and name not in own}


def _carry(form: forms.Form, values: dict[str, list[str]], place: int, count: int) -> None:
    """Adds the hidden controls, and `question` and `questions`, from which the page says where in the row it stands."""
    vars(form).update(question=place + 1, questions=count, more_questions=place + 1 < count)
    values = {**values, QUESTION: [str(place)]}
    carried = {name: listed if len(listed) > 1 else listed[0] for name, listed in values.items() if listed}
    form.initial = {**form.initial, **carried}
    for name, value in carried.items():
        widget = forms.MultipleHiddenInput() if isinstance(value, list) else forms.HiddenInput()
        form.fields[name] = forms.Field(required=False, widget=widget)
