"""Log lines are one JSON object each and hold no personal number."""

import json
import logging

import pytest

from portal.logs import JsonFormatter, mask


def line(message: str, *arguments: object, error: BaseException | None = None) -> str:
    """Formats a record as the portal would log it."""
    trace = (type(error), error, None) if error else None
    record = logging.LogRecord("portal.test", logging.WARNING, __file__, 1, message, arguments, trace)
    return JsonFormatter().format(record)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("number 11010519491231002X refused", "number 1***X refused"),
        ("call 13800138000 now", "call 1***0 now"),
        ("old 110105491231002", "old 1***2"),
        ("at 2026-11-21 took 123456 ms", "at 2026-11-21 took 123456 ms"),
        ("id 0f8fad5b-d9cb-469f-a165-70867728950e", "id 0f8fad5b-d9cb-469f-a165-70867728950e"),
    ],
)
def test_identity_and_telephone_numbers_are_masked(text: str, masked: str) -> None:
    """ASVS 14.2.1: no identity number and no telephone number in a log."""
    assert mask(text) == masked


def test_a_line_break_cannot_forge_a_line() -> None:
    """REL §4.5: control signs are escaped."""
    text = line("name %s", 'a\n{"level": "error"}\x1b[31m')
    assert "\n" not in text
    assert "\x1b" not in text
    assert json.loads(text)["level"] == "warning"


def test_an_exception_is_masked_too() -> None:
    """REL §4.5: what a traceback quotes is no exception."""
    text = line("failed", error=ValueError("11010519491231002X"))
    assert "11010519491231002X" not in text
    assert "ValueError" in json.loads(text)["error"]
