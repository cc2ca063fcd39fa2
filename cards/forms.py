"""Reads and cleans what card holders and the card desk type; knows no workflow."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cards.models import HandOver
from cards.photo import ReceiptProblem
from portal.design.fields import DeclarationField, IdentityNumberField, PersonNameField, PhoneField, TrimmedCharField
from portal.documents.uploads import MESSAGES
from portal.people.identity import InvalidIdentityNumber, parse_identity_number
from portal.people.models import Resident, identity_index
from portal.regions.models import Office

LONGEST_REASON = 500
LARGEST_REPORT = 1024 * 1024
SELF = "self"
ONE_OF_TWO = _("Choose a photo here, or give the number of a new photo receipt below; one of the two is enough.")
PHOTO_HELP = _("JPEG, PNG or HEIC, at most 5 MB. White background, bare head, taken in the last six months.")

RECEIPT_TEXTS: dict[str, Any] = {
    ReceiptProblem.MISSING: _("Enter the number of the photo receipt."),
    ReceiptProblem.FORMAT: _("A photo receipt number has 11 letters and figures, for example A2B4C6D8E10."),
    ReceiptProblem.UNKNOWN: _("No photo receipt of this person has this number. Check it against the printed receipt."),
    ReceiptProblem.OTHER_PERSON: _(
        "No photo receipt of this person has this number. Check it against the printed receipt."
    ),
    ReceiptProblem.EXPIRED: _("This photo receipt is too old. Please have a new photo taken."),
    ReceiptProblem.USED: _("This photo receipt was used already. Please have a new photo taken."),
}


class EntryForm(forms.Form):
    """The choices of the self-service window before sign-in (S4-06)."""

    business_type = forms.ChoiceField(
        label=_("Business type"),
        choices=[("card", _("Social security card"))],
        widget=forms.RadioSelect,
        initial="card",
    )
    business_object = forms.ChoiceField(
        label=_("For whom"),
        choices=[("person", _("A person: myself or my family"))],
        widget=forms.RadioSelect,
        initial="person",
    )
    related = forms.ChoiceField(
        label=_("What is it about?"),
        choices=[
            ("first_card", _("First card")),
            ("activation", _("Activate a card")),
            ("loss", _("Loss, damage, expiry or password")),
        ],
        widget=forms.RadioSelect,
        initial="first_card",
    )
    action = forms.ChoiceField(
        label=_("What do you want to do?"),
        choices=[("apply", _("Apply")), ("query", _("See how far it is"))],
        widget=forms.RadioSelect,
        initial="apply",
    )


class StartForm(forms.Form):
    """Whose card it is."""

    who = forms.ChoiceField(
        label=_("Whose card is it?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose whose card it is.")},
    )

    def __init__(self, *args: Any, family: Iterable[Resident], own_name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.family = {str(person.pk): person for person in family}
        self.fields["who"].choices = [
            (SELF, _("Myself (%(name)s)") % {"name": own_name}),
            *((key, person.name) for key, person in self.family.items()),
        ]

    def chosen(self) -> Resident | None:
        """The member of the family that was chosen, or None for oneself."""
        return self.family.get(self.cleaned_data["who"])


class PersonalForm(forms.Form):
    """Step 1; fields marked * are mandatory (S4-08)."""

    star_required = True

    phone = PhoneField(label=_("Mobile number"), help_text=_("We send messages about the card to it."))
    address = TrimmedCharField(
        label=_("Address"),
        max_length=120,
        fold=True,
        widget=forms.TextInput(attrs={"autocomplete": "street-address"}),
        error_messages={"required": _("Enter the address: street or village, and house number.")},
    )
    pickup_point = forms.ModelChoiceField(
        label=_("Where do you want to collect the card?"),
        queryset=Office.objects.none(),
        empty_label=None,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose where to collect the card.")},
    )
    receipt_number = TrimmedCharField(
        label=_("Number of the photo receipt"),
        max_length=40,
        fold=True,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
        error_messages={"required": RECEIPT_TEXTS[ReceiptProblem.MISSING]},
    )
    photo = forms.FileField(
        label=_("Photo"),
        help_text=PHOTO_HELP,
        widget=forms.ClearableFileInput(attrs={"accept": "image/*"}),
        error_messages={"required": _("Choose a photo."), "empty": MESSAGES["empty"]},
    )

    def __init__(self, *args: Any, points: Any, asks: str, kept: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["pickup_point"]
        field.queryset = points
        field.label_from_instance = lambda office: f"{office.name} — {office.address}"
        for name in {"receipt_number", "photo"} - {asks}:
            del self.fields[name]
        if kept:
            self.fields["photo"].required = False
            self.fields["photo"].label = _("Another photo instead")


def refuse_receipt(form: forms.Form, problem: ReceiptProblem) -> None:
    """Puts the reason beside the field of the receipt."""
    form.add_error("receipt_number", ValidationError(RECEIPT_TEXTS[problem], code=str(problem)))


class SubmitForm(forms.Form):
    """The truth declaration of step 1 (S4-11)."""

    truthful = DeclarationField(
        label=_("I have checked every answer. They are true and complete."),
        error_messages={"required": _("Tick the declaration to submit the application.")},
    )


class CorrectionAnswersForm(forms.Form):
    """Exactly what the card office asked for; a photo by upload or by a new receipt."""

    phone = PhoneField(label=_("Mobile number"))
    address = TrimmedCharField(label=_("Address"), max_length=120, fold=True)
    photo = forms.FileField(
        label=_("A new photo"),
        required=False,
        help_text=PHOTO_HELP,
        widget=forms.ClearableFileInput(attrs={"accept": "image/*"}),
        error_messages={"required": _("Choose a photo."), "empty": MESSAGES["empty"]},
    )
    receipt_number = TrimmedCharField(
        label=_("Or the number of a new photo receipt"), max_length=40, required=False, fold=True
    )

    def __init__(self, *args: Any, asked: Iterable[str], takes_receipts: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        wanted = set(asked)
        self.asks_photo = bool(wanted & {"photo", "receipt_number"})
        kept = wanted - {"receipt_number"}
        if self.asks_photo:
            kept |= {"photo", "receipt_number"} if takes_receipts else {"photo"}
        for name in list(self.fields):
            if name not in kept:
                del self.fields[name]
        if self.asks_photo and not takes_receipts:
            self.fields["photo"].required = True
        elif self.asks_photo:
            # Neither alone is a must, and neither is optional: one of the two.
            self.fields["photo"].help_text = format_lazy("{} {}", ONE_OF_TWO, PHOTO_HELP)
            for name in ("photo", "receipt_number"):
                vars(self.fields[name])["one_of_several"] = True

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        either = "receipt_number" in self.fields
        if either and not told.get("photo") and not told.get("receipt_number") and not self.errors:
            self.add_error("photo", _("Choose a photo, or give the number of a new photo receipt."))
        return told


class VersionForm(forms.Form):
    """The version of the case that the person saw; every decision carries it."""

    version = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)


ASKABLE = [
    ("photo", _("Photo")),
    ("address", _("Address")),
    ("phone", _("Mobile number")),
]


class AskCorrectionForm(VersionForm):
    """Everything that is to be put right, told once."""

    fields_asked = forms.MultipleChoiceField(
        label=_("What is to be put right?"), choices=ASKABLE, widget=forms.CheckboxSelectMultiple
    )
    reason = TrimmedCharField(
        label=_("Explain it to the resident"),
        help_text=_("In plain words, for example what is wrong with the photo."),
        max_length=LONGEST_REASON,
        multiline=True,
    )


class RejectForm(VersionForm):
    """A rejection: the reason and what to do next, both as the resident reads them."""

    reason = TrimmedCharField(label=_("Explain the reason to the resident"), max_length=LONGEST_REASON, multiline=True)
    next_step = TrimmedCharField(label=_("What can the resident do next?"), max_length=LONGEST_REASON, multiline=True)


class TurnAwayForm(VersionForm):
    """Why a card is not handed over, as the applicant reads it (S2-04)."""

    reason = TrimmedCharField(
        label=_("Explain the reason to the applicant"),
        help_text=_("For example: the identity card was not the holder's. Say what to bring the next time."),
        max_length=LONGEST_REASON,
        multiline=True,
    )


class ReportForm(forms.Form):
    """The producer's report: application numbers, one a line."""

    arrived = forms.CharField(
        label=_("Arrived at the pickup point"),
        help_text=_("Application numbers, one a line; a scanner types them."),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    failed = forms.CharField(
        label=_("Production failed"), required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 3})
    )
    file = forms.FileField(
        label=_("Or the producer's report file"),
        help_text=_("A text file with one application a line: application number;arrived or application number;failed"),
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt"}),
    )

    def clean_file(self) -> str:
        """The text of the report file; UTF-8 or GB18030."""
        file = self.cleaned_data.get("file")
        if not file:
            return ""
        if file.size > LARGEST_REPORT:
            raise ValidationError(_("The file is larger than 1 MB."))
        data = file.read()
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
        raise ValidationError(_("This file is not a text file."))

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        numbers = {name: numbers_in(told.get(name) or "") for name in ("arrived", "failed")}
        for line, text in enumerate((told.get("file") or "").splitlines(), start=1):
            number, _separator, outcome = ("".join(text.split())).partition(";")
            if not number:
                continue
            if outcome not in numbers:
                words = _("Line %(line)d of the file says neither arrived nor failed.") % {"line": line}
                self.add_error("file", words)
                break
            numbers[outcome].append(number)
        if not self.errors and not numbers["arrived"] and not numbers["failed"]:
            self.add_error("arrived", _("Enter at least one application number."))
        if set(numbers["arrived"]) & set(numbers["failed"]):
            self.add_error("failed", _("A number is in both lists."))
        return told | numbers


