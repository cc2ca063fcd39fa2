"""Many papers as one file for the printer: what their pages share is in it once.

A print file is made in parts, so that a long run can be stopped, killed and resumed. Each part is a body of numbered
objects with its cross-reference rows; parts follow one another in their numbers, and `assemble` only joins them. The
files are for the printer and are not tagged; the paper that a resident opens on a screen is.
"""

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from portal.documents.papers import pdf_file
from portal.documents.papers.codes import code_bitmap
from portal.documents.papers.faces import Face, face_at, families_of
from portal.documents.papers.page_text import Run
from portal.documents.papers.pdf import lay_out
from portal.documents.papers.pdf_fonts import descriptor_of, unicode_map_of
from portal.documents.papers.retext import fitting
from portal.documents.papers.slots import Overflow, SmallFonts, known_glyph
from portal.documents.papers.structure import Paper
from portal.documents.papers.template import Template, image_object, object_entries

CATALOG, PAGES, INFO = 1, 2, 3
FIRST_NUMBER = 4
MAX_PAPERS = 200
"""Of a part; a longer one saves nothing more and is lost in one piece when a worker is killed."""

_LENGTHS = struct.Struct(">II")


class SharedFonts(SmallFonts):
    """The fonts of a part: one for each face, with the glyph numbers of the cut font, for every page of the part."""

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[tuple[int, int], str] = {}
        self._faces: dict[str, Face] = {}

    def admit(self, template: Template) -> None:
        """Takes in the fonts of a template with all characters of its page."""
        for font in template.fonts.values():
            families = families_of(font.weight)
            if font.family not in families:
                raise Overflow(f"no cut font for {font.family} {font.weight}")
            index = families.index(font.family)
            self._names[font.weight, index] = font.name
            self._faces[font.name] = face_at(font.weight, index)
            used = self.used.setdefault(font.name, {})
            used.update({text: int(code, 16) for code, text in font.texts.items()})

    def glyph(self, char: str, weight: int) -> tuple[str, str, int]:
        """Resource name, hexadecimal code and advance of a character; raises Overflow."""
        found = known_glyph(char, weight)
        if found is None:
            raise Overflow(f"U+{ord(char):04X} needs the full layout")
        name, advance, index = found
        face = face_at(weight, index)
        name = self._names.setdefault((weight, index), name)
        self._faces[name] = face
        number = face.glyphs[char]
        self.used.setdefault(name, {})[char] = number
        return name, f"{number:04x}", advance

    def objects(self, part: "PrintPart", number: int) -> None:
        """Writes the fonts into a part, their dictionary under `number`."""
        entries = b""
        for name, used in self.used.items():
            entries += b"/%s %d 0 R" % (name.encode(), self._font(part, self._faces[name], used))
        part.put(number, b"<<%s>>" % entries)

    def _font(self, part: "PrintPart", face: Face, used: dict[str, int]) -> int:
        glyphs = sorted(set(used.values()) - {0})
        file, unicode_map, glyph_map, descriptor, descendant, font = (part.take() for _index in range(6))
        data = face.small_font(glyphs)
        places = bytearray(2 * (glyphs[-1] + 1)) if glyphs else bytearray(2)
        for place, glyph in enumerate(glyphs, start=1):
            struct.pack_into(">H", places, 2 * glyph, place)
        base = f"{pdf_file.subset_tag(used)}+{face.name}".encode()
        widths = b" ".join(b"%d[%d]" % (glyph, face.advance(glyph)) for glyph in glyphs)
        part.put_stream(file, b"/Length1 %d" % len(data), data)
        part.put_stream(unicode_map, b"", unicode_map_of(used))
        part.put_stream(glyph_map, b"", bytes(places))
        part.put(descriptor, descriptor_of(face, base, file))
        part.put(
            descendant,
            b"<</Type/Font/Subtype/CIDFontType2/BaseFont/%s/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
            b"/Supplement 0>>/CIDToGIDMap %d 0 R/W[%s]/FontDescriptor %d 0 R>>" % (base, glyph_map, widths, descriptor),
        )
        part.put(
            font,
            b"<</Type/Font/Subtype/Type0/BaseFont/%s/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>"
            % (base, descendant, unicode_map),
        )
        return font


@dataclass(slots=True)
class Part:
    """A closed part: its body, the cross-reference rows of its objects, and what the whole file must know of it."""

    first: int
    rows: bytes
    body: bytes
    node: int
    page_count: int
    marks: list[tuple[str, int]]

    @property
    def next_number(self) -> int:
        """The number from which the next part goes on."""
        return self.first + len(self.rows) // pdf_file.ENTRY_BYTES

    def write(self, path: Path) -> None:
        """Stores the part; a file of this name is whole or not there."""
        head = json.dumps([self.first, self.node, self.page_count, self.marks]).encode()
        fresh = path.with_suffix(".new")
        fresh.write_bytes(_LENGTHS.pack(len(head), len(self.rows)) + head + self.rows + self.body)
        fresh.replace(path)

    @classmethod
    def read(cls, path: Path) -> "Part":
        """A stored part."""
        data = path.read_bytes()
        head_length, rows_length = _LENGTHS.unpack_from(data)
        rows_at = _LENGTHS.size + head_length
        first, node, page_count, marks = json.loads(data[_LENGTHS.size : rows_at])
        body_at = rows_at + rows_length
        pages = [(str(title), int(page)) for title, page in marks]
        return cls(first, data[rows_at:body_at], data[body_at:], node, page_count, pages)


