"""Fields that read what people really type."""

from datetime import date
from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError

from portal.design.fields import DatePartsField, DeclarationField, TrimmedCharField, fold_width


class DayForm(forms.Form):
    """A day between two limits."""

    day = DatePartsField(label="出生日期", earliest=date(1900, 1, 1), latest=lambda: date(2026, 11, 21))


def submit(year: str = "", month: str = "", day: str = "") -> DayForm:
    return DayForm({"day_year": year, "day_month": month, "day_day": day})


@pytest.mark.parametrize(
    ("parts", "read"),
    [
        (("1956", "3", "8"), date(1956, 3, 8)),
        (("１９５６", "０３", "０８"), date(1956, 3, 8)),
        (("1956年", "3月", "8日"), date(1956, 3, 8)),
        ((" 2024 ", "2", "29"), date(2024, 2, 29)),
        (("1956-03-08", "", ""), date(1956, 3, 8)),
        (("19560308", "", ""), date(1956, 3, 8)),
        (("1956年3月8日", "", ""), date(1956, 3, 8)),
    ],
)
def test_dates_are_read_as_people_type_them(parts: tuple[str, str, str], read: date) -> None:
    """UX-R8: full-width digits, the characters for year, month, day, and a whole date in the first box."""
    form = submit(*parts)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["day"] == read


@pytest.mark.parametrize(
    ("parts", "code", "wrong_boxes", "words"),
    [
        (("", "", ""), "required", None, "请填写日期"),
        (("2025", "2", "30"), "day", [2], "2025年2月只有 28 天"),
        (("2024", "2", "30"), "day", [2], "2024年2月只有 29 天"),
        (("2025", "13", "1"), "month", [1], "1 到 12"),
        (("25", "1", "1"), "year", [0], "四位数字"),
        (("2025", "", "1"), "incomplete", [1], "“月”"),
        (("", "3", ""), "incomplete", [0, 2], "“年、日”"),
        (("二零二五", "1", "1"), "digits", [0], "数字"),
        (("2025", "1", "-1"), "digits", [2], "数字"),
        (("٢٠٢٥", "1", "1"), None, None, ""),
        (("2026", "11", "22"), "latest", None, "2026年11月21日"),
        (("1899", "12", "31"), "earliest", None, "1900年1月1日"),
        (("9999999999", "1", "1"), "digits", [0], "数字"),
    ],
)
def test_wrong_dates_name_the_box_and_the_remedy(
    parts: tuple[str, str, str], code: str | None, wrong_boxes: list[int] | None, words: str
) -> None:
    """UX-R7: each fault of a date has its own words, and names the boxes it is about."""
    form = submit(*parts)
    assert not form.is_valid()
    error = form.errors["day"].as_data()[0]
    if code is not None:
        assert error.code == code
        assert (error.params or {}).get("parts") == wrong_boxes
    assert words in form.errors["day"][0]


def test_a_date_that_may_be_missing_is_none() -> None:
    """UX-R7: three empty boxes of an optional date are no fault."""
    assert DatePartsField(required=False).clean(["", "", ""]) is None


def test_a_known_date_fills_the_boxes() -> None:
    """UX-R5: what was saved comes back, also from a session where dates are text."""
    field = DatePartsField()
    assert field.widget.decompress(date(1956, 3, 8)) == [1956, 3, 8]
    assert field.widget.decompress("1956-03-08") == [1956, 3, 8]
    assert not field.has_changed(date(1956, 3, 8), ["1956", "03", "08"])
    assert field.has_changed(date(1956, 3, 8), ["1956", "2", "30"])


def test_a_disabled_date_keeps_its_value() -> None:
    """UX-R16: fields that are not open for correction keep what they hold."""

    class Closed(forms.Form):
        day = DatePartsField(disabled=True, initial=date(1956, 3, 8))

    form = Closed({"day_year": "2000", "day_month": "1", "day_day": "1"})
    assert form.is_valid()
    assert form.cleaned_data["day"] == date(1956, 3, 8)


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "\u202egnp.exe", "\ufeffx", "x\x85y", "\ud800"])
def test_text_that_cannot_be_stored_is_refused(text: str) -> None:
    """REL-F1: NUL, control characters, half surrogates and direction marks never reach the database."""
    with pytest.raises(ValidationError):
        TrimmedCharField().clean(text)


def test_text_is_trimmed_and_folded() -> None:
    """UX-R8: full-width signs become ordinary ones where asked; characters beyond U+FFFF stay."""
    assert TrimmedCharField().clean("  韦𠮷\t㛃 \r\n") == "韦𠮷 㛃"
    assert TrimmedCharField(fold=True).clean("　ＡＢ１２－３（甲）") == "AB12-3(甲)"
    assert fold_width("豈") == "豈"
    assert TrimmedCharField(multiline=True).clean("一\r\n二") == "一\n二"


def test_length_counts_characters() -> None:
    """REL-F1: fifty rare characters are fifty; the browser is not asked to cut, for it counts them twice."""
    field = TrimmedCharField(max_length=50)
    assert field.clean("𠮷" * 50) == "𠮷" * 50
    with pytest.raises(ValidationError):
        field.clean("𠮷" * 51)
    assert "maxlength" not in field.widget.attrs


def test_a_declaration_is_never_ticked_beforehand() -> None:
    """S0-07: the statement must be confirmed by the person."""
    field = DeclarationField(label="属实", initial=True)
    assert field.initial is False
    values: list[Any] = [False, "", None]
    for value in values:
        with pytest.raises(ValidationError):
            field.clean(value)
    assert field.clean("on") is True
