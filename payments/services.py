"""What other apps may ask of payments."""

from payments.booking import TransactionReused, book_payment, find_notice, open_exception
from payments.collective import give_back, issue_collective
from payments.issuing import (
    NoticeDraft,
    WrongTotal,
    cancel_notices,
    issue_notice,
    issue_notices,
    live_notice,
    supersede_notice,
)
from payments.models import Line
from payments.receipts import receipt_of
from payments.refunds import confirm_refund, propose_refund, refuse_refund

__all__ = [
    "Line",
    "NoticeDraft",
    "TransactionReused",
    "WrongTotal",
    "book_payment",
    "cancel_notices",
    "confirm_refund",
    "find_notice",
    "give_back",
    "issue_collective",
    "issue_notice",
    "issue_notices",
    "live_notice",
    "open_exception",
    "propose_refund",
    "receipt_of",
    "refuse_refund",
    "supersede_notice",
]
