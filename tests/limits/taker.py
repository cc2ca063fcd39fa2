"""A process that takes tokens as fast as it can and prints how many it got.

python -m tests.limits.taker KEY CAPACITY TRIES
"""

import os
import sys

import django


def main(key: str, capacity: int, tries: int) -> None:
    """Starts at the line that the test writes, so that all processes run at once."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    from portal.limits import RateLimited, take

    sys.stdin.readline()
    got = 0
    for _ in range(tries):
        try:
            take(key, capacity=capacity, seconds=86_400)
        except RateLimited:
            continue
        got += 1
    print(got)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
