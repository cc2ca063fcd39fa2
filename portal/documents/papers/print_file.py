"""Many papers as one file for the printer: what their pages share is in it once.

A print file is made in parts, so that a long run can be stopped, killed and resumed. Each part is a body of numbered
objects with its cross-reference rows; parts follow one another in their numbers, and `assemble` only joins them.

The file is tagged. What all papers of a page show, with its marks, is one content stream that every page names before
its own; marks are numbered within a page, so the same stream serves all. Structure elements are each page's own.
"""

import dataclasses
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

from portal.documents.papers import pdf_file
from portal.documents.papers.codes import code_modules
from portal.documents.papers.faces import Face, face_at, families_of
from portal.documents.papers.layouts import written_entries
from portal.documents.papers.page_text import Run
from portal.documents.papers.pdf import lay_out
from portal.documents.papers.pdf_fonts import descriptor_of, unicode_map_of
from portal.documents.papers.retext import fitting
from portal.documents.papers.slots import Overflow, SmallFonts, known_glyph
from portal.documents.papers.structure import Paper, PaperCode
from portal.documents.papers.tags import Element, small_structure
from portal.documents.papers.template import Template

CATALOG, PAGES, INFO, STRUCTURE, DOCUMENT, METADATA = range(1, 7)
FIRST_NUMBER = 7
LEVEL = 7
"""Of compression; a higher one takes longer and gains a thousandth."""

FORM = 2
"""Of stored parts; those of another form are made again."""

MAX_PAPERS = 200
"""Of a part; a longer one saves nothing more and is lost in one piece when a worker is killed."""

OWN_ENTRIES = {"Parent", "Type", "Tabs", "StructParents"}
"""Of a page, which are written anew."""

_LENGTHS = struct.Struct(">II")


