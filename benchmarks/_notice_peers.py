"""The same notice by other means: ReportLab and Typst with the same fonts."""

import io
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import typst
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from portal.documents import fonts
from portal.documents.papers import Paper
from portal.documents.papers.codes import code_png
from portal.documents.papers.output import pair_fields

REGULAR, BOLD = "Regular", "Bold"


def prepare_reportlab() -> None:
    """Registers the cut fonts."""
    for family, weight, path in fonts.faces():
        if family == fonts.COMMON.family:
            pdfmetrics.registerFont(TTFont(BOLD if weight == 700 else REGULAR, str(path)))


def reportlab_pdf(papers: Sequence[Paper]) -> bytes:
    """Every text, box and code of the notices at fixed places, one file; no tags, no wrapping."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4)
    for paper in papers:
        _reportlab_page(canvas, paper)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _reportlab_page(canvas: Canvas, paper: Paper) -> None:
    left, right = 20 * mm, A4[0] - 18 * mm
    y = A4[1] - 20 * mm

    def text(x: float, size: float, words: str, font: str = REGULAR, *, to_right: bool = False) -> None:
        canvas.setFont(font, size)
        (canvas.drawRightString if to_right else canvas.drawString)(x, y, words)

    canvas.setTitle(f"{paper.title} {paper.number}")
    text(left, 11, paper.office)
    text(left, 20, paper.title, BOLD)
    y -= 10 * mm
    for item in paper.number_line:
        text(left, 10, f"{item.label} {item.value}", BOLD)
        y -= 5 * mm
    text(left, 10, paper.status, BOLD)
    for row in pair_fields([*paper.parties, *paper.fields]):
        y -= 8 * mm
        canvas.rect(left, y - 2 * mm, right - left, 8 * mm)
        for index, item in enumerate(row):
            text(left + (index * 86 + 2) * mm, 10.5, item.label)
            text(
                left + (index * 86 + 31) * mm, 13 if item.strong else 10.5, item.value, BOLD if item.strong else REGULAR
            )
    for table in paper.tables:
        y -= 8 * mm
        text(left, 10, table.caption, BOLD)
        for number, cells in enumerate([table.head, *table.rows, table.foot]):
            y -= 7 * mm
            canvas.rect(left, y - 2 * mm, right - left, 7 * mm)
            x = left
            for index, cell in enumerate(cells):
                width = table.widths[index] / 100 * (right - left)
                flush = number > 0 and index in table.numeric
                text(x + width - 1.5 * mm if flush else x + 1.5 * mm, 10, cell, BOLD if number == 0 else REGULAR,
                     to_right=flush)  # fmt: skip
                x += width
    for words in paper.paragraphs:
        y -= 6 * mm
        text(left, 10.5, words)
    for code in paper.codes:
        canvas.drawImage(ImageReader(io.BytesIO(code_png(code))), right - 32 * mm, y - 32 * mm, 32 * mm, 32 * mm)
        for line in code.caption.split("\n"):
            y -= 5 * mm
            text(right - 40 * mm, 8.5, line)
    y -= 8 * mm
    for words in paper.footer:
        text(left, 8.5, words)
    if paper.slip:
        y -= 10 * mm
        text(left, 13, paper.slip.title, BOLD)
        for item in paper.slip.fields:
            y -= 7 * mm
            text(left, 10.5, item.label)
            text(left + 31 * mm, 10.5, item.value, BOLD)
        for code in paper.slip.codes:
            y -= 16 * mm
            canvas.drawImage(ImageReader(io.BytesIO(code_png(code))), left, y, 70 * mm, 12 * mm)
            y -= 5 * mm
            text(left, 8.5, code.caption)
        y -= 6 * mm
        text(left, 9.5, paper.slip.note)


TYPST = """
#set page(paper: "a4", margin: (top: 16mm, right: 18mm, bottom: 15mm, left: 20mm))
#set text(font: ("Canbao Sans", "Canbao Sans GBK"), size: 10.5pt)
#let notices = json("notices.json")
#for (index, n) in notices.enumerate() {
  if index > 0 { pagebreak() }
  align(center)[#text(11pt, n.office) #linebreak() #text(20pt, weight: "bold", n.title)]
  grid(columns: (1fr, 1fr), ..n.numbers.map(t => text(weight: "bold", t)))
  if n.status != "" { align(center, text(weight: "bold", n.status)) }
  table(columns: (16.5%, 1fr, 16.5%, 1fr), ..n.fields.map(f =>
    (f.at(0), table.cell(colspan: f.at(2), text(weight: if f.at(3) { "bold" } else { "regular" }, f.at(1))))).flatten())
  for t in n.tables {
    text(weight: "bold", t.caption)
    table(columns: t.widths.map(w => w * 1%), ..t.head.map(h => strong(h)), ..t.rows.flatten())
  }
  grid(columns: (1fr, 40mm), n.paragraphs.map(p => p).join(linebreak()), {
    image(n.qr, width: 32mm)
    text(8.5pt, n.caption)
  })
  text(8.5pt, n.footer)
  if n.slip != none {
    line(length: 100%)
    align(center, text(13pt, weight: "bold", n.slip.title))
    table(columns: (16.5%, 1fr, 16.5%, 1fr), ..n.slip.fields.flatten())
    let bars = { image(n.slip.bars, width: 70mm, height: 12mm); text(8.5pt, n.slip.caption) }
    grid(columns: (76mm, 1fr), bars, n.slip.note)
  }
}
"""


def typst_pdf(papers: Sequence[Paper]) -> bytes:
    """The notices as a Typst document of their data; tags are not asked for."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = [_typst_data(paper, folder, index) for index, paper in enumerate(papers)]
        (folder / "notices.json").write_text(json.dumps(data, ensure_ascii=False))
        (folder / "main.typ").write_text(TYPST)
        return bytes(
            typst.compile(
                folder / "main.typ", root=folder, font_paths=[fonts.folder().resolve()], ignore_system_fonts=True
            )
        )


def _typst_data(paper: Paper, folder: Path, index: int) -> dict[str, object]:
    (folder / f"q{index}.png").write_bytes(code_png(paper.codes[0]))
    fields = [
        [item.label, item.value, 3 if len(row) == 1 else 1, item.strong]
        for row in pair_fields([*paper.parties, *paper.fields])
        for item in row
    ]
    slip = None
    if paper.slip:
        (folder / f"b{index}.png").write_bytes(code_png(paper.slip.codes[0]))
        slip = {
            "title": paper.slip.title,
            "fields": [[item.label, item.value] for item in paper.slip.fields],
            "bars": f"b{index}.png",
            "caption": paper.slip.codes[0].caption,
            "note": paper.slip.note,
        }
    return {
        "office": paper.office,
        "title": paper.title,
        "numbers": [f"{item.label} {item.value}" for item in paper.number_line],
        "status": paper.status,
        "fields": fields,
        "tables": [
            {"caption": table.caption, "widths": table.widths, "head": table.head, "rows": [*table.rows, table.foot]}
            for table in paper.tables
        ],
        "paragraphs": paper.paragraphs,
        "qr": f"q{index}.png",
        "caption": paper.codes[0].caption,
        "footer": " ".join(paper.footer),
        "slip": slip,
    }
