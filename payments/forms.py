"""What people type about notices and money, tidied and explained; knows no workflow."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.amounts import InvalidAmount, parse_yuan
from payments.models import Action, Notice, VoidReason
from payments.numbers import InvalidNumber, TypedNumber, parse_number
from portal.design.text import format_yuan

LONGEST_TYPED = 60


class NumberField(forms.CharField):
    """A notice number or pay code, typed in any grouping or scanned; cleans to a `TypedNumber`."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", gettext_lazy("Notice number or pay code"))
        kwargs.setdefault("help_text", gettext_lazy("The 16 or 20 digits on the notice, with or without spaces."))
        attrs = {"inputmode": "numeric", "autocomplete": "off", "class": "govuk-input--width-20"}
        super().__init__(max_length=LONGEST_TYPED, widget=forms.TextInput(attrs=attrs), **kwargs)

    def clean(self, value: Any) -> TypedNumber | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_number(text)
        except InvalidNumber as error:
            raise forms.ValidationError(str(error), code=error.fault) from error


class YuanField(forms.CharField):
    """An amount in yuan as people write it, with or without ¥ and separators of thousands; cleans to fen."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"inputmode": "decimal", "autocomplete": "off", "class": "govuk-input--width-10"}
        super().__init__(max_length=LONGEST_TYPED, widget=forms.TextInput(attrs=attrs), **kwargs)

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        plain = (
            unicodedata.normalize("NFKC", text).strip().removeprefix("¥").removesuffix("元").replace(",", "").strip()
        )
        try:
            return parse_yuan(plain)
        except InvalidAmount as error:
            raise forms.ValidationError(
                _("Type the amount in yuan with at most two decimals, such as 400.00.")
            ) from error


class FindForm(forms.Form):
    """Finds a notice by its number."""

    number = NumberField()


class TakeForm(forms.Form):
    """Takes money for one notice at the demo counter.

    `already_taken` is for money that cannot be handed back: even a wrong sum is booked then, and waits as an exception.
    """

    channel = forms.ChoiceField(label=gettext_lazy("Where you are"), widget=forms.RadioSelect)
    means = forms.ChoiceField(
        label=gettext_lazy("Paid by"),
        choices=[("cash", gettext_lazy("Cash")), ("card", gettext_lazy("Bank card"))],
        initial="cash",
        widget=forms.RadioSelect,
    )
    amount = YuanField(label=gettext_lazy("Amount received in yuan"))
    already_taken = forms.BooleanField(
        label=gettext_lazy("The money has been taken already: book it even if it is wrong"), required=False
    )
    transaction = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, notice: Notice, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.notice = notice
        self.fields["channel"].choices = [(channel.code, channel.name) for channel in notice.channels]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        amount = cleaned.get("amount")
        if amount is not None and amount <= 0:
            self.add_error("amount", _("Type an amount above zero."))
        elif amount is not None and amount != self.notice.amount_fen and not cleaned.get("already_taken"):
            asked = format_yuan(self.notice.amount_fen)
            self.add_error(
                "amount", _("The notice asks for exactly %(amount)s. Take no other sum.") % {"amount": asked}
            )
        return cleaned


class SeenForm(forms.Form):
    """The version of the notice that somebody saw."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)


class RefundForm(SeenForm):
    """Why money is paid back."""

    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        choices=[
            ("paid_twice", gettext_lazy("Paid twice")),
            ("other_cover", gettext_lazy("Covered by another scheme")),
            ("rejected", gettext_lazy("The application was rejected")),
            ("withdrawn", gettext_lazy("The application was withdrawn")),
            ("died", gettext_lazy("The person has died")),
            ("wrong_amount", gettext_lazy("Wrong amount")),
        ],
        widget=forms.RadioSelect,
    )


class VoidForm(forms.Form):
    """Why a receipt is made void."""

    reason = forms.ChoiceField(label=gettext_lazy("Reason"), choices=VoidReason.choices, widget=forms.RadioSelect)


class StatementForm(forms.Form):
    """A statement file of a bank or payment platform."""

    file = forms.FileField(
        label=gettext_lazy("Statement file"),
        help_text=gettext_lazy("Bank detail (text), WeChat Pay bill (CSV) or Alipay bill (ZIP), up to 32 MB."),
        error_messages={"empty": gettext_lazy("The file is empty.")},
    )


class DecisionForm(forms.Form):
    """What becomes of waiting money."""

    action = forms.ChoiceField(label=gettext_lazy("Decision"), widget=forms.RadioSelect)
    number = NumberField(
        label=gettext_lazy("Notice the money is for"),
        help_text=gettext_lazy("Only if you assign the money: 16 or 20 digits, with or without spaces."),
        required=False,
    )

    def __init__(self, data: Any = None, *, actions: Sequence[Action], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.fields["action"].choices = [(action.value, action.label) for action in actions]
        if Action.ASSIGN not in actions:
            del self.fields["number"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("action") == Action.ASSIGN and not cleaned.get("number") and "number" not in self.errors:
            self.add_error("number", _("Type the number of the notice that the money is for."))
        return cleaned


class PayoutForm(forms.Form):
    """How the bank or cash office names the payment it has made."""

    reference = forms.CharField(
        label=gettext_lazy("Number of the transfer or cash voucher"),
        help_text=gettext_lazy("Pay first, then note it here. The number stands on the bank's proof or the voucher."),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "govuk-input--width-20"}),
    )


class TillForm(forms.Form):
    """What a cashier has counted at the end of the day."""

    cash = YuanField(label=gettext_lazy("Cash in the till in yuan"))
    card = YuanField(label=gettext_lazy("Sum of the card slips in yuan"))


class CloseForm(forms.Form):
    """Closes a day; the cash is typed where neither a bank nor a count proves the money."""

    counted = YuanField(label=gettext_lazy("Cash counted in yuan"))

    def __init__(self, data: Any = None, *, is_proved: bool, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        if is_proved:
            del self.fields["counted"]
