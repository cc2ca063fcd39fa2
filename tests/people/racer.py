"""A process that does one thing to people at the same moment as others, and prints `won` or how it lost.

python -m tests.people.racer redeem CODE_ID DIGITS SESSION_KEY
python -m tests.people.racer guess CODE_ID WRONG_DIGITS SESSION_KEY
python -m tests.people.racer register IDENTITY_NUMBER NAME
"""

import os
import sys
import uuid

import django


def main(deed: str, *words: str) -> None:
    """Waits for the line that the test writes, so that all processes begin together."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    from django.db import connection

    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    print(DEEDS[deed](*words))


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


DEEDS = {"redeem": redeem, "guess": guess, "register": register}

if __name__ == "__main__":
    main(*sys.argv[1:])
