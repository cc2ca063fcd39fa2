"""What a process does that takes tokens as fast as it can."""

import sys

from django.db import connection

from portal.limits import RateLimited, take


def run(key: str, capacity: int, tries: int) -> None:
    """Starts at the line that the test writes, so that all processes run at once; prints how many tokens it got."""
    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    got = 0
    for _ in range(tries):
        try:
            take(key, capacity=capacity, seconds=86_400)
        except RateLimited:
            continue
        got += 1
    print(got)
