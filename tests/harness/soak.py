"""Long counts: `many(3, 100, "rounds")` is 3 in a normal run and 100 under `make soak`, which ends with their table.

Loaded for every test by `-p` in pyproject.toml. `CANBAO_SOAK` is the one setting that makes counts long.
"""

import inspect
import os
import re
from collections import defaultdict
from typing import Any

import pytest

SOAK = bool(os.environ.get("CANBAO_SOAK"))
SECONDS = 1800
ROW = re.compile(r"REL-[A-Z]+\d+|\b[A-Z]\d{1,2}\b")

_counts: dict[str, dict[str, int]] = defaultdict(dict)


def many(count: int, soak: int, what: str = "rounds") -> int:
    """The count of a normal run, or that of a long one; the module that asks names what is counted."""
    frame = inspect.currentframe()
    asking = frame.f_back if frame else None
    chosen = soak if SOAK else count
    if asking is not None:
        _counts[str(asking.f_globals["__name__"])][what] = chosen
    return chosen


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives long counts half an hour each, where a test names no time of its own."""
    for item in items if SOAK else []:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Attaches what the table says to the report, which travels from the processes of pytest-xdist."""
    report = yield
    if SOAK and report.when == "call":
        function = getattr(item, "function", None)
        counts = _counts.get(getattr(function, "__module__", ""), {})
        rows = " ".join(dict.fromkeys(ROW.findall(inspect.getdoc(function) or "")))
        said = ", ".join(f"{number} {what}" for what, number in counts.items())
        report.user_properties.append(("soak", f"{rows:24} {item.nodeid.removeprefix('tests/')}  [{said}]"))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints one line for each test: rows of the catalogue, test, counts of its module, result, seconds."""
    if not SOAK:
        return
    terminalreporter.section("soak: rows, test [counts], result, seconds")
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, line in getattr(report, "user_properties", []):
                if name == "soak":
                    terminalreporter.write_line(f"{line} {outcome} {report.duration:.0f} s")
