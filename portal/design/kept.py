"""Keeps drawn parts of pages in the memory of a process, under everything that shapes them.

What is kept is found by its key alone, so the key must name all that the part shows: a row by its number and version,
a list of choices by the place it is for. Nothing with a token or a name of the reader's own belongs into a kept part;
where such a value stands, a spliced part has a hole, and the value is escaped and put in at each visit.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from django.urls import get_resolver, get_script_prefix, get_urlconf
from django.utils.html import conditional_escape
from django.utils.translation import get_language

LIMIT = 4000
"""As many parts are kept in a process; when there are more, it starts anew."""

HOLES = tuple(f"\ue000{chr(0xE010 + number)}" for number in range(12))
ANY_HOLE = re.compile("\ue000([\ue010-\ue01b])")

_parts: dict[Hashable, str] = {}
_pieces: dict[Hashable, tuple[list[str], list[tuple[int, int]]]] = {}
_keeping = True


def kept(key: tuple[Hashable, ...], draw: Callable[[], str]) -> str:
    """The part under this key in the active language, drawn when it is not kept yet."""
    whole = (get_language(), *key)
    found = _parts.get(whole)
    if found is None:
        found = draw()
        if len(_parts) >= LIMIT:
            _parts.clear()
        if _keeping:
            _parts[whole] = found
    return found


def look_up(keys: Iterable[tuple[Hashable, ...]]) -> list[str | None]:
    """The parts under these keys as far as they are kept, in the same order."""
    language = get_language()
    return [_parts.get((language, *key)) for key in keys]


def server() -> tuple[Hashable, ...]:
    """What the addresses in a part depend on: the same for the whole of a request."""
    return get_script_prefix(), get_resolver(get_urlconf())


def spliced(
    key: tuple[Hashable, ...],
    values: Sequence[str],
    draw: Callable[[Sequence[str]], str],
    at: tuple[Hashable, ...] | None = None,
) -> str:
    """The part under this key with the values, escaped, in its holes.

    `draw` makes the part with the texts it is given; it must show each of them as it is, and nothing of the reader but
    them. Which values are empty belongs to the key. Addresses in a part are those of the server it is drawn for; `at`
    is its `server()` where the caller knows it.
    """
    if not _keeping:
        return draw(values)
    whole = (get_language(), at or server(), key, tuple([not one for one in values]))
    found = _pieces.get(whole)
    if found is None:
        html = draw([hole if value else value for hole, value in zip(HOLES, values, strict=False)])
        if any(value and hole not in html for hole, value in zip(HOLES, values, strict=False)):
            return draw(values)  # a value that the part changes, or shows for some readers only
        if len(_pieces) >= LIMIT:
            _pieces.clear()
        texts = ANY_HOLE.split(html)
        holes = [(place, ord(texts[place]) - 0xE010) for place in range(1, len(texts), 2)]
        found = _pieces[whole] = texts, holes
    texts, holes = found
    if not holes:
        return texts[0]
    filled = texts.copy()
    for place, number in holes:
        filled[place] = conditional_escape(values[number])
    return "".join(filled)


def forget() -> None:
    """Drops every part."""
    _parts.clear()
    _pieces.clear()


@contextmanager
def nothing_kept() -> Iterator[None]:
    """Draws every part anew, to show that keeping changes no page."""
    global _keeping
    forget()
    _keeping = False
    try:
        yield
    finally:
        _keeping = True
