"""What every paper about an application carries: its people, its office, its codes and its last lines."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from enrollment.models import Application
from portal.design.context import address
from portal.design.text import format_moment, format_yuan
from portal.documents import records
from portal.documents.papers import PaperCode, PaperField
from portal.regions.models import Office
from portal.regions.policy_values import Policy


@contextmanager
def spoken(language: str | None) -> Iterator[str]:
    """Makes the texts of a paper in `language`, or in the active one."""
    chosen = language or translation.get_language() or "zh-hans"
    with translation.override(chosen):
        yield chosen


def people(application: Application) -> list[PaperField]:
    """Who applies for whom, who typed it in, and where (UX-R20)."""
    person = application.beneficiary
    return [
        PaperField(_("Applicant"), application.resident.name, "applicant"),
        PaperField(_("Person to insure"), person.name if person else "", "beneficiary"),
        PaperField(_("Identity number"), person.staff_identity_number if person else "", "identity_number"),
        PaperField(_("Region"), application.region.full_name, "region"),
        PaperField(_("Entered by"), entered_by(application), "entered_by"),
    ]


def entered_by(application: Application) -> str:
    """Who filled the form in, and for whom: a member of staff or agent, a relative, or the person."""
    person = application.beneficiary or application.resident
    if application.helper is not None:
        return _("%(applicant)s for %(person)s") % {
            "applicant": application.helper.display_name or _("Staff"),
            "person": person.name,
        }
    if application.is_for_other:
        return _("%(applicant)s for %(person)s") % {"applicant": application.resident.name, "person": person.name}
    return _("%(name)s, in person") % {"name": application.resident.name}


def office_fields(office: Office | None) -> list[PaperField]:
    """Name, address, hours and telephone of an office; none when there is no office."""
    if office is None:
        return []
    return [
        PaperField(_("Office"), office.name, "office", wide=True),
        PaperField(_("Address of the office"), office.address, "address", wide=True),
        PaperField(_("Opening hours"), office.hours, "hours", wide=True),
        PaperField(_("Telephone"), office.phone, "phone"),
    ]


def premium_words(application: Application) -> str:
    """The premium as it stands: an amount, nothing, or not published."""
    if application.premium_pending:
        return _("not published yet")
    if application.nothing_payable:
        return _("nothing to pay")
    return format_yuan(application.payable_fen)


def codes(
    application: Application, record: records.PaperRecord, facts: records.PaperFacts, *, progress: bool = True
) -> list[PaperCode]:
    """The code that proves the paper, the one that leads to the progress, and the number for the counter's scanner.

    Papers that end a case, or have no room, go without the second. Raises LookupError without a number.
    """
    if application.number is None:
        raise LookupError(f"application {application.pk} is not submitted")
    checked = "{}\n{}".format(_("Check this paper"), records.caption_code(record.code))
    found = [PaperCode("qr", records.check_address(record, facts), checked)]
    path = address("lookup_case", application.pk)
    if path and progress:
        found.append(PaperCode("qr", records.public_address() + path, _("Scan to see where the case stands")))
    number = "{}\n{}".format(_("Application number"), application.grouped_number)
    return [*found, PaperCode("code128", application.number, number)]


def seal(office: Office | None) -> list[str]:
    """Where the office puts its seal; nothing without an office."""
    return [_("%(office)s (seal)") % {"office": office.name}] if office else []


def to_sign(*who: str) -> list[str]:
    """Words that a line to write on follows."""
    return [f"{words}{pgettext('paper', ': ')}".rstrip() for words in who]


def closing(policy: Policy) -> list[str]:
    """Whom to call, and when the paper was printed."""
    return [
        _("Questions: call %(hotline)s.") % {"hotline": policy.setting("hotline", "12393")},
        _("Printed on %(moment)s from the portal.") % {"moment": format_moment(timezone.now())},
    ]
