"""The sections of the registration form: their order, their fields, and what is still missing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enrollment.codes import ForWhom, OtherCover, RegisterEntry, Relation, School, Status
from enrollment.forms import (
    MISSED_YEARS,
    AssistanceForm,
    ContactForm,
    CoverForm,
    KnownPersonForm,
    OfficeForm,
    RelatedPersonForm,
)
from enrollment.models import Application
from enrollment.offices import choices_for
from portal.design.text import format_day
from portal.people.identity import age_on
from portal.people.models import AssistanceCategory, Sex
from portal.regions import calendar

PERSON, CONTACT, COVER, ASSISTANCE, OFFICE = "person", "contact", "cover", "assistance", "office"
OLDEST_STUDENT_AGE = 35
CONDITIONAL = {COVER: ("school", "listed_by_school")}
YES_NO = {True: _("Yes"), False: _("No")}
CODE_LABELS: dict[str, dict[Any, Any]] = {
    "sex": dict(Sex.choices),
    "relation": dict(Relation.choices),
    "status": dict(Status.choices),
    "other_cover": dict(OtherCover.choices),
    "missed_years": dict(MISSED_YEARS),
    "register": dict(RegisterEntry.choices),
    "school": dict(School.choices),
    "assistance": {code or "none": label for code, label in AssistanceCategory.choices},
}


@dataclass(frozen=True)
class Section:
    """One page of the form; `build` makes its form from data, initial answers and the application."""

    code: str
    title: str | Promise
    hint: str | Promise
    build: Callable[[Application, Any, dict[str, Any]], forms.Form]


def _person(application: Application, data: Any, initial: dict[str, Any]) -> forms.Form:
    id_kind = kind_of(application)
    if application.for_whom == ForWhom.SELF:
        return KnownPersonForm(data, initial=initial, id_kind=id_kind)
    return RelatedPersonForm(data, initial=initial, for_whom=application.for_whom, id_kind=id_kind)


def kind_of(application: Application) -> str:
    """The kind of identity document on file for the person to insure; empty while nobody is named."""
    return application.beneficiary.id_kind if application.beneficiary else ""


def may_study(application: Application, data: Any) -> bool:
    """Whether the questions about a school are worth asking: of somebody young, or who says to be a student."""
    status = (data or application.answers.get(COVER, {})).get("status")
    if status == Status.STUDENT:
        return True
    typed = application.answers.get(PERSON, {}).get("birth_on")
    known = application.beneficiary.birth_date if application.beneficiary else None
    birth_on = date.fromisoformat(typed) if typed else known
    return birth_on is None or age_on(birth_on, calendar.today()) < OLDEST_STUDENT_AGE


def _office(application: Application, data: Any, initial: dict[str, Any]) -> forms.Form:
    offices = choices_for(application)
    return OfficeForm(data, initial=initial, offices=offices.queryset, labels=offices.labels)


SECTIONS = (
    Section(PERSON, _("Personal information"), _("Name, identity number, date of birth"), _person),
    Section(
        CONTACT,
        _("Contact and address"),
        _("Where we reach you and where the person lives"),
        lambda application, data, initial: ContactForm(data, initial=initial),
    ),
    Section(
        COVER,
        _("Ground and other insurance"),
        _("Household register, other cover, missed years"),
        lambda application, data, initial: CoverForm(
            data, initial=initial, id_kind=kind_of(application), asks_school=may_study(application, data)
        ),
    ),
    Section(
        ASSISTANCE,
        _("Help with the premium"),
        _("Groups whose premium the state pays"),
        lambda application, data, initial: AssistanceForm(data, initial=initial),
    ),
    Section(OFFICE, _("Office and materials"), _("Who decides, and what to bring"), _office),
)
BY_CODE = {section.code: section for section in SECTIONS}


@dataclass(frozen=True)
class Answer:
    """One answer as it is shown: `key` names section and field, as a correction does."""

    key: str
    section: str
    field: str
    label: Any
    value: Any


def initial_answers(application: Application, section: Section) -> dict[str, Any]:
    """What a section's form starts with: the saved answers, else what the account already knows."""
    saved = application.answers.get(section.code)
    if saved is not None:
        return {name: _from_stored(name, value) for name, value in saved.items()}
    resident, person = application.resident, application.beneficiary
    if section.code == PERSON and person is not None:
        return {"birth_on": person.birth_date, "sex": person.sex, "has_id_card": person.has_id_card or None}
    if section.code == CONTACT:
        return {"phone": resident.phone, "address": resident.address}
    if section.code == ASSISTANCE and person is not None:
        return {"assistance": person.assistance_category or "none"}
    return {}


