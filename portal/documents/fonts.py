"""The fonts of papers: Noto Sans SC cut to small TrueType families, rare characters behind them.

A paper laid out with the packaged 19 MiB OpenType font spends a third of its time in cutting that font. The families
made here hold the characters in use, densely numbered, as TrueType outlines. What they lack comes from the fonts of
the system for rare names.
"""

import json
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from django.conf import settings
from fontTools import subset
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont, newTable

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
MAX_ERROR_EM = 0.001
LICENCE = "SIL Open Font License 1.1"
BUILD = 3


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
    missing = (char for char in dict.fromkeys(text) if ord(char) not in _covered())
    return [char for char in missing if unicodedata.category(char) not in {"Cc", "Cf", "Zs", "Zl", "Zp"}]


@cache
def _covered() -> frozenset[int]:
    ranges = _read_manifest().get("covered")
    if ranges is None:
        return frozenset(_source_characters() | _rare_characters())
    return frozenset(code for first, last in ranges for code in range(first, last + 1))


def build(*, force: bool = False) -> bool:
    """Makes the families; returns False when they were there already. Raises FontsMissing."""
    if is_built() and not force:
        return False
    available = _source_characters()
    common = (_encodable("gb2312") | _plain_characters()) & available
    gbk = (_encodable("gbk") & available) - common
    sets = {COMMON: common, GBK: gbk, RARE: _han(available) - common - gbk}
    target = folder().resolve()
    fresh = target.with_name("fonts.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    faces_to_make = [(weight, cut) for cut in CUTS for weight in cut.weights]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        made = [
            pool.submit(_cut, weight, cut, sets[cut], fresh / f"{cut.stem}-{weight}.ttf")
            for weight, cut in sorted(faces_to_make, key=lambda face: -len(sets[face[1]]))
        ]
        for result in made:
            result.result()
    manifest = {"build": BUILD, "covered": _ranges(available | _rare_characters())}
    (fresh / "manifest.json").write_text(json.dumps(manifest))
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    _covered.cache_clear()
    _read_manifest.cache_clear()
    return True


@cache
def _read_manifest() -> dict[str, Any]:
    try:
        return dict(json.loads((folder() / "manifest.json").read_text()))
    except (OSError, ValueError):
        return {}


def _open(weight: int) -> TTFont:
    path = SOURCES[weight]
    if not path.is_file():
        raise FontsMissing(f"{path} is missing: install the Debian package fonts-noto-cjk")
    with TTCollection(path, lazy=True) as collection:
        names = [font["name"].getDebugName(1) for font in collection.fonts]
    if SOURCE_FAMILY in names:
        return TTFont(path, fontNumber=names.index(SOURCE_FAMILY), lazy=True)
    raise FontsMissing(f"{path} does not hold {SOURCE_FAMILY}")


def _source_characters() -> set[int]:
    with _open(400) as font:
        return set(font.getBestCmap())


def _rare_characters() -> set[int]:
    found: set[int] = set()
    for path in RARE_SOURCES:
        if path.is_file():
            with TTFont(path, lazy=True) as font:
                found |= set(font.getBestCmap())
    return found


def _cut(weight: int, cut: Cut, characters: set[int], path: Path) -> None:
    """Writes one face: subset, outlines made quadratic, names of our own."""
    options = subset.Options(
        layout_features=[], hinting=False, desubroutinize=True, notdef_outline=True, name_IDs=[], recalc_bounds=True
    )
    options.drop_tables += ["vhea", "vmtx", "VORG", "BASE", "GSUB", "GPOS", "GDEF", "DSIG", "FFTM"]
    with _open(weight) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=characters)
        subsetter.subset(font)
        _to_truetype(font)
        style = "Bold" if weight == 700 else "Regular"
        name = font["name"] = newTable("name")
        name.names = []
        postscript = f"{cut.family.replace(' ', '')}-{style}"
        texts = {1: cut.family, 2: style, 3: postscript, 4: f"{cut.family} {style}", 6: postscript, 13: LICENCE}
        for number, text in texts.items():
            name.setName(text, number, 3, 1, 0x409)
        font["OS/2"].usWeightClass = weight
        font.save(path)


def _to_truetype(font: TTFont) -> None:
    """Turns cubic outlines into quadratic ones with an error of at most a thousandth of the em."""
    order = font.getGlyphOrder()
    glyph_set = font.getGlyphSet()
    tolerance = MAX_ERROR_EM * font["head"].unitsPerEm
    glyphs = {}
    for glyph_name in order:
        pen = TTGlyphPen(None)
        glyph_set[glyph_name].draw(Cu2QuPen(pen, tolerance, reverse_direction=True))
        glyphs[glyph_name] = pen.glyph()
    font["loca"] = newTable("loca")
    table = font["glyf"] = newTable("glyf")
    table.glyphOrder = order
    table.glyphs = glyphs
    maxp = font["maxp"]
    maxp.tableVersion = 0x00010000
    for field in [
        "maxZones",
        "maxTwilightPoints",
        "maxStorage",
        "maxFunctionDefs",
        "maxInstructionDefs",
        "maxStackElements",
        "maxSizeOfInstructions",
        "maxComponentElements",
    ]:
        setattr(maxp, field, 1 if field == "maxZones" else 0)
    post = font["post"]
    post.formatType = 3.0
    post.extraNames, post.mapping = [], {}
    for tag in ("CFF ", "VORG"):
        if tag in font:
            del font[tag]
    font.sfntVersion = "\000\001\000\000"


def _encodable(codec: str) -> set[int]:
    """Every character that a double-byte Chinese codec knows."""
    found: set[int] = set()
    for lead in range(0x81, 0xFF):
        for trail in range(0x40, 0xFF):
            try:
                text = bytes((lead, trail)).decode(codec)
            except UnicodeDecodeError:
                continue
            found.update(map(ord, text))
    return found


def _plain_characters() -> set[int]:
    """Latin, punctuation, arrows, figures, forms of full width: what papers use beside Han."""
    return {
        *range(0x20, 0x250),
        *range(0x2000, 0x2070),
        *range(0x20A0, 0x20C0),
        *range(0x2190, 0x2200),
        *range(0x2460, 0x2600),
        *range(0x3000, 0x3040),
        *range(0xFF00, 0xFFF0),
    }


def _han(characters: set[int]) -> set[int]:
    return {code for code in characters if 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or code >= 0x20000}


def _ranges(codes: Iterable[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for code in sorted(codes):
        if found and code == found[-1][1] + 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found
