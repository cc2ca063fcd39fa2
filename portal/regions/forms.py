"""Reads what admins type into a change of policy, and which region a resident picks."""

import re
import unicodedata
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.regions.models import Region
from portal.regions.models.policy import INHERIT
from portal.regions.publishing import earliest_start
from portal.regions.wording import FORM_LABELS, LEVEL_LABELS

HIGHEST_YUAN = 100_000
MOST_COPIES = 9
_AMOUNT = re.compile(r"([0-9]{1,9})(?:\.([0-9]+))?")
_DATE = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?")


def fold(text: Any) -> str:
    """Makes full-width digits and signs ordinary and drops the space around."""
    return unicodedata.normalize("NFKC", str(text or "")).strip()


class YuanField(forms.CharField):
    """An amount in yuan, such as 400 or 400.50, cleaned to whole fen."""

    default_error_messages = {
        "required": _("Enter the amount"),
        "invalid": _("Enter the amount in digits, for example 400 or 400.50"),
        "negative": _("The amount cannot be negative"),
        "decimals": _("The amount can have at most two digits after the point"),
        "high": _("The amount cannot be more than %(limit)s yuan"),
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal", "class": "govuk-input--width-10"}))
        super().__init__(max_length=40, **kwargs)

    def clean(self, value: Any) -> int | None:
        text = fold(value).removeprefix("¥").removesuffix("元").strip()
        if not text:
            if self.required:
                raise self._refusal("required")
            return None
        if text.startswith(("-", "−", "–")):
            raise self._refusal("negative")
        found = _AMOUNT.fullmatch(text)
        if found is None:
            raise self._refusal("invalid")
        whole, decimals = found[1], found[2] or ""
        if len(decimals) > 2:
            raise self._refusal("decimals")
        if int(whole) > HIGHEST_YUAN:
            raise self._refusal("high")
        return int(whole) * 100 + int(decimals.ljust(2, "0"))

    def prepare_value(self, value: Any) -> Any:
        return f"{value // 100}.{value % 100:02d}" if isinstance(value, int) else value

    def _refusal(self, code: str) -> ValidationError:
        return ValidationError(self.error_messages[code], code=code, params={"limit": f"{HIGHEST_YUAN:,}"})


class DayField(forms.CharField):
    """A date as 2027-01-01 or 2027年1月1日, not before today."""

    default_error_messages = {
        "required": _("Enter the first day"),
        "invalid": _("Enter a date such as 2027-01-01"),
        "past": _("The first day must not lie in the past. Choose today or a later day."),
        "far": _("The first day is too far away"),
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"type": "date", "class": "govuk-input--width-10"}))
        super().__init__(max_length=40, **kwargs)

    def clean(self, value: Any) -> date:
        text = fold(value).replace(" ", "")
        if not text:
            raise ValidationError(self.error_messages["required"], code="required")
        found = _DATE.fullmatch(text)
        try:
            day = date(*(int(part) for part in found.groups())) if found else None
        except ValueError:
            day = None
        if day is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        if day < earliest_start():
            raise ValidationError(self.error_messages["past"], code="past")
        if day.year > earliest_start().year + 10:
            raise ValidationError(self.error_messages["far"], code="far")
        return day

    def prepare_value(self, value: Any) -> Any:
        return value.isoformat() if isinstance(value, date) else value


class CopiesField(forms.CharField):
    """A small number of copies."""

    default_error_messages = {"invalid": _("Enter a number of copies from 0 to 9")}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "numeric", "class": "govuk-input--width-2"}))
        super().__init__(max_length=10, **kwargs)

    def clean(self, value: Any) -> int:
        text = fold(value) or "0"
        if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) > MOST_COPIES:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return int(text)


