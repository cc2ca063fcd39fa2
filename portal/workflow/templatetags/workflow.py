"""Buttons and timelines of a subject.

{% load workflow %}
{% workflow_timeline subject %}            what happened and what is now, for the actor of the request
{% workflow_options subject url %}         a form with a button per transition, and what is missing for the others
"""

from __future__ import annotations

from typing import Any

from django import template

from portal.people.actors import ANONYMOUS
from portal.workflow import stories
from portal.workflow.models import Subject

register = template.Library()


def _actor(context: template.Context) -> Any:
    request = context.get("request")
    return getattr(request, "actor", ANONYMOUS)


@register.inclusion_tag("workflow/_timeline.html", takes_context=True)
def workflow_timeline(context: template.Context, subject: Subject, heading_level: int = 3) -> dict[str, Any]:
    """The timeline of a subject with its present state last."""
    return {"items": stories.items(subject, _actor(context)), "heading_level": heading_level}


@register.inclusion_tag("workflow/_options.html", takes_context=True)
def workflow_options(context: template.Context, subject: Subject, url: str) -> dict[str, Any]:
    """One form posting `transition` and `version` to `url`; unmet requirements are said in words."""
    options = stories.workflow_of(subject).options(subject, _actor(context))
    return {
        "subject": subject,
        "url": url,
        "available": [option for option in options if option.available],
        "blocked": [option for option in options if not option.available],
        "csrf_token": context.get("csrf_token"),
    }
