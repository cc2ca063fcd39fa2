import io
import re
import subprocess
from collections import Counter
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.test import RequestFactory
from docx import Document
from docx.oxml.ns import qn
from pypdf import PdfReader

from portal.documents import fonts
from portal.documents.papers import (
    Paper,
    PaperField,
    PaperTable,
    PaperTooLong,
    UncoveredCharacters,
    paper_fields,
    paper_response,
    paper_texts,
    render_docx,
    render_html,
    render_pdf,
)
from tests.documents.samples import card_fee_notice, receipt

RARE = "㛃䶮𠮷𪟝𫖯𬱟𬍛𣲗𤩽𥔲𬀩𬸣𰻝龦鿍"
NAME_25 = "阿卜杜拉·买买提江·吐尔逊·艾合买提·库尔班江·阿布都"
NAME_50 = (NAME_25 + "热合曼·买买提明·艾力·" + RARE + "·尼亚孜")[:50]
PAPERS = {
    "notice": card_fee_notice(),
    "receipt": receipt(),
    "rare": card_fee_notice("㛃" + RARE),
    "25": card_fee_notice(NAME_25[:25]),
    "50": card_fee_notice(NAME_50),
    "long": card_fee_notice(rows=45),
}


class SheetTexts(HTMLParser):
    """Collects the texts of the sheet of a web print page."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = 0
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside += tag == "main"

    def handle_endtag(self, tag: str) -> None:
        self.inside -= tag == "main"

    def handle_data(self, data: str) -> None:
        if self.inside and data.strip():
            self.texts.append(data)


def plain(text: str) -> str:
    """A text without spaces and without the colon a label may get."""
    return re.sub(r"\s+", "", text).rstrip("：:")


def html_texts(page: str) -> set[str]:
    parser = SheetTexts()
    parser.feed(page)
    return {plain(text) for text in parser.texts}


def docx_texts(content: bytes) -> set[str]:
    document = Document(io.BytesIO(content))
    runs = document.element.body.iter(qn("w:r"))
    return {plain(text) for run in runs if (text := "".join(node.text or "" for node in run.iter(qn("w:t"))).strip())}


def pdf_text(content: bytes) -> str:
    return "".join(plain(page.extract_text()) for page in PdfReader(io.BytesIO(content)).pages)


def pdf_characters(content: bytes) -> Counter[str]:
    """The characters of a PDF but for its page numbers."""
    count = len(PdfReader(io.BytesIO(content)).pages)
    return Counter(pdf_text(content)) - Counter("".join(f"{number}/{count}" for number in range(1, count + 1)))


def wanted_texts(paper: Paper) -> set[str]:
    return {plain(text) for text in paper_texts(paper)}


def wanted_characters(paper: Paper) -> Counter[str]:
    """The characters on the paper, with the colons of number and date."""
    colon = "：" if paper.language.startswith("zh") else ":"
    return Counter(re.sub(r"\s+", "", "".join(paper_texts(paper)) + colon * len(paper.number_line)))


@pytest.mark.parametrize("name", PAPERS)
def test_web_print_word_and_pdf_carry_the_same_fields(name: str) -> None:
    """N5, D6, D7, D8."""
    paper = PAPERS[name]
    wanted = wanted_texts(paper)
    assert html_texts(render_html(paper)) ^ wanted == set()
    assert docx_texts(render_docx(paper)) ^ wanted == set()
    content, repeated = render_pdf(paper), Counter()
    for table in paper.tables:
        # The head of a table comes again on every page that the table goes on to.
        head = re.sub(r"\s+", "", "".join(table.head))
        times = pdf_text(content).count(re.sub(r"\s+", "", table.head[1]))
        repeated += Counter(head * (times - 1))
        # So does the paper's number, at the foot of each.
        repeated += Counter(plain(paper.number) * (times if len(table.rows) > 8 else 0))
    assert pdf_characters(content) - repeated == wanted_characters(paper)


@pytest.mark.parametrize("name", ["rare", "50"])
def test_rare_and_long_names_can_be_copied_from_the_pdf(name: str, tmp_path: Path) -> None:
    """D8, S4-16: no empty box, and poppler reads what was written."""
    paper = PAPERS[name]
    file = tmp_path / "paper.pdf"
    file.write_bytes(render_pdf(paper))
    text = subprocess.run(["pdftotext", "-raw", file, "-"], capture_output=True, check=True).stdout.decode()
    squeezed = re.sub(r"\s+", "", text)
    for label, value in paper_fields(paper):
        assert plain(label) in squeezed
        assert re.sub(r"\s+", "", value) in squeezed


def test_every_label_and_value_is_in_all_three_forms() -> None:
    """N5."""
    paper = card_fee_notice()
    pairs = paper_fields(paper)
    assert ("金额（大写）", "人民币贰拾元整") in pairs
    assert ("收入项目名称", "社会保障卡工本费") in pairs
    for texts in (html_texts(render_html(paper)), docx_texts(render_docx(paper))):
        assert {plain(part) for pair in pairs for part in pair if part} <= texts


def test_pdf_is_tagged_titled_and_embeds_its_fonts() -> None:
    """J2."""
    reader = PdfReader(io.BytesIO(render_pdf(card_fee_notice())))
    catalogue = reader.trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"].value is True
    assert catalogue["/Lang"] == "zh-Hans"
    assert catalogue["/ViewerPreferences"]["/DisplayDocTitle"].value is True
    assert b"pdfuaid:part" in catalogue["/Metadata"].get_data()
    assert reader.metadata.title == "非税收入缴款通知书 4420 0026 0000 0017 8"
    for font in reader.pages[0]["/Resources"]["/Font"].values():
        descriptor = font.get_object()["/DescendantFonts"][0]["/FontDescriptor"]
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_codes_have_words_for_those_who_do_not_see_them() -> None:
    """J2."""
    reader = PdfReader(io.BytesIO(render_pdf(card_fee_notice())))
    found = []

    def walk(node: dict) -> None:
        node = node.get_object()
        if isinstance(node, list):
            for child in node:
                walk(child)
        elif isinstance(node, dict):
            if "/Alt" in node:
                found.append(str(node["/Alt"]))
            if "/K" in node:
                walk(node["/K"])

    walk(reader.trailer["/Root"]["/StructTreeRoot"])
    assert any(text.startswith("条形码：44200026112100000017") for text in found)
    assert any(text.startswith("二维码：http") for text in found)


def test_pdf_is_small_and_quickly_made_again() -> None:
    """A single notice stays under 60 KiB with the cut fonts."""
    assert fonts.is_built(), "run manage.py build_fonts"
    assert len(render_pdf(card_fee_notice())) < 60 * 1024


def test_values_cannot_read_files_or_call_addresses(tmp_path: Path) -> None:
    """REL-D1: markup in a value is text, and the fetcher answers nothing but data and fonts."""
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP-SECRET-LINE")
    hostile = f'<link rel=attachment href="file://{secret}"><img src="file://{secret}"><style>@import url(http://127.0.0.1:1/)</style>'
    content = render_pdf(Paper(kind="test", title="测试", fields=[PaperField("地址", hostile, wide=True)]))
    assert b"TOP-SECRET-LINE" not in content
    assert "<link rel=attachment" in PdfReader(io.BytesIO(content)).pages[0].extract_text().replace("\n", "")
    assert "/Names" not in PdfReader(io.BytesIO(content)).trailer["/Root"]
    assert "&lt;link" in render_html(Paper(kind="test", title="测试", fields=[PaperField("地址", hostile)]))


def test_fetcher_serves_data_and_packaged_fonts_only() -> None:
    """REL-D1."""
    from portal.documents.papers.layout_child import make_fetcher

    fetcher = make_fetcher(fonts.folder(), tuple(path.name for _family, _weight, path in fonts.faces()))
    for address in (
        "file:///etc/passwd",
        "http://127.0.0.1:1/",
        "canbao-font:../secrets.ttf",
        "canbao-font:/etc/passwd",
    ):
        with pytest.raises(ValueError, match=r"disallowed|not a packaged font"):
            fetcher.fetch(address)


@pytest.mark.parametrize(
    "paper",
    [
        Paper(kind="test", title="测试", paragraphs=["长" * 1_000_000]),
        Paper(kind="test", title="测试", paragraphs=["长" * 500] * 500),
        Paper(kind="test", title="测试", tables=[PaperTable(["甲"], [["1"]] * 3000)]),
    ],
    ids=["word", "text", "table"],
)
def test_papers_that_would_hold_a_worker_are_refused(paper: Paper) -> None:
    """REL-D1."""
    for render in (render_pdf, render_docx, render_html):
        with pytest.raises(PaperTooLong):
            render(paper)


def test_characters_without_a_font_are_named_and_not_printed_as_boxes() -> None:
    """D8, DOMAIN §12: such a paper goes to manual printing."""
    unknown = "\U0003134a\ue000"
    with pytest.raises(UncoveredCharacters) as caught:
        render_pdf(card_fee_notice("张" + unknown))
    assert caught.value.characters == list(unknown)
    assert "U+E000" in str(caught.value)


def test_pdf_that_cannot_be_made_is_a_page_that_says_so(rf: RequestFactory) -> None:
    """DOMAIN §12: the web print and the Word file still work."""
    paper = card_fee_notice("张\ue000")
    response = paper_response(rf.get("/"), paper, "pdf", "x")
    assert response.status_code == 422
    assert "\ue000" in response.content.decode()
    assert paper_response(rf.get("/"), paper, "html", "x").status_code == 200
    assert paper_response(rf.get("/"), paper, "docx", "x").status_code == 200


def test_rare_character_is_printed_with_ink() -> None:
    """D8: each test character has a glyph of its own, not the empty box."""
    assert fonts.uncovered(RARE) == []


def test_paper_in_english_has_english_labels_and_dates() -> None:
    page = render_html(receipt())
    assert '<html lang="en">' in page
    assert "21 November 2026" in page
    assert "编号" not in page


def test_answers_carry_name_type_and_no_store(rf: RequestFactory) -> None:
    """RELIABILITY §4.7, J5."""
    request = rf.get("/")
    for fmt, kind, disposition in (
        ("html", "text/html", None),
        ("pdf", "application/pdf", "inline"),
        ("docx", "application/vnd.openxmlformats", "attachment"),
    ):
        response = paper_response(request, card_fee_notice(), fmt, "缴款通知书\r\nX: y")
        assert response["Content-Type"].startswith(kind)
        assert response["Cache-Control"] == "no-store"
        if disposition:
            assert response["Content-Disposition"].startswith(disposition)
            assert "\n" not in response["Content-Disposition"]
    with pytest.raises(KeyError):
        paper_response(request, card_fee_notice(), "exe", "x")


def test_word_file_is_a4_with_chinese_fonts_and_a_repeated_head() -> None:
    """D6, D8."""
    document = Document(io.BytesIO(render_docx(card_fee_notice(rows=45))))
    section = document.sections[0]
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    assert document.styles["Normal"].element.rPr.rFonts.get(qn("w:eastAsia")) == "宋体"
    assert document.core_properties.title.startswith("非税收入缴款通知书")
    heads = [row for table in document.tables for row in table._tbl.iter(qn("w:tblHeader"))]
    assert len(heads) == 1
    assert len(document.inline_shapes) == 2


def test_web_print_has_no_script_style_or_foreign_address() -> None:
    """J1, S11: the strict content policy holds on the print page."""
    page = render_html(card_fee_notice())
    assert "<script" not in page
    assert "style=" not in page
    assert re.findall(r'(?:src|href)="(?!data:|/static/)', page) == []


def test_number_line_without_number_or_date_is_left_out() -> None:
    paper = Paper(kind="test", title="空白登记表")
    assert paper.number_line == []
    assert paper_texts(paper) == ["空白登记表"]
    assert render_pdf(paper).startswith(b"%PDF")
    assert Paper(kind="test", title="t", issued_on=date(2026, 1, 2)).number_line[0].value == "2026年1月2日"
