"""What payments stores, a module per subject."""

from payments.models.decisions import Action, ExceptionDecision, Step
from payments.models.held_cash import HeldCash, HeldCashEnd, HeldCashQuerySet, Remittance
from payments.models.ledger import Account, DayClose, Entry, Journal, JournalKind
from payments.models.notices import (
    LIVE_STATES,
    REGIONAL_READERS,
    STATE_COLOURS,
    Kind,
    Line,
    Notice,
    NoticeQuerySet,
    NoticeTimelineEntry,
    NumberSeries,
    Payment,
    PaymentException,
    PaymentExceptionQuerySet,
    Reason,
    lines_data,
)
from payments.models.orders import CallbackMark, OrderState, PaymentOrder, PaymentOrderQuerySet, Way
from payments.models.payouts import ON_ITS_WAY, PaidBy, Payout, PayoutQuerySet, PayoutState
from payments.models.print_runs import PrintRun, PrintRunQuerySet
from payments.models.receipts import Receipt, ReceiptPrint, ReceiptSeries, ReceiptVoid, VoidReason
from payments.models.statements import Format, LineOutcome, Statement, StatementLine, StatementState
from payments.models.tills import TillClose, TillLine

__all__ = [
    "LIVE_STATES",
    "ON_ITS_WAY",
    "REGIONAL_READERS",
    "STATE_COLOURS",
    "Account",
    "Action",
    "CallbackMark",
    "DayClose",
    "Entry",
    "ExceptionDecision",
    "Format",
    "HeldCash",
    "HeldCashEnd",
    "HeldCashQuerySet",
    "Journal",
    "JournalKind",
    "Kind",
    "Line",
    "LineOutcome",
    "Notice",
    "NoticeQuerySet",
    "NoticeTimelineEntry",
    "NumberSeries",
    "OrderState",
    "PaidBy",
    "Payment",
    "PaymentException",
    "PaymentExceptionQuerySet",
    "PaymentOrder",
    "PaymentOrderQuerySet",
    "Payout",
    "PayoutQuerySet",
    "PayoutState",
    "PrintRun",
    "PrintRunQuerySet",
    "Reason",
    "Receipt",
    "ReceiptPrint",
    "ReceiptSeries",
    "ReceiptVoid",
    "Remittance",
    "Statement",
    "StatementLine",
    "StatementState",
    "Step",
    "TillClose",
    "TillLine",
    "VoidReason",
    "Way",
    "lines_data",
]
