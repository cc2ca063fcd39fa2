"""Reads and cleans what residents type; knows no workflow."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from enrollment.codes import FAMILY_RELATIONS, GUARDIAN_RELATIONS, ForWhom, OtherCover, Relation, Status
from portal.design.fields import (
    DatePartsField,
    DeclarationField,
    PhoneField,
    TrimmedCharField,
)
from portal.people.models import AssistanceCategory, Resident, Sex
from portal.regions import calendar
from portal.regions.models import Office

MISSED_YEARS = [
    (0, _("Insured this year, or never before")),
    (1, _("One year")),
    (2, _("Two years")),
    (3, _("Three years")),
    (4, _("Four years or more")),
]
YES_NO = [("yes", _("Yes")), ("no", _("No"))]
LONGEST_ADDRESS = 120


class YesNoField(forms.TypedChoiceField):
    """A question answered with one of two radios; cleans to a bool."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=YES_NO, coerce=lambda value: value == "yes", widget=forms.RadioSelect, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value


def oldest_birth_date() -> date:
    """Nobody is older than 125 years."""
    today = calendar.today()
    return date(today.year - 125, 1, 1)


class BirthDateField(DatePartsField):
    """A date of birth: not in the future, not more than 125 years ago."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(earliest=oldest_birth_date, latest=calendar.today, birthday=True, **kwargs)


class EligibilityForm(forms.Form):
    """The few questions of the public check; nothing is stored."""

    birth_on = BirthDateField(label=_("Date of birth"))
    status = forms.ChoiceField(
        label=_("What ties this person to the area?"), choices=Status.choices, widget=forms.RadioSelect
    )
    other_cover = forms.ChoiceField(
        label=_("Other medical insurance"), choices=OtherCover.choices, widget=forms.RadioSelect
    )
    in_area = YesNoField(label=_("Does this person live in the chosen area?"))


SELF = "self"


class StartForm(forms.Form):
    """Whom the application is for: oneself or somebody of the family on file."""

    who = forms.ChoiceField(label=_("Who is to be insured?"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, family: Iterable[Resident], own_name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.family = {str(person.pk): person for person in family}
        self.fields["who"].choices = [
            (SELF, _("Myself (%(name)s)") % {"name": own_name}),
            *((key, person.name) for key, person in self.family.items()),
        ]

    def chosen(self) -> Resident | None:
        """The member of the family that was chosen, or None for oneself."""
        return self.family.get(self.cleaned_data["who"])


class YearForm(forms.Form):
    """The cover year, where more than one can be joined."""

    cover_year = forms.TypedChoiceField(label=_("For which year?"), coerce=int, widget=forms.RadioSelect)

    def __init__(self, *args: Any, years: Iterable[tuple[int, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["cover_year"].choices = list(years)


GROUPS = [("adult", _("Adult")), ("minor", _("Child")), ("newborn", _("Newborn"))]
ASSISTANCE = [(code or "none", label) for code, label in AssistanceCategory.choices]


class MaterialsForm(forms.Form):
    """For whom the list of materials is made; part of the address, so that it can be shared and printed."""

    status = forms.ChoiceField(
        label=_("What ties this person to the area?"), choices=[c for c in Status.choices if c[0] != Status.NONE]
    )
    group = forms.ChoiceField(label=_("Age"), choices=GROUPS)
    assistance = forms.ChoiceField(label=_("Group"), choices=ASSISTANCE, required=False)

    def clean_assistance(self) -> str:
        return self.cleaned_data["assistance"] or "none"


def relation_choices(relations: Iterable[Relation]) -> list[tuple[str, Any]]:
    """Relations to choose from, none chosen beforehand."""
    return [("", _("Choose")), *((code.value, code.label) for code in relations)]


class KnownPersonForm(forms.Form):
    """Personal information of somebody on file; name and number are shown, not asked."""

    birth_on = BirthDateField(
        label=_("Date of birth"),
        help_text=_("Taken from the identity number. Correct it if the papers say otherwise."),
    )
    sex = forms.ChoiceField(label=_("Sex"), choices=Sex.choices, widget=forms.RadioSelect)
    has_id_card = YesNoField(label=_("Does this person hold a resident identity card?"))


class RelatedPersonForm(KnownPersonForm):
    """The same for somebody else, with the applicant's relation to them."""

    relation = forms.ChoiceField(label=_("What are you to this person?"))

    def __init__(self, *args: Any, for_whom: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = GUARDIAN_RELATIONS if for_whom == ForWhom.CHILD else FAMILY_RELATIONS
        self.fields["relation"].choices = relation_choices(known)


class ContactForm(forms.Form):
    """Where the person lives, and which telephone is told."""

    phone = PhoneField(label=_("Mobile number"), help_text=_("We send messages about this application to it."))
    address = TrimmedCharField(
        label=_("Address"),
        max_length=LONGEST_ADDRESS,
        fold=True,
        help_text=_("Street or village, house number."),
        widget=forms.TextInput(attrs={"autocomplete": "street-address"}),
    )
    in_area = YesNoField(label=_("Does the person to insure live in the chosen area?"))


class CoverForm(forms.Form):
    """What ties the person to the area, and which insurance they have or had."""

    status = forms.ChoiceField(
        label=_("What ties the person to the area?"),
        choices=[choice for choice in Status.choices if choice[0] != Status.NONE],
        widget=forms.RadioSelect,
    )
    other_cover = forms.ChoiceField(
        label=_("Other medical insurance"), choices=OtherCover.choices, widget=forms.RadioSelect
    )
    missed_years = forms.TypedChoiceField(
        label=_("For how many years was the person without insurance, up to now?"),
        help_text=_("Missed years lengthen the waiting period before benefits begin."),
        choices=MISSED_YEARS,
        coerce=int,
        widget=forms.RadioSelect,
    )


class AssistanceForm(forms.Form):
    """Whether the state pays the premium in full or in part."""

    assistance = forms.ChoiceField(
        label=_("Does the person belong to one of these groups?"),
        help_text=_(
            "We ask the responsible authority first; a certificate is needed only if it does not know the person."
        ),
        choices=ASSISTANCE,
        widget=forms.RadioSelect,
    )


class OfficeForm(forms.Form):
    """Which office decides."""

    office = forms.ModelChoiceField(
        label=_("Which office should handle the application?"),
        queryset=Office.objects.none(),
        empty_label=None,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, offices: Any, labels: dict[int, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["office"]
        field.queryset = offices
        field.label_from_instance = lambda office: labels[office.pk]


class DeclarationForm(forms.Form):
    """The truth declaration that submits the application (S0-06, S0-07)."""

    truthful = DeclarationField(
        label=_(
            "I have checked every answer. They are true and complete, and the materials I bring are genuine and valid."
        ),
        error_messages={"required": _("Tick the declaration to submit the application.")},
    )


class AppealForm(forms.Form):
    """Why the person disagrees with a rejection."""

    text = TrimmedCharField(
        label=_("Why do you disagree with the decision?"),
        help_text=_("In your own words: what was decided, and what you ask for instead."),
        max_length=2000,
        multiline=True,
    )


class WithdrawForm(forms.Form):
    """The optional reason of a withdrawal."""

    reason = TrimmedCharField(label=_("Reason"), max_length=200, required=False)
