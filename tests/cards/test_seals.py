"""The history of a card is sealed: what the owner of the database changes in it is found."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from cards.models import CardApplicationTimelineEntry, CardTimelineEntry
from portal.audit import seals
from portal.workflow.models import ClockEntry
from tests.audit.test_seals import let_older_transactions_end, tamper
from tests.cards import journeys

pytestmark = pytest.mark.django_db
STREAMS = {
    "timeline.cards": (CardApplicationTimelineEntry, "transition = 'approvE'", "approve"),
    "timeline.card": (CardTimelineEntry, "actor_role = 'residenT'", ""),
    "clocks": (ClockEntry, "days = days + 1", ""),
}


@pytest.mark.parametrize("stream", list(STREAMS))
def test_one_byte_of_a_cards_history_changed_by_sql_is_found(stream, monday):
    """I2, N25, REL-A2: timeline of the application, timeline of the card, ledger of the promise."""
    journeys.collected(journeys.resident(), journeys.card_clerk())
    for _turn in range(2):
        for name in STREAMS:
            seals.seal(name)
        let_older_transactions_end()
    call_command("verify_timeline", stdout=StringIO())
    model, change, transition = STREAMS[stream]
    rows = model.objects.filter(transition=transition) if transition else model.objects.all()
    row = rows.order_by("pk")[0]
    tamper(f"UPDATE {model._meta.db_table} SET {change} WHERE id = %s", row.pk)
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_timeline", stdout=out)
    assert out.getvalue().startswith(f"{stream}: block 1")
    assert "a row was changed" in out.getvalue()
