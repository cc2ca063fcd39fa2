"""What every online channel can do: open an order, ask for it, close it, pay back, and read what it reports.

The two libraries behind the interface sign what we send. What comes in we verify ourselves, because neither library
checks all that must be checked: `wechatpayv3` accepts a callback of any age and asks the real gateway about an unknown
serial, `python-alipay-sdk` changes the dictionary it verifies and looks at neither merchant nor amount (DOMAIN §0.12).
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


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An order to be opened; `note` comes back with the payment, so that money is traced without our own row."""

    number: str
    amount_fen: int
    description: str
    note: str
    expires_at: datetime
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


@dataclass(frozen=True)
class Callback:
    """A verified callback: its own mark, by which a replay is known, and the report unless it is about something
    else.
    """

    mark: str
    report: Report | None


class Gateway(ABC):
    """One online channel with the keys of one merchant."""

    provider: ClassVar[str]
    name: ClassVar[str | Promise]
    replays_are_answered: ClassVar[bool]
    """Whether the channel repeats a callback under the same mark until it hears that it was taken."""

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
    def refund(self, number: str, refund_number: str, *, amount_fen: int, total_fen: int) -> None:
        """Pays back; the same refund number again is the same refund. Raises Refused or Unreachable."""

    @abstractmethod
    def read_callback(self, body: bytes, headers: Mapping[str, str], at: datetime) -> Callback:
        """Verifies a callback over its raw bytes and reads it; raises CallbackRefused."""

    @abstractmethod
    def accepted(self) -> HttpResponse:
        """The answer that ends the channel's retries."""

    @abstractmethod
    def rejected(self, refusal: CallbackRefused) -> HttpResponse:
        """The answer to a callback that was not taken."""
