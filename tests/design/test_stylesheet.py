"""The compiled style sheet, and what the pages load."""

import gzip
import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "static/build/portal.css"


@pytest.fixture(scope="module")
def sheet() -> str:
    return BUILT.read_text(encoding="utf-8")


def test_the_sheet_is_small(sheet: str) -> None:
    """UX-E3: at most 20 KB over the wire, script at most 8."""
    assert len(gzip.compress(sheet.encode())) <= 20_000
    assert len(gzip.compress((ROOT / "static/src/portal.js").read_bytes())) <= 8_000


def test_nothing_of_the_british_government_is_in_it(sheet: str) -> None:
    """UX §1: no crest, no GDS Transport, no crown, no file to fetch."""
    assert not re.search(r"crest|GDS Transport|crown|@font-face|url\(", sheet, re.IGNORECASE)
    assert "PingFang SC" in sheet
    assert "#1d4f91" in sheet


def test_our_sources_hold_no_copied_sheet() -> None:
    """UX §1: third-party style stays outside the repository; ours is written here."""
    for source in (ROOT / "static/src").glob("*.scss"):
        assert len(source.read_text(encoding="utf-8").splitlines()) < 700, source


def test_pages_load_two_files_and_hold_no_code(client: Client, db: None) -> None:
    """UX-E3, UX-E6: one sheet, one script, one picture of our own; no inline style, script or handler."""
    for address in (reverse("home"), reverse("help:index"), reverse("design:guide")):
        page = client.get(address).content.decode()
        assert len(re.findall(r"<link[^>]+stylesheet", page)) == 1
        assert re.findall(r"<script[^>]*>", page) == ['<script src="/static/src/portal.js" defer>']
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page)
        assert not re.search(r'(?:src|href)="https?:', page)
