"""The one-time notification: everything that is missing or wrong, with the reasons, in one paper (B5)."""

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from enrollment import offices, steps
from enrollment.models import Application, CorrectionItem
from enrollment.papers import history, parts
from enrollment.papers.checking import REQUEST, REQUEST_TITLE, answer_words, proof
from portal.design.text import format_day
from portal.documents.papers import Paper, PaperField, PaperTable
from portal.regions.models import Office


class NothingAsked(LookupError):
    """The office has not asked for any correction."""


def request(application: Application, language: str | None = None) -> Paper:
    """The notification of the last round of corrections; once answered it says so. Raises NothingAsked."""
    with parts.spoken(language) as chosen:
        asked = history.requests(application)
        if not asked:
            raise NothingAsked
        last = asked[-1]
        office = asking_office(application, last)
        record, facts = proof(REQUEST, application, last.round)
        return Paper(
            kind=REQUEST,
            title=str(REQUEST_TITLE),
            number=application.grouped_number,
            issued_on=last.on,
            language=chosen,
            office=office.name if office else "",
            status=answer_words(last) if last.answered_at else "",
            parties=parts.people(application),
            fields=[
                PaperField(_("Cover year"), str(application.cover_year), "cover_year"),
                PaperField(_("Filed"), format_day(application.submitted_on), "filed"),
                PaperField(_("Answer by"), format_day(last.until), "until", strong=True),
                *parts.office_fields(office),
            ],
            tables=[_items(application, last.items)],
            paragraphs=[
                _("This is everything that is missing or wrong; the office asks for nothing else in this round."),
                _("Answer on this portal under “My applications”, or bring the papers to the office above."),
                _("Until you answer the time for the review stands still, and you keep your place in the queue."),
                _("Without an answer in time the application lapses. You can then apply again while it is open."),
            ],
            signatures=parts.seal(office),
            codes=parts.codes(application, record, facts),
            footer=parts.closing(application.policy.policy),
        )


def asking_office(application: Application, asked: history.Request | history.Decision) -> Office | None:
    """The office that asked or decided, as the timeline has it."""
    if asked.by_county:
        return offices.fallback(application.region) or application.office
    if asked.office_id and asked.office_id != application.office_id:
        return Office.objects.filter(pk=asked.office_id).first() or application.office
    return application.office


def _items(application: Application, items: list[CorrectionItem]) -> PaperTable:
    """Each answer or material with what is wrong and how to put it right."""
    answers = {answer.key: answer.label for answer in steps.answers_shown(application)}
    names = {material.code: material.name for material in application.materials.all()}
    rows = [
        [
            str(place),
            str(answers.get(item.code) or names.get(item.code, item.code)),
            str(item.get_kind_display()),
            item.reason,
        ]
        for place, item in enumerate(items, start=1)
    ]
    return PaperTable(
        caption=_("To be put right"),
        head=[_("Number"), pgettext("correction", "Item"), _("Kind"), _("What is wrong, and how to put it right")],
        rows=rows,
        widths=[8, 32, 12, 48],
    )
