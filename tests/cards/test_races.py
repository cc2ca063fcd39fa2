"""Two at the same moment: one receipt, one first card, one decision; each race with its naive twin."""

import time
from functools import partial

import pytest
from django.db import IntegrityError, connection, transaction

from cards import services
from cards.models import Card, CardApplication, HandOver, ReceiptClaim
from enrollment.models import Cover
from portal.regions import calendar
from portal.workflow.errors import Refused
from tests import regions_kept
from tests.cards import journeys
from tests.harness.soak import many
from tests.payments.racing import at_once
from tests.people_cast import actor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases, pytest.mark.processes]
ROUNDS = many(3, 100)


@pytest.fixture
def regions():
    """The regions, in a database that keeps what is committed."""
    regions_kept.load()


def send(pk, who):
    application = CardApplication.objects.get(pk=pk)
    try:
        services.submit(application=application, actor=who, token=application.submit_token, version=application.version)
    except services.ReceiptRefused as refused:
        return str(refused.problem)
    except services.NotEntitled as refused:
        return refused.reasons[0]
    except Refused as refused:
        return type(refused).__name__
    return "sent"


def two_drafts(person, **options):
    """Two drafts of one person, begun in two towns."""
    towns = [journeys.TOWN, "442000001"]
    return [journeys.draft(person, town=town, **options) for town in towns]


def claim(pk):
    """What a submission does about the receipt, and nothing else of it."""
    row = CardApplication.objects.get(pk=pk)
    try:
        with transaction.atomic():
            services._claim_photo(row)
    except (services.ReceiptRefused, IntegrityError):
        return "used"
    return "claimed"


def test_one_receipt_in_two_applications_at_once_is_used_once(regions):
    """D4, REL-R6, N14: of two drafts with one receipt one is sent."""
    for turn in range(ROUNDS):
        person = journeys.resident(police_photo=False)
        number = f"RACE{turn:07d}"
        journeys.add_receipt(person, number)
        drafts = two_drafts(person, receipt=number)
        # Without the queue that the holder's row makes, the unique row alone decides.
        assert sorted(at_once([partial(claim, row.pk) for row in drafts])) == ["claimed", "used"]
        results = at_once([partial(send, row.pk, actor(person)) for row in drafts])
        assert set(results) <= {"sent", "used", "has_application"}, results
        assert results.count("sent") == 1, results
        assert ReceiptClaim.objects.filter(receipt__number=number).count() == 1


def test_two_first_applications_at_once_leave_one(regions):
    """S4-02, D2: the database keeps one live application a person."""
    for _turn in range(ROUNDS):
        person = journeys.resident()
        drafts = two_drafts(person)
        results = at_once([partial(send, row.pk, actor(person)) for row in drafts])
        assert sorted(results) == ["has_application", "sent"], results
        assert CardApplication.objects.live().filter(resident=person).count() == 1


def end_cover(pk):
    Cover.objects.filter(pk=pk).update(ended_on=calendar.today(), end_reason=Cover.EndReason.EMPLOYED)
    return "ended"


def test_insurance_that_ends_while_the_application_is_sent_leaves_nothing_halfway(regions):
    """S4-01, D2: sent with a notice, or refused as a draft without one; whoever sends after the end is refused."""
    for _turn in range(ROUNDS):
        person = journeys.resident(insured=False)
        cover = Cover.objects.create(
            person=person, region=journeys.region(), cover_year=2026, benefits_from="2026-01-01", until="2099-12-31"
        )
        row, later = two_drafts(person)
        ended, result = at_once([partial(end_cover, cover.pk), partial(send, row.pk, actor(person))])
        assert (ended, result) in [("ended", "sent"), ("ended", "not_insured")]
        sent = journeys.fresh(row)
        assert (sent.state, sent.notice is not None) == (
            ("awaiting_payment", True) if result == "sent" else ("draft", False)
        )
        assert send(later.pk, actor(person)) == "not_insured"


def hand(pk, who, version):
    try:
        services.hand_over(
            application=CardApplication.objects.get(pk=pk),
            actor=who,
            version=version,
            document="id_card",
            form_seen=True,
        )
    except Refused as refused:
        return type(refused).__name__
    return "handed"


def test_two_clerks_hand_one_card_over_once(regions):
    """D11, REL-R1: one hand-over, one card."""
    clerk = journeys.card_clerk()
    application = journeys.ready(journeys.resident(), clerk)
    results = at_once([partial(hand, application.pk, actor(clerk), application.version)] * 4)
    assert sorted(results) == ["NotAvailable"] * 3 + ["handed"], results
    assert Card.objects.count() == HandOver.objects.count() == 1


def try_code(pk, who, code):
    try:
        services.activate(card=Card.objects.get(pk=pk), actor=who, channel="online", code=code)
    except services.WrongCode:
        return "wrong"
    except Refused as refused:
        return type(refused).__name__
    return "active"


def test_many_guesses_at_once_have_six_tries_between_them(regions):
    """N23: the try is counted before the code is looked at."""
    card, code = journeys.collected(journeys.resident(), journeys.card_clerk())
    who = actor(card.holder)
    guesses = [f"{(int(code) + step) % 10**6:06d}" for step in range(1, 13)]
    results = at_once([partial(try_code, card.pk, who, guess) for guess in guesses])
    assert set(results) == {"wrong"}, results
    card.refresh_from_db()
    assert card.wrong_tries == 6
    assert card.locked_at is not None
    assert try_code(card.pk, who, code) == "wrong"


def naive_claim(number, pk):
    """The twin: looks whether the receipt is free, thinks, and believes what it saw."""
    free = not ReceiptClaim.objects.filter(receipt__number=number).exists()
    time.sleep(0.02)
    if free:
        CardApplication.objects.filter(pk=pk).update(photo_source="receipt")
    return free


def test_a_naive_look_would_use_a_receipt_twice(regions):
    """R6, the negative twin; SQLite has one writer and cannot show it in one process."""
    person = journeys.resident(police_photo=False)
    journeys.add_receipt(person, "NAIVE000001")
    drafts = two_drafts(person, receipt="NAIVE000001")
    if connection.vendor == "sqlite":
        assert naive_claim("NAIVE000001", drafts[0].pk)
        return
    for _turn in range(20):
        if sum(at_once([partial(naive_claim, "NAIVE000001", row.pk) for row in drafts])) == 2:
            return
    pytest.fail("the race was not provoked")
