"""Papers about an application, made from the row alone without any worker (F3, N4, N5)."""

from enrollment import offices
from enrollment.models import Application
from enrollment.papers.checking import FORM, RECEIPT, SUBJECT, facts_of, register
from enrollment.papers.decisions import NotDecided, decision
from enrollment.papers.filing import BLANK, blank_form, receipt, registration_form
from enrollment.papers.listing import FORMATS, Available, make, papers_of
from enrollment.papers.parts import entered_by, premium_words
from enrollment.papers.requests import NothingAsked, request
from portal.design.text import format_day

__all__ = [
    "BLANK",
    "FORM",
    "FORMATS",
    "RECEIPT",
    "SUBJECT",
    "Available",
    "NotDecided",
    "NothingAsked",
    "blank_form",
    "decision",
    "entered_by",
    "expected_decision_on",
    "facts_of",
    "make",
    "papers_of",
    "premium_words",
    "receipt",
    "register",
    "registration_form",
    "request",
]


def expected_decision_on(application: Application) -> str:
    """The day by which a submitted application is decided, before the review clock has started."""
    expected = offices.expected_on(application)
    return format_day(expected) if expected else ""
