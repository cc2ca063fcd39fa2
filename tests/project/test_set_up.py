"""`tools/setup.py`: plain words where something is missing, and nothing done twice."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The set-up program, pointed at an empty project."""
    specification = importlib.util.spec_from_file_location("canbao_setup", ROOT / "tools" / "setup.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    for name, value in {"ROOT": tmp_path, "VENV": tmp_path / ".venv", "PYTHON": tmp_path / ".venv/bin/python"}.items():
        monkeypatch.setattr(module, name, value)
    return module


@pytest.fixture
def commands(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collects what would be run."""
    collected: list[str] = []
    monkeypatch.setattr(setup, "run", lambda words, **_: collected.append(" ".join(str(word) for word in words)))
    return collected


def test_missing_libraries_are_installed_by_root(setup, commands, monkeypatch) -> None:
    """Set-up: with apt and root, only what is missing is installed."""
    answers = iter([False, True])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(setup.shutil, "which", lambda name: f"/usr/bin/{name}")
    setup.install_system_libraries(
        [("there", "what is there", lambda: True), ("absent", "what is not", lambda: next(answers))]
    )
    assert [command.split("apt-get ")[1] for command in commands] == [
        "update -qq",
        "install -y -qq --no-install-recommends absent",
    ]


@pytest.mark.parametrize("found", [None, "/usr/bin/apt-get"])
def test_without_rights_the_missing_libraries_are_named(setup, commands, monkeypatch, found) -> None:
    """Set-up: without apt, or without the right to use it, the message says what to install."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(setup.shutil, "which", lambda name: found if name == "apt-get" else None)
    with pytest.raises(setup.SetupFailed) as message:
        setup.install_system_libraries([("libpango-1.0-0", "Pango, which lays out papers", lambda: False)])
    assert "libpango-1.0-0: Pango, which lays out papers" in str(message.value)
    assert "sudo apt-get install libpango-1.0-0" in str(message.value)
    assert commands == []


def test_an_old_python_is_refused_in_words(setup, monkeypatch) -> None:
    """Set-up: Python 3.10 gets a sentence, not a traceback."""
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    with pytest.raises(setup.SetupFailed, match=r"Python 3\.11 or newer is needed"):
        setup.main("run")


def test_packages_are_installed_once_for_each_lock(setup, commands, tmp_path) -> None:
    """Set-up: a second run takes a moment; a changed lock is installed; the lock for tests covers running."""
    (tmp_path / ".venv").mkdir()
    (tmp_path / "requirements.txt").write_text("one")
    (tmp_path / "requirements-dev.txt").write_text("one two")
    for purpose in ("test", "test", "run"):
        setup.install_packages(purpose)
    assert len(commands) == 1
    assert "--require-hashes" in commands[0]
    (tmp_path / "requirements.txt").write_text("other")
    setup.install_packages("run")
    setup.install_packages("run")
    assert len(commands) == 2


def test_wrong_use_is_answered_with_the_usage() -> None:
    """Set-up: the program says what it can do."""
    result = subprocess.run([sys.executable, ROOT / "tools/setup.py", "all"], capture_output=True, text=True)
    assert result.returncode == 1
    assert "Usage: python3 tools/setup.py" in result.stderr