@dataclass
class PrintPart:
    """A part in the making: papers are added in their order, then it is closed."""

    first: int = FIRST_NUMBER
    body: bytearray = field(default_factory=bytearray)
    marks: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._next = self.first
        self._rows: dict[int, bytes] = {}
        self._plain: list[tuple[int, bytes]] = []
        self._pages: list[int] = []
        self._forms: dict[tuple[int, int], int] = {}
        self._known: list[Template] = []
        self._states: dict[str, bytes] = {}
        self._fonts = SharedFonts()
        self._node, self._font_number, self._state_number = self.take(), self.take(), self.take()

    def add(self, paper: Paper, mark: str = "") -> int:
        """Adds a paper's pages, with a bookmark when `mark` is not empty; returns how many pages.

        Raises PaperTooLong or UncoveredCharacters, and then has added nothing.
        """
        before = len(self._pages)
        if not self._add_retexted(paper):
            self._add_laid_out(paper)
        if mark:
            self.marks.append((mark, self._pages[before]))
        return len(self._pages) - before

    def close(self) -> Part:
        """Writes what the pages share and ends the part."""
        self._fonts.objects(self, self._font_number)
        states = b"".join(b"/%s %s" % (name.encode(), body) for name, body in self._states.items())
        self.put(self._state_number, b"<<%s>>" % states)
        kids = b" ".join(b"%d 0 R" % number for number in self._pages)
        node = b"<</Type/Pages/Parent %d 0 R/Count %d/Kids[%s]>>" % (PAGES, len(self._pages), kids)
        self.put(self._node, node)
        holder = self.take()
        for index, (number, _body) in enumerate(self._plain):
            self._rows[number] = pdf_file.row_within(holder, index)
        self._write(holder, pdf_file.object_stream(holder, self._plain))
        rows = b"".join(self._rows[number] for number in range(self.first, self._next))
        return Part(self.first, rows, bytes(self.body), self._node, len(self._pages), self.marks)

    def take(self) -> int:
        """A number that no object of the file has."""
        number = self._next
        self._next += 1
        return number

    def put(self, number: int, body: bytes) -> None:
        """Adds a plain object."""
        self._plain.append((number, body))

    def put_stream(self, number: int, extra: bytes, data: bytes) -> None:
        """Adds a stream, compressed."""
        self._write(number, pdf_file.packed_stream(number, extra, data))

    def _write(self, number: int, data: bytes) -> None:
        self._rows[number] = pdf_file.row_at(len(self.body))
        self.body += data

    def _add_retexted(self, paper: Paper) -> bool:
        for shape, template in fitting(paper):
            try:
                if not any(template is known for known in self._known):
                    self._fonts.admit(template)
                    self._known.append(template)
                shown = [page.shown(shape.texts, self._fonts) for page in template.pages]
            except Overflow:
                continue
            images = []
            for code in shape.codes:
                number = self.take()
                self._write(number, image_object(number, code_bitmap(code)))
                images.append(number)
            for index, texts in enumerate(shown):
                self._add_page(template, index, texts, images)
            return True
        return False

    def _add_page(self, template: Template, index: int, texts: list[str], images: list[int]) -> None:
        page = template.pages[index]
        content = [b"/F Do"]
        named = b""
        for place, picture in enumerate(template.code_pictures):
            if picture in page.pictures:
                content.append(_in_state(picture.state, [b"/I%d Do" % place]))
                named += b"/I%d %d 0 R" % (place, images[place])
        content += _blocks(page.slot_runs, texts)
        number, stream = self.take(), self.take()
        self.put_stream(stream, b"", b"\n".join(content))
        resources = b"/Font %d 0 R/ExtGState %d 0 R/XObject<</F %d 0 R%s>>" % (
            self._font_number,
            self._state_number,
            self._form(template, index),
            named,
        )
        self._put_page(number, b"/MediaBox[%s]/Resources<<%s>>/Contents %d 0 R" % (template.box, resources, stream))

    def _put_page(self, number: int, entries: bytes) -> None:
        self.put(number, b"<</Type/Page/Parent %d 0 R%s>>" % (self._node, entries))
        self._pages.append(number)

    def _form(self, template: Template, index: int) -> int:
        """What a template's page always shows, as an object that pages draw."""
        key = (id(template), index)
        if key not in self._forms:
            number = self._forms[key] = self.take()
            self._states |= template.states
            extra = b"/Type/XObject/Subtype/Form/BBox[%s]/Resources<</Font %d 0 R/ExtGState %d 0 R>>" % (
                template.box,
                self._font_number,
                self._state_number,
            )
            self.put_stream(number, extra, template.pages[index].still_content())
        return self._forms[key]

    def _add_laid_out(self, paper: Paper) -> None:
        """Adds the pages of the full layout with all that they refer to."""
        _document, pdf = lay_out(paper, tagged=False)
        from pydyf import Dictionary

        pages = pdf.pages["Kids"][::3]
        bodies: dict[int, tuple[bytes, Any]] = {}
        for number in pages:
            page = pdf.objects[number]
            own = Dictionary({key: value for key, value in page.items() if key not in ("Parent", "Type")})
            bodies[number] = (own.data[2:-2], None)
        waiting = [found for body, _stream in bodies.values() for found in pdf_file.references(body)]
        while waiting:
            number = waiting.pop()
            if number not in bodies:
                thing = pdf.objects[number]
                stream = thing if hasattr(thing, "stream") else None
                body = object_entries(thing.extra) if stream else bytes(thing.data)
                bodies[number] = (body, stream)
                waiting += pdf_file.references(body)
        numbers = {number: self.take() for number in bodies}
        for number, (body, stream) in bodies.items():
            changed = pdf_file.renumbered(body, numbers)
            if number in pages:
                self._put_page(numbers[number], changed)
            elif stream is None:
                self.put(numbers[number], changed)
            else:
                data = b"\n".join(pdf_file.item_bytes(item) for item in stream.stream)
                write = pdf_file.packed_stream if stream.compress else pdf_file.stream_object
                self._write(numbers[number], write(numbers[number], changed, data))