class SharedFonts(SmallFonts):
    """The fonts of a part: one for each face, with the glyph numbers of the cut font, for every page of the part."""

    decimals = 3

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
        name, advance, index, number = found
        name = self._names.setdefault((weight, index), name)
        self._faces[name] = face_at(weight, index)
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
    section: int
    parents: int
    page_count: int
    marks: list[tuple[str, int]]

    @property
    def next_number(self) -> int:
        """The number from which the next part goes on."""
        return self.first + len(self.rows) // pdf_file.ENTRY_BYTES

    def write(self, path: Path) -> None:
        """Stores the part; a file of this name is whole or not there."""
        head = json.dumps([self.first, self.node, self.section, self.parents, self.page_count, self.marks]).encode()
        fresh = path.with_suffix(".new")
        fresh.write_bytes(_LENGTHS.pack(len(head), len(self.rows)) + head + self.rows + self.body)
        fresh.replace(path)

    @classmethod
    def read(cls, path: Path) -> "Part":
        """A stored part."""
        data = path.read_bytes()
        head_length, rows_length = _LENGTHS.unpack_from(data)
        rows_at = _LENGTHS.size + head_length
        first, node, section, parents, page_count, marks = json.loads(data[_LENGTHS.size : rows_at])
        body_at = rows_at + rows_length
        pages = [(str(title), int(page)) for title, page in marks]
        return cls(first, data[rows_at:body_at], data[body_at:], node, section, parents, page_count, pages)


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
        self._still: dict[tuple[int, int], int] = {}
        self._sections: list[int] = []
        self._parents: list[bytes] = []
        self._known: list[Template] = []
        self._states: dict[str, bytes] = {}
        self._fonts = SharedFonts()
        self._node, self._section, self._parents_number, self._resources = (self.take() for _index in range(4))
        self._font_number, self._state_number = self.take(), self.take()

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
        resources = b"<</Font %d 0 R/ExtGState %d 0 R>>" % (self._font_number, self._state_number)
        self.put(self._resources, resources)
        sections = b" ".join(b"%d 0 R" % number for number in self._sections)
        self.put(self._section, b"<</S/Part/P %d 0 R/K[%s]>>" % (DOCUMENT, sections))
        limits = b"%d %d" % (self._pages[0], self._pages[-1]) if self._pages else b"0 0"
        self.put(self._parents_number, b"<</Limits[%s]/Nums[%s]>>" % (limits, b"".join(self._parents)))
        holder = self.take()
        for index, (number, _body) in enumerate(self._plain):
            self._rows[number] = pdf_file.row_within(holder, index)
        self._write(holder, pdf_file.object_stream(holder, self._plain, LEVEL))
        rows = b"".join(self._rows[number] for number in range(self.first, self._next))
        return Part(
            self.first,
            rows,
            bytes(self.body),
            self._node,
            self._section,
            self._parents_number,
            len(self._pages),
            self.marks,
        )

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
        self._write(number, pdf_file.packed_stream(number, extra, data, LEVEL))

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
            pages = [self._add_page(template, index, texts, shape.codes) for index, texts in enumerate(shown)]
            self._add_structure(template.structure, pages, template.words_of(shape))
            return True
        return False

    def _add_page(self, template: Template, index: int, texts: list[str], codes: Sequence[PaperCode]) -> int:
        page = template.pages[index]
        content = []
        for picture, code in zip(template.code_pictures, codes, strict=True):
            if picture in page.pictures:
                mark = page.picture_marks[page.pictures.index(picture)]
                content.append(_in_state(picture.state, [b"/Figure<</MCID %d>>BDC" % mark, _inline(code), b"EMC"]))
        content += _blocks(page.slot_runs, page.marks, texts)
        number, stream = self.take(), self.take()
        self.put_stream(stream, b"", b"\n".join(content))
        entries = b"/MediaBox[%s]/Resources %d 0 R/Contents[%d 0 R %d 0 R]" % (
            template.box,
            self._resources,
            self._still_number(template, index),
            stream,
        )
        self._put_page(number, entries)
        return number

    def _put_page(self, number: int, entries: bytes) -> None:
        self.put(number, b"<</Type/Page/Parent %d 0 R/Tabs/S/StructParents %d%s>>" % (self._node, number, entries))
        self._pages.append(number)

    def _still_number(self, template: Template, index: int) -> int:
        """What a template's page always shows, as a stream that begins the content of every such page."""
        key = (id(template), index)
        if key not in self._still:
            number = self._still[key] = self.take()
            self._states |= template.states
            self.put_stream(number, b"", template.pages[index].still)
        return self._still[key]

    def _add_structure(self, root: Element, pages: Sequence[int], words: Mapping[str, str]) -> None:
        """Writes the elements of a paper, and which of them each mark of its pages belongs to."""
        owners: list[dict[int, int]] = [{} for _page in pages]

        def put(element: Element, parent: int) -> int:
            number = self.take()
            page = next((kid[0] for kid in element.kids if not isinstance(kid, Element)), None)
            kids = []
            for kid in element.kids:
                if isinstance(kid, Element):
                    kids.append(b"%d 0 R" % put(kid, number))
                    continue
                owners[kid[0]][kid[1]] = number
                if kid[0] == page:
                    kids.append(b"%d" % kid[1])
                else:
                    kids.append(b"<</Type/MCR/Pg %d 0 R/MCID %d>>" % (pages[kid[0]], kid[1]))
            entries = element.entries
            if page is not None:
                entries += b"/Pg %d 0 R" % pages[page]
            if kids:
                entries += b"/K %s" % kids[0] if len(kids) == 1 else b"/K[%s]" % b" ".join(kids)
            if element.words:
                entries += b"/Alt%s" % pdf_file.text_string(words.get(element.words, element.words))
            self.put(number, b"<</S/%s/P %d 0 R%s>>" % (element.kind.encode("ascii"), parent, entries))
            return number

        self._sections.append(put(root, self._section))
        for number, known in zip(pages, owners, strict=True):
            rows = (b"%d 0 R" % known[mark] if mark in known else b"null" for mark in range(max(known, default=-1) + 1))
            self._parents.append(b"%d[%s]" % (number, b" ".join(rows)))

    def _add_laid_out(self, paper: Paper) -> None:
        """Adds the pages of the full layout with all that they refer to."""
        layout = lay_out(paper)
        pages = [page.number for page in layout.pages]
        bodies: dict[int, bytes] = {}
        for number in pages:
            entries = layout.objects[number].entries
            own = {key: value for key, value in entries.items() if key not in OWN_ENTRIES}
            bodies[number] = written_entries(own)
        waiting = [found for body in bodies.values() for found in pdf_file.references(body)]
        while waiting:
            number = waiting.pop()
            if number not in bodies:
                thing = layout.objects[number]
                bodies[number] = thing.written if thing.items is None else written_entries(thing.entries)
                waiting += pdf_file.references(bodies[number])
        numbers = {number: self.take() for number in bodies}
        for number, body in bodies.items():
            changed = pdf_file.renumbered(body, numbers)
            thing = layout.objects[number]
            if number in pages:
                self._put_page(numbers[number], changed)
            elif thing.items is None:
                self.put(numbers[number], changed)
            else:
                write = pdf_file.packed_stream if thing.packed else pdf_file.stream_object
                self._write(numbers[number], write(numbers[number], changed, thing.data))
        self._add_structure(small_structure(layout), [numbers[number] for number in pages], {})


