"""Reads what is typed about powers of attorney."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from enrollment.attorney import LONGEST_DAYS
from enrollment.codes import FAMILY_RELATIONS
from enrollment.forms import relation_choices
from portal.design.fields import DatePartsField, IdentityNumberField, PersonNameField, TrimmedCharField
from portal.regions import calendar


class MandateForm(forms.Form):
    """Whom the applicant wants to act for, and from when until when the paper holds."""

    name = PersonNameField(label=_("Name of the person you act for"), help_text=_("As on the identity document."))
    identity_number = IdentityNumberField(
        label=_("Identity number of that person"), help_text=_("As on the document. Spaces and a small x are fine.")
    )
    relation = forms.ChoiceField(
        label=_("What are you to this person?"),
        choices=relation_choices(FAMILY_RELATIONS),
        error_messages={"required": _("Choose what you are to this person.")},
    )
    valid_from = DatePartsField(
        label=_("The power of attorney is valid from"),
        error_messages={"required": _("Enter the first day of the power of attorney.")},
    )
    valid_until = DatePartsField(
        label=_("and until"),
        help_text=_("The last day, at most one year after the first."),
        earliest=calendar.today,
        error_messages={"required": _("Enter the last day of the power of attorney.")},
    )

    def clean(self) -> dict[str, Any]:
        told = super().clean() or self.cleaned_data
        begins, ends = told.get("valid_from"), told.get("valid_until")
        if begins and ends and ends < begins:
            self.add_error("valid_until", _("The last day must not be before the first."))
        elif begins and ends and ends - begins > timedelta(days=LONGEST_DAYS):
            self.add_error("valid_until", _("A power of attorney holds for one year at most; it can be renewed."))
        return told


class RefuseMandateForm(forms.Form):
    """Why a power of attorney was not accepted, as the agent reads it."""

    reason = TrimmedCharField(
        label=_("Why is it not accepted?"),
        help_text=_("The agent reads this. Say what is missing and what to bring."),
        max_length=300,
    )


class SeenMandateForm(forms.Form):
    """What a clerk has had on the desk before the agent may act."""

    paper = forms.BooleanField(label=_("The power of attorney, signed by hand by the person represented"))
    agent_card = forms.BooleanField(label=_("The agent's own identity document (original)"))
    principal_card = forms.BooleanField(label=_("The identity document of the person represented (original or copy)"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.error_messages["required"] = _("Tick this when you have seen it; without it the paper cannot count.")
