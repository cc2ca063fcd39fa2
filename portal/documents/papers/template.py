"""Pages that WeasyPrint has laid out once, into which the texts and codes of each person are put.

Structure tree, tags, reading order, lines and shades are WeasyPrint's own bytes. What differs from person to person is
written anew: the slots of the page's content, its codes as bitmaps, title, metadata and the words for the codes.
"""

import itertools
import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

from portal.documents import fonts
from portal.documents.papers import pdf_file
from portal.documents.papers.codes import Bitmap, code_bitmap
from portal.documents.papers.layouts import Layout, PageLayout, dictionary, written_entries
from portal.documents.papers.page_text import (
    PageFont,
    Picture,
    TemplateRefused,
    page_fonts,
    read_content,
    read_lines,
)
from portal.documents.papers.pdf import lay_out
from portal.documents.papers.pdf_fonts import font_objects
from portal.documents.papers.shape import Shape, marked, shape_of
from portal.documents.papers.slots import SlotLine, SmallFonts, fill_line, slot_lines
from portal.documents.papers.structure import Paper
from portal.documents.papers.tags import small_structure

IMAGE_EXTRA = b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 1/ColorSpace/DeviceGray"


_MARK = re.compile(rb"/MCID (\d+)")


class TemplatePage:
    """A page cut at its slots: what stays, and the lines and pictures that are written for each person."""

    def __init__(self, page: PageLayout, items: list[bytes], fonts: dict[str, PageFont], marks: dict[str, int]) -> None:
        runs, self.pictures = read_content(items, fonts)
        self.lines: list[SlotLine] = slot_lines(list(read_lines(page.lines)), runs, marks)
        placed_slots = [placed.slot for line in self.lines for placed in line.placed]
        self.slots = [slot for slot in placed_slots if slot is not None]
        numbers = sorted(placed.number for line in self.lines for placed in line.placed)
        for line in self.lines:
            for placed in line.placed:
                placed.number = numbers.index(placed.number)
        self.slot_runs = [runs[number] for number in numbers]
        self.still, self.marks, self.picture_marks = self._part(items)
        cuts = [(run.first, run.last + 1) for run in self.slot_runs]
        ends = [first for first, _next in cuts] + [len(items)]
        starts = [0] + [following for _first, following in cuts]
        self._pieces = [_joined(items[start:end]) for start, end in zip(starts, ends, strict=True)]
        # The part before the first slot, borders and shades, is as long as the rest: it is a stream of its own that
        # is compressed once.
        self.opening, self._pieces[0] = self._pieces[0].encode("ascii"), ""

    def shown(self, texts: Sequence[str], small: SmallFonts) -> list[str]:
        """The operators of each text that is put in, in the order of the content; raises Overflow."""
        out = [""] * len(self.slot_runs)
        for line in self.lines:
            fill_line(line, texts, small, out)
        return out

    def _part(self, items: list[bytes]) -> tuple[bytes, list[int], list[int]]:
        """What the page always shows, with the marks of its structure, and the marks of slots and of pictures, which
        are written for each person; raises TemplateRefused.
        """
        own = [*((run.first, run.last) for run in self.slot_runs), *((at.index, at.index) for at in self.pictures)]
        marks: list[int] = []
        left_out: set[int] = set()
        for first, last in own:
            opening = next(index for index in range(first, -1, -1) if items[index] in (b"BDC", b"BMC"))
            ending = items.index(b"EMC", last)
            found = _MARK.search(items[opening - 1])
            alone = not {b"BT", b"EMC"}.intersection([*items[opening:first], *items[last + 1 : ending]])
            if not found or items[opening] != b"BDC" or not alone:
                raise TemplateRefused("a text that is put in has no mark of its own in the structure")
            marks.append(int(found.group(1)))
            left_out |= {*range(opening - 2, opening + 1), *range(first, last + 1), ending}
        still = _joined([item for index, item in enumerate(items) if index not in left_out])
        return f"q\n{still}\nQ".encode("ascii"), marks[: len(self.slot_runs)], marks[len(self.slot_runs) :]

    def content(self, texts: Sequence[str], small: SmallFonts) -> bytes:
        """The content after the opening; raises Overflow."""
        parts = [""] * (2 * len(self._pieces) - 1)
        parts[0::2] = self._pieces
        parts[1::2] = self.shown(texts, small)
        return "\n".join(parts).encode("ascii")


