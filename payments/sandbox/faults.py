"""What may go wrong at the bank, by a switch: for demonstrations and for the tests of the unhappy paths."""

from enum import StrEnum

from django.utils.translation import gettext_lazy as _

LATE_SECONDS = 60
COPIES = 20


class Fault(StrEnum):
    """How the callback of one payment goes wrong."""

    NONE = ""
    LOST = "lost"
    LATE = "late"
    DUPLICATED = "duplicated"
    FORGED = "forged"
    STALE = "stale"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_MERCHANT = "wrong_merchant"
    UNKNOWN_NOTICE = "unknown_notice"


FAULTS = [
    (Fault.NONE, _("Nothing goes wrong")),
    (Fault.LOST, _("The callback is lost; the portal has to ask")),
    (Fault.LATE, _("The callback comes a minute late")),
    (Fault.DUPLICATED, _("The callback comes twenty times")),
    (Fault.FORGED, _("The callback is forged: signed with a strange key")),
    (Fault.STALE, _("The callback is old: its time stamp is past")),
    (Fault.WRONG_AMOUNT, _("One fen too little is paid")),
    (Fault.WRONG_MERCHANT, _("The callback names another merchant")),
    (Fault.UNKNOWN_NOTICE, _("The callback names an order and a notice that nobody knows")),
]


class BackFault(StrEnum):
    """How the refunds of one trade go wrong."""

    NONE = ""
    SILENT = "silent"
    ABNORMAL = "abnormal"
    CLOSED = "closed"
    ACCOUNT_GONE = "account_gone"
    NO_MONEY = "no_money"


BACK_FAULTS = [
    (BackFault.NONE, _("Nothing goes wrong")),
    (BackFault.SILENT, _("The refund is paid, but its answer and its callback are lost")),
    (BackFault.ABNORMAL, _("The payer's bank card takes no money back")),
    (BackFault.CLOSED, _("The refund is closed without being paid")),
    (BackFault.ACCOUNT_GONE, _("The payer has closed the account")),
    (BackFault.NO_MONEY, _("The merchant's account is empty for now")),
]
