"""Papers re-texted into a page laid out once: the pictures, texts and codes of the full layout, and nothing else."""

import io
import logging
import random
import re
import subprocess
import tomllib
import zlib
from pathlib import Path
from typing import Any

import pytest
import segno.encoder
import weasyprint
from PIL import Image, ImageChops
from pypdf import PdfReader

from payments.states import State
from portal.documents import fonts
from portal.documents.papers import (
    Paper,
    PaperField,
    UncoveredCharacters,
    pdf,
    render_pdf,
    render_pdf_fast,
    retext,
    squares,
    template,
)
from portal.documents.papers.codes import code_bitmap
from portal.documents.papers.layouts import Layout
from portal.documents.papers.print_file import PrintPart, assemble
from portal.documents.papers.retext import TemplateCache
from portal.documents.papers.shape import marked, shape_of
from portal.documents.papers.slots import Overflow
from portal.documents.papers.structure import PaperCode
from portal.documents.papers.template import Template
from tests.documents.code_reading import read_bars, read_squares
from tests.documents.samples import card_fee_notice, receipt
from tests.payments.unsaved import many_papers, unsaved_paper

DPI = 150
ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 16
"""Grey levels of 256."""

LINE_CASES = [{"lines": lines, "language": "en" if lines % 3 == 0 else "zh-hans", "odd": 0.1} for lines in range(1, 9)]
OTHER_CASES = [
    {"language": "en"},
    {"kind": "nontax"},
    {"kind": "nontax", "language": "en"},
    {"kind": "nontax", "state": State.PAID},
    {"state": State.PAID, "lines": 2},
    {"state": State.REFUNDED, "language": "en"},
    {"state": State.EXPIRED},
    {"name": "韦㛃·䶮"},
]


@pytest.fixture(scope="module", autouse=True)
def cut_fonts() -> None:
    assert fonts.is_built(), "run manage.py build_fonts"


