"""The Word form of a paper: the same texts in the same order, with styles, East Asian fonts and A4 pages."""

import io
from collections.abc import Sequence
from typing import Any

from django.utils import translation
from django.utils.translation import gettext, pgettext
from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from portal.documents.papers.codes import code_png
from portal.documents.papers.output import LANGUAGE_TAGS, FieldBlock, field_blocks, is_blank, pair_fields, title_class
from portal.documents.papers.structure import Paper, PaperCode, PaperTable, Slip, check_length

LATIN_FONT = "Arial"
BODY_FONT = "宋体"
HEAD_FONT = "黑体"
TEXT_MM = 172
LABEL_MM, VALUE_MM = 29, 57
QUESTION_MM = 65
TITLE_SIZES = {"": 19, "long": 15.5, "longer": 13.5}
BLANK = "\u3000" * 12
SHADE = "F1F3F5"
# The schema of Word files fixes the order of elements; these are what may follow the ones written here.
AFTER_LANGUAGE = ("w:eastAsianLayout", "w:specVanish", "w:oMath")
AFTER_SHADE = ("w:noWrap", "w:tcMar", "w:textDirection", "w:tcFitText", "w:vAlign", "w:hideMark")
AFTER_BORDERS = ("w:shd", "w:tabs", "w:suppressAutoHyphens", "w:snapToGrid", "w:spacing", "w:ind", "w:jc", "w:rPr")
CODE_SIZES = {"qr": Mm(30), "code128": Mm(62)}


def render_docx(paper: Paper) -> bytes:
    """The paper as a Word file; raises PaperTooLong."""
    check_length(paper)
    with translation.override(paper.language):
        document = _new_document(paper)
        _write_head(document, paper)
        for place, block in enumerate(field_blocks(paper)):
            if place:
                _paragraph(document, "", size=4)
            _write_fields(document, block)
        for table in paper.tables:
            _write_table(document, table)
        for text in paper.paragraphs:
            _paragraph(document, text, space_before=4)
        for text in paper.signatures:
            _write_signature(document, text)
        _write_codes(document, paper.codes)
        for text in paper.footer:
            _paragraph(document, text, size=8.5)
        if paper.slip:
            _write_slip(document, paper.slip)
        out = io.BytesIO()
        document.save(out)
    return out.getvalue()


def _new_document(paper: Paper) -> Any:
    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin, section.right_margin = Mm(20), Mm(18)
    section.top_margin, section.bottom_margin = Mm(16), Mm(15)
    style = document.styles["Normal"]
    style.font.size = Pt(10)
    style.paragraph_format.space_after = Pt(2)
    style.paragraph_format.space_before = Pt(0)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for slot, name in {
        "w:ascii": LATIN_FONT,
        "w:hAnsi": LATIN_FONT,
        "w:cs": LATIN_FONT,
        "w:eastAsia": BODY_FONT,
    }.items():
        fonts.set(qn(slot), name)
    language = OxmlElement("w:lang")
    tag = LANGUAGE_TAGS.get(paper.language, "zh-Hans")
    language.set(qn("w:val"), "en-GB" if tag == "en" else "zh-CN")
    language.set(qn("w:eastAsia"), "zh-CN")
    style.element.get_or_add_rPr().insert_element_before(language, *AFTER_LANGUAGE)
    _write_foot(section.footer.paragraphs[0], paper.number)
    properties = document.core_properties
    properties.title = f"{paper.title} {paper.number}".strip()
    properties.author = paper.office
    properties.language = tag
    properties.comments = ""
    return document


def _write_foot(paragraph: Any, number: str) -> None:
    """The paper's number and the page on every sheet."""
    paragraph.paragraph_format.tab_stops.add_tab_stop(Mm(TEXT_MM), WD_TAB_ALIGNMENT.RIGHT)
    _run(paragraph, f"{number}\t", size=8)
    for place, field in enumerate(("PAGE", "NUMPAGES")):
        if place:
            _run(paragraph, " / ", size=8)
        simple = OxmlElement("w:fldSimple")
        simple.set(qn("w:instr"), field)
        paragraph._element.append(simple)


def _write_head(document: Any, paper: Paper) -> None:
    if paper.office:
        _paragraph(document, paper.office, align=WD_ALIGN_PARAGRAPH.CENTER, size=10.5)
    heading = document.add_heading(level=1)
    heading.alignment = WD_ALIGN_PARAGRAPH.CENTER
    heading.paragraph_format.space_before = Pt(2)
    heading.paragraph_format.space_after = Pt(6)
    _run(heading, paper.title, size=TITLE_SIZES[title_class(paper.title)], bold=True, east_asian=HEAD_FONT)
    if paper.number_line:
        line = document.add_paragraph()
        line.paragraph_format.tab_stops.add_tab_stop(Mm(TEXT_MM), WD_TAB_ALIGNMENT.RIGHT)
        line.paragraph_format.space_after = Pt(4)
        for index, item in enumerate(paper.number_line):
            _run(line, ("\t" if index else "") + item.label + pgettext("paper", ": "))
            _run(line, item.value, bold=True)
    if paper.status:
        paragraph = _paragraph(document, paper.status, align=WD_ALIGN_PARAGRAPH.CENTER, bold=True)
        _border(paragraph, "top", "left", "bottom", "right")


