"""Finds the view of an address that was asked for before without trying every pattern in turn."""

from typing import Any

from django.urls import ResolverMatch, URLResolver
from django.urls.resolvers import RoutePattern

MOST = 1000


class KnownAddresses(URLResolver):
    """Patterns that remember the addresses without parameters; there are as many of them as there are such pages."""

    def __init__(self, patterns: list[Any]) -> None:
        super().__init__(RoutePattern("", is_endpoint=False), patterns)
        self._known: dict[str, ResolverMatch] = {}

    def resolve(self, path: Any) -> ResolverMatch:
        """The match of an address; raises Resolver404 where there is none."""
        address = str(path)
        found = self._known.get(address)
        if found is None:
            found = super().resolve(path)
            if not found.args and not vars(found)["captured_kwargs"] and len(self._known) < MOST:
                found.tried = []  # all patterns before it, shown to developers only, would be copied at each visit
                self._known[address] = found
        return found
