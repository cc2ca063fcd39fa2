"""Campaigns that ask many people for money at once, which upper apps know and print runs can choose."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from portal.people.actors import Actor

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from payments.models import Notice


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as a person chooses it: its id and its name in the reader's language."""

    pk: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """An upper app's campaigns: those that reach into an actor's area, one of them by its id, and its notices."""

    reaching: Callable[[Actor], list[Campaign]]
    named: Callable[[UUID], Campaign | None]
    notices: "Callable[[UUID], QuerySet[Notice]]"


_sources: list[Source] = []


def register(source: Source) -> None:
    """Makes the campaigns of an app known; called when the app is ready."""
    if source not in _sources:
        _sources.append(source)


def reaching(actor: Actor) -> list[Campaign]:
    """The campaigns that an actor may print notices of, the newest first."""
    return [campaign for source in _sources for campaign in source.reaching(actor)]


def named(pk: UUID) -> Campaign | None:
    """A campaign by its id, or None when it is gone."""
    return next((found for source in _sources if (found := source.named(pk))), None)


def notices_of(pk: UUID) -> "QuerySet[Notice]":
    """The notices of a campaign, none when it is gone."""
    from payments.models import Notice

    source = next((source for source in _sources if source.named(pk)), None)
    return source.notices(pk) if source else Notice.objects.none()
