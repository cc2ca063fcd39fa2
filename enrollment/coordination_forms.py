"""Reads what is typed about the employees' pooled scheme."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from enrollment.forms import YesNoField
from enrollment.models import Employment
from portal.design.fields import DatePartsField, TrimmedCharField
from portal.regions import calendar
from portal.regions.forms import YuanField

OLDEST_HIRING_YEARS = 50


def earliest_hiring() -> date:
    """Nobody was hired by the present employer longer ago."""
    today = calendar.today()
    return date(today.year - OLDEST_HIRING_YEARS, 1, 1)


class RegistrationForm(forms.Form):
    """Employment, wage, family and costs; without an employer the first two questions fall away (UX-R4)."""

    employer = TrimmedCharField(
        label=_("Name of the employer"),
        help_text=_("As in the labour contract."),
        max_length=80,
        error_messages={"required": _("Enter the name of the employer.")},
    )
    hired_on = DatePartsField(
        label=_("Day of hiring"),
        help_text=_("The employer has 30 days from it to register you."),
        earliest=earliest_hiring,
        latest=calendar.today,
        error_messages={"required": _("Enter the day of hiring.")},
    )
    wage_fen = YuanField(
        label=_("Monthly wage or income in yuan"),
        help_text=_("Before tax. The contribution is computed from it within the bounds of the region."),
        error_messages={"required": _("Enter the monthly wage or income.")},
    )
    dependants = YesNoField(
        label=_("Do you register with a spouse or children?"),
        error_messages={"required": _("Say whether a spouse or children register with you.")},
    )
    medical_costs = YesNoField(
        label=_("Do you have medical costs to settle?"),
        error_messages={"required": _("Say whether there are medical costs to settle.")},
    )

    def __init__(self, *args: Any, employment: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.employment = employment
        if employment == Employment.FLEXIBLE:
            del self.fields["employer"], self.fields["hired_on"]

    def clean_wage_fen(self) -> int:
        wage: int = self.cleaned_data["wage_fen"]
        if wage == 0:
            raise forms.ValidationError(_("Enter the wage or income; it cannot be nothing."))
        return wage

    def columns(self) -> dict[str, Any]:
        """The answers as columns of a registration."""
        told = self.cleaned_data
        return {"employer": "", "hired_on": None, **told, "employment": self.employment}


class ReturnForm(forms.Form):
    """What the resident is asked to put right."""

    reason = TrimmedCharField(
        label=_("What has to be put right?"),
        help_text=_("The resident reads this."),
        max_length=500,
        multiline=True,
    )


class PaymentForm(forms.Form):
    """The tax receipt of a month."""

    paid_on = DatePartsField(
        label=_("Paid on"), earliest=lambda: calendar.today() - timedelta(days=800), latest=calendar.today
    )
    proof = TrimmedCharField(label=_("Number of the tax receipt"), max_length=40, fold=True)


class EndForm(forms.Form):
    """The last day of a registration."""

    ended_on = DatePartsField(label=_("Last day of employment"), earliest=earliest_hiring, latest=calendar.today)
