"""Reads what a clerk types at the counter: one long page in the order of the paper form; knows no workflow."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from enrollment.codes import FAMILY_RELATIONS, GUARDIAN_RELATIONS, ForWhom
from enrollment.forms import (
    AssistanceForm,
    ContactForm,
    CoverForm,
    RelatedPersonForm,
    relation_choices,
)
from portal.design.fields import DeclarationField
from portal.people.forms import IdentityNumberField, NameField, SeenDocument
from portal.people.identity import IdentityKind, IdentityNumber, InvalidIdentityNumber, parse_identity_number
from portal.people.texts import identity_reason
from portal.regions.materials import MaterialRule
from portal.regions.models import Region

SELF = "self"
WHO = [
    (SELF, _("The person to insure")),
    (ForWhom.CHILD, _("A parent or guardian of the child to insure")),
    (ForWhom.FAMILY, _("An agent with a power of attorney and both identity documents")),
]
KINDS = [
    ("", _("As the number shows")),
    (IdentityKind.PASSPORT, _("Passport")),
]
RELATIONS = tuple(dict.fromkeys([*GUARDIAN_RELATIONS, *FAMILY_RELATIONS]))
LONGEST_KEPT = 500
MOST_FIELDS = 120


class LookUpForm(forms.Form):
    """The number on the document, as the reader types it; a page of its own, so that no script is needed."""

    identity_number = IdentityNumberField(
        label=_("Identity number of the person to insure"),
        help_text=_("Put the card on the reader, or type the number and press Enter."),
    )
    kind = forms.ChoiceField(label=_("Kind of document"), choices=KINDS, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["identity_number"].widget.attrs["autofocus"] = True
        if self.data.get("kind") == IdentityKind.PASSPORT:
            self.fields["identity_number"].kind = IdentityKind.PASSPORT


class IdentityForm(forms.Form):
    """Who the person is, by the document on the desk."""

    name = NameField(label=_("Name"), help_text=_("As on the document."))
    document = forms.ChoiceField(label=_("Document shown"), choices=SeenDocument.choices, widget=forms.RadioSelect)
    original = forms.BooleanField(
        label=_("I have seen the original, and it belongs to the person"),
        error_messages={"required": _("Without the original document nobody is registered at the counter.")},
    )


class ApplicantForm(forms.Form):
    """Who stands at the counter for the person."""

    who = forms.ChoiceField(label=_("Who applies?"), choices=WHO, widget=forms.RadioSelect, initial=SELF)
    applicant_number = forms.CharField(
        label=_("Identity number of the parent, guardian or agent"), required=False, max_length=64
    )
    applicant_name = NameField(label=_("Name of the parent, guardian or agent"), required=False)
    applicant_original = forms.BooleanField(
        label=_("I have seen the original of this document and the proof of the relation or the power of attorney"),
        required=False,
    )

    def clean_applicant_number(self) -> IdentityNumber | None:
        text = self.cleaned_data["applicant_number"]
        if not text:
            return None
        try:
            return parse_identity_number(text)
        except InvalidIdentityNumber as error:
            raise forms.ValidationError(identity_reason(error.reason, None), code=error.reason) from error

    def clean(self) -> dict[str, Any]:
        told = super().clean() or self.cleaned_data
        if told.get("who") in (None, SELF):
            return told
        if not told.get("applicant_number") and "applicant_number" not in self.errors:
            self.add_error("applicant_number", _("Enter the identity number of the person who applies."))
        if not told.get("applicant_name") and "applicant_name" not in self.errors:
            self.add_error("applicant_name", _("Enter the name of the person who applies."))
        if not told.get("applicant_original"):
            self.add_error("applicant_original", _("See both papers first, then tick this box."))
        return told


class CounterPersonForm(RelatedPersonForm):
    """Personal information; the relation is asked here whoever applies, because one page serves all."""

    def __init__(self, *args: Any, who: str, **kwargs: Any) -> None:
        super().__init__(*args, for_whom=ForWhom.CHILD, **kwargs)
        self.who = who
        self.fields["relation"].choices = relation_choices(RELATIONS)
        self.fields["relation"].required = False
        self.fields["relation"].label = _("What is the parent, guardian or agent to this person?")
        self.fields["register"].label = _("For children: does the child stand in a household register?")

    def clean(self) -> dict[str, Any]:
        told = super().clean() or self.cleaned_data
        if self.who != SELF and not told.get("relation"):
            self.add_error("relation", _("Choose the relation."))
        return told

    def answers(self) -> dict[str, Any]:
        """The answers that belong to the form of the person, as the pages of residents store them."""
        left_out = {SELF: ("relation", "register"), ForWhom.FAMILY: ("register",)}.get(self.who, ())
        return {name: value for name, value in self.cleaned_data.items() if name not in left_out}


class PlaceForm(forms.Form):
    """Where the person lives, among the places of the office."""

    home = forms.ModelChoiceField(
        label=_("Town or subdistrict"), queryset=Region.objects.none(), empty_label=_("Choose"), to_field_name="code"
    )

    def __init__(self, *args: Any, regions: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["home"].queryset = regions
        self.fields["home"].label_from_instance = lambda region: region.full_name


class TermsForm(forms.Form):
    """The cover year, and the declaration that the applicant has signed or had read out."""

    cover_year = forms.TypedChoiceField(label=_("Cover year"), coerce=int, widget=forms.RadioSelect)
    declared = DeclarationField(
        label=_("The applicant has read the declaration, or had it read out, and has signed the form."),
        error_messages={"required": _("The applicant must confirm the declaration first.")},
    )

    def __init__(self, *args: Any, years: Sequence[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["cover_year"].choices = [(year, str(year)) for year in years]
        if years:
            self.fields["cover_year"].initial = years[0]


class SeenForm(forms.Form):
    """Which papers lie on the desk: one box per material, named `seen-<code>`."""

    def __init__(self, *args: Any, rules: Iterable[MaterialRule], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rules = [rule for rule in rules if rule.level != "waived"]
        self.waived = [rule for rule in rules if rule.level == "waived"]
        for rule in self.rules:
            self.fields[f"seen-{rule.code}"] = forms.BooleanField(label=rule.label, required=False)

    def rows(self) -> list[tuple[MaterialRule, Any]]:
        return [(rule, self[f"seen-{rule.code}"]) for rule in self.rules]

    def seen(self) -> list[str]:
        """The codes of the papers that were seen."""
        return [rule.code for rule in self.rules if self.cleaned_data.get(f"seen-{rule.code}")]


def kept(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """What was typed, in a form in which it can be stored, without the token of the form itself."""
    lists = data.lists() if isinstance(data, QueryDict) else data.items()
    names = [(name, values) for name, values in lists if name not in ("csrfmiddlewaretoken", "version", "then")]
    return {
        str(name)[:60]: [str(value)[:LONGEST_KEPT] for value in values[:20]] for name, values in names[:MOST_FIELDS]
    }


def restored(typed: Mapping[str, list[str]]) -> QueryDict:
    """The same as the data of a form."""
    data = QueryDict(mutable=True)
    for name, values in typed.items():
        data.setlist(name, values)
    return data


def initial_from(form: forms.Form, data: QueryDict) -> dict[str, Any]:
    """What was typed as the initial values of a form: shown again, and not complained about before it is sent."""
    found = {}
    for name, field in form.fields.items():
        value = field.widget.value_from_datadict(data, {}, name)
        if value not in (None, "", False, ["", "", ""], [None, None, None]):
            found[name] = value
    return found


__all__ = [
    "ApplicantForm",
    "AssistanceForm",
    "ContactForm",
    "CounterPersonForm",
    "CoverForm",
    "IdentityForm",
    "LookUpForm",
    "PlaceForm",
    "SeenForm",
    "TermsForm",
    "initial_from",
    "kept",
    "restored",
]
