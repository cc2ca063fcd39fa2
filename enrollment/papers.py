"""Papers about an application, made from the row alone without any worker: receipt of filing, form (F3, A5)."""

from datetime import date

from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from enrollment import offices, steps
from enrollment.models import Application
from portal.design.text import format_day, format_moment, format_yuan
from portal.documents import records
from portal.documents.papers import Paper, PaperCode, PaperField, PaperTable
from portal.regions import policy as policies
from portal.regions.models import Region
from portal.regions.policy_values import Policy

RECEIPT = "enrollment_receipt"
FORM = "enrollment_form"
BLANK = "\u3000" * 6
SUBJECT = "enrollment.application"


def receipt(application: Application, language: str | None = None) -> Paper:
    """The proof that an application was filed: number, day, for whom, where, by when, and what was declared."""
    chosen = language or translation.get_language() or "zh-hans"
    with translation.override(chosen):
        policy = application.policy.policy
        office = application.office
        return Paper(
            kind=RECEIPT,
            title=_("Receipt of an application to join the residents' medical insurance"),
            number=application.grouped_number,
            issued_on=application.submitted_on,
            language=chosen,
            office=office.name if office else "",
            parties=[
                PaperField(_("Applicant"), application.resident.name, "applicant"),
                PaperField(_("Person to insure"), application.beneficiary.name, "beneficiary"),
                PaperField(_("Identity number"), application.beneficiary.staff_identity_number, "identity_number"),
                PaperField(_("Region"), application.region.full_name, "region"),
            ],
            fields=[
                PaperField(_("Filed"), format_moment(application.submitted_at), "filed", strong=True),
                PaperField(_("Cover year"), str(application.cover_year), "cover_year"),
                PaperField(_("Office"), office.name if office else "", "office", wide=True),
                PaperField(_("Address of the office"), office.address if office else "", "address", wide=True),
                PaperField(_("Telephone"), office.phone if office else "", "phone"),
                PaperField(_("Promise"), offices.promise(policy, application.office_kind), "promise"),
                PaperField(_("Premium"), premium_words(application), "premium"),
            ],
            tables=[_answers(application), _materials(application)],
            paragraphs=[
                _(
                    "The applicant declared that every answer is true and complete and that the materials are genuine "
                    "and valid. Declared on %(moment)s."
                )
                % {"moment": format_moment(application.declaration_at)}
            ],
            codes=_codes(application),
            footer=[
                _("Questions: call %(hotline)s.") % {"hotline": policy.setting("hotline", "12393")},
                _("Printed on %(moment)s from the portal.") % {"moment": format_moment(timezone.now())},
            ],
        )


def registration_form(application: Application, language: str | None = None) -> Paper:
    """The registration form of the region, filled in with the answers (S0-05)."""
    answers = {answer.key: str(answer.value) for answer in steps.answers_shown(application)}
    person = application.beneficiary
    known = {
        "person.name": person.name,
        "person.identity_number": person.staff_identity_number,
        "applicant": application.resident.name,
        "cover_year": str(application.cover_year),
    }
    number = application.grouped_number
    return _form(
        application.region, application.policy.policy, known | answers, number, application.submitted_on, language
    )


def blank_form(region: Region, language: str | None = None) -> Paper:
    """The same form with nothing filled in, to write on by hand (S1-17, A5)."""
    return _form(region, policies.for_region(region), {}, "", None, language)


def _form(
    region: Region, policy: Policy, values: dict[str, str], number: str, issued_on: date | None, language: str | None
) -> Paper:
    chosen = language or translation.get_language() or "zh-hans"
    with translation.override(chosen):

        def field(label: str | Promise, code: str, blank: str = BLANK, *, wide: bool = False) -> PaperField:
            return PaperField(str(label), values.get(code) or blank, code, wide=wide)

        asked = [
            field(label, key, "  ".join(f"□ {option}" for option in options) or BLANK, wide=True)
            for key, label, options in steps.every_question()
        ]
        return Paper(
            kind=FORM,
            title=policy.text("form.enrollment.title"),
            number=number,
            issued_on=issued_on,
            language=chosen,
            parties=[
                field(_("Person to insure"), "person.name"),
                field(_("Identity number"), "person.identity_number"),
                field(_("Applicant"), "applicant"),
                field(_("Cover year"), "cover_year"),
                PaperField(_("Region"), region.full_name, "region", wide=True),
            ],
            fields=asked,
            paragraphs=[
                _("I declare that every entry is true and complete and that the materials are genuine and valid.")
            ],
            signatures=[_("Signature of the applicant"), _("Date")],
            footer=[_("Questions: call %(hotline)s.") % {"hotline": policy.setting("hotline", "12393")}],
        )


def premium_words(application: Application) -> str:
    """The premium as it stands: an amount, nothing, or not published."""
    if application.premium_pending:
        return _("not published yet")
    if application.nothing_payable:
        return _("nothing to pay")
    return format_yuan(application.payable_fen)


def _answers(application: Application) -> PaperTable:
    rows = [[str(answer.label), str(answer.value)] for answer in steps.answers_shown(application)]
    return PaperTable(head=[_("Question"), _("Answer")], rows=rows, caption=_("Answers"), widths=[45, 55])


def _materials(application: Application) -> PaperTable:
    rows = [[material.name, material.need] for material in application.materials.all()]
    return PaperTable(head=[_("Material"), _("Needed")], rows=rows, caption=_("Materials to bring"), widths=[60, 40])


def _codes(application: Application) -> list[PaperCode]:
    record = records.issue_record(kind=RECEIPT, subject_kind=SUBJECT, subject_id=application.pk)
    facts = facts_of(str(application.pk))
    if facts is None or application.number is None:
        raise LookupError(f"application {application.pk} is not submitted")
    caption = _("Check this paper: %(code)s") % {"code": records.grouped_code(record.code)}
    number = _("Application number %(number)s") % {"number": application.grouped_number}
    return [
        PaperCode("qr", records.check_address(record, facts), caption),
        PaperCode("code128", application.number, number),
    ]


def facts_of(subject_id: str) -> records.PaperFacts | None:
    """What the public check page says about the receipt: kind and date, nobody's name."""
    application = Application.objects.filter(pk=subject_id, submitted_on__isnull=False).first()
    if application is None:
        return None
    return records.PaperFacts(
        title=gettext_lazy("Receipt of an application to join the residents' medical insurance"),
        issued_on=application.submitted_on,
    )


def register() -> None:
    """Tells the paper check how to read the facts of these papers."""
    records.register_facts(SUBJECT, facts_of)


def expected_decision_on(application: Application) -> str:
    """The day by which a submitted application is decided, before the review clock has started."""
    return format_day(offices.expected_on(application))
