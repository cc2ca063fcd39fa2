"""Reads and cleans what residents type; knows no workflow."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from enrollment.codes import (
    FAMILY_RELATIONS,
    GUARDIAN_RELATIONS,
    ForWhom,
    OtherCover,
    RegisterEntry,
    Relation,
    School,
    Status,
)
from portal.design.fields import (
    DatePartsField,
    DeclarationField,
    PhoneField,
    TrimmedCharField,
)
from portal.people.identity import IdentityKind
from portal.people.models import AssistanceCategory, Resident, Sex
from portal.regions import calendar
from portal.regions.models import Office

MISSED_YEARS = [
    (0, _("Insured now, or never before")),
    (1, _("One year")),
    (2, _("Two years")),
    (3, _("Three years")),
    (4, _("Four years or more")),
]
YES_NO = [("yes", _("Yes")), ("no", _("No"))]
NO_GROUND = {"required": _("Choose what ties the person to the area.")}
NO_OTHER_COVER = {"required": _("Choose whether the person has other medical insurance; if not, “None”.")}
NO_YEARS = {"required": _("Choose for how many years the person was without insurance.")}
NO_AREA = {"required": _("Say whether the person lives in the chosen area.")}
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


def latest_simulated_day() -> date:
    """Nobody knows the rules of the year after next."""
    today = calendar.today()
    return date(today.year + 1, 12, 31)


class BirthDateField(DatePartsField):
    """A date of birth: not in the future, not more than 125 years ago."""

    default_error_messages = {"required": _("Enter the date of birth.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(earliest=oldest_birth_date, latest=calendar.today, birthday=True, **kwargs)


class EligibilityForm(forms.Form):
    """The few questions of the public check; nothing is stored."""

    birth_on = BirthDateField(label=_("Date of birth"))
    status = forms.ChoiceField(
        label=_("What ties this person to the area?"),
        choices=Status.choices,
        widget=forms.RadioSelect,
        error_messages=NO_GROUND,
    )
    other_cover = forms.ChoiceField(
        label=_("Other medical insurance"),
        choices=OtherCover.choices,
        widget=forms.RadioSelect,
        error_messages=NO_OTHER_COVER,
    )
    in_area = YesNoField(label=_("Does this person live in the chosen area?"), error_messages=NO_AREA)
    assistance = forms.ChoiceField(
        label=_("Does the person belong to one of these groups?"),
        help_text=_("For them the state pays the premium in full or in part."),
        choices=[(code or "none", label) for code, label in AssistanceCategory.choices],
        required=False,
    )

    def clean_assistance(self) -> str:
        return self.cleaned_data["assistance"] or "none"


class SimulatorForm(forms.Form):
    """A person and a day of payment; nothing is stored."""

    birth_on = BirthDateField(label=_("Date of birth"))
    pay_on = DatePartsField(
        label=_("On which day would you pay?"),
        help_text=_("Today or a day within the next year."),
        earliest=calendar.today,
        latest=latest_simulated_day,
        error_messages={"required": _("Enter the day on which you would pay.")},
    )
    missed_years = forms.TypedChoiceField(
        label=_("For how many years was the person without insurance, up to now?"),
        choices=MISSED_YEARS,
        coerce=int,
        error_messages=NO_YEARS,
    )
    repaid_years = forms.TypedChoiceField(
        label=_("How many of these years are paid up?"),
        help_text=_("Each missed year that is paid up takes one month off the waiting period."),
        choices=[(years, str(years)) for years in range(5)],
        coerce=int,
        required=False,
    )
    assistance = forms.ChoiceField(
        label=_("Does the person belong to one of these groups?"),
        choices=[(code or "none", label) for code, label in AssistanceCategory.choices],
        required=False,
    )

    def clean_assistance(self) -> str:
        return self.cleaned_data["assistance"] or "none"

    def clean_repaid_years(self) -> int:
        return int(self.cleaned_data["repaid_years"] or 0)

    def clean(self) -> dict[str, Any]:
        told = super().clean() or self.cleaned_data
        missed, repaid = told.get("missed_years"), told.get("repaid_years")
        if missed is not None and repaid and repaid > missed:
            self.add_error("repaid_years", _("No more years can be paid up than were missed."))
        return told


SELF = "self"


class StartForm(forms.Form):
    """Whom the application is for: oneself or somebody of the family on file."""

    who = forms.ChoiceField(
        label=_("Who is to be insured?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose who is to be insured.")},
    )

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

    cover_year = forms.TypedChoiceField(
        label=_("For which year?"),
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the year.")},
    )

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
    sex = forms.ChoiceField(
        label=_("Sex"),
        choices=Sex.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the sex as in the papers.")},
    )
    has_id_card = YesNoField(
        label=_("Does this person hold a resident identity card?"),
        error_messages={"required": _("Say whether the person holds a resident identity card.")},
    )

    def __init__(self, *args: Any, id_kind: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if id_kind and id_kind != IdentityKind.RESIDENT_ID:
            del self.fields["has_id_card"]  # the document they registered with is of another kind


class RelatedPersonForm(KnownPersonForm):
    """The same for somebody else, with the applicant's relation to them."""

    relation = forms.ChoiceField(
        label=_("What are you to this person?"), error_messages={"required": _("Choose what you are to this person.")}
    )
    register = forms.ChoiceField(
        label=_("Does the child stand in a household register?"),
        help_text=_("It decides whether the birth certificate is needed."),
        choices=RegisterEntry.choices,
        widget=forms.RadioSelect,
        required=False,
    )

    def __init__(self, *args: Any, for_whom: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = GUARDIAN_RELATIONS if for_whom == ForWhom.CHILD else FAMILY_RELATIONS
        self.fields["relation"].choices = relation_choices(known)
        if for_whom != ForWhom.CHILD:
            del self.fields["register"]


class ContactForm(forms.Form):
    """Where the person lives, and which telephone is told."""

    phone = PhoneField(label=_("Mobile number"), help_text=_("We send messages about this application to it."))
    address = TrimmedCharField(
        label=_("Address"),
        max_length=LONGEST_ADDRESS,
        fold=True,
        help_text=_("Street or village, house number."),
        widget=forms.TextInput(attrs={"autocomplete": "street-address"}),
        error_messages={"required": _("Enter the address: street or village, and house number.")},
    )
    in_area = YesNoField(label=_("Does the person to insure live in the chosen area?"), error_messages=NO_AREA)
    lives_at_hukou = YesNoField(
        label=_("Is this the address in the household register?"),
        help_text=_("If not, a proof of residence may be needed. Leave it open if there is no register here."),
        required=False,
    )


FOREIGN_GROUNDS = (Status.FOREIGN_PERMANENT, Status.STUDENT)
HMT_GROUNDS = (Status.HMT_RESIDENT, Status.STUDENT)
GROUNDS: dict[str, tuple[Status, ...]] = {
    IdentityKind.RESIDENT_ID: (Status.LOCAL_HUKOU, Status.RESIDENCE_PERMIT, Status.STUDENT),
    IdentityKind.HMT_RESIDENCE_PERMIT: HMT_GROUNDS,
    IdentityKind.HK_MO_TRAVEL_PERMIT: HMT_GROUNDS,
    IdentityKind.TW_TRAVEL_PERMIT: HMT_GROUNDS,
    IdentityKind.FOREIGN_PR_ID: FOREIGN_GROUNDS,
    IdentityKind.PASSPORT: FOREIGN_GROUNDS,
}
"""The grounds of belonging that an identity document can show (DOMAIN §2, §6)."""


class CoverForm(forms.Form):
    """What ties the person to the area, and which insurance they have or had."""

    status = forms.ChoiceField(
        label=_("What ties the person to the area?"),
        choices=[choice for choice in Status.choices if choice[0] != Status.NONE],
        widget=forms.RadioSelect,
        error_messages=NO_GROUND,
    )
    school = forms.ChoiceField(
        label=_("Only for pupils and students: what do they attend?"),
        choices=School.choices,
        widget=forms.RadioSelect,
        required=False,
    )
    listed_by_school = YesNoField(
        label=_("Only for pupils and students: is the name on the list the school hands in?"),
        help_text=_("If you do not know, leave it open."),
        required=False,
    )
    other_cover = forms.ChoiceField(
        label=_("Other medical insurance"),
        choices=OtherCover.choices,
        widget=forms.RadioSelect,
        error_messages=NO_OTHER_COVER,
    )
    missed_years = forms.TypedChoiceField(
        label=_("For how many years was the person without insurance, up to now?"),
        help_text=_("Missed years lengthen the waiting period before benefits begin."),
        choices=MISSED_YEARS,
        coerce=int,
        widget=forms.RadioSelect,
        error_messages=NO_YEARS,
    )

    def __init__(self, *args: Any, id_kind: str = "", asks_school: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not asks_school:
            del self.fields["school"], self.fields["listed_by_school"]
        grounds = GROUNDS.get(id_kind)
        if grounds is not None:
            self.fields["status"].choices = [(code, Status(code).label) for code in grounds]
            self.fields["status"].help_text = _("Only the grounds that fit the identity document on file are listed.")

    def clean(self) -> dict[str, Any]:
        """Answers about a school belong to pupils and students alone: without that ground they are dropped."""
        told = super().clean() or self.cleaned_data
        status = told.get("status")
        if status == Status.STUDENT and not told.get("school"):
            self.add_error("school", _("Choose what the pupil or student attends."))
        elif status and status != Status.STUDENT:
            told["school"] = told["listed_by_school"] = ""
        return told


class AssistanceForm(forms.Form):
    """Whether the state pays the premium in full or in part."""

    assistance = forms.ChoiceField(
        label=_("Does the person belong to one of these groups?"),
        help_text=_(
            "We ask the responsible authority first; a certificate is needed only if it does not know the person."
        ),
        choices=ASSISTANCE,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the group; if none fits, “No assistance”.")},
    )


class OfficeForm(forms.Form):
    """Which office decides."""

    office = forms.ModelChoiceField(
        label=_("Which office should handle the application?"),
        queryset=Office.objects.none(),
        empty_label=None,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the office that is to handle the application.")},
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
        error_messages={"required": _("Write why you disagree with the decision.")},
    )


class WithdrawForm(forms.Form):
    """The optional reason of a withdrawal."""

    reason = TrimmedCharField(label=_("Reason"), max_length=200, required=False)
