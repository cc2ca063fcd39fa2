"""What may be in the tree: our own text, locked dependencies, and no trace of one machine."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tracked() -> list[Path]:
    """Returns the files that are, or would be, committed."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """Returns the text of a file, or nothing when it is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_locked_package_has_a_hash_and_no_address(name: str) -> None:
    """Set-up: installation checks each file against the lock, wherever it comes from."""
    text = (ROOT / name).read_text()
    packages = re.findall(r"^([a-z0-9][\w.\-]*(?:\[[\w,\-]+\])?==\S+)", text, re.MULTILINE | re.IGNORECASE)
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE | re.IGNORECASE)[1:]
    assert len(packages) == len(blocks) > 50
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text


def test_the_lock_for_tests_pins_what_the_lock_for_running_pins() -> None:
    """Set-up: what is tested is what runs."""

    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([\w.\-]+==[^\s;]+)", (ROOT / name).read_text(), re.MULTILINE))

    assert pins("requirements.txt") <= pins("requirements-dev.txt")


def test_the_npm_lock_names_packages_and_no_addresses() -> None:
    """Set-up: the lock holds versions and digests only."""
    lock = json.loads((ROOT / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert all("resolved" not in entry and entry["integrity"] for entry in packages.values())
    assert (ROOT / ".npmrc").read_text().strip() == "omit-lockfile-registry-resolved=true"


def test_no_file_names_an_index_or_a_machine() -> None:
    """Set-up: no package index, mirror or folder of one machine is written down."""
    patterns = [
        re.compile(r"index[-_]url|find[-_]links|trusted[-_]host|registry\s*=|--registry"),
        re.compile(re.escape(f"{ROOT.parent}/") if len(ROOT.parents) > 1 else r"(?!)"),
    ]
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked()
        if path != Path(__file__)
        for pattern in patterns
        for match in pattern.finditer(text_of(path))
    ]
    assert found == []


def test_nothing_of_others_is_in_the_tree() -> None:
    """Set-up: third-party code, styles and fonts are installed, never committed."""
    names = [path.relative_to(ROOT).as_posix() for path in tracked()]
    foreign = re.compile(r"\.(woff2?|ttf|otf|ttc|eot)$|\.min\.(js|css)$|(^|/)(node_modules|vendor|third_party)/")
    assert [name for name in names if foreign.search(name)] == []
    built = [name for name in names if name.startswith(("static/build/", "var/")) or name.endswith((".mo", ".pyc"))]
    assert built == []


def test_no_file_is_huge() -> None:
    """The tree holds source; data that large belongs to set-up or to a fixture generator."""
    assert [path.name for path in tracked() if path.stat().st_size > 800_000] == []


def test_no_test_is_skipped() -> None:
    """A missing component fails the run, it never hides behind a skipped test."""
    pattern = re.compile(r"pytest\.skip|mark\.skip|mark\.xfail|import[o]rskip")
    found = [
        path.relative_to(ROOT).as_posix()
        for path in tracked()
        if path.suffix == ".py" and path != Path(__file__) and pattern.search(text_of(path))
    ]
    assert found == []