def numbers_in(text: str) -> list[str]:
    """The application numbers of a text, one a line, spaces inside a number ignored."""
    lines = ("".join(line.split()) for line in text.splitlines())
    return list(dict.fromkeys(line for line in lines if line))


class HandOverForm(VersionForm):
    """The identity check at the pickup point (S4-23, S4-24, D11)."""

    document = forms.ChoiceField(
        label=_("Which original did you see?"), choices=HandOver.Document.choices, widget=forms.RadioSelect
    )
    form_seen = forms.BooleanField(
        label=_("I saw the printed application form."),
        error_messages={"required": _("The printed application form must be seen.")},
    )
    agent_name = PersonNameField(label=_("Name of the agent, if somebody else collects"), required=False)
    agent_number = IdentityNumberField(label=_("The agent's identity number"), required=False)
    agent_code = TrimmedCharField(label=_("The holder's one-time code"), max_length=8, required=False, fold=True)

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        by_agent = any(told.get(name) for name in ("agent_name", "agent_number", "agent_code"))
        for name, text in (
            ("agent_name", _("Enter the agent's name.")),
            ("agent_number", _("Enter the agent's identity number.")),
            ("agent_code", _("Enter the one-time code the holder gave the agent.")),
        ):
            if by_agent and not told.get(name) and name not in self.errors:
                self.add_error(name, text)
        if told.get("document") == HandOver.Document.HOUSEHOLD_REGISTER and not by_agent and not self.errors:
            self.add_error("document", _("With a household register only, an agent with an identity card must come."))
        return told


