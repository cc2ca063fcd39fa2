"""The bank's own book: trades, what its tellers took, and the callbacks it owes. A file of its own beside the portal's
database, because a real bank would not share one either.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from payments.sandbox.keys import folder

SCHEMA = """
CREATE TABLE IF NOT EXISTS trade (
    provider TEXT NOT NULL, number TEXT NOT NULL, token TEXT NOT NULL UNIQUE, amount_fen INTEGER NOT NULL,
    subject TEXT NOT NULL, note TEXT NOT NULL, notify_url TEXT NOT NULL, expires_at REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'open', txn TEXT UNIQUE, paid_at REAL, paid_fen INTEGER,
    refunded_fen INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (provider, number)
);
CREATE TABLE IF NOT EXISTS refund (
    provider TEXT NOT NULL, refund_number TEXT NOT NULL, number TEXT NOT NULL, amount_fen INTEGER NOT NULL,
    at REAL NOT NULL, PRIMARY KEY (provider, refund_number)
);
CREATE TABLE IF NOT EXISTS letter (
    id INTEGER PRIMARY KEY, provider TEXT NOT NULL, number TEXT NOT NULL, fault TEXT NOT NULL, due_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, mark TEXT NOT NULL, answer TEXT NOT NULL DEFAULT '',
    done INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS taken (
    txn TEXT PRIMARY KEY, pay_code TEXT NOT NULL, number TEXT NOT NULL, payer TEXT NOT NULL,
    amount_fen INTEGER NOT NULL, bank TEXT NOT NULL, means TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL,
    reversed INTEGER NOT NULL DEFAULT 0
);
"""


@contextmanager
def opened() -> Iterator[sqlite3.Connection]:
    """The book inside one transaction that writes; several processes queue for it."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(folder() / "book.sqlite3", timeout=20, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        for statement in SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.close()


def one(query: str, *values: Any) -> sqlite3.Row | None:
    """The first row of a query."""
    with opened() as book:
        row: sqlite3.Row | None = book.execute(query, values).fetchone()
        return row


def rows(query: str, *values: Any) -> list[sqlite3.Row]:
    """All rows of a query."""
    with opened() as book:
        return book.execute(query, values).fetchall()


def trade(provider: str, number: str) -> sqlite3.Row | None:
    """The trade with a merchant's order number."""
    return one("SELECT * FROM trade WHERE provider = ? AND number = ?", provider, number)


def open_trade(provider: str, number: str, **values: Any) -> sqlite3.Row:
    """Notes an order, or finds the first one of this number."""
    values = {"provider": provider, "number": number, **values}
    marks = ", ".join("?" * len(values))
    with opened() as book:
        book.execute(
            f"INSERT INTO trade ({', '.join(values)}) VALUES ({marks}) ON CONFLICT (provider, number) DO NOTHING",  # noqa: S608
            tuple(values.values()),
        )
        found: sqlite3.Row = book.execute(
            "SELECT * FROM trade WHERE provider = ? AND number = ?", (provider, number)
        ).fetchone()
    return found


def pay_trade(token: str, txn: str, *, paid_fen: int, letters: list[tuple[str, float, str]]) -> sqlite3.Row | None:
    """Pays an open trade once and notes the callbacks it leads to, each as (fault, due, mark); None when it is not
    open.
    """
    with opened() as book:
        now = time.time()
        paid = book.execute(
            "UPDATE trade SET state = 'paid', txn = ?, paid_at = ?, paid_fen = ?"
            " WHERE token = ? AND state = 'open' AND expires_at > ?",
            (txn, now, paid_fen, token, now),
        )
        if not paid.rowcount:
            return None
        row: sqlite3.Row = book.execute("SELECT * FROM trade WHERE token = ?", (token,)).fetchone()
        for fault, due_at, mark in letters:
            book.execute(
                "INSERT INTO letter (provider, number, fault, due_at, mark) VALUES (?, ?, ?, ?, ?)",
                (row["provider"], row["number"], fault, due_at, mark),
            )
    return row


def close_trade(provider: str, number: str) -> str:
    """Closes an open trade and returns the state it has then, or an empty text for an unknown one."""
    with opened() as book:
        book.execute(
            "UPDATE trade SET state = 'closed' WHERE provider = ? AND number = ? AND state = 'open'", (provider, number)
        )
        row = book.execute("SELECT state FROM trade WHERE provider = ? AND number = ?", (provider, number)).fetchone()
    return row["state"] if row else ""


def refund_trade(provider: str, number: str, refund_number: str, amount_fen: int) -> str:
    """Pays back once per refund number; returns an error word, or an empty text."""
    with opened() as book:
        row = book.execute("SELECT * FROM trade WHERE provider = ? AND number = ?", (provider, number)).fetchone()
        if row is None or row["state"] not in ("paid", "refunded"):
            return "NOT_PAID"
        known = book.execute(
            "SELECT amount_fen FROM refund WHERE provider = ? AND refund_number = ?", (provider, refund_number)
        ).fetchone()
        if known:
            return "" if known["amount_fen"] == amount_fen else "AMOUNT_DIFFERS"
        if row["refunded_fen"] + amount_fen > row["paid_fen"]:
            return "NOT_ENOUGH"
        book.execute(
            "INSERT INTO refund VALUES (?, ?, ?, ?, ?)", (provider, refund_number, number, amount_fen, time.time())
        )
        book.execute(
            "UPDATE trade SET refunded_fen = refunded_fen + ?, state = 'refunded' WHERE provider = ? AND number = ?",
            (amount_fen, provider, number),
        )
    return ""


def note_taken(**values: Any) -> None:
    """Notes what a teller took; the same transaction again is the same money."""
    marks = ", ".join("?" * len(values))
    with opened() as book:
        book.execute(
            f"INSERT OR IGNORE INTO taken ({', '.join(values)}) VALUES ({marks})",  # noqa: S608
            tuple(values.values()),
        )
