"""The fonts of papers: Noto Sans SC cut to small TrueType families, rare characters behind them.

A paper laid out with the packaged 19 MiB OpenType font spends a third of its time in cutting that font. The families
made here hold the characters in use, densely numbered, as TrueType outlines. What they lack comes from the fonts of
the system for rare names.
"""

import json
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

SOURCES = {
    400: Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    700: Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc"),
}
RARE_SOURCES = (
    Path("/usr/share/fonts/truetype/hanazono/HanaMinB.ttf"),
    Path("/usr/share/fonts/truetype/babelstone/BabelStoneHan.ttf"),
    Path("/usr/share/fonts/truetype/fonts-babelstone-han/BabelStoneHan.ttf"),
)
SOURCE_FAMILY = "Noto Sans CJK SC"
BUILD = 5


class FontsMissing(RuntimeError):
    """A font package that papers need is not installed."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One family to make: its name, the file's stem, its weights, and which characters it takes of those the source
    has.
    """

    family: str
    stem: str
    weights: tuple[int, ...]


COMMON = Cut("Canbao Sans", "canbao-sans", (400, 700))
GBK = Cut("Canbao Sans GBK", "canbao-sans-gbk", (400, 700))
RARE = Cut("Canbao Sans Rare", "canbao-sans-rare", (400,))
CUTS = (COMMON, GBK, RARE)


def folder() -> Path:
    """Where the cut fonts lie; it is made at set-up and never committed."""
    return Path(settings.VAR_DIR) / "fonts"


def is_built() -> bool:
    """Whether the fonts of this build number are all there."""
    return _read_manifest().get("build") == BUILD


def faces() -> Iterator[tuple[str, int, Path]]:
    """Family, weight and file of every cut font that exists."""
    for cut in CUTS:
        for weight in cut.weights:
            path = folder() / f"{cut.stem}-{weight}.ttf"
            if path.is_file():
                yield cut.family, weight, path


def stack() -> str:
    """The CSS font stack of papers, rare families last."""
    names = [cut.family for cut in CUTS] if is_built() else []
    return ", ".join(f'"{name}"' for name in [*names, SOURCE_FAMILY, "HanaMinB", "BabelStone Han"])


def uncovered(text: str) -> list[str]:
    """The characters of `text` that no configured font has, in order, each once."""
    missing = (char for char in dict.fromkeys(text) if not _is_covered(ord(char)))
    return [char for char in missing if unicodedata.category(char) not in {"Cc", "Cf", "Zs", "Zl", "Zp"}]


def _is_covered(code: int) -> bool:
    firsts, lasts = _covered()
    index = bisect_right(firsts, code) - 1
    return index >= 0 and code <= lasts[index]


@cache
def _covered() -> tuple[list[int], list[int]]:
    """The first and last codes of the runs of characters that some font has; a set of them all takes 7 MiB."""
    ranges = _read_manifest().get("covered")
    if ranges is None:
        from portal.documents import font_cutting

        ranges = font_cutting.ranges(font_cutting.source_characters() | font_cutting.rare_characters())
    return [first for first, _last in ranges], [last for _first, last in ranges]


def build(*, force: bool = False) -> bool:
    """Makes the families; returns False when they were there already. Raises FontsMissing."""
    if is_built() and not force:
        return False
    # What cuts fonts takes some 14 MiB, and only set-up needs it.
    from portal.documents import font_cutting

    font_cutting.build(folder().resolve())
    _covered.cache_clear()
    _read_manifest.cache_clear()
    return True


@cache
def _read_manifest() -> dict[str, Any]:
    try:
        return dict(json.loads((folder() / "manifest.json").read_text()))
    except (OSError, ValueError):
        return {}
