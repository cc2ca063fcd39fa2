"""The desk: the queue in the order of time left, pages by key, constant cost, notes that stay inside."""

import datetime

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from enrollment.models import Application
from enrollment.states import State
from enrollment.views.desk import PAGE_SIZE
from portal.audit.models import AuditEntry
from portal.regions.calendar import SHANGHAI
from tests.enrollment import journeys
from tests.people_cast import ResidentFactory, sign_in

pytestmark = pytest.mark.django_db


def at(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def many(count):
    for _number in range(count):
        journeys.submitted(ResidentFactory())
    journeys.sweep()


def test_the_queue_shows_time_left_in_words_and_overdue_first(regions, cast, client):
    """B8, B9, UX-C2: the nearest deadline first, words beside the colour; the desk is reminded of what presses."""
    with time_machine.travel(at("2026-11-20T10:00"), tick=False):
        early = journeys.under_review(cast.zhang)
    with time_machine.travel(at("2026-11-23T10:00"), tick=False):
        late = journeys.under_review(cast.li)
    with time_machine.travel(at("2026-11-26T10:00"), tick=False):
        sign_in(client, cast.clerk)
        page = client.get(reverse("enrollment:queue"))
    assert [row["application"].pk for row in page.context["rows"]] == [early.pk, late.pk]
    first, second = [row["html"] for row in page.context["rows"]]
    assert "超期 1 个工作日" in first
    assert "今天到期" in second
    assert page.context["reminder"] == "提醒：有2件今天到期或已超期。"
    assert "deadline=today" in page.content.decode()
    for address in ("?tab=decide&deadline=today", "?tab=waiting"):
        with time_machine.travel(at("2026-11-26T10:00"), tick=False):
            assert not client.get(reverse("enrollment:queue") + address).context["reminder"]
    with time_machine.travel(at("2026-11-24T10:00"), tick=False):
        sign_in(client, cast.clerk)
        assert not client.get(reverse("enrollment:queue"), {"tab": "decide"}).context["reminder"]


def test_a_kept_row_is_drawn_anew_when_the_case_changes_or_a_colleague_opens_it(monday, cast, client):
    """UX-C1, UX-C5, PERFORMANCE goal 9: the second visit reads no row again; a new version or lease is seen at once."""
    case = journeys.under_review(cast.zhang)
    sign_in(client, cast.clerk)

    def row():
        (found,) = client.get(reverse("enrollment:queue"), {"tab": "decide"}).context["rows"]
        return found["html"]

    first = row()
    with CaptureQueriesContext(connection) as queries:
        assert row() == first
    assert not any("people_resident" in query["sql"] and "enrollment_application" in query["sql"] for query in queries)
    Application.objects.filter(pk=case.pk).update(correction_round=1, version=case.version + 1)
    assert "补正退回" in row()
    client_of_colleague = Client()
    sign_in(client_of_colleague, cast.second_clerk)
    client_of_colleague.get(reverse("enrollment:review", args=[case.pk]))
    assert cast.second_clerk.display_name in row()


def test_pages_follow_each_other_by_key_without_gap_or_repetition(monday, cast, client):
    """UX-C1: two and a half pages, each row once."""
    many(PAGE_SIZE * 2 + 7)
    sign_in(client, cast.clerk)
    found, url = [], reverse("enrollment:queue")
    while url:
        page = client.get(url)
        found += [row["application"].pk for row in page.context["rows"]]
        following = page.context["page"].next_url
        url = reverse("enrollment:queue") + following if following else ""
    assert len(found) == len(set(found)) == PAGE_SIZE * 2 + 7


def test_pages_cost_the_same_number_of_queries_whatever_the_number_of_rows(
    monday, cast, client, django_assert_num_queries
):
    """J9, UX-C1: queue, review page and the resident's own list."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    case = journeys.under_review(cast.zhang)
    pages = {
        cast.clerk: [reverse("enrollment:queue"), reverse("enrollment:review", args=[case.pk])],
        cast.zhang: [reverse("enrollment:mine"), reverse("enrollment:application", args=[case.pk])],
    }

    def cost():
        found = {}
        for who, urls in pages.items():
            sign_in(client, who)
            for url in urls:
                client.get(url)
                with CaptureQueriesContext(
                    connection,
                ) as queries:
                    assert client.get(url).status_code == 200
                found[url] = len(queries)
        return found

    few = cost()
    many(20)
    journeys.draft(cast.zhang, beneficiary=cast.child)
    assert cost() == few
    assert max(few.values()) <= 40


def test_a_number_leads_straight_to_the_case_and_every_view_is_recorded(monday, cast, client):
    """UX-C10, I1."""
    case = journeys.under_review(cast.zhang)
    sign_in(client, cast.clerk)
    answer = client.get(reverse("enrollment:queue"), {"number": case.grouped_number})
    assert answer.url == reverse("enrollment:review", args=[case.pk])
    client.get(answer.url)
    assert AuditEntry.objects.filter(action="enrollment.application_viewed", subject_id=str(case.pk)).count() == 1
    sign_in(client, cast.other_clerk)
    page = client.get(reverse("enrollment:queue"), {"number": case.number})
    assert page.status_code == 200
    assert page.context["not_found"]


def test_notes_for_colleagues_never_reach_the_resident(monday, cast, client):
    """UX-C13."""
    case = journeys.under_review(cast.zhang)
    sign_in(client, cast.clerk)
    client.post(reverse("enrollment:note", args=[case.pk]), {"text": "CANARY 已电话核实"})
    assert "CANARY" in client.get(reverse("enrollment:review", args=[case.pk])).content.decode()
    sign_in(client, cast.zhang)
    for name in ("application", "receipt"):
        assert "CANARY" not in client.get(reverse(f"enrollment:{name}", args=[case.pk])).content.decode()


def test_an_old_page_cannot_decide_new_data(monday, cast, client):
    """ARCHITECTURE §4, REL-R2: the colleague ticked papers meanwhile, the form is of the version before."""
    case = journeys.under_review(cast.zhang)
    old = case.version
    journeys.seen(case, cast.second_clerk)
    sign_in(client, cast.clerk)
    answer = client.post(reverse("enrollment:approve", args=[case.pk]), {"version": old})
    assert answer.status_code == 409
    assert Application.objects.get(pk=case.pk).state == State.UNDER_REVIEW


def test_the_county_reviewer_finds_what_was_handed_up(regions, cast, client):
    """N3, UX-C1: the reviewer's queue begins with the escalated cases of the county."""
    with time_machine.travel(at("2026-11-23T10:00"), tick=False):
        case = journeys.under_review(cast.zhang)
    with time_machine.travel(at("2026-11-27T09:00"), tick=False):
        journeys.sweep()
        sign_in(client, cast.reviewer)
        page = client.get(reverse("enrollment:queue"))
        assert [row["application"].pk for row in page.context["rows"]] == [case.pk]
        review = client.get(reverse("enrollment:review", args=[case.pk]))
        assert {"approve", "reject", "ask_correction"} <= set(review.context["options"])
        sign_in(client, cast.clerk)
        review = client.get(reverse("enrollment:review", args=[case.pk]))
        assert not review.context["options"]


def test_roles_without_a_queue_are_refused_and_the_auditor_only_reads(monday, cast, client):
    """B10, S1-23, REL §3."""
    case = journeys.under_review(cast.zhang)
    for role, user in cast.staff().items():
        sign_in(client, user)
        expected = 200 if role in ("clerk", "county_reviewer", "auditor") else 403
        assert client.get(reverse("enrollment:queue")).status_code == expected
        assert client.get(reverse("enrollment:desk")).status_code in (200, 302)
    sign_in(client, cast.auditor)
    assert client.get(reverse("enrollment:review", args=[case.pk])).status_code == 200
    assert client.post(reverse("enrollment:note", args=[case.pk]), {"text": "x"}).status_code == 403
