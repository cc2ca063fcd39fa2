"""What agents enter: a file with its year and office, the declaration, or one person field by field."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from enrollment.rosters import reading
from enrollment.rosters.columns import COLUMNS, LONGEST_CELL, Column, Fault
from enrollment.rosters.texts import CellFault, refusal
from portal.design.fields import DeclarationField
from portal.people.forms import IdentityNumberField, NameField
from portal.regions.models import Office

DECLARATION = _(
    "I have the signed statements of the people on this list. What it says is true to my knowledge, and I hand in their"
    " papers."
)


class SettingForm(forms.Form):
    """For which year, and which office decides; a question with one answer only is not asked."""

    cover_year = forms.TypedChoiceField(label=_("Cover year"), coerce=int, widget=forms.RadioSelect)
    office = forms.ModelChoiceField(
        label=_("Which office should handle the applications?"),
        queryset=Office.objects.none(),
        empty_label=None,
        widget=forms.RadioSelect,
    )

    def __init__(
        self, *args: Any, years: Sequence[int], offices: Sequence[Office], labels: Mapping[int, str], **kwargs: Any
    ) -> None:
        initial = {"cover_year": years[0] if years else None, "office": offices[0].pk if offices else None}
        super().__init__(*args, **{**kwargs, "initial": initial | (kwargs.get("initial") or {})})
        self.fields["cover_year"].choices = [(year, str(year)) for year in years]
        field = self.fields["office"]
        field.queryset = Office.objects.filter(pk__in=[office.pk for office in offices]).order_by("code")
        field.label_from_instance = lambda office: labels[office.pk]
        field.required = bool(offices)


class UploadForm(SettingForm):
    """A roster file."""

    file = forms.FileField(
        label=_("The list as a file"),
        help_text=_("Excel workbook (.xlsx) or CSV (UTF-8 or GB18030), at most 20 MB and 50,000 people."),
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv,.txt"}),
        allow_empty_file=True,
        max_length=400,
        error_messages={"required": _("Choose the file with the list.")},
    )

    field_order = ["file", "cover_year", "office"]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        for code, is_so in (("empty", file.size == 0), ("too_big", file.size > reading.MAX_BYTES)):
            if is_so:
                raise forms.ValidationError(refusal(code, {}), code=code)
        return file


class DeclareForm(forms.Form):
    """The agent's word for a whole list."""

    truthful = DeclarationField(
        label=DECLARATION, error_messages={"required": _("Tick the declaration to submit the list.")}
    )


class PayerForm(forms.Form):
    """Who answers for the sum of a batch notice, where the agent is not on file as a resident."""

    payer_name = NameField(label=_("Name"))
    payer_number = IdentityNumberField(
        label=_("Identity number"),
        help_text=_("Yours, or that of the person in the committee who keeps the money. It stands on the notice."),
    )


class PersonForm(SettingForm):
    """One person, with the fields of a roster's columns."""

    truthful = DeclarationField(
        label=_("I have the signed statement of this person. It is true to my knowledge, and I hand in the papers."),
        error_messages={"required": _("Tick the declaration to submit the application.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for column in COLUMNS:
            self.fields[column.code] = _field(column)
        self.order_fields([*(column.code for column in COLUMNS), "cover_year", "office", "truthful"])

    def cells(self) -> dict[str, str]:
        """What was entered, as a line of a roster."""
        return {column.code: self.cleaned_data[column.code] for column in COLUMNS if self.cleaned_data[column.code]}

    def refuse(self, faults: Iterable[tuple[Fault, CellFault]]) -> None:
        """Puts what is wrong beside the fields."""
        for fault, words in faults:
            self.add_error(fault.column or None, words.text)


def _field(column: Column) -> forms.Field:
    label = column.label
    if column.choices is None:
        attrs = {"autocomplete": "off"} | ({"inputmode": "tel"} if column.code == "phone" else {})
        return forms.CharField(
            label=label, required=False, max_length=LONGEST_CELL, widget=forms.TextInput(attrs=attrs)
        )
    choices = [("", "")] + [(str(text), str(text)) for text in column.options]
    return forms.ChoiceField(label=label, required=False, choices=choices)
