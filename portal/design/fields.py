"""Form fields that read what people really type: full-width digits, spaces, dots of all kinds, dates in three boxes."""

import calendar
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.design.text import format_day
from portal.design.widgets import DatePartsWidget
from portal.people.forms import IdentityNumberField, PhoneField
from portal.people.forms import NameField as PersonNameField

__all__ = [
    "DatePartsField",
    "DeclarationField",
    "IdentityNumberField",
    "PersonNameField",
    "PhoneField",
    "TrimmedCharField",
    "fold_width",
]

# Control characters, half surrogates, and marks that reverse or hide text; joiners stay, some scripts need them.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_LINE_BREAKS = re.compile("[\t\n\r\u2028\u2029]+")
_WHOLE_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{4})(\d{2})(\d{2})", re.ASCII)


def fold_width(text: str) -> str:
    """Turns full-width letters, digits, signs and spaces into ordinary ones and leaves every other character alone."""
    return "".join(
        chr(ord(sign) - 0xFEE0) if "\uff01" <= sign <= "\uff5e" else " " if sign == "\u3000" else sign for sign in text
    )


class TrimmedCharField(forms.CharField):
    """Text without surrounding space, control characters or direction marks; `fold` makes full-width signs ordinary.

    One line unless `multiline`; `max_length` counts characters, not bytes, and is never left open.
    """

    default_error_messages = {
        "control": gettext_lazy("Contains a character that cannot be stored. Please type the text again."),
    }

    def __init__(self, *, max_length: int = 200, fold: bool = False, multiline: bool = False, **kwargs: Any) -> None:
        self.fold = fold
        self.multiline = multiline
        if multiline:
            kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 4}))
        super().__init__(max_length=max_length, **kwargs)

    def to_python(self, value: Any) -> str:
        text = str(super().to_python(value) or "")
        text = text.replace("\r\n", "\n")
        if not self.multiline:
            text = _LINE_BREAKS.sub(" ", text).strip()
        if _FORBIDDEN.search(text):
            raise ValidationError(self.error_messages["control"], code="control")
        return fold_width(text).strip() if self.fold else text

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Leaves `maxlength` out: browsers cut silently, and count characters beyond U+FFFF twice."""
        attrs = dict(super().widget_attrs(widget))
        attrs.pop("maxlength", None)
        return attrs


class DeclarationField(forms.BooleanField):
    """A statement that must be confirmed, never ticked beforehand (S0-07)."""

    default_error_messages = {"required": gettext_lazy("Confirm the statement to go on")}

    def __init__(self, **kwargs: Any) -> None:
        kwargs["initial"] = False
        super().__init__(**kwargs)


class DatePartsField(forms.MultiValueField):
    """A date in three boxes; errors name the very box.

    `earliest` and `latest` are dates or functions that return one. A whole date pasted into the first box is read too.
    """

    default_error_messages = {
        "required": gettext_lazy("Enter the date"),
        "digits": gettext_lazy("Write the date in digits, for example 1956 3 8"),
        "year": gettext_lazy("The year needs four digits, for example 1956"),
        "month": gettext_lazy("The month is a number from 1 to 12"),
        "earliest": gettext_lazy("The date must not be before %(limit)s"),
        "latest": gettext_lazy("The date must not be after %(limit)s"),
    }

    def __init__(
        self,
        *,
        earliest: date | Callable[[], date] | None = None,
        latest: date | Callable[[], date] | None = None,
        birthday: bool = False,
        **kwargs: Any,
    ) -> None:
        self.earliest = earliest
        self.latest = latest
        parts = [forms.CharField(required=False) for _part in range(3)]
        kwargs.setdefault("widget", DatePartsWidget(birthday=birthday))
        super().__init__(fields=parts, require_all_fields=False, **kwargs)

    def clean(self, value: Any) -> date | None:
        if isinstance(value, str | date):
            value = self.widget.decompress(value)
        parts = [unicodedata.normalize("NFKC", str(part or "")).strip() for part in (value or ["", "", ""])]
        if not any(parts):
            if self.required:
                raise ValidationError(self.error_messages["required"], code="required")
            return None
        found = _WHOLE_DATE.fullmatch(parts[0].replace(" ", ""))
        if found and not any(parts[1:]):
            parts = [group for group in found.groups() if group]
        parts = [part.rstrip("年月日") for part in parts]
        day = self._date(parts)
        self._within(day)
        self.run_validators(day)
        return day

    def compress(self, data_list: list[Any]) -> date | None:
        """Reads the parts of an unchanged or programmatic value."""
        return self.clean(data_list) if data_list else None

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.clean(data) != (initial.date() if isinstance(initial, datetime) else initial)
        except ValidationError:
            return True

    def _date(self, parts: list[str]) -> date:
        missing = [number for number, part in enumerate(parts) if not part]
        if missing:
            names = {0: _("the year"), 1: _("the month"), 2: _("the day")}
            listed = _(" and ").join(names[number] for number in missing)
            raise ValidationError(
                _("Enter %(parts_missing)s as well") % {"parts_missing": listed}, "incomplete", {"parts": missing}
            )
        wrong = [number for number, part in enumerate(parts) if not re.fullmatch(r"[0-9]{1,8}", part)]
        if wrong:
            raise self._refusal("digits", wrong)
        year, month, day = (int(part) for part in parts)
        if len(parts[0]) != 4 or not 1800 <= year <= 2200:
            raise self._refusal("year", [0])
        if not 1 <= month <= 12:
            raise self._refusal("month", [1])
        last = calendar.monthrange(year, month)[1]
        if not 1 <= day <= last:
            text = ngettext("%(month)s has %(count)d day", "%(month)s has %(count)d days", last)
            month_name = _month_name(year, month)
            raise ValidationError(text % {"month": month_name, "count": last}, code="day", params={"parts": [2]})
        return date(year, month, day)

    def _within(self, day: date) -> None:
        earliest = self.earliest() if callable(self.earliest) else self.earliest
        latest = self.latest() if callable(self.latest) else self.latest
        if earliest and day < earliest:
            raise ValidationError(
                self.error_messages["earliest"], code="earliest", params={"limit": format_day(earliest)}
            )
        if latest and day > latest:
            raise ValidationError(self.error_messages["latest"], code="latest", params={"limit": format_day(latest)})

    def _refusal(self, code: str, parts: list[int]) -> ValidationError:
        return ValidationError(self.error_messages[code], code=code, params={"parts": parts})


def _month_name(year: int, month: int) -> str:
    text = format_day(date(year, month, 1))
    return text.removesuffix("1日") if text.endswith("日") else text.removeprefix("1 ")
