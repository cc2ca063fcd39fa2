"""Keeps the drawn HTML of form fields, so that a page of twenty fields is not drawn field by field at every visit.

Drawing by templates costs half a millisecond a field; what a field looks like depends on little. The HTML is kept under
everything that shapes it, with marks where values stand, and the values are escaped and put in. Fields with errors and
controls that this module does not know are drawn by the templates each time.
"""

import copy
import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from portal.design import controls

LIMIT = 4000
"""As many drawn fields are kept; a portal has some hundred in each language."""

CONTEXT_NAMES = (
    "wrapper_class",
    "form_show_labels",
    "form_show_errors",
    "label_class",
    "hide_optional",
    "inline_class",
)
"""What the templates of a field read from the page around it."""

MARKS = ("\ue000\ue001", "\ue000\ue002", "\ue000\ue003", "\ue000\ue004")
ANY_MARK = re.compile("|".join(MARKS))
EMPTY = (None, "")

_kept: dict[Hashable, str] = {}


def draw(field: BoundField, context: Mapping[str, Any], by_template: Callable[[BoundField], str]) -> SafeString:
    """The HTML of a field: from what was kept, else drawn by the templates and kept."""
    values, shown = _values(field)
    key = _key(field, context, shown) if shown is not None and not field.errors else None
    if key is None:
        return mark_safe(by_template(field))
    html = _kept.get(key)
    if html is None:
        html = by_template(_stand_in(field) if values else field)
        if any(html.count(mark) != 1 for mark, _value in values):
            return mark_safe(by_template(field))
        if len(_kept) >= LIMIT:
            _kept.clear()
        _kept[key] = html
    if not values:
        return mark_safe(html)
    put = {mark: escape(value) for mark, value in values}
    return mark_safe(ANY_MARK.sub(lambda found: put[found[0]], html))  # one pass: a value may itself look like a mark


def forget() -> None:
    """Drops everything that was kept."""
    _kept.clear()


def _values(field: BoundField) -> tuple[list[tuple[str, Any]], Hashable | None]:
    """Marks with the values that go in their places, and what else of the value shapes the HTML; None for "draw it".

    Text stands in marks; what is chosen, and which boxes are empty, shapes the HTML.
    """
    widget, shape, value = field.field.widget, controls.kind(field), field.value()
    if shape == "file":
        return [], ()
    if shape == "checkbox":
        return [], (value,) if value in (True, False, None) else None
    if shape in ("radios", "checkboxes", "select"):
        chosen = tuple(widget.format_value(value))
        known = {str(option) for option, _label in _flat(widget.choices)} | {""}
        return [], chosen if known.issuperset(chosen) else None
    if shape == "parts":
        parts = value if isinstance(value, list | tuple) else widget.decompress(value)
        if len(parts) >= len(MARKS) or not all(_is_plain(one) for one in widget.widgets):
            return [], None
        filled = [(mark, part) for mark, part in zip(MARKS, parts, strict=False) if part not in EMPTY]
        return filled, tuple(part in EMPTY for part in parts)
    if not _is_plain(widget) or not isinstance(value, str | int | None):
        return [], None
    return ([] if value in EMPTY else [(MARKS[0], value)]), (value in EMPTY,)


def _is_plain(widget: forms.Widget) -> bool:
    """Whether the widget shows a text as it is."""
    return type(widget).format_value is forms.Widget.format_value and not widget.is_localized


def _flat(choices: Any) -> list[tuple[Any, Any]]:
    """The choices without their groups."""
    found: list[tuple[Any, Any]] = []
    for value, label in choices:
        found += label if isinstance(label, list | tuple) else [(value, label)]
    return found


def _stand_in(field: BoundField) -> BoundField:
    """The same field with marks in the places of its values."""
    shown: Any = MARKS[0]
    if controls.kind(field) == "parts":
        given = field.value()
        parts = given if isinstance(given, list | tuple) else field.field.widget.decompress(given)
        shown = [None if part in EMPTY else mark for mark, part in zip(MARKS, parts, strict=False)]
    copied = copy.copy(field)
    copied.value = lambda: shown  # type: ignore[method-assign]
    return copied


def _key(field: BoundField, context: Mapping[str, Any], shown: Hashable) -> Hashable | None:
    plain, form = field.field, field.form
    widget = plain.widget
    signature = (
        get_language(),
        field.html_name,
        field.auto_id,
        str(field.label),
        str(field.help_text),
        plain.required,
        plain.disabled,
        getattr(form, "page_heading", "") == field.name,
        getattr(form, "star_required", False),
        str(getattr(plain, "button_label", "")),
        getattr(plain, "inline", False),
        _texts(getattr(plain, "option_hints", {}).items()),
        _look(widget),
        tuple((str(part.label), _look(part)) for part in getattr(widget, "widgets", ()) if hasattr(part, "label")),
        _texts(_flat(getattr(widget, "choices", ()))),
        tuple(str(context.get(name)) for name in CONTEXT_NAMES),
        shown,
    )
    return signature if _is_hashable(signature) else None


def _look(widget: forms.Widget) -> Hashable:
    """What a widget is and the attributes it was given."""
    return type(widget), _texts(widget.attrs.items())


def _texts(pairs: Any) -> Hashable:
    return tuple((str(one), str(other)) for one, other in pairs)


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