@pytest.fixture(autouse=True)
def fresh_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own, shared by nothing."""
    monkeypatch.setattr(retext, "templates", TemplateCache())


@pytest.fixture(autouse=True)
def still_clock(time_machine) -> None:
    """Papers say when they were printed."""
    time_machine.move_to("2026-11-23T04:00:00Z", tick=False)


def pictures(content: bytes, folder: Path, name: str, *, dpi: int = DPI, page: int = 0) -> list[Image.Image]:
    """The pages as a viewer draws them, or one of them."""
    file = folder / f"{name}.pdf"
    file.write_bytes(content)
    pages = ["-f", str(page), "-l", str(page)] if page else []
    subprocess.run(["pdftoppm", "-r", str(dpi), "-gray", *pages, file, folder / name], check=True)
    found = []
    for path in sorted(folder.glob(f"{name}-*.pgm")):
        with Image.open(path) as picture:
            found.append(picture.copy())
    return found


def without_codes(picture: Image.Image) -> Image.Image:
    """The page with white where a notice has its codes, whose pixels are of another size in a print file."""
    for left, top, right, bottom in ((0.72, 0.3, 1, 0.67), (0.1, 0.72, 0.47, 0.92)):
        box = (left * picture.width, top * picture.height, right * picture.width, bottom * picture.height)
        picture.paste(255, tuple(map(int, box)))
    return picture


def text_of(content: bytes, folder: Path) -> str:
    file = folder / "text.pdf"
    file.write_bytes(content)
    return subprocess.run(["pdftotext", "-raw", file, "-"], capture_output=True, check=True).stdout.decode()


def assert_same_pictures(first: list[Image.Image], second: list[Image.Image]) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        difference = ImageChops.difference(one, other).histogram()
        assert sum(difference[TOLERANCE + 1 :]) == 0


def plain_bytes(content: bytes) -> bytes:
    """Everything a file holds, with its streams unpacked and its texts decoded."""
    found = [content]
    for match in re.finditer(rb"stream\r?\n(.*?)\nendstream", content, re.DOTALL):
        try:
            found.append(zlib.decompress(match.group(1)))
        except zlib.error:
            continue
    whole = b"\n".join(found)
    texts = [bytes.fromhex(text.decode()) for text in re.findall(rb"<feff([0-9a-f]+)>", whole)]
    return whole + b"\n".join(text.decode("utf-16-be").encode() for text in texts)


@pytest.mark.parametrize("case", [*LINE_CASES, *OTHER_CASES], ids=str)
def test_retexted_paper_is_the_full_layout(case: dict, tmp_path: Path) -> None:
    """Fast paper: pixels at 150 dpi, texts, codes and words of the structure are those of the full layout."""
    rng = random.Random(repr(case))
    stranger = unsaved_paper(rng, **{**case, "odd": 0})
    for _attempt in range(20):
        paper = unsaved_paper(rng, **case)
        if shape_of(paper).key == shape_of(stranger).key:
            break
    laid_out = Template(stranger)
    try:
        content = laid_out.fill(shape_of(paper))
    except Overflow:
        paper = stranger
        content = laid_out.fill(shape_of(paper))
    full = render_pdf(paper)
    drawn = pictures(content, tmp_path, "fast")
    assert_same_pictures(drawn, pictures(full, tmp_path, "full"))
    assert text_of(content, tmp_path) == text_of(full, tmp_path)
    subprocess.run(["qpdf", "--check", tmp_path / "fast.pdf"], check=True, capture_output=True)
    codes = [*paper.codes, *(paper.slip.codes if paper.slip else [])]
    whole = drawn[0] if len(drawn) == 1 else _stacked(drawn)
    assert read_squares(whole) == codes[0].payload
    if len(codes) > 1:
        assert read_bars(whole) == codes[1].payload
    one, other = PdfReader(io.BytesIO(content)), PdfReader(io.BytesIO(full))
    assert one.metadata.title == other.metadata.title
    assert one.metadata.author == other.metadata.author
    assert one.trailer["/Root"]["/Lang"] == other.trailer["/Root"]["/Lang"]
    assert one.trailer["/Root"]["/Metadata"].get_data() == other.trailer["/Root"]["/Metadata"].get_data()
    assert structure(one.trailer["/Root"]["/StructTreeRoot"]["/K"]) == structure(
        other.trailer["/Root"]["/StructTreeRoot"]["/K"]
    )


def _stacked(drawn: list[Image.Image]) -> Image.Image:
    whole = Image.new("L", (drawn[0].width, sum(picture.height for picture in drawn)), 255)
    for index, picture in enumerate(drawn):
        whole.paste(picture, (0, index * picture.height))
    return whole


def structure(node: object) -> object:
    """The structure tree: tags, marks and alternative words."""
    node = node.get_object() if hasattr(node, "get_object") else node
    if isinstance(node, list):
        return [structure(child) for child in node]
    if isinstance(node, dict):
        return (node.get("/S"), node.get("/Alt"), structure(node.get("/K", [])))
    return node


def test_file_holds_nothing_of_the_template_or_of_another_person(tmp_path: Path) -> None:
    """D-privacy: one page for all, and no trace in a file of the marks or of who else was in the batch."""
    papers = list(many_papers(25, seed=7))
    marks = shape_of(marked(papers[0], (f"{number:03d}" for number in range(1, 400)))).texts
    files = [plain_bytes(render_pdf_fast(paper)) for paper in papers]
    assert len(retext.templates) <= 3
    for index, content in enumerate(files):
        own = "\n".join([*shape_of(papers[index]).texts, *(code.payload for code in shape_of(papers[index]).codes)])
        for mark in marks:
            assert mark.encode() not in content
        for stranger in papers[:index] + papers[index + 1 :]:
            for text in (stranger.number, stranger.slip.codes[0].payload, stranger.parties[0].value):
                assert text in own or text.encode() not in content


def test_fonts_of_a_file_have_only_the_letters_of_its_own_texts() -> None:
    """The subset of a name tells the name's letters; nobody else's are in the file."""
    first, second = many_papers(2, seed=11)
    render_pdf_fast(first)
    reader = PdfReader(io.BytesIO(render_pdf_fast(second)))
    known = set()
    for font in reader.pages[0]["/Resources"]["/Font"].values():
        rows = re.findall(r"<[0-9a-f]{4}> <([0-9a-f]+)>", font["/ToUnicode"].get_data().decode())
        known |= {bytes.fromhex(row).decode("utf-16-be") for row in rows}
    page = set("".join(shape_of(second).texts)) | set(reader.pages[0].extract_text()) | set(".*-¥年月日人民币佰元整")
    assert known - page <= set("0123456789 \uffff")


@pytest.mark.parametrize(
    "name",
    [
        "阿卜杜拉·买买提江·吐尔逊·艾合买提·库尔班江·阿布都热合曼·买买提明·艾力·尼亚孜",
        "张 三",
        "张  三",
        "é́tienne",
        "م",
        "张☃",
        "𠮷野家",
    ],
)
def test_names_that_do_not_fit_are_laid_out_in_full(name: str, tmp_path: Path) -> None:
    """S4-16, D8: long names, odd spaces, combining, right-to-left and emoji characters; the paper is right anyway."""
    paper = unsaved_paper(random.Random(3), name=name)
    try:
        full = render_pdf(paper)
    except UncoveredCharacters:
        with pytest.raises(UncoveredCharacters):
            render_pdf_fast(paper)
        return
    fast = render_pdf_fast(paper)
    assert_same_pictures(pictures(fast, tmp_path, "fast"), pictures(full, tmp_path, "full"))
    assert text_of(fast, tmp_path) == text_of(full, tmp_path)


def test_bold_rare_character_and_many_rows_are_laid_out_in_full() -> None:
    """PERFORMANCE §9.1: the full layout is the way out."""
    rare = Paper(kind="test", title="测试", number="1", fields=[PaperField("姓名", "𪟝", strong=True)])
    with pytest.raises(Overflow):
        Template(rare).fill(shape_of(rare))
    assert render_pdf_fast(rare)[:5] == b"%PDF-"
    assert not retext.can_be_retexted(card_fee_notice(rows=9))
    assert len(PdfReader(io.BytesIO(render_pdf_fast(card_fee_notice(rows=45)))).pages) > 1


def test_weasyprint_is_the_version_this_was_proved_with() -> None:
    """The portal reads WeasyPrint's own bytes, so the version is pinned and a change is looked at."""
    pinned = [
        name for name in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        if name.startswith("weasyprint")
    ]  # fmt: skip
    assert pinned == [f"weasyprint=={weasyprint.__version__}"]
    for paper in (card_fee_notice(), receipt(), next(iter(many_papers(1)))):
        Template(paper)


