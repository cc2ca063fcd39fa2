"""Reads what a guest types at the look-up."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.design.fields import TrimmedCharField
from portal.home.lookup import END_LENGTH, tidy_end, tidy_number


class LookupForm(forms.Form):
    """The number of a case and the end of an identity number."""

    number = TrimmedCharField(
        label=_("Application or notice number"),
        help_text=_("The digits on your receipt, payment notice or message. Spaces are fine."),
        max_length=40,
        fold=True,
        error_messages={"required": _("Enter the application or notice number.")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "govuk-input--width-20"}),
    )
    end = TrimmedCharField(
        label=_("Last four characters of the identity number"),
        help_text=_("Of the person the application is for, or of the applicant. The last may be an X."),
        max_length=20,
        fold=True,
        error_messages={"required": _("Enter the last four characters of the identity number.")},
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "class": "govuk-input--width-5"}
        ),
    )

    def clean_number(self) -> str:
        return tidy_number(self.cleaned_data["number"])

    def clean_end(self) -> str:
        end = tidy_end(self.cleaned_data["end"])
        if len(end) != END_LENGTH:
            raise ValidationError(_("Enter the last four characters of the identity number."), code="length")
        return end
