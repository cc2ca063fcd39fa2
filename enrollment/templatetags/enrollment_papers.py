"""The list of papers of an application, for the progress page of the resident and the review page of the desk.

{% load enrollment_papers %}{% papers_of application %}
"""

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.functional import Promise

from enrollment import papers
from enrollment.drawings import Drawing, drawing_of
from enrollment.models import Application
from enrollment.picture_words import TO_SENDERS

register = template.Library()


@register.filter
def drawing(code: str) -> Drawing:
    """The drawing of a material with its caption (UX-R10)."""
    return drawing_of(code)


@register.filter
def about_photo(code: str) -> str | Promise:
    """What was measured about a photo, in the words of its sender."""
    return TO_SENDERS.get(code, "")


@register.filter
def of_code(found: Mapping[str, Any] | None, code: str) -> Any:
    """What a mapping by the codes of materials holds for one; nothing where it holds none."""
    return (found or {}).get(code, "")


@register.inclusion_tag("enrollment/_papers.html")
def papers_of(application: Application) -> dict[str, Any]:
    """Every paper that can be had now, each to print, as PDF and as Word file."""
    return {"application": application, "papers": papers.papers_of(application)}
