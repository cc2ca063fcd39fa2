"""How often sign-in may be tried (RELIABILITY §4.2, §4.3; D1, J6).

All limits hold at once, count people who exist and people who do not alike, and end by themselves: nobody is locked out
for ever.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.http import HttpRequest

from portal.limits import give_back, take
from portal.limits.addresses import client_address, client_network
from portal.people.identity import IdentityNumber
from portal.people.models import identity_index, phone_index

MINUTE, HOUR, DAY = 60, 3600, 86_400
FAILURES = 10
WAIT_AFTER_FAILURES = 30 * MINUTE


def take_for_code_request(request: HttpRequest, number: IdentityNumber, phone: str) -> None:
    """Counts a request for a code; raises RateLimited."""
    person, telephone = identity_index(number.kind, number.normalized), phone_index(phone)
    take(f"sign-in.address:{client_address(request)}", capacity=20, seconds=HOUR)
    take(f"sign-in.network:{client_network(request)}", capacity=200, seconds=HOUR)
    take(f"sign-in.phone.minute:{telephone}", capacity=1, seconds=MINUTE)
    take(f"sign-in.phone.hour:{telephone}", capacity=5, seconds=HOUR)
    take(f"sign-in.phone.day:{telephone}", capacity=10, seconds=DAY)
    take(f"sign-in.person:{person}", capacity=5, seconds=HOUR)
    take("sign-in.site", capacity=settings.SIGN_IN_CODES_PER_HOUR, seconds=HOUR)


@contextmanager
def counted_failures(*keys: str) -> Iterator[None]:
    """Runs one try: it costs a token of each key unless it succeeds. Ten failures, then one each half hour.

    Tokens are taken before the try, so that many at once get no more than one after the other; raises RateLimited.
    """
    for key in keys:
        take(key, capacity=FAILURES, seconds=FAILURES * WAIT_AFTER_FAILURES)
    yield
    give_back(*keys, capacity=FAILURES)


def code_failure_keys(request: HttpRequest, subject_digest: str) -> list[str]:
    return [f"code.person:{subject_digest}", f"code.address:{client_address(request)}:{subject_digest}"]


def password_failure_keys(request: HttpRequest, username: str) -> list[str]:
    account = username.casefold()
    return [f"password.account:{account}", f"password.address:{client_address(request)}:{account}"]
