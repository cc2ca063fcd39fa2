"""The card application form of step 2, as web print, PDF and Word file (S4-13, S4-14, D6)."""

from typing import Any
from uuid import UUID

from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from cards.models import CardApplication
from cards.photo import PhotoSource
from cards.states import State
from portal.design.text import format_day, format_moment
from portal.documents import records
from portal.documents.papers import Paper, PaperCode, PaperField

FORM = "card_application_form"
SUBJECT = "cards.application"
TITLE = gettext_lazy("Registration form for social security card application of the People's Republic of China")
ENDED = (State.REJECTED, State.WITHDRAWN, State.LAPSED)
PHOTO_TEXTS: dict[str, Any] = {
    PhotoSource.ON_FILE: gettext_lazy("police photo on file"),
    PhotoSource.RECEIPT: gettext_lazy("photo receipt"),
    PhotoSource.UPLOAD: gettext_lazy("uploaded photo"),
}


def application_form(application: CardApplication, language: str | None = None) -> Paper:
    """The form the holder prints and brings to the pickup point (S4-24)."""
    chosen = language or translation.get_language() or "zh-hans"
    with translation.override(chosen):
        resident, point, office = application.resident, application.pickup_point, application.office
        answers = application.answers
        return Paper(
            kind=FORM,
            title=str(TITLE),
            number=application.grouped_number,
            issued_on=application.submitted_on,
            language=chosen,
            office=office.name if office else "",
            parties=[
                PaperField(_("Name"), resident.name, "name", strong=True),
                PaperField(_("Sex"), resident.get_sex_display(), "sex"),
                PaperField(_("Date of birth"), format_day(resident.birth_date) if resident.birth_date else "", "birth"),
                PaperField(_("Identity number"), resident.staff_identity_number, "identity_number"),
            ],
            fields=[
                PaperField(_("Address"), answers.get("address", ""), "address", wide=True),
                PaperField(_("Mobile number"), answers.get("phone", ""), "phone"),
                PaperField(_("Region"), application.region.full_name, "region"),
                PaperField(_("Photo"), str(PHOTO_TEXTS.get(application.photo_source, "")), "photo"),
                PaperField(
                    _("Number of the photo receipt"), answers.get("receipt_number", "") or "—", "receipt_number"
                ),
                PaperField(_("Pickup point"), point.name if point else "", "pickup", wide=True),
                PaperField(_("Filed"), format_moment(application.submitted_at), "filed"),
                PaperField(_("Applicant"), application.applicant.name, "applicant"),
            ],
            paragraphs=[
                _("The applicant declared that every answer is true and complete. Declared on %(moment)s.")
                % {"moment": format_moment(application.declaration_at)},
                _("Bring this form and the original identity card when you collect the card."),
            ],
            signatures=[
                f"{words}{pgettext('paper', ': ')}".rstrip()
                for words in (_("Signature of the holder or agent"), _("Date"))
            ],
            codes=_codes(application),
            footer=[_("Printed on %(moment)s from the portal.") % {"moment": format_moment(timezone.now())}],
        )


def _codes(application: CardApplication) -> list[PaperCode]:
    answered = answered_rounds(application)
    subject_id = f"{application.pk}:{answered}" if answered else str(application.pk)
    record = records.issue_record(kind=FORM, subject_kind=SUBJECT, subject_id=subject_id)
    facts = facts_of(subject_id)
    number = application.grouped_number
    found = [PaperCode("code128", application.number or "", "{}\n{}".format(_("Application number"), number))]
    if facts is not None:
        address = records.check_address(record, facts)
        caption = "{}\n{}".format(_("Check this paper"), records.caption_code(record.code))
        found.insert(0, PaperCode("qr", address, caption))
    return found


def answered_rounds(application: CardApplication) -> int:
    """How many rounds of corrections were answered; each makes the forms printed before it outdated."""
    return application.correction_round - int(application.state == State.CORRECTION_REQUIRED)


def facts_of(subject_id: str) -> records.PaperFacts | None:
    """What the public check page says about the form: kind and date, nobody's name.

    A form from before a correction is superseded, that of an application that ended without a card is void.
    """
    key, _colon, answered = subject_id.partition(":")
    try:
        pk, version = UUID(key), int(answered or 0)
    except ValueError:
        return None
    application = CardApplication.objects.filter(pk=pk, submitted_on__isnull=False).first()
    if application is None:
        return None
    outcome = "superseded" if version < answered_rounds(application) else ""
    if application.state in ENDED:
        outcome = "void"
    return records.PaperFacts(title=TITLE, issued_on=application.submitted_on, outcome=outcome)


def register() -> None:
    """Tells the paper check how to read the facts of these papers."""
    records.register_facts(SUBJECT, facts_of)
