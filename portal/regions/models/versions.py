"""Version rows that tell every process when the configuration it holds in memory is out of date.

A change bumps its row in the same transaction, so whoever sees the new version sees the new data. The token is
random: a version number reached twice, because the first transaction was rolled back, never matches what was cached
before.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from django.db import models
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
    row = ConfigVersion.objects.filter(pk=name).values_list("number", "token").first()
    version = Version(*row) if row else Version(0, "")
    if pins is not None:
        pins[name] = version
    return version


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
def pinned() -> Iterator[None]:
    """Holds one version of calendar and policies for a batch, so that a sweep asks once and not once per row."""
    if _pins.get() is not None:
        yield
        return
    mark = _pins.set({})
    try:
        yield
    finally:
        _pins.reset(mark)
