"""Which papers of an application can be had now, for the progress page and the desk."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enrollment.models import Application
from enrollment.papers import history
from enrollment.papers.decisions import NotDecided, decision
from enrollment.papers.filing import receipt, registration_form
from enrollment.papers.requests import NothingAsked, request
from portal.documents.papers import Paper

FORMATS = ("html", "pdf", "docx")
MAKERS: dict[str, Callable[[Application], Paper]] = {
    "receipt": receipt,
    "form": registration_form,
    "request": request,
    "decision": decision,
}


@dataclass(frozen=True)
class Available:
    """One paper of the list: the name of its address, its title and what to know about it."""

    kind: str
    title: str | Promise
    hint: str | Promise = ""

    @property
    def url_name(self) -> str:
        return f"enrollment:{self.kind}_paper"


def papers_of(application: Application) -> list[Available]:
    """The papers of an application, the newest first; none for a draft."""
    if not application.number:
        return []
    found = []
    made = history.last_decision(application)
    if made is not None:
        found.append(Available("decision", _("Decision"), _("Approved by lapse of time.") if made.deemed else ""))
    if history.rounds_on_paper(application):
        found.append(Available("request", _("One-time notification of what is missing")))
    return [*found, Available("receipt", _("Receipt of the application")), Available("form", _("Registration form"))]


def make(kind: str, application: Application) -> Paper | None:
    """A paper by its kind, or None when there is none of that kind now."""
    maker = MAKERS.get(kind)
    if maker is None or not application.number:
        return None
    try:
        return maker(application)
    except (NothingAsked, NotDecided):
        return None
