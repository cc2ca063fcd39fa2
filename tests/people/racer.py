"""What a process does to people at the same moment as others; each says `won` or how it lost."""

import sys
import uuid
from collections.abc import Callable

from django.db import connection


def run(deed: Callable[..., str], *words: str) -> None:
    """Waits for the line that the test writes, so that all processes begin together."""
    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    print(deed(*words))


def redeem(pk: str, digits: str, session_key: str) -> str:
    from portal.people import codes

    try:
        codes.redeem(uuid.UUID(pk), digits, session_key=session_key)
    except codes.CodeOver:
        return "over"
    return "won"


def guess(pk: str, digits: str, session_key: str) -> str:
    """Counts how many of twenty wrong guesses were compared at all."""
    from portal.people import codes

    compared = 0
    for _ in range(20):
        try:
            codes.redeem(uuid.UUID(pk), digits, session_key=session_key)
        except codes.WrongCode:
            compared += 1
        except codes.CodeOver:
            continue
    return str(compared)


def register(number: str, name: str) -> str:
    from portal.people import services

    try:
        services.register_resident(identity_number=number, name=name)
    except services.AlreadyRegistered:
        return "known"
    return "won"
