"""Goal 12: CPU of a whole sign-in of staff, as a ratio to the password hash alone.

python benchmarks/sign_in.py [--rounds 9]

Posts the form of the sign-in page through the whole portal (middleware, limits, session, audit) on PostgreSQL, and
checks the same password with the configured hasher alone, in interleaved rounds. CPU is that of this process.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from benchmarks._portal import answer, cpu_us, environ, seeded_portal

MUST, WISH = 1.5, 1.15
USERNAME = "clerk.jiashan"
LOGINS = 10


def main() -> int:
    """Prints the figures; returns 1 when the must is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with seeded_portal():
        return measure(options.rounds)


def measure(rounds: int) -> int:
    """Compares both in turn."""
    from django.conf import settings
    from django.contrib.auth.hashers import check_password
    from django.core.handlers.wsgi import WSGIHandler

    from portal.demo.people import PASSWORD
    from portal.people.models import User

    handler = WSGIHandler()
    encoded = User.objects.get(username=USERNAME).password
    csrf = "c" * 32
    cookie = f"{settings.CSRF_COOKIE_NAME}={csrf}"

    def sign_in() -> None:
        form = {"username": USERNAME, "password": PASSWORD, "csrfmiddlewaretoken": csrf}
        status, headers, _body = answer(handler, environ("/staff/sign-in/", cookie=cookie, form=form))
        if status != 302 or "sign-in" in headers["Location"]:
            raise SystemExit(f"the sign-in answered {status}")

    def hash_alone() -> None:
        if not check_password(PASSWORD, encoded):
            raise SystemExit("the password is not that of the demo")

    sign_in()
    hash_alone()
    whole, alone = [], []
    for _round in range(rounds):
        whole.append(cpu_us(sign_in, LOGINS))
        alone.append(cpu_us(hash_alone, LOGINS))
    ratio = statistics.median(one / other for one, other in zip(whole, alone, strict=True))
    print(f"{rounds} rounds of {LOGINS}: sign-in {statistics.median(whole) / 1000:.1f} ms CPU,", end=" ")
    print(f"hash alone {statistics.median(alone) / 1000:.1f} ms, ratio {ratio:.2f} (must {MUST}, wish {WISH})")
    print(f"one core signs in {1e6 / statistics.median(whole):.0f} people a second")
    return int(ratio > MUST)


if __name__ == "__main__":
    sys.exit(main())
