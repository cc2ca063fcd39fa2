"""The list of papers of an application, for the progress page of the resident and the review page of the desk.

{% load enrollment_papers %}{% papers_of application %}
"""

from typing import Any

from django import template

from enrollment import papers
from enrollment.models import Application

register = template.Library()


@register.inclusion_tag("enrollment/_papers.html")
def papers_of(application: Application) -> dict[str, Any]:
    """Every paper that can be had now, each to print, as PDF and as Word file."""
    return {"application": application, "papers": papers.papers_of(application)}
