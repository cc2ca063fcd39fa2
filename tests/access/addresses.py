"""Every address of the resolver, and how to fill it from the test world."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.access.matrix import Row
from tests.access.world import MISSING_NUMBER, MISSING_UUID, World

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")


def patterns(resolver: URLResolver | None = None, space: tuple[str, ...] = ()) -> Iterator[tuple[str, URLPattern]]:
    """Yields every pattern with its full name; the Django admin, which checks for itself, is one entry of its own."""
    for one in (resolver or get_resolver()).url_patterns:
        if isinstance(one, URLPattern):
            yield ":".join([*space, one.name or str(one.pattern)]), one
        elif one.app_name != "admin":
            yield from patterns(one, (*space, one.namespace) if one.namespace else space)


def key_of(pattern: URLPattern) -> str:
    """The name of the parameter that names a row: a UUID or a number."""
    names = [name for name, converter in pattern.pattern.converters.items() if type(converter).__name__ in KEYS]
    return names[0] if names else ""


KEYS = {"UUIDConverter": MISSING_UUID, "IntConverter": MISSING_NUMBER}


def address(name: str, pattern: URLPattern, row: Row, world: World, *, missing: bool = False, thing: str = "") -> str:
    """The address of a row's thing, of another thing, or of one that does not exist."""
    values = dict(row.more)
    if row.thing:
        found = world.things[thing or row.thing]
        values[key_of(pattern)] = found.missing if missing else found.pk
    return reverse(name, kwargs=values)
