"""Cutting the fonts of papers from the packaged ones, at set-up."""

import json
import shutil
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from fontTools import subset
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.filterPen import FilterPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont, newTable

from portal.documents import fonts
from portal.documents.fonts import BUILD, COMMON, CUTS, GBK, RARE, SOURCE_FAMILY, Cut

MAX_ERROR_EM = 0.002
GRID_UNITS = 2
"""Outlines stand on every second unit of a thousand in the em: a fifth of a printer's dot at 600 dpi, and a tenth
fewer bytes in every paper.
"""

Point = tuple[float, float]
LICENCE = "SIL Open Font License 1.1"


def build(target: Path) -> None:
    """Makes the families in a folder, whole or not at all; raises FontsMissing."""
    available = source_characters()
    common = (_encodable("gb2312") | _plain_characters()) & available
    gbk = (_encodable("gbk") & available) - common
    sets = {COMMON: common, GBK: gbk, RARE: _han(available) - common - gbk}
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
    manifest = {"build": BUILD, "covered": ranges(available | rare_characters())}
    (fresh / "manifest.json").write_text(json.dumps(manifest))
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def _open(weight: int) -> TTFont:
    path = fonts.SOURCES[weight]
    if not path.is_file():
        raise fonts.FontsMissing(f"{path} is missing: install the Debian package fonts-noto-cjk")
    with TTCollection(path, lazy=True) as collection:
        names = [font["name"].getDebugName(1) for font in collection.fonts]
    if SOURCE_FAMILY in names:
        return TTFont(path, fontNumber=names.index(SOURCE_FAMILY), lazy=True)
    raise fonts.FontsMissing(f"{path} does not hold {SOURCE_FAMILY}")


def source_characters() -> set[int]:
    with _open(400) as font:
        return set(font.getBestCmap())


def rare_characters() -> set[int]:
    found: set[int] = set()
    for path in fonts.RARE_SOURCES:
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
    """Turns cubic outlines into quadratic ones on a grid, with an error of at most two thousandths of the em."""
    order = font.getGlyphOrder()
    glyph_set = font.getGlyphSet()
    tolerance = MAX_ERROR_EM * font["head"].unitsPerEm
    glyphs = {}
    for glyph_name in order:
        pen = TTGlyphPen(None)
        glyph_set[glyph_name].draw(Cu2QuPen(GridPen(pen), tolerance, reverse_direction=True))
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


class GridPen(FilterPen):  # type: ignore[misc]
    """Moves every point of an outline to the grid."""

    def moveTo(self, point: Point) -> None:
        self._outPen.moveTo(_on_grid(point))

    def lineTo(self, point: Point) -> None:
        self._outPen.lineTo(_on_grid(point))

    def qCurveTo(self, *points: Point) -> None:
        self._outPen.qCurveTo(*map(_on_grid, points))


def _on_grid(point: Point) -> Point:
    x, y = point
    return round(x / GRID_UNITS) * GRID_UNITS, round(y / GRID_UNITS) * GRID_UNITS


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


def ranges(codes: Iterable[int]) -> list[list[int]]:
    """The runs of these codes, each by its first and its last."""
    found: list[list[int]] = []
    for code in sorted(codes):
        if found and code == found[-1][1] + 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found
