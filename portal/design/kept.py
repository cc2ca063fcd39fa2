"""Keeps drawn parts of pages in the memory of a process, under everything that shapes them.

What is kept is found by its key alone, so the key must name all that the part shows: a row by its number and version,
a list of choices by the place it is for. Nothing with a token or a name of the reader's own belongs into a kept part.
"""

from collections.abc import Callable, Hashable

from django.utils.translation import get_language

LIMIT = 4000
"""As many parts are kept in a process; when there are more, it starts anew."""

_parts: dict[Hashable, str] = {}


def kept(key: tuple[Hashable, ...], draw: Callable[[], str]) -> str:
    """The part under this key in the active language, drawn when it is not kept yet."""
    whole = (get_language(), *key)
    found = _parts.get(whole)
    if found is None:
        found = draw()
        if len(_parts) >= LIMIT:
            _parts.clear()
        _parts[whole] = found
    return found


def is_kept(key: tuple[Hashable, ...]) -> bool:
    """Whether a part need not be drawn."""
    return (get_language(), *key) in _parts


def forget() -> None:
    """Drops every part."""
    _parts.clear()