def assemble(parts: Iterable[Part], out: BinaryIO, *, title: str, language: str) -> int:
    """Joins parts, in their order, to one file; returns its number of pages."""
    out.write(pdf_file.HEADER)
    offset = len(pdf_file.HEADER)
    rows = bytearray()
    known: list[Part] = []
    marks: list[tuple[str, int]] = []
    count = 0
    for part in parts:
        if part.first != FIRST_NUMBER + len(rows) // pdf_file.ENTRY_BYTES:
            raise ValueError("the parts do not follow one another")
        rows += pdf_file.moved_rows(part.rows, offset)
        out.write(part.body)
        offset += len(part.body)
        known.append(dataclasses.replace(part, rows=b"", body=b""))
        marks += part.marks
        count += part.page_count
    number = FIRST_NUMBER + len(rows) // pdf_file.ENTRY_BYTES
    holder = number + 1 + len(marks)
    outlines = _outlines(marks, number)
    catalog = b"<</Type/Catalog/Pages %d 0 R/Lang %s/MarkInfo<</Marked true>>/StructTreeRoot %d 0 R/Metadata %d 0 R" % (
        PAGES,
        pdf_file.text_string(language),
        STRUCTURE,
        METADATA,
    )
    catalog += b"/ViewerPreferences<</DisplayDocTitle true>>%s>>" % (
        b"/Outlines %d 0 R/PageMode/UseOutlines" % number if marks else b"",
    )
    written = [part for part in known if part.page_count]
    kids, sections, parents = (
        b" ".join(b"%d 0 R" % number for number in numbers)
        for numbers in (
            [part.node for part in known],
            [part.section for part in written],
            [part.parents for part in written],
        )
    )
    metadata = pdf_file.packed_stream(METADATA, b"/Type/Metadata/Subtype/XML", _metadata(title))
    plain = [
        (CATALOG, catalog),
        (PAGES, b"<</Type/Pages/Count %d/Kids[%s]>>" % (count, kids)),
        (INFO, b"<</Title %s>>" % pdf_file.text_string(title)),
        (
            STRUCTURE,
            b"<</Type/StructTreeRoot/K %d 0 R/ParentTree<</Kids[%s]>>/ParentTreeNextKey %d>>"
            % (DOCUMENT, parents, number),
        ),
        (DOCUMENT, b"<</S/Document/P %d 0 R/K[%s]>>" % (STRUCTURE, sections)),
        *outlines,
    ]
    out.write(metadata)
    places = {own: pdf_file.row_within(holder, index) for index, (own, _body) in enumerate(plain)}
    places[METADATA] = pdf_file.row_at(offset)
    offset += len(metadata)
    head = pdf_file.FREE_ROW + b"".join(places[own] for own in range(1, FIRST_NUMBER))
    tail = b"".join(places[own] for own in range(number, holder)) + pdf_file.row_at(offset)
    data = pdf_file.object_stream(holder, plain)
    out.write(data)
    whole = head + bytes(rows) + tail
    end = offset + len(data)
    out.write(pdf_file.closing(holder + 1, whole, end, CATALOG, INFO, seed=whole, is_long=True))
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


def _metadata(title: str) -> bytes:
    """What a reader of tagged files looks for first: the title, and that the file is PDF/UA-1."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        ' xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        "<pdfuaid:part>1</pdfuaid:part><dc:title><rdf:Alt>"
        f'<rdf:li xml:lang="x-default">{escape(title)}</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF>'
        '</x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def _inline(code: PaperCode) -> bytes:
    """A code as a picture within the content, in figures that share their letters with the texts around it."""
    bitmap = code_modules(code)
    head = b"BI/W %d/H %d/BPC 1/CS/G/F/AHx ID " % (bitmap.width, bitmap.height)
    return head + bitmap.rows.hex().encode("ascii") + b">\nEI"


def _blocks(runs: Sequence[Run], marks: Sequence[int], texts: Sequence[str]) -> list[bytes]:
    """The texts with their marks, those that need the same drawing state together."""
    blocks: list[tuple[tuple[bytes, ...], list[bytes]]] = []
    for run, mark, text in zip(runs, marks, texts, strict=True):
        if not blocks or blocks[-1][0] != run.state:
            blocks.append((run.state, []))
        blocks[-1][1].append(b"/P<</MCID %d>>BDC\n%s\nEMC" % (mark, text.encode("ascii")))
    return [_in_state(state, shown) for state, shown in blocks]


def _in_state(state: Sequence[bytes], drawn: Sequence[bytes]) -> bytes:
    return b"\n".join([b"q", *state, *drawn, b"Q"])
