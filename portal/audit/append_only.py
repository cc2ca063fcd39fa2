"""Rows that are written once: the model refuses, and `portal.audit.triggers` makes the database refuse too."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models


class Immutable(Exception):
    """Somebody tried to change or delete an append-only row."""


class AppendOnlyQuerySet(models.QuerySet[Any]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise Immutable(f"{self.model._meta.label} is append-only")

    def delete(self) -> NoReturn:
        raise Immutable(f"{self.model._meta.label} is append-only")

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise Immutable(f"{self.model._meta.label} is append-only")


class AppendOnlyModel(models.Model):
    """Base of timelines, clock ledgers, audit entries and seals."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Immutable(f"{self._meta.label} is append-only")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise Immutable(f"{self._meta.label} is append-only")
