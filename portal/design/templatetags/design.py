"""Components and filters that every template may use without loading them."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django import forms, template
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms.formsets import BaseFormSet
from django.template.context import Context
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.design import context, kept, text
from portal.design.components import TASK_STATES
from portal.design.controls import first_control_id, messages

register = template.Library()

register.filter("day", text.format_day)
register.filter("weekday", text.format_weekday)
register.filter("moment", text.format_moment)
register.filter("yuan", text.format_yuan)
register.filter("localized", text.localized)
register.filter("grouped", text.grouped)
register.simple_tag(context.languages, name="languages")

TAG_COLOURS = frozenset(
    ["grey", "green", "turquoise", "blue", "light-blue", "purple", "pink", "red", "orange", "yellow"]
)


@register.filter
def waiting_time(seconds: int) -> str:
    """Writes how long to wait, rounded up to whole minutes above one minute."""
    if seconds <= 60:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    minutes = -(-seconds // 60)
    if minutes < 60:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    hours = -(-minutes // 60)
    return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}


def _errors_of(form: forms.BaseForm) -> list[dict[str, Any]]:
    found = []
    for name in form.errors:
        if name == NON_FIELD_ERRORS:
            field = getattr(form, "error_targets", {}).get(name) or next(
                (bound.name for bound in form.visible_fields()), None
            )
            target = first_control_id(form[field]) if field else ""
            texts = [str(message) for message in form.non_field_errors()]
        else:
            bound = form[name]
            target = "" if bound.is_hidden else first_control_id(bound)
            texts = messages(bound)
        found += [{"target": target, "message": message} for message in texts]
    return found


def _forms_in(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        if isinstance(value, BaseFormSet):
            yield from value.forms
        elif isinstance(value, forms.BaseForm):
            yield value


@register.inclusion_tag("components/error_summary.html")
def error_summary(*values: Any) -> dict[str, Any]:
    """Lists what is wrong in bound forms or formsets, each error a link to the control it is about (UX-R7)."""
    errors: list[dict[str, Any]] = []
    for value in values:
        if isinstance(value, BaseFormSet) and value.is_bound:
            errors += [{"target": "", "message": message} for message in value.non_form_errors()]
    for form in _forms_in(values):
        if form.is_bound:
            errors += _errors_of(form)
    return {"errors": errors}


@register.simple_tag(takes_context=True)
def title_prefix(context: Context) -> str:
    """Puts "Error: " before the title of a page whose form was refused (UX-E9)."""
    values = [context.get(name) for name in ("form", "formset")] + list(context.get("forms") or [])
    if any(form.is_bound and form.errors for form in _forms_in(values)):
        return _("Error: ")
    return ""


@register.inclusion_tag("components/task_list.html")
def task_list(tasks: Iterable[Any], id_prefix: str = "task") -> dict[str, Any]:
    """Lists tasks with their state in words; a task without address cannot be opened."""
    rows = []
    for task in tasks:
        get = task.get if isinstance(task, dict) else lambda name, default="", task=task: getattr(task, name, default)
        state = str(get("state", "not_started"))
        label, colour = TASK_STATES[state]
        rows.append(
            {
                "title": get("title", ""),
                "url": get("url", ""),
                "hint": get("hint", ""),
                "state": state,
                "label": label,
                "colour": colour,
            }
        )
    return {"tasks": rows, "id_prefix": id_prefix}


@register.inclusion_tag("components/summary_list.html")
def summary_list(rows: Iterable[Any], heading: str = "", change_url: str = "") -> dict[str, Any]:
    """Shows answers with a change link each, or one for the whole list (UX-R6)."""
    return {"rows": list(rows), "heading": heading, "change_url": change_url}


@register.inclusion_tag("components/timeline.html")
def timeline(items: Iterable[Any], heading_level: int = 3) -> dict[str, Any]:
    """Shows what is done, what is happening now and what comes next, with dates and who does it (UX-R13)."""
    return {"items": list(items), "heading": f"h{heading_level}"}


@register.inclusion_tag("components/tag.html")
def tag(label: Any, colour: str = "blue") -> dict[str, Any]:
    """Shows a state in words on a coloured ground."""
    return {"label": label, "colour": colour if colour in TAG_COLOURS else ""}


@register.inclusion_tag("components/tag.html")
def deadline(days_left: int | None, on: date | None = None, paused: bool = False) -> dict[str, Any]:
    """Says in words how many working days are left or over (UX-C2)."""
    if paused:
        return {"label": _("Clock paused"), "colour": "grey", "on": on}
    if days_left is None:
        return {"label": _("No deadline"), "colour": "grey", "on": on}
    if days_left < 0:
        label = ngettext("%(count)d working day over", "%(count)d working days over", -days_left)
        return {"label": label % {"count": -days_left}, "colour": "red", "on": on}
    if days_left == 0:
        return {"label": _("Due today"), "colour": "orange", "on": on}
    label = ngettext("%(count)d working day left", "%(count)d working days left", days_left) % {"count": days_left}
    return {"label": label, "colour": "yellow" if days_left == 1 else "green", "on": on}


@register.simple_tag
def pagination(page: Any) -> SafeString:
    """Links to the previous and next page of rows; `page` has previous_url, next_url and, if known, shown and total."""
    get = page.get if isinstance(page, dict) else lambda name: getattr(page, name, None)
    names = ("previous_url", "next_url")
    counts = {name: get(name) for name in ("shown", "total")}

    def draw(urls: Sequence[str]) -> str:
        shown = counts | dict(zip(names, urls, strict=True))
        return render_to_string("components/pagination.html", {"page": shown})

    return mark_safe(kept.spliced(("pagination", *counts.values()), [str(get(name) or "") for name in names], draw))


@register.inclusion_tag("components/steps.html")
def steps(number: int, total: int, title: str = "") -> dict[str, Any]:
    """Says which of how many steps this page is (UX-R4)."""
    return {"number": number, "total": total, "title": title}


@register.inclusion_tag("components/amount.html")
def amount(fen: int, label: str = "", capital: str = "") -> dict[str, Any]:
    """Shows an amount of money in large type, with the words in capital numerals where given."""
    return {"fen": fen, "label": label, "capital": capital}


@register.inclusion_tag("components/back_link.html")
def back_link(url: str, label: str = "") -> dict[str, Any]:
    """Leads back to the page before."""
    return {"url": url, "label": label or _("Back")}


@register.inclusion_tag("components/breadcrumbs.html")
def breadcrumbs(*pairs: Any) -> dict[str, Any]:
    """Shows the way to this page: label, address, label, address, ..., and last the label of this page."""
    values = list(pairs)
    last = values.pop() if len(values) % 2 else ""
    return {"crumbs": list(zip(values[::2], values[1::2], strict=True)), "last": last}


@register.simple_tag
def tabs(items: Iterable[Any], label: str) -> SafeString:
    """Links to the parts of a list with a count beside each (UX-C1); an item has label, url, current and count."""
    listed = [item if isinstance(item, dict) else vars(item) for item in items]
    counts = [str(count) if (count := item.get("count")) is not None else "" for item in listed]

    def draw(shown: Sequence[str]) -> str:
        drawn = [item | {"count": count or None} for item, count in zip(listed, shown, strict=True)]
        return render_to_string("components/tabs.html", {"tabs": drawn, "label": label})

    parts = tuple([(str(item["label"]), item["url"], bool(item.get("current"))) for item in listed])
    if len(listed) > len(kept.HOLES):
        return mark_safe(draw(counts))
    return mark_safe(kept.spliced(("tabs", str(label), parts), counts, draw))


class BlockComponent(template.Node):
    """A component with a body of its own, written as a pair of tags."""

    def __init__(self, template_name: str, nodelist: template.NodeList, options: dict[str, Any]) -> None:
        self.template_name = template_name
        self.nodelist = nodelist
        self.options = options

    def render(self, context: Context) -> SafeString:
        values = {name: value.resolve(context) for name, value in self.options.items()}
        body = self.nodelist.render(context)
        found = context.template.engine.get_template(self.template_name)  # type: ignore[union-attr]
        return found.render(context.new({**values, "body": body}))


def _block_component(name: str, template_name: str, first: str) -> None:
    """Registers `{% name "first option" key=value %}body{% endname %}`."""

    def compile_tag(parser: template.base.Parser, token: template.base.Token) -> BlockComponent:
        bits = token.split_contents()[1:]
        options: dict[str, Any] = {}
        if bits and "=" not in bits[0].split('"')[0]:
            options[first] = parser.compile_filter(bits.pop(0))
        keywords = template.base.token_kwargs(bits, parser)
        if bits:
            raise template.TemplateSyntaxError(f"{name}: unexpected {bits[0]!r}")
        options.update(keywords)
        nodelist = parser.parse((f"end{name}",))
        parser.delete_first_token()
        return BlockComponent(template_name, nodelist, options)

    register.tag(name, compile_tag)


_block_component("panel", "components/panel.html", "title")
_block_component("notification_banner", "components/notification_banner.html", "title")
_block_component("inset", "components/inset.html", "kind")
_block_component("warning", "components/warning.html", "label")
_block_component("details", "components/details.html", "summary")
_block_component("card", "components/card.html", "title")
_block_component("identity_bar", "components/identity_bar.html", "name")
_block_component("filters", "components/filters.html", "label")
