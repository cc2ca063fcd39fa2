"""Which control of a field is which: kinds for the templates, ids for labels and error links."""

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _


def kind(field: BoundField) -> str:
    """Names the template part that draws a field."""
    widget = field.field.widget
    if isinstance(widget, forms.CheckboxSelectMultiple):
        return "checkboxes"
    if isinstance(widget, forms.RadioSelect):
        return "radios"
    if isinstance(widget, forms.CheckboxInput):
        return "checkbox"
    if isinstance(widget, forms.MultiWidget):
        return "parts"
    if isinstance(widget, forms.FileInput):
        return "file"
    if isinstance(widget, forms.Select):
        return "select"
    if isinstance(widget, forms.Textarea):
        return "textarea"
    return "input"


def first_control_id(field: BoundField) -> str:
    """Returns the id of the control that an error link leads to; for date parts the first part that is wrong."""
    shape = kind(field)
    if shape in ("radios", "checkboxes"):
        return f"{field.auto_id}_0"
    if shape == "parts":
        return f"{field.auto_id}_{next(iter(wrong_parts(field)), 0)}"
    return field.id_for_label or field.auto_id


def wrong_parts(field: BoundField) -> list[int]:
    """Returns the numbers of the boxes of a field in parts that an error names; all of them when none is named."""
    if not field.errors:
        return []
    named = [
        number for error in field.form.errors[field.name].as_data() for number in (error.params or {}).get("parts", ())
    ]
    return sorted(set(named)) or list(range(len(field.field.widget.widgets)))


def messages(field: BoundField) -> list[str]:
    """Returns the errors of a field; a bare "required" becomes a sentence that says what to do (UX-R7)."""
    bare = str(forms.Field.default_error_messages["required"])
    return [_please(field) if message == bare else str(message) for message in field.errors]


def _please(field: BoundField) -> str:
    shape = kind(field)
    if shape in ("radios", "checkboxes", "select"):
        text = _("Choose an answer: %(label)s")
    elif shape == "file":
        text = _("Choose a photo or file: %(label)s")
    else:
        text = _("Please fill in: %(label)s")
    return text % {"label": field.label}
