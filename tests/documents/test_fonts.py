import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from fontTools.ttLib import TTFont

from portal.documents import checks, font_cutting, fonts
from portal.documents.papers import render_pdf
from tests.documents.samples import card_fee_notice


@pytest.fixture
def elsewhere(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """A data folder without fonts."""
    settings.VAR_DIR = tmp_path
    fonts._read_manifest.cache_clear()
    fonts._covered.cache_clear()
    yield tmp_path
    fonts._read_manifest.cache_clear()
    fonts._covered.cache_clear()


def test_start_up_says_plainly_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """PERFORMANCE §1.1: without libharfbuzz-subset every paper takes 44 times as long."""
    assert checks.check_font_cutter() == []

    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    (error,) = checks.check_font_cutter()
    assert error.is_serious()
    assert "libharfbuzz-subset0" in error.hint


def test_start_up_warns_without_chinese_fonts(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_fonts() == []
    monkeypatch.setattr(fonts, "SOURCES", {400: elsewhere / "none.ttc"})
    (warning,) = checks.check_fonts()
    assert "fonts-noto-cjk" in warning.hint
    with pytest.raises(CommandError, match="fonts-noto-cjk"):
        call_command("build_fonts")


def test_papers_are_made_with_the_packaged_font_until_the_cut_ones_are_there(elsewhere: Path) -> None:
    """Slower and larger, never broken."""
    assert not fonts.is_built()
    assert fonts.SOURCE_FAMILY in fonts.stack()
    assert fonts.COMMON.family not in fonts.stack()
    assert render_pdf(card_fee_notice("㛃𠮷")).startswith(b"%PDF")


def test_cut_fonts_are_truetype_dense_and_named() -> None:
    """PERFORMANCE §1.2."""
    found = list(fonts.faces())
    assert [(family, weight) for family, weight, _path in found] == [
        (cut.family, weight) for cut in fonts.CUTS for weight in cut.weights
    ]
    family, weight, path = found[0]
    with TTFont(path, lazy=True) as font:
        assert "glyf" in font
        assert font["name"].getDebugName(1) == family
        assert font["OS/2"].usWeightClass == weight
        assert len(font.getGlyphOrder()) < len(font.getBestCmap()) + 200
        assert {ord(char) for char in "参保登记缴费通知单¥（）·A1"} <= set(font.getBestCmap())


def test_families_do_not_overlap_and_cover_gbk() -> None:
    """GB2312 first, GBK behind it, rare characters last."""
    maps = []
    for cut in fonts.CUTS:
        with TTFont(fonts.folder() / f"{cut.stem}-400.ttf", lazy=True) as font:
            maps.append({code for code in font.getBestCmap() if code > 0x3000})
    common, gbk, rare = maps
    assert not common & gbk
    assert not (common | gbk) & rare
    assert {ord("镕"), ord("㙍")} <= common | gbk | rare
    assert ord("镕") in gbk
    assert ord("𠮷") in rare


def test_fonts_are_made_once() -> None:
    assert fonts.build() is False


def test_ranges_keep_every_code() -> None:
    codes = {1, 2, 3, 7, 9, 10}
    assert font_cutting.ranges(codes) == [[1, 3], [7, 7], [9, 10]]


def test_uncovered_ignores_what_leaves_no_ink() -> None:
    assert fonts.uncovered("张\n\t\u200b 三\u3000") == []
    assert fonts.uncovered("\ue000张\ue000\ue001") == ["\ue000", "\ue001"]