class ChangeForm(forms.Form):
    """What every change of policy has: the day it begins, and why."""

    inherit = forms.BooleanField(label=_("Give up the own rule and follow the region above"), required=False)
    valid_from = DayField(label=_("First day"), help_text=_("Cases that began earlier keep the rule they began with."))
    reason = forms.CharField(
        label=_("Reason or document number"),
        max_length=300,
        required=False,
        error_messages={"max_length": _("Write at most %(limit_value)d characters")},
    )

    def __init__(self, *args: Any, own_rule: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not own_rule:
            del self.fields["inherit"]

    @property
    def gives_up(self) -> bool:
        return bool(self.cleaned_data.get("inherit"))

    def value(self, former: dict[str, Any]) -> dict[str, Any]:
        """The new value of the rule."""
        return dict(INHERIT) if self.gives_up else {**former, **self.parts()}

    def parts(self) -> dict[str, Any]:
        """What the form changes in the value."""
        return {}

    def refuse(self, message: str, field: str | None) -> None:
        """Shows a refusal of the service at the field it is about."""
        self.add_error(field if field in self.fields else None, message)


class FeeForm(ChangeForm):
    """The amount of a fee, or that it is not yet published."""

    amount = YuanField(label=_("Amount in yuan"))
    pending = forms.BooleanField(label=_("The amount is not yet published"), required=False)

    field_order = ["amount", "pending", "inherit", "valid_from", "reason"]

    def __init__(self, *args: Any, part: str, **kwargs: Any) -> None:
        self.part = part
        super().__init__(*args, **kwargs)
        self.fields["amount"].required = not (self.data.get("pending") or self.data.get("inherit"))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("pending") and cleaned.get("amount") is not None and not self.gives_up:
            self.add_error("pending", _("Give an amount, or say that it is not yet published, but not both"))
        return cleaned

    def parts(self) -> dict[str, Any]:
        return {self.part: None if self.cleaned_data["pending"] else self.cleaned_data["amount"]}


class MaterialForm(ChangeForm):
    """How a paper is asked for."""

    level = forms.ChoiceField(
        label=_("How it is asked for"),
        choices=[(level, LEVEL_LABELS[level]) for level in ("required", "conditional", "none")],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how the paper is asked for")},
    )
    condition_zh = forms.CharField(label=_("In which cases, in Chinese"), max_length=120, required=False)
    condition_en = forms.CharField(label=_("In which cases, in English"), max_length=200, required=False)
    original_or_copy = forms.ChoiceField(
        label=_("Original or copy"), choices=list(FORM_LABELS.items()), widget=forms.RadioSelect
    )
    copies = CopiesField(label=_("Number of copies"), required=False)
    note_zh = forms.CharField(label=_("Note to residents, in Chinese"), max_length=200, required=False)
    note_en = forms.CharField(label=_("Note to residents, in English"), max_length=300, required=False)

    field_order = [
        "level",
        "condition_zh",
        "condition_en",
        "original_or_copy",
        "copies",
        "note_zh",
        "note_en",
        "inherit",
        "valid_from",
        "reason",
    ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.gives_up:
            return cleaned
        for name in ("condition", "note"):
            zh, en = cleaned.get(f"{name}_zh"), cleaned.get(f"{name}_en")
            if bool(zh) != bool(en):
                self.add_error(f"{name}_en" if zh else f"{name}_zh", _("Write this in both languages"))
        if cleaned.get("level") == "conditional" and not cleaned.get("condition_zh"):
            self.add_error("condition_zh", _("Say in which cases the paper is needed"))
        return cleaned

    def parts(self) -> dict[str, Any]:
        data = self.cleaned_data
        parts = {name: data[name] for name in ("level", "original_or_copy", "copies")}
        for name in ("condition", "note"):
            parts[name] = {"zh": data[f"{name}_zh"], "en": data[f"{name}_en"]} if data[f"{name}_zh"] else {}
        return parts


class CalendarFileForm(forms.Form):
    """A CSV file with the special days of a year."""

    file = forms.FileField(
        label=_("CSV file of one year"),
        help_text=_("With the columns date, kind (off or makeup_workday) and festival."),
        error_messages={"required": _("Choose the file"), "empty": _("The file is empty.")},
    )
    source_notice = forms.CharField(label=_("Title or number of the notice"), max_length=120, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].button_label = _("Choose the file")


class RegionChoiceForm(forms.Form):
    """One step from a region to a place in it; the step works without scripts."""

    page_heading = "place"

    place = forms.ChoiceField(
        label=_("Where do you live?"), widget=forms.RadioSelect, error_messages={"required": _("Choose a place")}
    )

    def __init__(self, *args: Any, places: list[Region], within: Region | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: list[tuple[str, Any]] = [(place.code, place.name) for place in places]
        if within is not None:
            choices.append((within.code, _("Not in the list, or I do not know")))
        field = self.fields["place"]
        field.choices = choices
