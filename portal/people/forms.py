"""Fields for identity numbers, names and telephones, and the forms of signing in."""

import unicodedata
from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.people.identity import (
    LONGEST_INPUT,
    IdentityKind,
    IdentityNumber,
    InvalidIdentityNumber,
    Reason,
    parse_identity_number,
)
from portal.people.models import User
from portal.people.names import InvalidName, InvalidPhone, parse_name, parse_phone
from portal.people.texts import IDENTITY_REASONS, NAME_REASONS, PHONE_REASON, identity_reason

LONGEST_TYPED_NAME = 100  # spaces and look-alike dots go before the 50 characters are counted


class IdentityNumberField(forms.CharField):
    """An identity number as people type it; the cleaned value is an `IdentityNumber`. Browsers keep no list of them."""

    def __init__(self, *, kind: IdentityKind | str | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", LONGEST_INPUT)
        kwargs.setdefault("error_messages", {"required": IDENTITY_REASONS[Reason.EMPTY]})
        super().__init__(**kwargs)
        self.kind = kind

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return super().widget_attrs(widget) | {
            "autocomplete": "off",
            "autocapitalize": "characters",
            "spellcheck": "false",
        }

    def prepare_value(self, value: Any) -> Any:
        return value.normalized if isinstance(value, IdentityNumber) else value

    def clean(self, value: Any) -> IdentityNumber | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_identity_number(text, self.kind)
        except InvalidIdentityNumber as error:
            raise ValidationError(identity_reason(error.reason, self.kind), code=error.reason) from error


class NameField(forms.CharField):
    """A name; dots that look like the separator of names are put right."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", LONGEST_TYPED_NAME)
        kwargs.setdefault("error_messages", {"required": NAME_REASONS["empty"]})
        super().__init__(**kwargs)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return super().widget_attrs(widget) | {"autocomplete": "name", "spellcheck": "false"}

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if not text:
            return ""
        try:
            return parse_name(text)
        except InvalidName as error:
            raise ValidationError(NAME_REASONS[error.reason], code=error.reason) from error


class PhoneField(forms.CharField):
    """A mobile number of the mainland, Hong Kong, Macao or Taiwan."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 40)
        kwargs.setdefault("widget", forms.TelInput)
        kwargs.setdefault("error_messages", {"required": _("Enter the mobile number.")})
        super().__init__(**kwargs)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return super().widget_attrs(widget) | {"autocomplete": "tel"}

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if not text:
            return ""
        try:
            return parse_phone(text)
        except InvalidPhone as error:
            raise ValidationError(PHONE_REASON, code="phone") from error


class SignInForm(forms.Form):
    """First page of residents' sign-in: who it is, and where a code may go."""

    name = NameField(label=_("Name"), help_text=_("As on your identity card."))
    identity_number = IdentityNumberField(
        label=_("Identity number"), help_text=_("18 characters. Spaces and a small x are fine.")
    )
    phone = PhoneField(
        label=_("Mobile number"),
        help_text=_(
            "We send a code to it. If you have been here before, it must be the number on file;"
            " if you are new, it becomes yours."
        ),
    )


class OneTimeInput(forms.TextInput):
    """A box that never shows again what was typed into it."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


class CodeForm(forms.Form):
    """Second page: the six digits."""

    code = forms.CharField(
        label=_("Code from the message"),
        help_text=_("Six digits."),
        max_length=20,
        error_messages={"required": _("Enter the six digits of the message.")},
        widget=OneTimeInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "class": "govuk-input--width-5"}
        ),
    )

    def clean_code(self) -> str:
        digits = "".join(unicodedata.normalize("NFKC", self.cleaned_data["code"]).split())
        if len(digits) != 6 or not digits.isascii() or not digits.isdigit():
            raise ValidationError(_("The code has six digits."), code="format")
        return digits


class SecondFactorForm(forms.Form):
    """A code of an authenticator app, or a recovery code where one will do."""

    code = forms.CharField(
        label=_("Code from the app"),
        help_text=_("Six digits; without your telephone, one of your recovery codes of eight digits."),
        max_length=20,
        error_messages={"required": _("Enter the code that the app shows now.")},
        widget=OneTimeInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "class": "govuk-input--width-5"}
        ),
    )

    def __init__(self, *args: Any, recovery: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lengths = (6, 8) if recovery else (6,)
        if not recovery:
            self.fields["code"].help_text = _("Six digits.")

    def clean_code(self) -> str:
        digits = "".join(unicodedata.normalize("NFKC", self.cleaned_data["code"]).split())
        if len(digits) not in self.lengths or not digits.isascii() or not digits.isdigit():
            raise ValidationError(_("The app shows six digits."), code="format")
        return digits


class StaffSignInForm(forms.Form):
    """Sign-in of staff."""

    username = forms.CharField(
        label=_("Username"),
        max_length=64,
        error_messages={"required": _("Enter your username.")},
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=200,
        strip=False,
        error_messages={"required": _("Enter your password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class NewPasswordForm(forms.Form):
    """A password of one's own choice, 12 characters or more."""

    password = forms.CharField(
        label=_("New password"),
        help_text=_("12 characters or more. Several words in a row are easy to remember."),
        max_length=200,
        strip=False,
        error_messages={"required": _("Enter a new password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        password_validation.validate_password(password, self.user)
        if self.user.check_password(password):
            raise ValidationError(_("Choose a password that differs from the present one."), code="same")
        return password


class ChildForm(forms.Form):
    """A resident's own child."""

    name = NameField(label=_("Name of the child"), help_text=_("As in the household register."))
    identity_number = IdentityNumberField(
        label=_("Identity number of the child"), help_text=_("18 characters, in the household register too.")
    )


class FindPersonForm(forms.Form):
    """Whom the clerk has before them."""

    identity_number = IdentityNumberField(label=_("Identity number"), help_text=_("As on the document."))


class SeenDocument(models.TextChoices):
    """By what a clerk knows a person."""

    ID_CARD = "ID_CARD", _("Resident identity card")
    HOUSEHOLD_REGISTER = "HOUSEHOLD_REGISTER", _("Household register")
    RESIDENCE_PERMIT = "RESIDENCE_PERMIT", _("Residence permit")
    PASSPORT = "PASSPORT", _("Passport or travel permit")


class CheckIdentityForm(forms.Form):
    """An identity check at the counter."""

    document = forms.ChoiceField(
        label=_("Document seen"),
        choices=SeenDocument.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the document you have seen.")},
    )


class BindPhoneForm(forms.Form):
    """A new telephone, bound at the counter."""

    phone = PhoneField(label=_("New mobile number"), help_text=_("Codes for signing in go to it."))
    seen = forms.ChoiceField(
        label=_("Document seen"),
        choices=SeenDocument.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the document you have seen.")},
    )
