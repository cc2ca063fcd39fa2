"""How the crispy template pack draws the controls of a form."""

from typing import Any

from django import forms, template
from django.forms.boundfield import BoundField
from django.template import Context
from django.utils.safestring import SafeString

from portal.design import controls, drawn_fields

register = template.Library()

CONTROL_CLASSES = {
    "input": "govuk-input",
    "select": "govuk-select",
    "textarea": "govuk-textarea",
    "file": "portal-file",
    "checkbox": "govuk-checkboxes__input",
}

register.filter("kind", controls.kind)
register.filter("messages", controls.messages)


@register.simple_tag(takes_context=True)
def whole_field(context: Context, field: BoundField) -> SafeString:
    """Draws a field with label, hint, errors and control, or takes what was drawn before."""

    def by_template(shown: BoundField) -> str:
        body = context.template.engine.get_template("portal/field_body.html")
        with context.push(field=shown):
            return str(body.render(context))

    return drawn_fields.draw(field, context, by_template)  # type: ignore[arg-type]


@register.simple_tag
def control(field: BoundField) -> SafeString:
    """Draws the control of a one-control field.

    The `required` attribute is left out: browsers would answer in their own language instead of ours.
    """
    shape = controls.kind(field)
    widget = field.field.widget
    classes = [CONTROL_CLASSES.get(shape, "govuk-input"), widget.attrs.get("class", "")]
    if field.errors and shape != "checkbox":
        classes.append(f"{CONTROL_CLASSES.get(shape, 'govuk-input')}--error")
    attrs = {"class": " ".join(filter(None, classes)), "id": field.auto_id, **_description(field)}
    return _render(field, widget, field.html_name, field.value(), attrs)


@register.simple_tag
def choices(field: BoundField) -> list[dict[str, Any]]:
    """Lists the options of radios or checkboxes with their ids, states and hints."""
    widget = field.field.widget
    hints = getattr(field.field, "option_hints", {})
    disabled = field.field.disabled
    options: list[dict[str, Any]] = []
    values = widget.format_value(field.value())
    for _group, rows, _index in widget.optgroups(field.html_name, values, {"id": field.auto_id}):
        for row in rows:
            number = len(options)
            options.append(
                {
                    "id": f"{field.auto_id}_{number}",
                    "value": row["value"],
                    "label": row["label"],
                    "checked": row["selected"],
                    "disabled": disabled or row["attrs"].get("disabled"),
                    "hint": hints.get(row["value"], "") or hints.get(str(row["value"]), ""),
                }
            )
    return options


@register.simple_tag
def parts(field: BoundField) -> list[dict[str, Any]]:
    """Lists the boxes of a field in parts, each with its own label and control."""
    widget = field.field.widget
    value = field.value()
    if not isinstance(value, list | tuple):
        value = widget.decompress(value)
    wrong = controls.wrong_parts(field)
    boxes = []
    for number, (part, name) in enumerate(zip(widget.widgets, widget.widgets_names, strict=True)):
        classes = ["govuk-input govuk-date-input__input", part.attrs.get("class", "")]
        attrs: dict[str, Any] = {"id": f"{field.auto_id}_{number}"}
        if number in wrong:
            classes.append("govuk-input--error")
            attrs["aria-invalid"] = "true"
        attrs["class"] = " ".join(filter(None, classes))
        if field.field.disabled:
            attrs["disabled"] = True
        boxes.append(
            {
                "id": attrs["id"],
                "label": part.label,
                "control": part.render(field.html_name + name, value[number], {**part.attrs, **attrs}),
            }
        )
    return boxes


@register.simple_tag
def described_by(field: BoundField) -> str:
    """Returns the ids of the hint and the error of a field, for the fieldset around its controls."""
    return str(_description(field).get("aria-describedby", ""))


@register.filter
def is_optional(field: BoundField) -> bool:
    """Says whether a field may stay empty; a declaration, a lone checkbox and one field of several, of which one must
    be filled in, are never marked as optional.
    """
    is_marked = controls.kind(field) != "checkbox" and not getattr(field.field, "one_of_several", False)
    return not field.field.required and is_marked


@register.filter
def is_page_heading(field: BoundField) -> bool:
    """Says whether the label of this field is the heading of the page (one question on a page)."""
    return getattr(field.form, "page_heading", "") == field.name


@register.filter
def starred(field: BoundField) -> bool:
    """Says whether the form marks its mandatory fields with a star (S4-08)."""
    return getattr(field.form, "star_required", False) and field.field.required


def _description(field: BoundField) -> dict[str, str]:
    ids = []
    if field.help_text:
        ids.append(f"{field.auto_id}_helptext")
    if field.errors:
        ids.append(f"{field.auto_id}_error")
    found = {"aria-describedby": " ".join(ids)} if ids else {}
    if field.errors and controls.kind(field) in CONTROL_CLASSES:
        found["aria-invalid"] = "true"
    return found


def _render(field: BoundField, widget: forms.Widget, name: str, value: Any, attrs: dict[str, Any]) -> SafeString:
    if field.field.disabled:
        attrs["disabled"] = True
    if starred(field):
        attrs["aria-required"] = "true"
    return widget.render(name, value, attrs=attrs, renderer=field.form.renderer)
