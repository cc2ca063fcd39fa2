"""Version rows that tell every process when the configuration it holds in memory is out of date.

A change bumps its row in the same transaction, so whoever sees the new version sees the new data. The token is
random: a version number reached twice, because the first transaction was rolled back, never matches what was cached
before.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from django.db import connection, models
from django.db.models import F

CALENDAR = "calendar"
POLICY = "policy"


class ConfigVersion(models.Model):
    """Rises with every change of the named configuration; only the functions of this module touch it."""

    name = models.CharField(max_length=32, primary_key=True)
    number = models.PositiveBigIntegerField(default=0)
    token = models.CharField(max_length=32)

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class Version(NamedTuple):
    """A number for people and ledgers, and a token for caches."""

    number: int
    token: str


_pins: ContextVar[dict[str, Version] | None] = ContextVar("regions_pins", default=None)


def current(name: str) -> Version:
    """Reads the version in one query by primary key; within `pinned()` only the first call asks the database."""
    pins = _pins.get()
    if pins is not None and name in pins:
        return pins[name]
    version = _read([name])[name]
    if pins is not None:
        pins[name] = version
    return version


def _read(names: Sequence[str]) -> dict[str, Version]:
    """The versions as they stand, in one query whose text never changes; one that was never bumped is empty."""
    table = connection.ops.quote_name(ConfigVersion._meta.db_table)
    places = ", ".join(["%s"] * len(names))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT name, number, token FROM {table} WHERE name IN ({places})", names)  # noqa: S608
        found = {name: Version(number, token) for name, number, token in cursor.fetchall()}
    return {name: found.get(name, Version(0, "")) for name in names}


def bump(name: str) -> Version:
    """Marks the configuration as changed; runs inside the transaction of the change."""
    token = secrets.token_hex(16)
    if not ConfigVersion.objects.filter(pk=name).update(number=F("number") + 1, token=token):
        ConfigVersion.objects.create(name=name, number=1, token=token)
    pins = _pins.get()
    if pins is not None:
        pins.pop(name, None)
    return current(name)


@contextmanager
def pinned(*names: str) -> Iterator[None]:
    """Holds one version of calendar and policies for a batch, so that a sweep asks once and not once per row.

    What surely is needed can be named: it is read at once, together.
    """
    if _pins.get() is not None:
        yield
        return
    mark = _pins.set(_read(names) if names else {})
    try:
        yield
    finally:
        _pins.reset(mark)
