"""Every sentence of the portal exists in Chinese and says the same thing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "locale/zh_Hans/LC_MESSAGES/django.po"
SOURCES = ("portal", "payments", "enrollment", "cards", "templates")
PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?[sd]|(?<!\{)\{(\w*)\}(?!\})")


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> polib.POFile:
    """The sentences that the sources hold now, found by gettext."""
    folder = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.mo", "locale"))
    (folder / "locale").mkdir()
    words = [sys.executable, "-m", "django", "makemessages", "--locale=zh_Hans", "--extension=html,txt,py", "--no-wrap"]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(words, cwd=folder, env=environment, check=True, capture_output=True)
    return polib.pofile(str(folder / "locale/zh_Hans/LC_MESSAGES/django.po"))


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    """The Chinese translations."""
    return polib.pofile(str(CATALOGUE))


def test_every_sentence_has_a_translation(extracted: polib.POFile, catalogue: polib.POFile) -> None:
    """J1: a resident never meets an English sentence on a Chinese page."""
    known = {(entry.msgctxt or "", entry.msgid): entry for entry in catalogue if not entry.obsolete}
    missing = []
    for entry in extracted:
        found = known.get((entry.msgctxt or "", entry.msgid))
        texts = [] if found is None else [found.msgstr, *found.msgstr_plural.values()]
        if not any(texts) or (entry.msgid_plural and not (found.msgstr_plural.get(0) or found.msgstr)):
            missing.append(f"{entry.occurrences[0][0]}: {entry.msgid}")
    assert missing == []


def test_no_translation_is_a_guess(catalogue: polib.POFile) -> None:
    """J1: gettext's guesses are marked fuzzy and are not shown; none may stay."""
    assert [entry.msgid for entry in catalogue.fuzzy_entries()] == []


def test_translations_name_the_same_values(catalogue: polib.POFile) -> None:
    """J1: a value named in one language is named in the other, so no date and no amount is lost."""

    def names(text: str) -> set[str]:
        return {match[1] or match[2] or match[0] for match in PLACEHOLDER.finditer(text)}

    wrong = []
    for entry in catalogue:
        if entry.obsolete:
            continue
        source = names(entry.msgid_plural or entry.msgid)
        for text in [entry.msgstr, *entry.msgstr_plural.values()]:
            if text and names(text) != source:
                wrong.append(f"{entry.msgid} -> {text}")
    assert wrong == []


def test_the_catalogue_compiles_without_a_warning(tmp_path: Path) -> None:
    """J1: gettext's own check of formats."""
    words = ["msgfmt", "--check-format", "--output-file", str(tmp_path / "django.mo"), str(CATALOGUE)]
    result = subprocess.run(words, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
