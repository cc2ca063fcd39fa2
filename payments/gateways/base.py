"""What every online channel can do: open an order, ask for it, close it, pay back, and read what it reports.

What comes in we verify ourselves: `wechatpayv3` signs what we send, but accepts a callback of any age and asks the real
gateway about an unknown serial (DOMAIN §0.12).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from django.http import HttpResponse
from django.utils.functional import Promise

CONNECT_SECONDS, READ_SECONDS = 3, 5


class Unreachable(Exception):
    """The channel gave no answer that can be trusted; nobody knows yet what became of the order."""


class Refused(Exception):
    """The channel said no; `code` is its own word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class CallbackRefused(Exception):
    """A callback that changes nothing; `reason` is a code for the audit log, never a personal detail."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Outcome(StrEnum):
    """What a channel says of an order."""

    PAID = "paid"
    WAITING = "waiting"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class BackOutcome(StrEnum):
    """What a channel says of a refund."""

    PAID_BACK = "paid_back"
    UNDERWAY = "underway"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Phone:
    """The browser of a telephone outside the app: its address, and the page it comes back to."""

    client_ip: str
    return_url: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An order to be opened; `note` comes back with the payment, so that money is traced without our own row."""

    number: str
    amount_fen: int
    description: str
    note: str
    expires_at: datetime
    notify_url: str
    phone: Phone | None = None


@dataclass(frozen=True, kw_only=True)
class AskedBack:
    """A refund to be paid; `txn` is the channel's own number of the payment, `number` our number of the refund."""

    number: str
    txn: str
    amount_fen: int
    total_fen: int
    notify_url: str


@dataclass(frozen=True)
class Offer:
    """What a payer scans, and what a payer opens on the telephone itself; `link` is empty where only scanning works."""

    code: str
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a channel says of one order, by callback or on question."""

    outcome: Outcome
    number: str
    provider_txn: str = ""
    amount_fen: int = 0
    paid_on: date | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class BackReport:
    """What a channel says of one refund, by callback, by answer or on question; `code` is its word for a failure."""

    outcome: BackOutcome
    number: str
    amount_fen: int | None = None
    reference: str = ""
    paid_on: date | None = None
    code: str = ""


@dataclass(frozen=True)
class Callback:
    """A verified callback: its own mark, by which a replay is known, and the report of a payment or of a refund; none
    of both where it is about something else.
    """

    mark: str
    report: Report | None
    back: BackReport | None = None


class Gateway(ABC):
    """One online channel with the keys of one merchant."""

    provider: ClassVar[str]
    name: ClassVar[str | Promise]
    replays_are_answered: ClassVar[bool]
    """Whether the channel repeats a callback under the same mark until it hears that it was taken."""

    knows_phones: ClassVar[bool] = False
    """Whether an order for the browser of a telephone is another one than an order to be scanned."""

    @abstractmethod
    def create(self, asked: Asked) -> Offer:
        """Opens the order, or finds it open already; raises Refused or Unreachable."""

    @abstractmethod
    def query(self, number: str) -> Report:
        """Asks what became of an order; raises Refused or Unreachable."""

    @abstractmethod
    def close(self, number: str) -> bool:
        """Closes an unpaid order; False when it cannot be closed any more, because it was paid.

        Raises Refused or Unreachable.
        """

    @abstractmethod
    def refund(self, asked: AskedBack) -> BackReport:
        """Asks to pay back; the same refund number again is the same refund.

        A no for good is a report. Raises Refused for a no that may become a yes, Unreachable when nobody knows.
        """

    @abstractmethod
    def query_refund(self, number: str, txn: str) -> BackReport:
        """Asks what became of a refund; raises Refused or Unreachable."""

    @abstractmethod
    def read_callback(self, body: bytes, headers: Mapping[str, str], at: datetime) -> Callback:
        """Verifies a callback over its raw bytes and reads it; raises CallbackRefused."""

    @abstractmethod
    def accepted(self) -> HttpResponse:
        """The answer that ends the channel's retries."""

    @abstractmethod
    def rejected(self, refusal: CallbackRefused) -> HttpResponse:
        """The answer to a callback that was not taken."""
