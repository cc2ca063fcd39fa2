"""The navigation of both halves of the portal: apps register their entries in `AppConfig.ready()`."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, get_resolver, get_script_prefix, get_urlconf, reverse
from django.utils.functional import Promise


@dataclass(frozen=True)
class NavEntry:
    """An entry of a navigation bar; `roles` empty means that everybody sees it."""

    label: str | Promise
    url_name: str
    roles: frozenset[str]
    order: int


@dataclass(frozen=True)
class NavLink:
    """An entry resolved for one request."""

    label: str | Promise
    url: str
    current: bool


desk_entries: list[NavEntry] = []
resident_entries: list[NavEntry] = []


def _register(entries: list[NavEntry], label: str | Promise, url_name: str, roles: Iterable[Any], order: int) -> None:
    entry = NavEntry(label, url_name, frozenset(str(getattr(role, "value", role)) for role in roles), order)
    entries[:] = sorted(
        [known for known in entries if known.url_name != url_name] + [entry],
        key=lambda known: (known.order, known.url_name),
    )


def register_nav(label: str | Promise, url_name: str, roles: Iterable[Any], order: int = 100) -> None:
    """Adds an entry to the desk navigation for `roles`; a second call with the same address replaces the first."""
    _register(desk_entries, label, url_name, roles, order)


def register_resident_nav(label: str | Promise, url_name: str, roles: Iterable[Any] = (), order: int = 100) -> None:
    """Adds an entry to the navigation that residents see; without `roles` it is shown to everybody."""
    _register(resident_entries, label, url_name, roles, order)


class Navigation(tuple[NavLink, ...]):
    """A bar of links, the same object for the same role and open page, and told apart from others by that alone."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


NO_LINKS = Navigation()
_resolved: dict[Hashable, tuple[list[NavEntry], list[NavLink], dict[str, Navigation]]] = {}


def navigation(entries: list[NavEntry], request: HttpRequest | None) -> Navigation:
    """The entries that the request's actor may see, marking the one whose pages are open; resolved once for a role."""
    actor = getattr(request, "actor", None)
    role = str(getattr(getattr(actor, "role", ""), "value", getattr(actor, "role", "")))
    path = request.path if request is not None else ""
    key = (id(entries), role, get_script_prefix(), get_resolver(get_urlconf()))
    known = _resolved.get(key)
    if known is None or known[0] != entries:
        known = _resolved[key] = (entries.copy(), _resolve(entries, role), {})
    _entries, found, bars = known
    open_url = max((link.url for link in found if _covers(link.url, path)), key=len, default="")
    bar = bars.get(open_url)
    if bar is None:
        bar = bars[open_url] = Navigation(NavLink(link.label, link.url, link.url == open_url) for link in found)
    return bar


def links(entries: list[NavEntry], request: HttpRequest | None) -> list[NavLink]:
    """The links of the navigation as a plain list."""
    return list(navigation(entries, request))


def _resolve(entries: Iterable[NavEntry], role: str) -> list[NavLink]:
    found: list[NavLink] = []
    for entry in entries:
        if entry.roles and role not in entry.roles:
            continue
        try:
            found.append(NavLink(entry.label, reverse(entry.url_name), False))
        except NoReverseMatch:
            continue
    return found


def _covers(url: str, path: str) -> bool:
    return path == url if url == "/" else path.startswith(url)