class Template:
    """A paper of a shape, laid out once; `fill` makes the paper of a person."""

    def __init__(self, paper: Paper, *, is_strict: bool = False) -> None:
        sample = marked(paper, (f"{number:03d}" for number in itertools.count(1)), is_strict=is_strict)
        shape = shape_of(sample, is_strict=is_strict)
        if shape.key != shape_of(paper, is_strict=is_strict).key:
            raise TemplateRefused("the marked paper is of another shape")
        layout = lay_out(sample, is_kept=True)
        self.fonts = page_fonts(layout.fonts)
        if {font.family for font in self.fonts.values()} - {cut.family for cut in fonts.CUTS}:
            raise TemplateRefused("the page uses a font that was not cut for papers")
        self._content_numbers = [page.content for page in layout.pages]
        self.states = layout.states
        self.box = layout.pages[0].box
        marks = {mark: index for index, mark in enumerate(shape.texts)}
        self.pages = [
            TemplatePage(page, layout.objects[page.content].items or [], self.fonts, marks) for page in layout.pages
        ]
        if sorted(slot for page in self.pages for slot in page.slots) != list(range(len(marks))):
            raise TemplateRefused("a mark is not on the page, or twice")
        self.structure = small_structure(layout)
        self._pictures_of_codes(layout, shape)
        self._take_objects(layout, shape)

    def _pictures_of_codes(self, layout: Layout, shape: Shape) -> None:
        """Finds the picture and the words of each code."""
        boxes = [picture for page in layout.pages for picture in page.pictures]
        pictures = [picture for page in self.pages for picture in page.pictures]
        if not len(boxes) == len(shape.codes) == len(pictures):
            raise TemplateRefused("the pictures of the page are not its codes")
        self.marks_of_codes = [code.payload for code in shape.codes]
        self.code_pictures: list[Picture] = []
        for (name, words), mark in zip(boxes, self.marks_of_codes, strict=True):
            found = [picture for picture in pictures if name in picture.name]
            if len(found) != 1 or mark not in words:
                raise TemplateRefused("a code has no picture or no words of its own")
            self.code_pictures += found

    def _take_objects(self, layout: Layout, shape: Shape) -> None:
        """Sorts the objects of the file into those that stay and those that are written for each person."""
        self._title = layout.title
        self._mark_of_number = shape.texts[0] if shape.texts and shape.texts[0] in self._title else ""
        self._info = {key: text for key, text in layout.info.items() if key != "Title"}
        self._image_numbers = [layout.images[picture.name] for picture in self.code_pictures]
        self._metadata_number = layout.metadata
        self._fonts_number = layout.font_dictionary
        self._catalog_number = layout.catalog
        self._metadata = layout.objects[layout.metadata].data
        if self._metadata.count(escape(self._title).encode()) != 1:
            raise TemplateRefused("the title is not in the metadata")
        self._font_entries = written_entries(layout.objects[self._fonts_number].entries)
        self._words = self._words_of_codes(layout)
        rewritten = {
            *self._content_numbers,
            self._metadata_number,
            self._fonts_number,
            *self._image_numbers,
            *(number for number, _body, _mark, _words in self._words),
        }
        self._count = len(layout.objects) + 1
        self._info_number, self._holder, self._own_holder = self._count, self._count + 1, self._count + 2
        self._first_free = self._count + 3 + len(self.pages)
        self.font_objects: list[int] = []
        prefix, rows = bytearray(pdf_file.HEADER), [pdf_file.FREE_ROW] * self._first_free
        for index, (page, content_number) in enumerate(zip(self.pages, self._content_numbers, strict=True)):
            opening_number = self._own_holder + 1 + index
            rows[opening_number] = pdf_file.row_at(len(prefix))
            prefix += pdf_file.packed_stream(opening_number, b"", page.opening)
            page_object = layout.objects[layout.pages[index].number]
            page_object.entries["Contents"] = b"[%d 0 R %d 0 R]" % (opening_number, content_number)
        plain: list[tuple[int, bytes]] = []
        for number, thing in layout.objects.items():
            if number in rewritten:
                continue
            if thing.items is not None:
                rows[number] = pdf_file.row_at(len(prefix))
                prefix += pdf_file.packed_stream(number, written_entries(thing.entries), thing.data)
            else:
                rows[number] = pdf_file.row_within(self._holder, len(plain))
                plain.append((number, thing.written))
        rows[self._holder] = pdf_file.row_at(len(prefix))
        prefix += pdf_file.object_stream(self._holder, plain)
        self._prefix, self._rows = bytes(prefix), rows

    def _words_of_codes(self, layout: Layout) -> list[tuple[int, bytes, int, str]]:
        """The structure elements that say what a code carries: number, body before the words, which code, words."""
        found = []
        for number, words in layout.words.items():
            index = next((at for at, mark in enumerate(self.marks_of_codes) if mark in words), None)
            if index is None:
                raise TemplateRefused("words for a picture that is no code")
            entries = layout.objects[number].entries
            rest = dictionary({key: value for key, value in entries.items() if key != "Alt"})
            found.append((number, rest[:-2], index, words))
        if len(found) != len(self.marks_of_codes):
            raise TemplateRefused("a code has no words in the structure")
        return found

    def words_of(self, shape: Shape) -> dict[str, str]:
        """The words of each code of the page with those of a paper's own; of an address without what it carries along,
        which nobody reads aloud.
        """
        return {
            words: words.replace(self.marks_of_codes[index], shape.codes[index].payload.partition("?")[0])
            for _number, _body, index, words in self._words
        }

    def fill(self, shape: Shape) -> bytes:
        """The tagged file of a paper of this page's shape; raises Overflow."""
        small = SmallFonts()
        contents = [page.content(shape.texts, small) for page in self.pages]
        out = bytearray(self._prefix)
        rows = self._rows.copy()

        def put(number: int, body: bytes) -> None:
            rows[number] = pdf_file.row_at(len(out))
            out.extend(body)

        for number, content in zip(self._content_numbers, contents, strict=True):
            put(number, pdf_file.packed_stream(number, b"", content, level=4))
        for number, code in zip(self._image_numbers, shape.codes, strict=True):
            put(number, image_object(number, code_bitmap(code)))
        title = self._title.replace(self._mark_of_number, shape.texts[0]) if self._mark_of_number else self._title
        metadata = self._metadata.replace(escape(self._title).encode(), escape(title).encode())
        put(
            self._metadata_number,
            pdf_file.packed_stream(self._metadata_number, b"/Type/Metadata/Subtype/XML", metadata),
        )
        info = {**self._info, "Title": title}
        own = [
            (self._info_number, b"<<%s>>" % b"".join(_info_entry(key, text) for key, text in info.items())),
            *(
                (number, b"%s/Alt %s>>" % (body, pdf_file.text_string(words.replace(mark, shape.codes[index].payload))))
                for number, body, index, words in self._words
                for mark in (self.marks_of_codes[index],)
            ),
        ]
        fonts_entries = self._font_entries
        next_number = self._first_free
        for name, codes in small.used.items():
            streams, plain, font_number, next_number = font_objects(name, codes, next_number)
            for number, body in streams:
                rows += [b""] * (number + 1 - len(rows))
                put(number, body)
            own += plain
            fonts_entries += b"/%s %d 0 R" % (name.encode(), font_number)
        rows += [b""] * (next_number - len(rows))
        own.append((self._fonts_number, b"<<%s>>" % fonts_entries))
        for index, (number, _body) in enumerate(own):
            rows[number] = pdf_file.row_within(self._own_holder, index)
        put(self._own_holder, pdf_file.object_stream(self._own_holder, own))
        out += pdf_file.closing(
            next_number, b"".join(rows), len(out), self._catalog_number, self._info_number, seed=contents[0] + metadata
        )
        return bytes(out)


def image_object(number: int, bitmap: Bitmap) -> bytes:
    """A code as a numbered picture."""
    return pdf_file.packed_stream(number, IMAGE_EXTRA % (bitmap.width, bitmap.height), bitmap.rows)


def _joined(items: list[bytes]) -> str:
    """Items of content as text, without the shifts by nothing that WeasyPrint writes between glyphs."""
    return b"\n".join(items).decode("ascii").replace(">0<", "").replace(">0]", ">]")


def _info_entry(key: str, text: str) -> bytes:
    return b"/%s %s" % (key.encode(), pdf_file.text_string(text))
