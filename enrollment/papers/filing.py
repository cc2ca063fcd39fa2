"""The receipt of filing and the registration form, made from the row alone without any worker (F3, A5, S0-05)."""

from datetime import date

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from enrollment import offices, steps
from enrollment.models import Application
from enrollment.papers import history, parts
from enrollment.papers.checking import FORM, RECEIPT, RECEIPT_TITLE, proof
from portal.design.text import format_moment
from portal.documents.papers import Paper, PaperCode, PaperField, PaperTable
from portal.regions import policy as policies
from portal.regions.models import Region
from portal.regions.policy_values import Policy

BLANK = "\u3000" * 6
NOT_ASKED = "—"


def receipt(application: Application, language: str | None = None) -> Paper:
    """The proof that an application was filed: number, day, for whom, where, by when, and what was declared."""
    with parts.spoken(language) as chosen:
        policy = application.policy.policy
        office = application.office
        return Paper(
            kind=RECEIPT,
            title=str(RECEIPT_TITLE),
            number=application.grouped_number,
            issued_on=application.submitted_on,
            language=chosen,
            office=office.name if office else "",
            parties=parts.people(application),
            fields=[
                PaperField(_("Filed"), format_moment(application.submitted_at), "filed", strong=True),
                PaperField(_("Cover year"), str(application.cover_year), "cover_year"),
                *parts.office_fields(office),
                PaperField(_("Promise"), offices.promise(policy, application.office_kind), "promise"),
                PaperField(_("Premium"), parts.premium_words(application), "premium"),
            ],
            tables=[_answers(application), _materials(application)],
            paragraphs=[
                _(
                    "The applicant declared that every answer is true and complete and that the materials are genuine "
                    "and valid. Declared on %(moment)s."
                )
                % {"moment": format_moment(application.declaration_at)}
            ],
            signatures=parts.seal(office),
            codes=_codes(RECEIPT, application),
            footer=parts.closing(policy),
        )


def registration_form(application: Application, language: str | None = None) -> Paper:
    """The registration form of the region, filled in with the answers (S0-05)."""
    with parts.spoken(language) as chosen:
        answers = {answer.key: str(answer.value) for answer in steps.answers_shown(application)}
        person = application.beneficiary
        known = {
            "person.name": person.name if person else "",
            "person.identity_number": person.staff_identity_number if person else "",
            "applicant": application.resident.name,
            "cover_year": str(application.cover_year),
            "entered_by": parts.entered_by(application),
        }
        return _form(
            application.region,
            application.policy.policy,
            known | answers,
            language=chosen,
            number=application.grouped_number,
            issued_on=application.submitted_on,
            codes=_codes(FORM, application),
        )


def blank_form(region: Region, language: str | None = None) -> Paper:
    """The same form with nothing filled in, to write on by hand (S1-17, A5)."""
    with parts.spoken(language) as chosen:
        return _form(region, policies.for_region(region), {}, language=chosen)


def _form(
    region: Region,
    policy: Policy,
    values: dict[str, str],
    *,
    language: str,
    number: str = "",
    issued_on: date | None = None,
    codes: list[PaperCode] | None = None,
) -> Paper:
    def field(label: str | Promise, code: str, blank: str = BLANK, *, wide: bool = False) -> PaperField:
        # What was not asked of this person is struck out; on a form to fill in by hand there is room to write.
        return PaperField(str(label), values.get(code) or (NOT_ASKED if values else blank), code, wide=wide)

    asked = [
        field(label, key, "\u3000".join(f"□ {option}" for option in options) or BLANK, wide=True)
        for key, label, options in steps.every_question()
    ]
    return Paper(
        kind=FORM,
        title=policy.text("form.enrollment.title"),
        number=number,
        issued_on=issued_on,
        language=language,
        parties=[
            field(_("Person to insure"), "person.name"),
            field(_("Identity number"), "person.identity_number"),
            field(_("Applicant"), "applicant"),
            field(_("Cover year"), "cover_year"),
            PaperField(_("Region"), region.full_name, "region", wide=True),
            field(_("Entered by"), "entered_by", wide=True),
        ],
        fields=asked,
        paragraphs=[_("I declare that every entry is true and complete and that the materials are genuine and valid.")],
        signatures=parts.to_sign(_("Signature of the applicant"), _("Date")),
        codes=codes or [],
        footer=[_("Questions: call %(hotline)s.") % {"hotline": policy.setting("hotline", "12393")}],
    )


def _codes(kind: str, application: Application) -> list[PaperCode]:
    record, facts = proof(kind, application, history.answered_rounds(application))
    return parts.codes(application, record, facts, progress=kind == RECEIPT)


def _answers(application: Application) -> PaperTable:
    """The answers, two in a row, so that the receipt stays on one sheet."""
    cells = [cell for answer in steps.answers_shown(application) for cell in (str(answer.label), str(answer.value))]
    cells += [""] * (-len(cells) % 4)
    return PaperTable(
        head=[_("Question"), _("Answer")] * 2,
        rows=[cells[start : start + 4] for start in range(0, len(cells), 4)],
        caption=_("Answers"),
        widths=[26, 24, 26, 24],
    )


def _materials(application: Application) -> PaperTable:
    rows = [[material.name, material.need] for material in application.materials.all()]
    return PaperTable(head=[_("Material"), _("Needed")], rows=rows, caption=_("Materials to bring"), widths=[60, 40])