@pytest.mark.parametrize("change", ["content", "boxes", "fonts", "marks", "objects"])
def test_changed_weasyprint_slows_papers_and_stops_none(
    change: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The portal falls back to the full layout by itself and says so in its log."""
    real = pdf.lay_out

    def otherwise(paper: Paper, **options: bool) -> Layout:
        layout = real(paper, **options)
        page = layout.pages[0]
        items = layout.objects[page.content].items
        assert items
        if change == "content":
            items[:] = [b"1 0 0 1 5 5 Tm" if item.endswith(b"Tm") else item for item in items]
        elif change == "boxes":
            page.lines.clear()
        elif change == "fonts":
            for font in layout.fonts:
                font[4] = dict.fromkeys(font[4], 400)
        elif change == "marks":
            items[:] = [item.replace(b"/MCID", b"/Number") for item in items]
        else:
            layout.metadata = layout.catalog
        return layout

    monkeypatch.setattr(template, "lay_out", otherwise)
    paper = card_fee_notice()
    with caplog.at_level(logging.WARNING):
        content = render_pdf_fast(paper)
        again = render_pdf_fast(paper)
    assert PdfReader(io.BytesIO(content)).metadata.title == "非税收入缴款通知书 4420 0026 0000 0017 8"
    assert len(content) == len(again)
    assert [record.message.split()[0] for record in caplog.records] == ["retext_refused"]


def test_templates_are_kept_while_they_are_used_and_no_more_than_that() -> None:
    """Goal 4: the memory of a worker does not grow with the kinds of paper it makes."""
    cache = TemplateCache(size=2)
    papers = [Paper(kind="test", title=title, number="7") for title in ("甲", "乙", "丙")]
    first = cache.template_for(papers[0], shape_of(papers[0]))
    assert cache.template_for(papers[0], shape_of(papers[0])) is first
    for paper in papers[1:]:
        cache.template_for(paper, shape_of(paper))
    assert len(cache) == 2
    assert cache.template_for(papers[0], shape_of(papers[0])) is not first


def test_print_file_shows_each_paper_as_the_full_layout(tmp_path: Path) -> None:
    """Print runs: pages that share all they can look the same, in two parts, with one paper that needs the layout."""
    rng = random.Random(5)
    papers = [unsaved_paper(rng, lines=lines) for lines in (1, 1, 2)]
    papers += [unsaved_paper(rng, name="阿卜杜拉·买买提江·吐尔逊·艾合买提·库尔班江"), unsaved_paper(rng, kind="nontax")]
    first = PrintPart()
    for paper in papers[:3]:
        first.add(paper, "甲山村" if paper is papers[0] else "")
    closed = first.close()
    closed.write(tmp_path / "part")
    second = PrintPart(first=closed.next_number)
    for paper in papers[3:]:
        second.add(paper, "乙水村" if paper is papers[3] else "")
    out = io.BytesIO()
    again = type(closed).read(tmp_path / "part")
    assert assemble([again, second.close()], out, title="打印", language="zh-Hans") == len(papers)
    drawn = [without_codes(picture) for picture in pictures(out.getvalue(), tmp_path, "run")]
    assert text_of(out.getvalue(), tmp_path).count("缴费通知单") == 5
    subprocess.run(["qpdf", "--check", tmp_path / "run.pdf"], check=True, capture_output=True)
    for index, paper in enumerate(papers):
        (full,) = pictures(render_pdf(paper), tmp_path, f"full{index}")
        assert_same_pictures([drawn[index]], [without_codes(full)])
    (sheet,) = pictures(out.getvalue(), tmp_path, "sheet", dpi=300, page=1)
    assert read_squares(sheet) == papers[0].codes[0].payload
    assert read_bars(sheet) == papers[0].slip.codes[0].payload
    reader = PdfReader(io.BytesIO(out.getvalue()))
    assert [(mark.title, reader.get_destination_page_number(mark)) for mark in reader.outline] == [
        ("甲山村", 0),
        ("乙水村", 3),
    ]
    assert_tagged(reader, [paper.number for paper in papers])
    with pytest.raises(ValueError, match="do not follow"):
        assemble([closed, closed], io.BytesIO(), title="", language="en")


def assert_tagged(reader: PdfReader, numbers: list[str]) -> None:
    """PDF/UA-1: title, language and identifier; every mark of every page belongs to one element that is in the
    tree, in the order in which a paper is read.
    """
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "zh-Hans"
    assert b"<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_data()
    owners = {}
    for kid in root["/StructTreeRoot"]["/ParentTree"]["/Kids"]:
        rows = kid.get_object()["/Nums"]
        assert kid.get_object()["/Limits"] == [rows[0], rows[-2]]
        owners |= dict(zip(rows[::2], rows[1::2], strict=True))
    reached = {}

    def walk(node: Any, above: Any) -> None:
        element = node.get_object()
        assert element["/P"] == above
        if element["/S"] == "/Figure":
            assert element["/Alt"]
        held = element.get("/K", [])
        for kid in held if isinstance(held, list) else [held]:
            if isinstance(kid, int):
                reached[element["/Pg"].raw_get("/StructParents"), kid] = element
            else:
                walk(kid, element)

    walk(root["/StructTreeRoot"]["/K"], root["/StructTreeRoot"])
    for page in reader.pages:
        key = page["/StructParents"]
        marks = {int(mark) for mark in re.findall(rb"/MCID (\d+)", page.get_contents().get_data())}
        assert marks == {mark for known, mark in reached if known == key}
        for mark in marks:
            assert owners[key][mark].get_object() is reached[key, mark]
    sections = [section for part in root["/StructTreeRoot"]["/K"]["/K"] for section in listed(part)]
    assert [section.get_object()["/S"] for section in sections] == ["/Sect"] * len(numbers)
    kinds = [[kid.get_object()["/S"] for kid in section.get_object()["/K"]] for section in sections]
    assert all("/H1" in found[:2] and {"/P", "/Figure", "/Table", "/H2"} <= set(found) for found in kinds)


def listed(element: Any) -> list[Any]:
    """What an element holds, as a list."""
    held = element.get_object()["/K"]
    return held if isinstance(held, list) else [held]


def test_codes_made_in_bulk_are_those_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """ISO/IEC 18004: every version up to 20 like segno's, but for its zero byte where the bits already end a byte."""
    pad = segno.encoder.write_padding_bits
    monkeypatch.setattr(
        segno.encoder, "write_padding_bits", lambda buff, version, length: length % 8 and pad(buff, version, length)
    )
    from portal.documents.papers.codes import _by_segno

    rng = random.Random(2)
    for length in (1, 5, 14, 25, 26, 42, 61, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504, 560, 624):
        payload = "a" + "".join(chr(rng.randrange(32, 127)) for _index in range(length))
        assert squares.hex_rows(payload) == _by_segno(payload)
    assert squares.hex_rows("12345") is None
    assert squares.hex_rows("HTTP://A") is None
    assert squares.hex_rows("张") is None
    assert squares.hex_rows("a" * 700) is None


@pytest.mark.parametrize("payload", ["http://localhost:8000/papers/A-B/?a=1", "12345", "张三", "a" * 700])
def test_code_of_any_payload_is_a_picture(payload: str) -> None:
    bitmap = code_bitmap(PaperCode("qr", payload))
    assert len(bitmap.rows) == bitmap.height * -(-bitmap.width // 8)
    if payload.isascii() and not payload.isdigit():
        picture = Image.frombytes("1", (bitmap.width, bitmap.height), bitmap.rows).convert("L")
        assert read_squares(picture) == payload
