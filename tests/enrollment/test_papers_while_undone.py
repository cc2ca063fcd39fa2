"""Papers of a decision that can still be taken back: none is made, so none has to be called back."""

from datetime import timedelta

import pytest
from django.urls import reverse

from enrollment import undoing
from enrollment.models import Application
from enrollment.papers import history
from enrollment.papers.listing import make, papers_of
from portal.documents import records
from portal.documents.models import PaperRecord
from tests.enrollment import journeys
from tests.enrollment.test_desk_undo import case, decide
from tests.people_cast import actor, sign_in

__all__ = ["case"]

pytestmark = pytest.mark.django_db
KINDS = {"approve": "decision", "reject": "decision", "ask_correction": "request"}


def fresh(case: Application) -> Application:
    return Application.objects.get(pk=case.pk)


@pytest.mark.parametrize("verb", ["approve", "reject", "ask_correction"])
def test_resident_gets_the_paper_when_it_cannot_be_taken_back(verb, case, monday, cast, client):
    """N4, UX-C6: no link, no file and no record within the ten seconds; all three after them."""
    sign_in(client, cast.zhang)
    address = reverse(f"enrollment:{KINDS[verb]}_paper", args=[case.pk, "html"])
    decide(case, cast.clerk, verb)
    monday.shift(timedelta(seconds=9))
    assert client.get(address).status_code == 404
    assert KINDS[verb] not in [paper.kind for paper in papers_of(fresh(case))]
    assert not PaperRecord.objects.exists()
    monday.shift(timedelta(seconds=2))
    assert client.get(address).status_code == 200
    assert KINDS[verb] in [paper.kind for paper in papers_of(fresh(case))]
    assert records.verify(PaperRecord.objects.get().code, {}).outcome == "genuine"


def test_round_that_was_taken_back_is_no_round(case, monday, cast):
    """B5, N4: the notification of the next round is that of its own items, and the only one."""
    decide(case, cast.clerk, "ask_correction")
    monday.shift(timedelta(seconds=3))
    undoing.take_back(application=case, actor=actor(cast.clerk), version=case.version)
    assert history.requests(fresh(case)) == []
    assert make("request", fresh(case)) is None
    again = journeys.seen(fresh(case), cast.clerk)
    decide(again, cast.clerk, "ask_correction", seconds=0)
    (asked,) = history.requests(fresh(case))
    assert (asked.round, len(asked.items), asked.answered_at) == (1, 1, None)
    paper = make("request", fresh(case))
    assert paper is not None
    assert [len(table.rows) for table in paper.tables] == [1]
