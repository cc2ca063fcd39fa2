"""The words for what is wrong with an identity number, a name or a telephone number, and how to put it right."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from portal.people.identity import IdentityKind, Reason

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Promise

IDENTITY_REASONS: "dict[Reason, Promise]" = {
    Reason.EMPTY: _("Enter the identity number."),
    Reason.FORMAT: _("An identity number has digits only; the last character may be the letter X."),
    Reason.LENGTH: _("An identity number has 18 characters. Count them again."),
    Reason.LEGACY_15_DIGITS: _(
        "This is a number of the old 15-digit card, which ended in 2013. Enter the 18 characters of your present card."
    ),
    Reason.REGION_UNKNOWN: _("The first digits name no province. Compare them with the card."),
    Reason.BIRTH_DATE: _("Characters 7 to 14 are not a date of birth. Compare them with the card."),
    Reason.BIRTH_IN_FUTURE: _("The date of birth in this number lies in the future. Compare it with the card."),
    Reason.TOO_OLD: _("The date of birth in this number lies more than 125 years back. Compare it with the card."),
    Reason.SEQUENCE_000: _("Characters 15 to 17 cannot all be zero. Compare them with the card."),
    Reason.CHECKSUM: _("The number and its last character do not fit together: one of the characters is wrong."),
    Reason.KIND: _("This number does not belong to the chosen kind of document."),
}

PERMIT_REASONS: "dict[Reason, Promise]" = {
    Reason.FORMAT: _("Enter letters and digits only, as on the permit."),
    Reason.LENGTH: _("The number has too many or too few characters. Compare it with the permit."),
}

IDENTITY_KINDS: "dict[IdentityKind, Promise]" = {
    IdentityKind.RESIDENT_ID: _("Resident identity card"),
    IdentityKind.HMT_RESIDENCE_PERMIT: _("Residence permit for Hong Kong, Macao and Taiwan residents"),
    IdentityKind.FOREIGN_PR_ID: _("Foreign permanent resident identity card"),
    IdentityKind.HK_MO_TRAVEL_PERMIT: _("Mainland travel permit for Hong Kong and Macao residents"),
    IdentityKind.TW_TRAVEL_PERMIT: _("Mainland travel permit for Taiwan residents"),
    IdentityKind.PASSPORT: _("Passport"),
}

NAME_REASONS: "dict[str, Promise]" = {
    "empty": _("Enter the name."),
    "length": _("A name has at most 50 characters."),
    "separator": _("Put one dot between two parts of the name, none at the beginning or the end."),
    "characters": _("Enter the name as on the card, in Chinese characters or in Latin letters."),
}

PHONE_REASON = _(
    "Enter a mobile number with 11 digits, such as 199 0000 0001, or one of Hong Kong, Macao or Taiwan with +."
)


def identity_reason(reason: Reason, kind: IdentityKind | str | None = None) -> "Promise":
    """Returns the sentence for a refusal; permits and passports have no 18 characters to speak of."""
    if kind not in (None, "", *_EIGHTEEN_CHARACTERS) and reason in PERMIT_REASONS:
        return PERMIT_REASONS[reason]
    return IDENTITY_REASONS[reason]


_EIGHTEEN_CHARACTERS = (IdentityKind.RESIDENT_ID, IdentityKind.HMT_RESIDENCE_PERMIT, IdentityKind.FOREIGN_PR_ID)
