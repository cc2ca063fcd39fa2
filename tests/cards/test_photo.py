"""The photo rule as a pure function: who gives a receipt, and which receipts count."""

import itertools
from datetime import date, timedelta

import pytest

from cards import photo
from cards.photo import Person, Receipt, ReceiptProblem

RULE = {"pattern": "^[0-9A-Z]{11}$", "valid_days": 180, "accepted": True}
TODAY = date(2026, 11, 23)
NUMBER = "A2B4C6D8E10"
GOOD = Receipt(owner_index="me", taken_on=TODAY, used=False)


@pytest.mark.parametrize(("on_file", "local", "has_id_card", "given"), list(itertools.product([True, False], repeat=4)))
def test_the_receipt_is_needed_exactly_without_a_photo_on_file(on_file, local, has_id_card, given):
    """S4-04, S4-09, S4-10, N14, D3: the truth table of photo on file × local × has ID card × receipt given."""
    person = Person(photo_on_file=on_file, local=local, has_id_card=has_id_card)
    asked = photo.asked(person, RULE)
    number, found = (NUMBER, GOOD) if given else ("", None)
    problem = photo.judge_receipt(number, found, owner_index="me", rule=RULE, on=TODAY) if asked else None
    goes_on = problem is None
    assert asked == ("" if on_file else "receipt_number")
    assert goes_on == (on_file or given)


@pytest.mark.parametrize(
    ("on_file", "local", "has_id_card", "why"),
    [
        (True, True, True, "on_file"),
        (True, True, False, "on_file"),
        (True, False, True, "on_file"),
        (True, False, False, "on_file"),
        (False, True, True, "no_photo"),
        (False, True, False, "no_id_card"),
        (False, False, True, "not_local"),
        (False, False, False, "not_local"),
    ],
)
def test_the_reason_beside_the_field_names_the_case(on_file, local, has_id_card, why):
    """S4-04: not registered here, no identity card, or simply no photo."""
    assert photo.why_receipt(Person(on_file, local, has_id_card)) == why


def test_a_region_without_receipts_asks_for_an_upload():
    """N14 by region: where the photo library is not used, the photo itself is asked for."""
    assert photo.asked(Person(False, True, True), RULE | {"accepted": False}) == "photo"
    assert photo.asked(Person(True, True, True), RULE | {"accepted": False}) == ""


@pytest.mark.parametrize(
    ("number", "found", "problem"),
    [
        ("", None, ReceiptProblem.MISSING),
        ("A2B4C6D8E1", None, ReceiptProblem.FORMAT),
        ("A2B4C6D8E100", None, ReceiptProblem.FORMAT),
        ("A2B4C6D8E1é", None, ReceiptProblem.FORMAT),
        ("A2B4C6D8E1٣", None, ReceiptProblem.FORMAT),
        ("=2B4C6D8E10", None, ReceiptProblem.FORMAT),
        (NUMBER, None, ReceiptProblem.UNKNOWN),
        (NUMBER, Receipt("other", TODAY, False), ReceiptProblem.OTHER_PERSON),
        (NUMBER, Receipt("me", TODAY - timedelta(days=181), False), ReceiptProblem.EXPIRED),
        (NUMBER, Receipt("me", TODAY - timedelta(days=180), False), None),
        (NUMBER, Receipt("me", TODAY, True), ReceiptProblem.USED),
        (NUMBER, GOOD, None),
    ],
)
def test_a_receipt_counts_once_for_its_person_in_its_time(number, found, problem):
    """S4-09, D4: wrong format, unknown, somebody else's, too old, used; the last day still counts."""
    assert photo.judge_receipt(number, found, owner_index="me", rule=RULE, on=TODAY) == problem


@pytest.mark.parametrize("typed", ["a2b4c6d8e10", " A2B4 C6D8 E10 ", "A2B4-C6D8-E10", "Ａ２Ｂ４Ｃ６Ｄ８Ｅ１０"])
def test_typing_habits_do_not_matter(typed):
    """UX-R7: spaces, hyphens, small and full-width letters are understood."""
    assert photo.tidy_receipt(typed) == NUMBER
