"""Notices for tests: a policy of our own, so that amounts and dates stand in the test and not in a fixture."""

import itertools
from datetime import UTC, date, datetime
from typing import Any

from payments.models import Line, Notice
from payments.services import NoticeDraft, book_payment, issue_notice
from portal.people.actors import SYSTEM, Actor, Role
from portal.regions.models import PolicySnapshot
from portal.regions.models.policy import digest_of
from portal.regions.text import both
from tests.payments.rules import RULES, TODAY
from tests.people_cast import ResidentFactory, region

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
"""Monday noon in Shanghai."""

DUE_ON = date(2026, 11, 30)
TELLER = Actor(Role.ANONYMOUS, name="teller")

_references = itertools.count(1)
_transactions = itertools.count(1)


def snapshot(region_code: str = "450302001", **settings: Any) -> PolicySnapshot:
    """The stored policy of a region, with settings of the test's own."""
    data = {
        "region": region_code,
        "rules": {**RULES, "setting": {**RULES["setting"], **settings}},
        "sources": {},
    }
    row, _created = PolicySnapshot.objects.get_or_create(
        region=region(region_code), digest=digest_of(data), defaults={"taken_on": TODAY, "data": data}
    )
    return row


def draft(**fields: Any) -> NoticeDraft:
    """What an upper app would ask for: the premium of one person, 400 yuan."""
    kind = fields.get("kind", "premium")
    amount = fields.get("amount_fen", 40_000 if kind == "premium" else 2_000)
    resident = fields.get("resident") or ResidentFactory()
    defaults: dict[str, Any] = {
        "kind": kind,
        "purpose": f"test.{kind}",
        "reference": f"case-{next(_references)}",
        "resident": resident,
        "region": region("450302001"),
        "policy": fields.get("policy") or snapshot(),
        "amount_fen": amount,
        "cover_year": 2027 if kind == "premium" else None,
        "lines": [
            Line(
                name=resident.name,
                masked_number=resident.masked_identity_number,
                label=both("普通居民", "Resident") if kind == "premium" else both("社保卡工本费", "Card fee"),
                standard_fen=amount,
            )
        ],
    }
    return NoticeDraft(**(defaults | fields | {"resident": resident}))


def issue(at: datetime = NOON, **fields: Any) -> Notice:
    """An issued notice, due on Monday 30 November 2026."""
    wanted = draft(**fields)
    return issue_notice(actor=SYSTEM, at=at, **vars(wanted))


def pay(notice: Notice, **fields: Any) -> Any:
    """Books a payment for a notice: exact, today, at the first channel of its kind."""
    defaults: dict[str, Any] = {
        "channel": notice.channels[0].code,
        "provider_txn": f"txn-{next(_transactions)}",
        "amount_fen": notice.amount_fen,
        "paid_on": TODAY,
        "notice_number": notice.number,
        "actor": TELLER,
    }
    return book_payment(**(defaults | fields))