def _write_signature(document: Any, text: str) -> None:
    """Words at the right, with a line to write on where they ask for something."""
    paragraph = _paragraph(document, text, align=WD_ALIGN_PARAGRAPH.RIGHT, space_before=6)
    if is_blank(text):
        _run(paragraph, BLANK)
        paragraph.runs[-1].font.underline = True


def _write_fields(document: Any, block: FieldBlock) -> None:
    rows = block.rows
    if not rows:
        return
    widths = [QUESTION_MM, TEXT_MM - QUESTION_MM] if block.asks else [LABEL_MM, VALUE_MM, LABEL_MM, VALUE_MM]
    table = _table(document, widths, len(rows))
    for cells, row in zip((row.cells for row in table.rows), rows, strict=True):
        for index, item in enumerate(row):
            label, value = cells[index * 2], cells[index * 2 + 1]
            if len(row) == 1 and not block.asks:
                value = value.merge(cells[3])
            _shade(label)
            _cell(label, item.label)
            _cell(value, item.value, size=12.5 if item.strong else 10, bold=item.strong)


def _write_table(document: Any, source: PaperTable) -> None:
    if source.caption:
        _paragraph(document, source.caption, bold=True, space_before=8)
    else:
        _paragraph(document, "", size=4)
    shares = source.widths or [100 // len(source.head)] * len(source.head)
    lines = [source.head, *source.rows, *([source.foot] if source.foot else [])]
    table = _table(document, [TEXT_MM * share / sum(shares) for share in shares], len(lines))
    for number, (row, line) in enumerate(zip(table.rows, lines, strict=True)):
        is_head = number == 0
        for index, (cell, text) in enumerate(zip(row.cells, line, strict=True)):
            if is_head:
                _shade(cell)
            align = WD_ALIGN_PARAGRAPH.RIGHT if index in source.numeric else None
            bold = is_head or (bool(source.foot) and number == len(lines) - 1)
            _cell(cell, text, bold=bold, align=align or (WD_ALIGN_PARAGRAPH.CENTER if is_head else None))
        _keep_whole(row, is_head=is_head)


def _write_codes(document: Any, codes: Sequence[PaperCode]) -> None:
    for code in codes:
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.keep_with_next = bool(code.caption)
        picture = paragraph.add_run().add_picture(io.BytesIO(code_png(code)), width=CODE_SIZES[code.kind])
        if code.kind == "code128":
            picture.height = Mm(11)
        words = gettext("QR code: %(text)s") if code.kind == "qr" else gettext("Bar code: %(text)s")
        picture._inline.docPr.set("descr", words % {"text": code.payload})
        if code.caption:
            _paragraph(document, code.caption, size=8.5)


def _write_slip(document: Any, slip: Slip) -> None:
    _border(_paragraph(document, "", space_before=10), "bottom", kind="dashed")
    title = document.add_heading(level=2)
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(title, slip.title, size=12, bold=True, east_asian=HEAD_FONT)
    _write_fields(document, FieldBlock(pair_fields(slip.fields)))
    _write_codes(document, slip.codes)
    if slip.note:
        _paragraph(document, slip.note, size=8.5)


def _paragraph(
    document: Any, text: str, *, size: float = 10, bold: bool = False, align: Any = None, space_before: float = 0
) -> Any:
    paragraph = document.add_paragraph()
    paragraph.alignment = align
    paragraph.paragraph_format.space_before = Pt(space_before)
    _run(paragraph, text, size=size, bold=bold)
    return paragraph


def _run(paragraph: Any, text: str, *, size: float = 10, bold: bool = False, east_asian: str = "") -> None:
    run = paragraph.add_run(text)
    run.font.size = Pt(size)
    run.font.bold = bold
    run.font.color.rgb = RGBColor(0, 0, 0)
    if east_asian:
        run.font.name = LATIN_FONT
        run._element.rPr.rFonts.set(qn("w:eastAsia"), east_asian)


def _table(document: Any, widths_mm: Sequence[float], rows: int) -> Any:
    table = document.add_table(rows=rows, cols=len(widths_mm))
    table.style = "Table Grid"
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for row in table.rows:
        for cell, width in zip(row.cells, widths_mm, strict=True):
            cell.width = Mm(width)
    return table


def _cell(cell: Any, text: str, *, size: float = 10, bold: bool = False, align: Any = None) -> None:
    paragraph = cell.paragraphs[0]
    paragraph.alignment = align
    _run(paragraph, text, size=size, bold=bold)


def _shade(cell: Any) -> None:
    shade = OxmlElement("w:shd")
    shade.set(qn("w:val"), "clear")
    shade.set(qn("w:color"), "auto")
    shade.set(qn("w:fill"), SHADE)
    cell._element.get_or_add_tcPr().insert_element_before(shade, *AFTER_SHADE)


def _keep_whole(row: Any, *, is_head: bool) -> None:
    """A row does not break over pages; the head comes again on each."""
    properties = row._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:cantSplit"))
    if is_head:
        properties.append(OxmlElement("w:tblHeader"))


def _border(paragraph: Any, *sides: str, kind: str = "single") -> None:
    borders = OxmlElement("w:pBdr")
    for side in sides:
        line = OxmlElement(f"w:{side}")
        for name, value in {"val": kind, "sz": "8", "space": "3", "color": "000000"}.items():
            line.set(qn(f"w:{name}"), value)
        borders.append(line)
    paragraph._element.get_or_add_pPr().insert_element_before(borders, *AFTER_BORDERS)
