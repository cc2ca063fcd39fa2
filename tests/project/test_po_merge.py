"""`tools/po_merge.py`: translations are added beside each other, never over each other."""

import importlib.util
import json
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_same_words_in_another_context_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """J1: 'Year' of a date and 'Year' of a column are two sentences with two translations."""
    specification = importlib.util.spec_from_file_location("canbao_po_merge", ROOT / "tools" / "po_merge.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "CATALOGUE", tmp_path / "django.po")
    for rows in ([{"msgctxt": "date part", "msgid": "Year", "msgstr": "年"}], {"Year": "年度"}, {"Year": "年份"}):
        source = tmp_path / "rows.json"
        source.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        assert module.merge(source) == 1
    found = {(entry.msgctxt, entry.msgid): entry.msgstr for entry in polib.pofile(str(tmp_path / "django.po"))}
    assert found == {("date part", "Year"): "年", (None, "Year"): "年份"}
