"""The process that lays out pages: it dies, hangs, is replaced; what it made is kept, and nothing wrong is."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader

from portal.documents import fonts
from portal.documents.papers import layouts, retext
from portal.documents.papers.layouts import LayoutFailed, LayoutMaker
from portal.documents.papers.retext import TemplateCache, render_pdf_fast
from tests.documents.samples import card_fee_notice

ROOT = Path(__file__).resolve().parents[2]
PAGE = '<html lang="en"><title>A page</title><body><p>Words</p></body></html>'


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A process, a folder and a cache of the test's own; the fonts are those of the portal."""
    maker = LayoutMaker()
    kept = tmp_path / "layouts"
    monkeypatch.setattr(layouts, "maker", maker)
    monkeypatch.setattr(layouts, "folder", lambda: kept)
    monkeypatch.setattr(retext, "templates", TemplateCache())
    yield kept
    maker.close()


def test_process_that_was_killed_is_started_again() -> None:
    """Fast paper: kill -9 of the layout process costs no paper."""
    assert layouts.full_file(PAGE).startswith(b"%PDF")
    first = layouts.maker.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert layouts.full_file(PAGE).startswith(b"%PDF")
    assert layouts.maker.process_id not in (None, first)


def test_page_is_kept_for_all_workers_and_damage_is_laid_out_again(alone: Path) -> None:
    """Goal 4: a page is laid out once; a file that is damaged or of another style is not used."""
    render_pdf_fast(card_fee_notice())
    (path,) = alone.glob("*.layout")
    assert path.stat().st_mode & 0o777 == 0o600
    spent = layouts.maker.cpu_seconds
    retext.templates.clear()
    whole = render_pdf_fast(card_fee_notice())
    assert layouts.maker.cpu_seconds == spent
    path.write_bytes(path.read_bytes()[:-20])
    retext.templates.clear()
    assert len(render_pdf_fast(card_fee_notice())) == len(whole)
    assert layouts.maker.cpu_seconds > spent


def test_worker_itself_loads_no_weasyprint() -> None:
    """Goal 4: what lays out pages stays out of the workers' memory."""
    code = (
        "import django; django.setup(); import sys\n"
        "from portal.documents.papers import render_pdf\n"
        "from tests.documents.samples import card_fee_notice\n"
        "assert render_pdf(card_fee_notice()).startswith(b'%PDF')\n"
        "print([name for name in ('weasyprint', 'pydyf', 'fontTools', 'docx', 'xlsxwriter') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=120
    )
    assert found.stdout.strip() == "[]"


def test_layout_process_loads_what_pages_need_and_the_rest_when_it_is_called() -> None:
    """Goal 4: no cutting of fonts by other means and no network until something asks for them; then they are there."""
    code = (
        "import sys\n"
        "from portal.documents.papers import layout_child\n"
        "layout_child.travel_light()\n"
        "import weasyprint, weasyprint.pdf.fonts as fonts\n"
        "print([name for name in ('fontTools.subset', 'fontTools.varLib.instancer', 'fontTools.varLib')"
        " if getattr(sys.modules.get(name), '__file__', '')])\n"
        "options, instancer = fonts.subset.Options(), fonts.instantiateVariableFont\n"
        "print(options.drop_tables[:1], sys.modules['fontTools.subset'].__file__[-11:])\n"
        "try:\n    instancer(None, {})\nexcept TypeError:\n    pass\n"
        "print(bool(sys.modules['fontTools.varLib.instancer'].__file__))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=120
    )
    assert found.stdout.split("\n") == ["[]", "['JSTF'] __init__.py", "True", ""]


def test_page_that_cannot_be_laid_out_is_an_error_and_the_next_one_is_made() -> None:
    """REL-D1: a hostile page ends its own request alone."""
    with pytest.raises(LayoutFailed, match="KeyError"):
        layouts.maker.ask({"want": "file"})
    assert layouts.full_file(PAGE).startswith(b"%PDF")


def test_margins_are_in_the_structure() -> None:
    """PDF/UA-1: the page number, which WeasyPrint leaves out, is an element of the document."""
    assert fonts.is_built()
    root = PdfReader(io.BytesIO(render_pdf_fast(card_fee_notice()))).trailer["/Root"]["/StructTreeRoot"]
    (document,) = root["/K"]
    held = [kid.get_object() for kid in document.get_object()["/K"]]
    assert [kid["/S"] for kid in held] == ["/Part", "/NonStruct"]
    assert all(kid["/P"] == document.get_object() for kid in held)
