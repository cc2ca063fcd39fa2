"""Takes tokens from buckets.

Refill, comparison and withdrawal are one conditional UPDATE, and its row count is the judge: no number of processes
takes more than the bucket holds. Call it outside of `atomic()`: a rollback would give the token back.
"""

import math
import time
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Least
from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    from portal.limits.models import TokenBucket


class RateLimited(Exception):
    """The allowance is used up; the next try makes sense after `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"retry after {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


def take(key: str, *, capacity: int, seconds: int, cost: int = 1) -> None:
    """Takes tokens from a bucket that fills from empty to `capacity` in `seconds`; raises RateLimited."""
    buckets, digest, now = _model()._default_manager, _digest(key), time.time()
    rate = capacity / seconds
    for _attempt in range(2):
        if _withdraw(digest, capacity=capacity, rate=rate, cost=cost, now=now):
            return
        row = buckets.filter(key_digest=digest).values_list("tokens", "refilled_at_epoch").first()
        if row is not None:
            tokens, at = row
            missing = cost - min(capacity, tokens + max(0.0, now - at) * rate)
            raise RateLimited(max(1, math.ceil(missing / rate)))
        buckets.bulk_create(
            [_model()(key_digest=digest, tokens=float(capacity), refilled_at_epoch=now)], ignore_conflicts=True
        )
    raise RateLimited(1)


def give_back(*keys: str, capacity: int, cost: int = 1) -> None:
    """Puts tokens back that were taken for a failure which did not happen."""
    _model()._default_manager.filter(key_digest__in=[_digest(key) for key in keys]).update(
        tokens=Least(Value(float(capacity)), F("tokens") + Value(float(cost)))
    )


def forget_idle(older_than_seconds: int = 2 * 86_400) -> int:
    """Deletes buckets that nobody touched for so long that every limit in use is full again."""
    return _model()._default_manager.filter(refilled_at_epoch__lt=time.time() - older_than_seconds).delete()[0]


def _withdraw(digest: str, *, capacity: int, rate: float, cost: int, now: float) -> bool:
    # Plain SQL, because every sign-in passes here several times and building it anew costs more than running it.
    # A clock set back must neither fill nor empty a bucket.
    least, greatest = ("MIN", "MAX") if connection.vendor == "sqlite" else ("LEAST", "GREATEST")
    refilled = f"{least}(%s, tokens + {greatest}(0.0, %s - refilled_at_epoch) * %s)"
    table = connection.ops.quote_name(_model()._meta.db_table)
    statement = (
        f"UPDATE {table} SET tokens = {refilled} - %s, refilled_at_epoch = %s "  # noqa: S608  names, no values
        f"WHERE key_digest = %s AND {refilled} >= %s"
    )
    filling = [float(capacity), now, rate]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*filling, float(cost), now, digest, *filling, float(cost)])
        return bool(cursor.rowcount)


def _digest(key: str) -> str:
    return salted_hmac("portal.limits", key, algorithm="sha256").hexdigest()


def _model() -> "type[TokenBucket]":
    return apps.get_model("limits", "TokenBucket")
