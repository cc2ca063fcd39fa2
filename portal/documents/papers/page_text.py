"""Reads a page that WeasyPrint has laid out: where each text stands in the content, and on which line of which block.

The content is WeasyPrint's own and undocumented, so nothing is taken for granted: whatever is not exactly as expected
raises TemplateRefused, and the paper is laid out in full instead.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ALIGNMENTS = {"start": 0.0, "left": 0.0, "justify": 0.0, "center": 0.5, "right": 1.0, "end": 1.0}
STATE_OPERATORS = (b" cm", b" gs", b" rg")
GAP_TOLERANCE = 1.5

_MATRIX = re.compile(rb"1 0 0 -1 (-?[\d.]+) (-?[\d.]+) Tm")
_FONT = re.compile(rb"/(\w+) ([\d.]+) Tf")
_SHOWN = re.compile(rb"<([0-9a-f]+)>|(-?[\d.]+(?:e-?\d+)?)")


class TemplateRefused(ValueError):
    """A laid-out page is not of the form that texts can be put into."""


@dataclass(frozen=True, slots=True)
class PageFont:
    """A font of the page: its resource name, weight, and the hexadecimal code and advance of each character it has."""

    name: str
    family: str
    weight: int
    glyphs: dict[str, tuple[str, int]]
    texts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """A text in the content: items `first` to `last`, its origin in pixels, its font, and the drawing state it needs.

    `gaps` are the shifts between its glyphs in thousandths of the em, as the content has them: negative is wider.
    """

    first: int
    last: int
    x: float
    y: float
    font: PageFont
    size: str
    text: str
    shown: bytes
    gaps: tuple[float, ...]
    state: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in the content: the index of its drawing item, its resource name, and its drawing state."""

    index: int
    name: str
    state: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class LineText:
    """A text on a line: where its baseline begins, its width and the space between its letters, in pixels."""

    text: str
    x: float
    y: float
    width: float
    spacing: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a block: the texts on it, the width of the block in pixels, and how the line is set in it."""

    texts: list[LineText]
    room: float
    align: float


def page_fonts(fonts: Sequence[Sequence[Any]]) -> dict[str, PageFont]:
    """The fonts of a layout by resource name; WeasyPrint may keep several objects for one file."""
    found: dict[str, PageFont] = {}
    for name, family, weight, texts, widths in fonts:
        known = found.setdefault(name, PageFont(name, family, weight, {}, {}))
        for glyph, text in texts.items():
            code = f"{int(glyph):04x}"
            known.texts[code] = text
            if len(text) == 1 and glyph in widths:
                known.glyphs[text] = (code, widths[glyph])
    return found


def read_content(items: list[bytes], fonts: Mapping[str, PageFont]) -> tuple[list[Run], list[Picture]]:
    """Every text and picture of a content stream, in order; raises TemplateRefused."""
    runs, pictures = [], []
    states: list[list[bytes]] = [[]]
    index = 0
    while index < len(items):
        item = items[index]
        if item == b"q":
            states.append(list(states[-1]))
        elif item == b"Q":
            states.pop()
        elif item.endswith(STATE_OPERATORS):
            _remember(states[-1], item)
        elif item.endswith(b" Do"):
            pictures.append(Picture(index, item[1:-3].decode(), tuple(states[-1])))
        elif item == b"BT":
            run = _read_run(items, index, fonts, tuple(states[-1]))
            runs.append(run)
            index = run.last
        elif item.endswith((b" Tm", b" Tf", b" TJ", b" Tj")):
            raise TemplateRefused("text outside of a text object")
        index += 1
    return runs, pictures


def _remember(state: list[bytes], item: bytes) -> None:
    """Transformations add up; of a colour or an opacity the last one counts."""
    if not item.endswith(b" cm"):
        state[:] = [known for known in state if known[-3:] != item[-3:]]
    state.append(item)


def _read_run(items: list[bytes], start: int, fonts: Mapping[str, PageFont], state: tuple[bytes, ...]) -> Run:
    """The text object at an index: a position, then fonts, each with what is shown in it."""
    try:
        end = items.index(b"ET", start)
    except ValueError:
        raise TemplateRefused("a text object has no end") from None
    matrix = _MATRIX.fullmatch(items[start + 1])
    if not matrix or end - start < 4:
        raise TemplateRefused("a text object does not begin with its place")
    text: list[str] = []
    gaps: list[float] = []
    first_font, size, font = None, "", None
    for item in items[start + 2 : end]:
        if chosen := _FONT.fullmatch(item):
            font = fonts.get(chosen.group(1).decode())
            first_font, size = first_font or font, size or chosen.group(2).decode()
        elif item.endswith(b" TJ") and font:
            for glyphs, shift in _SHOWN.findall(item[:-3]):
                codes = [glyphs[at : at + 4].decode() for at in range(0, len(glyphs), 4)]
                text += [font.texts.get(code, "\0") for code in codes]
                gaps += [0.0] * len(codes)
                if shift and gaps:
                    gaps[-1] += float(shift)
        else:
            raise TemplateRefused(f"an unknown item in a text object: {item[:40]!r}")
    if first_font is None:
        raise TemplateRefused("a text object without a font")
    shown = b"\n".join(items[start + 2 : end])
    x, y = (float(part) for part in matrix.groups())
    return Run(start, end, x, y, first_font, size, "".join(text), shown, tuple(gaps[:-1]), state)


def read_lines(lines: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """The lines of a page, in order; raises TemplateRefused."""
    for line in lines:
        align = ALIGNMENTS.get(line["align"])
        if align is None or line["direction"] != "ltr":
            raise TemplateRefused("a line is set in an unknown way")
        yield Line([LineText(**text) for text in line["texts"]], line["room"], align)


def run_of(box: LineText, runs: Sequence[Run], number: int) -> Run:
    """The run of a number, if it draws a text box; raises TemplateRefused."""
    if number < 0 or runs[number].text.strip() != box.text.strip():
        raise TemplateRefused("a text of the page was not found in its content")
    return runs[number]


def place_key(x: float, y: float) -> tuple[float, float]:
    """A place as it is looked up, whatever the rounding of the content."""
    return round(x, 3), round(y, 3)