def assemble(parts: Iterable[Part], out: BinaryIO, *, title: str, language: str) -> int:
    """Joins parts, in their order, to one file; returns its number of pages."""
    out.write(pdf_file.HEADER)
    offset = len(pdf_file.HEADER)
    rows = bytearray()
    nodes: list[int] = []
    marks: list[tuple[str, int]] = []
    count = 0
    for part in parts:
        if part.first != FIRST_NUMBER + len(rows) // pdf_file.ENTRY_BYTES:
            raise ValueError("the parts do not follow one another")
        rows += pdf_file.moved_rows(part.rows, offset)
        out.write(part.body)
        offset += len(part.body)
        nodes.append(part.node)
        marks += part.marks
        count += part.page_count
    number = FIRST_NUMBER + len(rows) // pdf_file.ENTRY_BYTES
    holder = number + 1 + len(marks)
    outlines = _outlines(marks, number)
    catalog = b"<</Type/Catalog/Pages %d 0 R/Lang %s/ViewerPreferences<</DisplayDocTitle true>>%s>>" % (
        PAGES,
        pdf_file.text_string(language),
        b"/Outlines %d 0 R/PageMode/UseOutlines" % number if marks else b"",
    )
    kids = b" ".join(b"%d 0 R" % node for node in nodes)
    plain = [
        (CATALOG, catalog),
        (PAGES, b"<</Type/Pages/Count %d/Kids[%s]>>" % (count, kids)),
        (INFO, b"<</Title %s>>" % pdf_file.text_string(title)),
        *outlines,
    ]
    places = {own: pdf_file.row_within(holder, index) for index, (own, _body) in enumerate(plain)}
    head = pdf_file.FREE_ROW + b"".join(places[own] for own in (CATALOG, PAGES, INFO))
    tail = b"".join(places[own] for own in range(number, holder)) + pdf_file.row_at(offset)
    data = pdf_file.object_stream(holder, plain)
    out.write(data)
    whole = head + bytes(rows) + tail
    out.write(pdf_file.closing(holder + 1, whole, offset + len(data), CATALOG, INFO, seed=whole))
    return count


def _outlines(marks: Sequence[tuple[str, int]], number: int) -> list[tuple[int, bytes]]:
    """Bookmarks as a flat list; the root has `number`, which is there even when there are none."""
    if not marks:
        return [(number, b"<</Type/Outlines>>")]
    first, last = number + 1, number + len(marks)
    found = [(number, b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (first, last, len(marks)))]
    for own, (title, page) in enumerate(marks, start=first):
        before = b"/Prev %d 0 R" % (own - 1) if own > first else b""
        after = b"/Next %d 0 R" % (own + 1) if own < last else b""
        entries = b"/Title %s/Parent %d 0 R/Dest[%d 0 R/Fit]" % (pdf_file.text_string(title), number, page)
        found.append((own, b"<<%s%s%s>>" % (entries, before, after)))
    return found


def _blocks(runs: Sequence[Run], texts: Sequence[str]) -> list[bytes]:
    """The texts, those that need the same drawing state together."""
    blocks: list[tuple[tuple[bytes, ...], list[bytes]]] = []
    for run, text in zip(runs, texts, strict=True):
        if not blocks or blocks[-1][0] != run.state:
            blocks.append((run.state, []))
        blocks[-1][1].append(text.encode("ascii"))
    return [_in_state(state, shown) for state, shown in blocks]


def _in_state(state: Sequence[bytes], drawn: Sequence[bytes]) -> bytes:
    return b"\n".join([b"q", *state, *drawn, b"Q"])
