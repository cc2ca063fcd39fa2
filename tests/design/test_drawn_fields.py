"""What is kept of drawn fields is what the templates draw."""

from datetime import date
from typing import Any

import pytest
from crispy_forms.utils import render_crispy_form
from django import forms
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from portal.design import drawn_fields
from portal.design.fields import DatePartsField, IdentityNumberField, PersonNameField, TrimmedCharField

KINSHIP = [("parent", "父母"), ("child", "子女")]


class EveryControl(forms.Form):
    """One field of every kind of control."""

    name = PersonNameField(label="姓名", help_text="与证件一致")
    number = IdentityNumberField(label="身份证件号码")
    born_on = DatePartsField(label="出生日期")
    address = TrimmedCharField(label="住址", required=False)
    remark = forms.CharField(label="备注", widget=forms.Textarea, required=False)
    kinship = forms.ChoiceField(label="关系", choices=KINSHIP)
    sex = forms.ChoiceField(label="性别", choices=[("F", "女"), ("M", "男")], widget=forms.RadioSelect)
    papers = forms.MultipleChoiceField(
        label="证件",
        choices=[("id", "身份证"), ("book", "户口簿")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    copy = forms.FileField(label="照片", required=False)
    agreed = forms.BooleanField(label="本人承诺")
    code = forms.CharField(label="密码", widget=forms.PasswordInput)


@pytest.fixture(autouse=True)
def nothing_kept():
    drawn_fields.forget()
    yield
    drawn_fields.forget()


def drawn(form: forms.Form, monkeypatch: pytest.MonkeyPatch | None = None) -> str:
    """The form as the pack draws it; with `monkeypatch` by the templates alone."""
    if monkeypatch is None:
        return str(render_crispy_form(form))
    with monkeypatch.context() as patched:
        patched.setattr(drawn_fields, "_key", lambda *_any: None)
        return str(render_crispy_form(form))


VALUES: list[dict[str, Any]] = [
    {},
    {"name": "韦𠮷", "born_on": date(1956, 3, 8), "kinship": "child", "sex": "F", "papers": ["book"], "agreed": True},
    {"name": "<b>&\"'", "address": "\ue000\ue002", "remark": "一\n二", "kinship": "nobody", "papers": ["nothing"]},
    {"born_on": "1956-13-40", "sex": "", "agreed": "on", "number": "450302199003079919"},
    {"born_on": ["1956", "", "8"], "name": "", "code": "secret"},
]


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_kept_fields_look_like_drawn_ones(values, language, monkeypatch):
    """PERFORMANCE goal 8: the same HTML the first time, the second time, and after another form was drawn."""
    with translation.override(language):
        expected = drawn(EveryControl(initial=values), monkeypatch)
        assert drawn(EveryControl(initial=values)) == expected
        drawn(EveryControl(initial=VALUES[1]))
        assert drawn(EveryControl(initial=values)) == expected
        assert drawn(EveryControl(initial=values)) == expected


@given(text=st.text(max_size=40), other=st.text(max_size=40))
def test_whatever_is_typed_is_escaped_and_stays_in_its_place(text, other):
    """UX-R7, REL: values put into kept HTML are escaped like those of the templates, whatever they look like."""
    with pytest.MonkeyPatch.context() as patch:
        form = EveryControl(initial={"name": text, "address": other, "remark": text + other})
        assert drawn(form) == drawn(form, patch)


def test_errors_are_drawn_each_time(monkeypatch):
    """UX-R7: a field with an error is never taken from what was kept, and leaves nothing behind."""
    sent = {"name": "", "number": "1", "born_on_0": "1956", "kinship": "x"}
    expected = drawn(EveryControl(sent), monkeypatch)
    clean = drawn(EveryControl())
    assert drawn(EveryControl(sent)) == expected
    assert "govuk-error-message" in expected
    assert drawn(EveryControl()) == clean
    assert "govuk-error-message" not in clean


def test_labels_choices_and_states_of_one_form_do_not_reach_another(monkeypatch):
    """A form that names a person in its labels, offers other offices or forbids a field gets HTML of its own."""
    drawn(EveryControl())
    other = EveryControl()
    other.fields["name"].label = "老人姓名"
    other.fields["kinship"].choices = [("spouse", "配偶")]
    other.fields["address"].disabled = True
    other.fields["remark"].widget.attrs["maxlength"] = "20"
    other.star_required = True
    html = drawn(other)
    assert html == drawn(other, monkeypatch)
    assert "老人姓名" in html
    assert "配偶" in html
    assert "子女" not in html
    assert drawn(EveryControl()) == drawn(EveryControl(), monkeypatch)


def test_what_is_kept_is_bounded(monkeypatch):
    """Labels that differ for each visitor fill no memory."""
    monkeypatch.setattr(drawn_fields, "LIMIT", 20)
    for number in range(30):
        form = EveryControl()
        form.fields["name"].label = f"第{number}位家庭成员"
        drawn(form)
    assert len(drawn_fields._kept) <= 20
