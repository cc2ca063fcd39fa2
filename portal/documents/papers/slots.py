"""Putting a text into its place on a laid-out page: glyphs, fonts, and where lines set right or centred begin."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from portal.documents.papers.faces import Face, face_at, families_of
from portal.documents.papers.page_text import (
    GAP_TOLERANCE,
    Line,
    LineText,
    PageFont,
    Run,
    TemplateRefused,
    place_key,
    run_of,
)

SPARE_PIXELS = 0.5
WIDTH_TOLERANCE = 0.002
UNITS = 1024
"""Of Pango in a pixel: advances are whole numbers of them, and a page is only the same when sums are too."""
ODD_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Mc", "Me", "Zl", "Zp", "So", "Sk"}
SPACES = {" ", "\u3000"}
RIGHT_TO_LEFT = {"R", "AL", "AN"}
FIRST_GLYPH = 1


Sized = dict[tuple[str, int], dict[str, tuple[str, int]]]
"""Code and advance of each character of a font at a size, for all texts of a page that are set so."""


class Overflow(ValueError):
    """A text does not fit on its line, or has a character that needs the full layout."""


class SmallFonts:
    """The characters that a file needs beyond those of the page, by the face that draws them."""

    decimals = 6
    """Of places on the page, as WeasyPrint writes them."""

    def __init__(self) -> None:
        self.used: dict[str, dict[str, int]] = {}

    def glyph(self, char: str, weight: int) -> tuple[str, str, int]:
        """Resource name, hexadecimal code and advance of a character; raises Overflow."""
        found = known_glyph(char, weight)
        if found is None:
            raise Overflow(f"U+{ord(char):04X} needs the full layout")
        name, advance, _index, _glyph = found
        codes = self.used.setdefault(name, {})
        code = codes.setdefault(char, len(codes) + FIRST_GLYPH)
        return name, f"{code:04x}", advance


def small_font_face(name: str) -> Face:
    """The face of a small font by its resource name."""
    weight, _n, index = name.removeprefix("X").partition("n")
    return face_at(int(weight), int(index))


@cache
def known_glyph(char: str, weight: int) -> tuple[str, int, int, int] | None:
    """Resource name, advance, number of the face and of the glyph of a character, or None when it needs the full
    layout.
    """
    if is_odd(char):
        return None
    for index in range(len(families_of(weight))):
        face = face_at(weight, index)
        glyph = face.glyph(char)
        if glyph is not None:
            return f"X{weight}n{index}", face.advance(glyph), index, glyph
    return None


def is_odd(char: str) -> bool:
    """Whether a character is shaped, coloured, invisible or written from the right."""
    category = unicodedata.category(char)
    if category == "Zs":
        return char not in SPACES
    return category in ODD_CATEGORIES or unicodedata.bidirectional(char) in RIGHT_TO_LEFT


@dataclass(slots=True)
class Placed:
    """A text on a line with a slot: where it begins, and either which slot it is or what is always shown there."""

    run: Run
    number: int
    slot: int | None
    begin: str
    font: str
    glyphs: dict[str, tuple[str, int]]
    size_units: int
    spacing: float
    first_joint: str
    joint: str
    width: float


@dataclass(slots=True)
class SlotLine:
    """A line that holds slots."""

    placed: list[Placed]
    room: float
    align: float
    width: float


def slot_lines(lines: Sequence[Line], runs: Sequence[Run], marks: dict[str, int]) -> list[SlotLine]:
    """The lines of a page that hold marks, each text with the number of its run; raises TemplateRefused."""
    by_place = {place_key(run.x, run.y): number for number, run in enumerate(runs)}
    sized: Sized = {}
    found = []
    for line in lines:
        named = [marks.get(box.text) for box in line.texts]
        if all(slot is None for slot in named):
            continue
        placed = []
        for box, slot in zip(line.texts, named, strict=True):
            if box.text.strip():
                number = by_place.get(place_key(box.x, box.y), -1)
                placed.append(_place(box, run_of(box, runs, number), number, slot, sized))
        found.append(SlotLine(placed, line.room, line.align, sum(item.width for item in placed)))
    return found


def _place(box: LineText, run: Run, number: int, slot: int | None, sized: Sized) -> Placed:
    """A text box with its run; checks that this module would write the same as WeasyPrint did."""
    width = box.width
    size_units = round(float(run.size) * UNITS)
    if slot is None:
        return Placed(run, number, None, "", run.font.name, {}, size_units, 0.0, "", "", width)
    joints = _joints(run, box.spacing * UNITS * 1000 / size_units)
    key = (run.font.name, size_units)
    glyphs = sized[key] = sized.get(key) or _sized(run.font, size_units)
    begin = f"/{run.font.name} {run.size} Tf\n"
    placed = Placed(run, number, slot, begin, run.font.name, glyphs, size_units, box.spacing, *joints, width)
    shown, own_width = show(placed, run.text, SmallFonts())
    if abs(own_width - width) > WIDTH_TOLERANCE or "/X" in shown:
        raise TemplateRefused("a text is not as wide as expected")
    return placed


def _joints(run: Run, spaced: float) -> tuple[str, str]:
    """What stands after the first glyph of a spaced text and after each other; Pango halves the first gap otherwise."""
    if not spaced:
        if any(abs(gap) > GAP_TOLERANCE for gap in run.gaps):
            raise TemplateRefused("letters are spaced without being told so")
        return "", ""
    first, *others = run.gaps
    if len(set(others)) != 1 or any(abs(gap + spaced) > GAP_TOLERANCE for gap in run.gaps):
        raise TemplateRefused("letters are spaced in an unknown way")
    return f">{first:.4f}<", f">{others[0]:.4f}<"


def _sized(font: PageFont, size_units: int) -> dict[str, tuple[str, int]]:
    """Code and advance in units of each character of a font at a size."""
    return {
        char: (code, round(advance * size_units / 1000))
        for char, (code, advance) in font.glyphs.items()
        if not is_odd(char)
    }


def show(placed: Placed, text: str, small: SmallFonts) -> tuple[str, float]:
    """The operators that show a text in a slot's font, and its width in pixels; raises Overflow."""
    known = placed.glyphs
    try:
        found = [known[char] for char in text]
    except KeyError:
        return _show_mixed(placed, text, small)
    units = sum([advance for _code, advance in found])
    codes = [code for code, _advance in found]
    if placed.joint:
        return f"{placed.begin}[<{_spaced(placed, codes, 0)}>] TJ", units / UNITS + _spacing(placed, len(codes))
    return f"{placed.begin}[<{''.join(codes)}>] TJ", units / UNITS


