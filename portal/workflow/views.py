"""The page that says why a step was not carried out."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.people.actors import ANONYMOUS

from . import stories
from .errors import Refused, Unmet
from .models import Subject


def conflict_page(
    request: HttpRequest,
    subject: Subject,
    refused: Refused | None = None,
    *,
    return_url: str = "",
    kept: Iterable[str] = (),
    changes: Iterable[str] = (),
) -> HttpResponse:
    """Answer 409 with the case as it is now, who did what last, and the texts the person had typed (`kept`).

    `changes` are sentences about what happened since the person opened the page.

    try:
        EnrollmentWorkflow.approve.fire(application, request.actor, version)
    except Refused as refused:
        return conflict_page(request, application, refused, return_url=...)
    """
    actor = getattr(request, "actor", ANONYMOUS)
    current = refused.subject if refused is not None else subject
    workflow = stories.workflow_of(current)
    past = stories.items(current, actor, now=False)
    context = {
        "base": "staff_base.html" if actor.is_staff_role else "base.html",
        "reasons": refused.reasons if isinstance(refused, Unmet) else [],
        "state": workflow.states(current.state).label,
        "last": past[-1] if past else None,
        "attempted": refused.transition.label if refused is not None else "",
        "return_url": return_url,
        "changes": list(changes),
        "kept": [text for text in kept if text.strip()],
    }
    response = render(request, "workflow/conflict.html", context, status=409)
    response["Cache-Control"] = "no-store"
    return response
