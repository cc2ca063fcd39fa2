"""Controls that browsers do not offer in a form Chinese readers expect."""

from datetime import date
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy


class PartInput(forms.TextInput):
    """One box of a control in parts, with a label of its own."""

    def __init__(self, label: str | Promise, size: int, autocomplete: str = "") -> None:
        attrs = {"inputmode": "numeric", "class": f"govuk-input--width-{size}", "maxlength": "20"}
        if autocomplete:
            attrs["autocomplete"] = autocomplete
        super().__init__(attrs)
        self.label = label


class DatePartsWidget(forms.MultiWidget):
    """Three boxes 年 月 日: a browser's date picker speaks the browser's language and makes 1956 hard to reach."""

    use_fieldset = True

    def __init__(self, *, birthday: bool = False) -> None:
        names = {"year": "bday-year", "month": "bday-month", "day": "bday-day"} if birthday else {}
        super().__init__(
            {
                "year": PartInput(pgettext_lazy("date part", "Year"), 4, names.get("year", "")),
                "month": PartInput(pgettext_lazy("date part", "Month"), 2, names.get("month", "")),
                "day": PartInput(pgettext_lazy("date part", "Day"), 2, names.get("day", "")),
            }
        )

    def decompress(self, value: Any) -> list[Any]:
        """Splits a date, or a date written as 1956-03-08, into its parts."""
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value)
            except ValueError:
                return [value, "", ""]
        return [value.year, value.month, value.day] if value else ["", "", ""]
