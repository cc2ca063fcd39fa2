"""What the public check page says about these papers: kind, date and whether they still stand, nobody's name (N4)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from enrollment.models import Application
from enrollment.papers import history
from portal.design.text import format_day, format_moment
from portal.documents import records
from portal.documents.models import PaperRecord

RECEIPT, FORM = "enrollment_receipt", "enrollment_form"
REQUEST, DECISION = "enrollment_request", "enrollment_decision"
SUBJECT = "enrollment.application"
FORM_SUBJECT, REQUEST_SUBJECT, DECISION_SUBJECT = "enrollment.form", "enrollment.request", "enrollment.decision"
SUBJECTS = {RECEIPT: SUBJECT, FORM: FORM_SUBJECT, REQUEST: REQUEST_SUBJECT, DECISION: DECISION_SUBJECT}
RECEIPT_TITLE = gettext_lazy("Receipt of an application to join the residents' medical insurance")
FORM_TITLE = gettext_lazy("Registration form of the residents' medical insurance")
REQUEST_TITLE = gettext_lazy("One-time notification of what is missing")
APPROVAL_TITLE = gettext_lazy("Decision on an application to join the residents' medical insurance: approved")
REJECTION_TITLE = gettext_lazy("Decision on an application to join the residents' medical insurance: not approved")


def proof(kind: str, application: Application, version: int) -> tuple[PaperRecord, records.PaperFacts]:
    """The record of one version of a paper, made at the first printing, and its facts as they stand.

    Raises LookupError for a paper that does not exist.
    """
    subject_id = f"{application.pk}:{version}" if version else str(application.pk)
    facts = READERS[SUBJECTS[kind]](subject_id)
    if facts is None:
        raise LookupError(f"application {application.pk} has no {kind}")
    return records.issue_record(kind=kind, subject_kind=SUBJECTS[kind], subject_id=subject_id), facts


def facts_of(subject_id: str) -> records.PaperFacts | None:
    """The facts of a receipt; one printed before a correction is outdated."""
    return _of_answers(subject_id, RECEIPT_TITLE)


def _facts_of_form(subject_id: str) -> records.PaperFacts | None:
    return _of_answers(subject_id, FORM_TITLE)


def _of_answers(subject_id: str, title: Any) -> records.PaperFacts | None:
    application, version = _found(subject_id)
    if application is None or application.submitted_on is None:
        return None
    outdated = version < history.answered_rounds(application)
    return records.PaperFacts(title=title, issued_on=application.submitted_on, outcome="superseded" if outdated else "")


def _facts_of_request(subject_id: str) -> records.PaperFacts | None:
    application, version = _found(subject_id)
    asked = history.requests(application) if application else []
    request = next((one for one in asked if one.round == version), None)
    if request is None:
        return None
    return records.PaperFacts(
        title=REQUEST_TITLE,
        issued_on=request.on,
        note=answer_words(request),
        outcome="superseded" if request is not asked[-1] else "",
    )


def answer_words(request: history.Request) -> str:
    """Until when a request can be answered, or when it was."""
    if request.answered_at:
        return _("Answered on %(moment)s.") % {"moment": format_moment(request.answered_at)}
    return _("To be answered by %(day)s.") % {"day": format_day(request.until)} if request.until else ""


def _facts_of_decision(subject_id: str) -> records.PaperFacts | None:
    application, version = _found(subject_id)
    made = history.decisions(application) if application else []
    decision = next((one for one in made if one.version == version), None)
    if decision is None:
        return None
    return records.PaperFacts(
        title=APPROVAL_TITLE if decision.approved else REJECTION_TITLE,
        issued_on=decision.on,
        note=_("Approved by lapse of time.") if decision.deemed else "",
        outcome=decision.outcome,
    )


def _found(subject_id: str) -> tuple[Application | None, int]:
    """The application and the version that a record names; no application for anything malformed."""
    key, _colon, version = subject_id.partition(":")
    try:
        pk, number = UUID(key), int(version or 0)
    except ValueError:
        return None, 0
    return Application.objects.filter(pk=pk, submitted_on__isnull=False).first(), number


READERS: dict[str, Callable[[str], records.PaperFacts | None]] = {
    SUBJECT: facts_of,
    FORM_SUBJECT: _facts_of_form,
    REQUEST_SUBJECT: _facts_of_request,
    DECISION_SUBJECT: _facts_of_decision,
}


def register() -> None:
    """Tells the paper check how to read the facts of these papers."""
    for subject_kind, reader in READERS.items():
        records.register_facts(subject_kind, reader)
