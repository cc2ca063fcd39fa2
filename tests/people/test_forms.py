"""Fields of names, numbers and telephones under any input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.people.forms import (
    BindPhoneForm,
    ChildForm,
    CodeForm,
    FindPersonForm,
    IdentityNumberField,
    NameField,
    PhoneField,
    SignInForm,
    StaffSignInForm,
)
from portal.people.identity import IdentityKind, IdentityNumber, Reason
from portal.people.texts import IDENTITY_KINDS, IDENTITY_REASONS, NAME_REASONS, identity_reason

FORMS = [SignInForm, CodeForm, StaffSignInForm, ChildForm, FindPersonForm, BindPhoneForm]
nasty = st.sampled_from(["\x00", "\u202e", "\ud800", "😀" * 100, "a" * 1_000_000, "²"])
texts = st.one_of(st.text(max_size=200), nasty)


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_any_text_is_taken_or_refused(form: type, data: st.DataObject) -> None:
    """REL-F1: every field error has words, and nothing else comes out."""
    typed = {name: data.draw(texts) for name in form.base_fields}
    filled = form(typed)
    if not filled.is_valid():
        assert all(str(message) for messages in filled.errors.values() for message in messages)


@pytest.mark.parametrize("form", FORMS)
def test_missing_fields_are_named(form: type) -> None:
    """REL-F2: an empty post is a form with errors."""
    assert set(form({}).errors) == set(form.base_fields)


def test_fields_may_be_left_out_where_they_are_optional() -> None:
    """REL-F2."""
    assert IdentityNumberField(required=False).clean("") is None
    assert NameField(required=False).clean(" ") == ""
    assert PhoneField(required=False).clean("") == ""


def test_field_of_one_kind_reads_only_that_kind() -> None:
    """A2: and a number read before is shown in its normal spelling."""
    field = IdentityNumberField(kind=IdentityKind.PASSPORT)
    number = field.clean("e1234567")
    assert isinstance(number, IdentityNumber)
    assert field.prepare_value(number) == "E1234567"
    assert field.prepare_value("e 1") == "e 1"


def test_numbers_are_not_kept_by_browsers() -> None:
    """RELIABILITY §4.2: shared computers."""
    assert SignInForm()["identity_number"].field.widget.attrs["autocomplete"] == "off"
    assert CodeForm()["code"].field.widget.attrs["autocomplete"] == "one-time-code"


def test_every_reason_has_words() -> None:
    """UX-R7: permits are not told to have 18 characters."""
    assert all(str(text) for text in (*IDENTITY_REASONS.values(), *NAME_REASONS.values()))
    assert set(IDENTITY_KINDS) == set(IdentityKind)
    assert "18" in str(identity_reason(Reason.LENGTH))
    assert "18" not in str(identity_reason(Reason.LENGTH, IdentityKind.HK_MO_TRAVEL_PERMIT))