class ActivationForm(forms.Form):
    """What proves that the card is in the right hands: the end of its number and the code of its letter."""

    last_digits = forms.RegexField(
        r"^[0-9]{4}$",
        label=_("The last four figures of the card number"),
        error_messages={"required": _("Enter four figures."), "invalid": _("Enter four figures.")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    code = forms.RegexField(
        r"^[0-9]{6}$",
        label=_("The activation code on the letter"),
        error_messages={
            "required": _("Enter the six figures of the letter."),
            "invalid": _("Enter the six figures of the letter."),
        },
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )


class TelephoneForm(ActivationForm):
    """The same, read out to the hotline by the caller."""

    identity_number = IdentityNumberField(label=_("The holder's identity number"))
    field_order = ["identity_number", "last_digits", "code"]


class FindForm(forms.Form):
    """How a pickup point finds a case or a card."""

    number = TrimmedCharField(
        label=_("Application number, its last six figures, the card number, or the holder's identity number"),
        max_length=32,
        fold=True,
    )

    def clean_number(self) -> str:
        """The figures without spaces and hyphens; at least six, so that nobody leafs through the cards.

        A whole identity number names its holder, who may have come without the form; `holder` keeps its index.
        """
        self.holder = identity_index_of(self.cleaned_data["number"])
        if self.holder:
            return ""
        figures = "".join(self.cleaned_data["number"].replace("-", "").split())
        if not (figures.isascii() and figures.isdigit() and len(figures) >= 6):
            raise ValidationError(_("Enter at least six figures of the number."))
        return figures


def identity_index_of(text: str) -> str:
    """The index of a whole identity number, empty for anything else."""
    try:
        number = parse_identity_number(text)
    except InvalidIdentityNumber:
        return ""
    return identity_index(number.kind, number.normalized)


class OnSiteForm(VersionForm):
    """The identity check before a card is activated or changed at the counter."""

    identity_seen = forms.BooleanField(
        label=_("I saw the holder's original identity card."),
        error_messages={"required": _("The original identity card must be seen.")},
    )