def _spaced(placed: Placed, codes: Sequence[str], before: int) -> str:
    """Codes with the gaps of a spaced text; `before` glyphs of it stand in other fonts before these."""
    if before or len(codes) < 2:
        return placed.joint.join(codes)
    return f"{codes[0]}{placed.first_joint}{placed.joint.join(codes[1:])}"


def _spacing(placed: Placed, count: int) -> float:
    """What the gaps of a text of so many letters add to its width: whole units between, a fraction at the end."""
    return (count - 1) * int(placed.spacing * UNITS) / UNITS + placed.spacing


def _show_mixed(placed: Placed, text: str, small: SmallFonts) -> tuple[str, float]:
    """The same for a text with characters that the page's font does not have."""
    weight = placed.run.font.weight
    parts: list[tuple[str, list[str]]] = []
    total = 0
    for char in text:
        own = placed.glyphs.get(char)
        if own:
            name, (code, advance) = placed.font, own
        else:
            name, code, advance = small.glyph(char, weight)
            advance = round(advance * placed.size_units / 1000)
        if not parts or parts[-1][0] != name:
            parts.append((name, []))
        parts[-1][1].append(code)
        total += advance
    if " " in text and any(name.startswith("X") and not name.endswith("n0") for name, _codes in parts):
        # Pango takes a space from the font of the character before it.
        raise Overflow("a space beside rare characters")
    size = placed.run.size
    shown, before = [], 0
    for index, (name, codes) in enumerate(parts):
        glyphs = _spaced(placed, codes, before)
        before += len(codes)
        trail = "" if index == len(parts) - 1 else (placed.first_joint if before == 1 else placed.joint)
        shown.append(f"/{name} {size} Tf\n[<{glyphs}{trail or '>'}] TJ".replace("<]", "]"))
    width = total / UNITS + (_spacing(placed, len(text)) if placed.joint else 0)
    return "\n".join(shown), width


def fill_line(line: SlotLine, texts: Sequence[str], small: SmallFonts, out: list[str]) -> None:
    """Writes the operators of each text of a line into `out` at its number; raises Overflow."""
    widths, shown = [], []
    for placed in line.placed:
        if placed.slot is None:
            widths.append(placed.width)
            shown.append(placed.run.shown.decode("ascii"))
            continue
        text = texts[placed.slot]
        if text != text.strip() or "  " in text:
            raise Overflow("spaces that a page does not keep")
        operators, width = show(placed, text, small)
        widths.append(width)
        shown.append(operators)
    total = sum(widths)
    if total > line.room - SPARE_PIXELS and total > line.width + WIDTH_TOLERANCE:
        raise Overflow("too wide for its line")
    moved = (line.width - total) * line.align
    for placed, operators, width in zip(line.placed, shown, widths, strict=True):
        run = placed.run
        x = run.x + moved
        out[placed.number] = f"BT\n1 0 0 -1 {x:.{small.decimals}f} {run.y:.{small.decimals}f} Tm\n{operators}\nET"
        moved += width - placed.width
