"""Runs the benchmarks one after the other, each in a process of its own: python tools/bench.py [name ...]"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(names: list[str]) -> int:
    """Runs the named benchmarks, or all; returns the number that failed."""
    scripts = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if not path.name.startswith("_"))
    failed = 0
    for script in scripts:
        if names and script.stem not in names:
            continue
        print(f"\n== {script.stem}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"benchmarks.{script.stem}"], cwd=ROOT).returncode != 0
    return failed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
