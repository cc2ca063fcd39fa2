"""Sends the callbacks the bank owes, and repeats them until the merchant says that they were taken."""

import http.client
import secrets
import threading
import time
from collections.abc import Callable
from sqlite3 import Row
from urllib.parse import urlsplit

from payments.sandbox import alipay, book, wechat
from payments.sandbox.faults import COPIES, LATE_SECONDS, Fault

SIDES = {wechat.PROVIDER: wechat, alipay.PROVIDER: alipay}
REPEATED_AFTER = (15, 15, 30, 180, 600, 1200, 1800)
"""Seconds between the tries of a callback that was not taken, as WeChat Pay does it."""

TIMEOUT_SECONDS = 5

Send = Callable[[str, bytes, dict[str, str]], tuple[int, str]]


def pay(token: str, fault: str = Fault.NONE) -> Row | None:
    """The payer pays at the cashier's page; None when the order is not open."""
    row = book.one("SELECT * FROM trade WHERE token = ?", token)
    if row is None:
        return None
    due = time.time() + (LATE_SECONDS if fault == Fault.LATE else 0)
    copies = {Fault.LOST: 0, Fault.DUPLICATED: COPIES}.get(Fault(fault), 1)
    return book.pay_trade(
        token,
        f"{'4200' if row['provider'] == wechat.PROVIDER else '2026'}{secrets.randbelow(10**20):020d}",
        paid_fen=row["amount_fen"] - (fault == Fault.WRONG_AMOUNT),
        letters=[(fault, due, secrets.token_hex(16)) for _copy in range(copies)],
    )


def send_due(send: Send | None = None, *, at_once: bool = False) -> int:
    """Sends what is due, twenty copies all at the same moment; returns how many went out."""
    now = time.time()
    due = book.rows("SELECT * FROM letter WHERE done = 0 AND (due_at <= ? OR ?)", now, at_once)
    for letter in due:
        # The next try is noted before this one goes out, so that a second sender leaves it alone.
        wait = REPEATED_AFTER[min(letter["tries"], len(REPEATED_AFTER) - 1)]
        with book.opened() as opened:
            opened.execute("UPDATE letter SET tries = tries + 1, due_at = ? WHERE id = ?", (now + wait, letter["id"]))
    backs = _send_backs(send or over_http, now, at_once=at_once)
    threads = [threading.Thread(target=_deliver, args=(letter, send or over_http)) for letter in due]
    if send or len(threads) == 1:
        for letter in due:
            _deliver(letter, send or over_http)
        return len(due) + backs
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(due) + backs


def _send_backs(send: Send, now: float, *, at_once: bool) -> int:
    """Tells the merchant of refunds that have come to their end, one after the other; returns of how many."""
    due = book.rows("SELECT * FROM payback WHERE done = 0 AND (due_at <= ? OR ?)", now, at_once)
    for row in due:
        wait = REPEATED_AFTER[min(row["tries"], len(REPEATED_AFTER) - 1)]
        with book.opened() as opened:
            opened.execute(
                "UPDATE payback SET tries = tries + 1, due_at = ?, ends_at = min(ends_at, ?) WHERE back_id = ?",
                (now + wait, now, row["back_id"]),
            )
        body, headers = wechat.back_letter(row)
        try:
            status, text = send(row["notify_url"], body, headers)
        except OSError as error:
            status, text = 0, type(error).__name__
        over = wechat.was_taken(status, text) or row["tries"] + 1 >= len(REPEATED_AFTER)
        with book.opened() as opened:
            opened.execute(
                "UPDATE payback SET done = ?, answer = ? WHERE back_id = ?",
                (int(over), f"{status} {text[:60]}", row["back_id"]),
            )
    return len(due)


def _deliver(letter: Row, send: Send) -> None:
    row = book.trade(letter["provider"], letter["number"])
    if row is None:
        return
    side = SIDES[letter["provider"]]
    body, headers = side.letter(row, letter["fault"], letter["mark"])
    try:
        status, text = send(row["notify_url"], body, headers)
    except OSError as error:
        status, text = 0, type(error).__name__
    # A faulty callback is sent once: repeating a forgery proves nothing more.
    over = side.was_taken(status, text) or letter["fault"] not in (Fault.NONE, Fault.LATE)
    over = over or letter["tries"] + 1 >= len(REPEATED_AFTER)
    with book.opened() as opened:
        opened.execute(
            "UPDATE letter SET done = ?, answer = ? WHERE id = ?", (int(over), f"{status} {text[:60]}", letter["id"])
        )


def over_http(address: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    """Posts to the merchant; raises OSError when there is no answer."""
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", parts.path, body, headers)
        response = connection.getresponse()
        return response.status, response.read(1000).decode(errors="replace")
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
