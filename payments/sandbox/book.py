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
CREATE TABLE IF NOT EXISTS payback (
    provider TEXT NOT NULL, refund_number TEXT NOT NULL, back_id TEXT NOT NULL UNIQUE, number TEXT NOT NULL,
    txn TEXT NOT NULL, amount_fen INTEGER NOT NULL, at REAL NOT NULL, ends TEXT NOT NULL, ends_at REAL NOT NULL,
    notify_url TEXT NOT NULL, due_at REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, mark TEXT NOT NULL,
    answer TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL, PRIMARY KEY (provider, refund_number)
);
CREATE TABLE IF NOT EXISTS wish (
    provider TEXT NOT NULL, number TEXT NOT NULL, fault TEXT NOT NULL, PRIMARY KEY (provider, number)
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


def wish(provider: str, number: str) -> str:
    """What goes wrong with the refunds of a trade."""
    row = one("SELECT fault FROM wish WHERE provider = ? AND number = ?", provider, number)
    return row["fault"] if row else ""


def set_wish(provider: str, number: str, fault: str) -> None:
    """Notes what goes wrong with the refunds of a trade from now on."""
    with opened() as book:
        book.execute("INSERT OR REPLACE INTO wish VALUES (?, ?, ?)", (provider, number, fault))


def payback(provider: str, refund_number: str) -> sqlite3.Row | None:
    """The refund with a merchant's number."""
    return one("SELECT * FROM payback WHERE provider = ? AND refund_number = ?", provider, refund_number)


def pay_back(
    provider: str, txn: str, refund_number: str, amount_fen: int, **more: Any
) -> tuple[sqlite3.Row | None, str]:
    """Pays back once per refund number: the refund as it was first asked for, or an error word."""
    with opened() as book:
        row = book.execute("SELECT * FROM trade WHERE provider = ? AND txn = ?", (provider, txn)).fetchone()
        if row is None:
            return None, "NO_TRADE"
        query = "SELECT * FROM payback WHERE provider = ? AND refund_number = ?"
        known: sqlite3.Row | None = book.execute(query, (provider, refund_number)).fetchone()
        if known is not None:
            same = (known["amount_fen"], known["txn"]) == (amount_fen, txn)
            return (known, "") if same else (None, "OTHER_FACTS")
        if amount_fen <= 0 or row["refunded_fen"] + amount_fen > row["paid_fen"]:
            return None, "TOO_MUCH"
        values = {
            "provider": provider,
            "refund_number": refund_number,
            "number": row["number"],
            "txn": txn,
            "amount_fen": amount_fen,
            "at": time.time(),
            **more,
        }
        marks = ", ".join("?" * len(values))
        book.execute(f"INSERT INTO payback ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))  # noqa: S608
        book.execute(
            "UPDATE trade SET refunded_fen = refunded_fen + ?, state = 'refunded' WHERE provider = ? AND txn = ?",
            (amount_fen, provider, txn),
        )
        made: sqlite3.Row = book.execute(query, (provider, refund_number)).fetchone()
    return made, ""


def note_taken(**values: Any) -> None:
    """Notes what a teller took; the same transaction again is the same money."""
    marks = ", ".join("?" * len(values))
    with opened() as book:
        book.execute(
            f"INSERT OR IGNORE INTO taken ({', '.join(values)}) VALUES ({marks})",  # noqa: S608
            tuple(values.values()),
        )