def stored(cleaned: dict[str, Any]) -> dict[str, Any]:
    """Cleaned values in the form in which they are kept: text, numbers and booleans only."""
    return {name: _to_stored(value) for name, value in cleaned.items()}


def _to_stored(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool | int | str) or value is None:
        return value
    return getattr(value, "normalized", None) or getattr(value, "pk", None) or str(value)


def _from_stored(name: str, value: Any) -> Any:
    return date.fromisoformat(value) if name.endswith("_on") and value else value


def is_complete(application: Application, section: Section) -> bool:
    """Says whether a section has been answered."""
    return section.code in application.answers


def missing(application: Application) -> list[Section]:
    """Sections that are still to be answered before the application can be submitted."""
    return [section for section in SECTIONS if not is_complete(application, section)]


def next_section(application: Application, after: str) -> Section | None:
    """The first unanswered section behind one that was just saved, else the first unanswered at all."""
    position = [section.code for section in SECTIONS].index(after)
    return next(
        iter([s for s in SECTIONS[position + 1 :] if not is_complete(application, s)] or missing(application)), None
    )


def answers_shown(application: Application) -> Iterator[Answer]:
    """Every saved answer with its label and readable value, in the order of the form."""
    saved = application.answers
    for section in SECTIONS:
        if section.code not in saved:
            continue
        fields = section.build(application, None, {}).fields
        for name, field in fields.items():
            if name in saved[section.code] and (name == OFFICE or saved[section.code][name] not in ("", None)):
                value = readable(application, name, saved[section.code][name])
                yield Answer(f"{section.code}.{name}", section.code, name, field.label, value)


def dropped(application: Application, section: Section, values: dict[str, Any]) -> list[Answer]:
    """Saved answers of a section that new values of it leave without a question, in the order of the form (UX-R6)."""
    saved = application.answers.get(section.code, {})
    kept = stored(values)
    shown = {answer.field: answer for answer in answers_shown(application) if answer.section == section.code}
    gone = [name for name in CONDITIONAL.get(section.code, ()) if name in saved and kept.get(name) in ("", None)]
    return [shown[name] for name in gone if name in shown]


def every_question() -> Iterator[tuple[str, Any, list[Any]]]:
    """Key, label and options of every question of the form but the choice of office, as the blank form lists them."""
    forms_by_section = {
        PERSON: RelatedPersonForm(for_whom=ForWhom.CHILD),
        CONTACT: ContactForm(),
        COVER: CoverForm(),
        ASSISTANCE: AssistanceForm(),
    }
    for section, form in forms_by_section.items():
        for name, field in form.fields.items():
            yield (
                f"{section}.{name}",
                field.label,
                [label for value, label in getattr(field, "choices", []) if value != ""],
            )


def readable(application: Application, name: str, value: Any) -> Any:
    """A stored value in words."""
    if name == "office":
        return application.office.name if application.office else ""
    if isinstance(value, bool):
        return YES_NO[value]
    if name.endswith("_on"):
        return format_day(date.fromisoformat(value)) if value else ""
    return CODE_LABELS.get(name, {}).get(value, value)
