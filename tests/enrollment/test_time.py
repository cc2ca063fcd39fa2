"""Deadlines as residents and clerks meet them: promises, pauses, escalation, reminders, lapses."""

import datetime
from datetime import date

import pytest
import time_machine
from django.urls import reverse

from enrollment import progress, services
from enrollment.models import Application
from enrollment.states import State
from portal.outbox.models import Message
from portal.regions.calendar import SHANGHAI
from portal.regions.models import Office
from tests.enrollment import journeys
from tests.people_cast import actor, sign_in

pytestmark = pytest.mark.django_db


def at(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def told(template):
    return Message.objects.filter(template=f"enrollment_{template}").count()


def answer(application, resident):
    application.refresh_from_db()
    return services.resubmit(
        application=application,
        actor=actor(resident),
        version=application.version,
        values={"contact.address": "甲山村18号"},
        handed_in=[],
    )


@pytest.mark.parametrize(
    ("kind", "filed", "last_day"),
    [
        ("service_point", "2026-11-21T10:00", date(2026, 11, 25)),
        ("service_point", "2026-11-23T10:00", date(2026, 11, 26)),
        ("service_point", "2026-11-23T23:59:59", date(2026, 11, 26)),
        ("service_point", "2026-11-24T00:00:00", date(2026, 11, 27)),
        ("service_point", "2026-09-18T09:00", date(2026, 9, 22)),
        ("service_point", "2026-09-29T09:00", date(2026, 10, 9)),
        ("county_centre", "2026-11-23T10:00", date(2026, 11, 23)),
        ("county_centre", "2026-11-21T10:00", date(2026, 11, 23)),
        ("hrss_centre", "2026-11-23T10:00", date(2026, 11, 26)),
        ("tax_bureau", "2026-11-23T10:00", date(2026, 12, 7)),
    ],
)
def test_each_kind_of_office_has_its_own_time_counted_from_the_day_of_filing(kind, filed, last_day, regions, cast):
    """A6, B1, S1-01, S1-02, S1-04, N1, REL-C2, REL-C4: the start day is not counted, make-up days are."""
    with time_machine.travel(at(filed), tick=False):
        application = journeys.under_review(cast.zhang, office_kind=kind)
    assert application.office_kind == kind
    assert application.last_day == last_day


def test_the_promise_counts_from_filing_however_late_the_worker_is(regions, cast):
    """ARCHITECTURE §4: the review clock starts on the local date of submission, not of assignment."""
    with time_machine.travel(at("2026-11-23T10:00"), tick=False):
        application = journeys.submitted(cast.zhang)
    with time_machine.travel(at("2026-11-25T10:00"), tick=False):
        journeys.sweep()
    application.refresh_from_db()
    assert application.last_day == date(2026, 11, 26)


def test_a_correction_pauses_the_clock_and_the_answer_resumes_it(regions, cast):
    """N2, B5: two of three days used, pause over a weekend and more, one day left afterwards."""
    with time_machine.travel(at("2026-11-23T10:00"), tick=False):
        application = journeys.under_review(cast.zhang)
    with time_machine.travel(at("2026-11-26T10:00"), tick=False):
        assert progress.used(application).used == 2
        journeys.ask(application, cast.clerk)
        assert application.last_day == date(2026, 12, 17)
        assert progress.used(application).paused
        assert told("correction") == 1
    with time_machine.travel(at("2026-12-01T10:00"), tick=False):
        answer(application, cast.zhang)
    application.refresh_from_db()
    assert application.state == State.UNDER_REVIEW
    assert application.last_day == date(2026, 12, 2)


def test_nobody_decides_and_the_county_has_it_once_and_is_reminded_daily(regions, cast):
    """B9, N3: one reminder before, one escalation at the due time, both told, then a reminder a day; never dropped."""
    with time_machine.travel(at("2026-11-23T10:00"), tick=False):
        application = journeys.under_review(cast.zhang)
    with time_machine.travel(at("2026-11-26T00:30"), tick=False):
        assert journeys.sweep() == 1
        assert journeys.sweep() == 0
    with time_machine.travel(at("2026-11-26T23:59:59"), tick=False):
        assert journeys.sweep() == 0
    with time_machine.travel(at("2026-11-27T00:00:00"), tick=False):
        assert journeys.sweep() == 1
        assert journeys.sweep() == 0
        application.refresh_from_db()
        assert application.state == State.ESCALATED
        assert application.last_day == date(2026, 11, 30)
        assert told("escalated") == 1
    for day in ("2026-12-01T08:00", "2026-12-02T08:00", "2026-12-09T08:00"):
        with time_machine.travel(at(day), tick=False):
            assert journeys.sweep() == 1
            assert journeys.sweep() == 0
    application.refresh_from_db()
    assert application.state == State.ESCALATED
    with time_machine.travel(at("2026-12-09T10:00"), tick=False):
        journeys.seen(application, cast.reviewer)
        services.approve(application=application, actor=actor(cast.reviewer), version=application.version)
    application.refresh_from_db()
    assert application.state == State.AWAITING_PAYMENT


def test_resident_reads_the_county_centre_as_their_office_once_it_has_the_case(regions, cast, client):
    """F1, N3: address and telephone on the progress page are of whoever has the case now."""
    with time_machine.travel(at("2026-11-23T10:00"), tick=False):
        application = journeys.under_review(cast.zhang)
        sign_in(client, cast.zhang)
        page = reverse("enrollment:application", args=[application.pk])
        assert application.office.phone in client.get(page).content.decode()
    with time_machine.travel(at("2026-11-27T00:00:00"), tick=False):
        journeys.sweep()
        sign_in(client, cast.zhang)
        shown = client.get(page).content.decode()
    centre = Office.objects.responsible_for(application.region, "county_centre")
    assert centre.phone in shown
    assert centre.address_zh in shown
    assert application.office.phone not in shown


def test_where_the_region_says_so_silence_approves(monday, cast):
    """ARCHITECTURE §5: deemed approval by policy, marked as such in the timeline."""
    application = journeys.under_review(cast.zhang)
    Application.objects.filter(pk=application.pk).update(deemed_approval=True)
    with time_machine.travel(at("2026-11-27T00:00:01"), tick=False):
        journeys.sweep()
    application.refresh_from_db()
    assert application.state == State.AWAITING_PAYMENT
    assert application.timeline.filter(transition="deem_approved").exists()


def test_a_forgotten_draft_is_reminded_of_and_then_erased(monday, cast):
    """UX-R5, ARCHITECTURE §8: message three days before, then what was typed is gone."""
    application = journeys.draft(cast.zhang)
    assert application.last_day == date(2026, 12, 23)
    with time_machine.travel(at("2026-12-21T00:00:01"), tick=False):
        assert journeys.sweep() == 1
        assert journeys.sweep() == 0
    assert told("lapsing") == 1
    with time_machine.travel(at("2026-12-24T00:00:01"), tick=False):
        journeys.sweep()
    application.refresh_from_db()
    assert application.state == State.LAPSED
    assert application.answers == {}
    assert application.beneficiary is None
    assert told("lapsed") == 0


def test_a_correction_never_sent_lapses(monday, cast):
    """ARCHITECTURE §5: 15 working days, a reminder, then lapsed and told."""
    application = journeys.under_review(cast.zhang)
    journeys.ask(application, cast.clerk)
    with time_machine.travel(at("2026-12-12T08:00"), tick=False):
        journeys.sweep()
    assert told("correction_lapsing") == 1
    with time_machine.travel(at("2026-12-15T08:00"), tick=False):
        journeys.sweep()
    application.refresh_from_db()
    assert application.state == State.LAPSED
    assert told("lapsed") == 1
