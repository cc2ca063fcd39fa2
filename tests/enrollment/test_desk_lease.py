"""Who has a case open: others look, the lease runs out, one person decides (N18, UX-C5, B4)."""

from datetime import timedelta
from functools import partial

import pytest
from django.urls import reverse

from enrollment import leases, services
from enrollment.leases import HeldByColleague
from enrollment.models import Application, CaseLease
from enrollment.states import State
from portal.audit.models import AuditEntry
from portal.outbox.models import Message
from portal.workflow.errors import Refused
from tests import regions_kept
from tests.enrollment import journeys
from tests.payments.racing import at_once
from tests.people_cast import Cast, ResidentFactory, actor, sign_in


@pytest.fixture
def case(monday, cast):
    return journeys.seen(journeys.under_review(cast.zhang), cast.clerk)


def page_of(client, case, user):
    sign_in(client, user)
    return client.get(reverse("enrollment:review", args=[case.pk]))


@pytest.mark.django_db
def test_the_first_to_open_a_case_has_it_and_others_look(case, monday, cast, client):
    """N18, UX-C5: name and minutes stand on the page, the forms of the decision are not there."""
    mine = page_of(client, case, cast.clerk)
    assert mine.context["options"]["approve"]
    monday.shift(timedelta(minutes=4))
    theirs = page_of(client, case, cast.second_clerk)
    assert theirs.context["options"] == {}
    text = theirs.content.decode()
    assert cast.clerk.display_name in theirs.context["lease_words"]
    assert "4" in theirs.context["lease_words"]
    assert reverse("enrollment:judge", args=[case.pk]) not in text
    assert reverse("enrollment:take_over", args=[case.pk]) not in text
    assert cast.clerk.display_name in client.get(reverse("enrollment:queue")).content.decode()
    assert page_of(client, case, cast.auditor).status_code == 200
    assert CaseLease.objects.get().holder == cast.clerk


@pytest.mark.django_db
def test_a_decision_while_a_colleague_has_the_case_is_refused_and_nothing_typed_is_lost(case, cast, client):
    """N18: 409 with the holder's name and the texts."""
    page_of(client, case, cast.clerk)
    sign_in(client, cast.second_clerk)
    told = {"reason_code": "other", "reason": "材料与登记不符", "next_step_code": "visit", "next_step": ""}
    answer = client.post(reverse("enrollment:reject", args=[case.pk]), told | {"version": case.version})
    assert answer.status_code == 409
    text = answer.content.decode()
    assert cast.clerk.display_name in text
    assert "材料与登记不符" in text
    for name, data in (("approve", {}), ("judge", {}), ("ask_correction", {"ask-field-contact.address": "on"})):
        data |= {"version": case.version, "reason-field-contact.address": "请核对" if "ask" in name else ""}
        assert client.post(reverse(f"enrollment:{name}", args=[case.pk]), data).status_code == 409
    case.refresh_from_db()
    assert case.state == State.UNDER_REVIEW


@pytest.mark.django_db
def test_a_lease_runs_out_and_can_be_taken_over(case, monday, cast, client):
    """N18: ten minutes without a sign of life; each look of the holder prolongs it; the take-over is recorded."""
    page_of(client, case, cast.clerk)
    monday.shift(timedelta(minutes=8))
    page_of(client, case, cast.clerk)
    monday.shift(timedelta(minutes=8))
    take_over = reverse("enrollment:take_over", args=[case.pk])
    sign_in(client, cast.second_clerk)
    client.post(take_over)
    assert CaseLease.objects.get().holder == cast.clerk
    monday.shift(timedelta(minutes=3))
    page = page_of(client, case, cast.second_clerk)
    assert take_over in page.content.decode()
    client.post(take_over)
    assert CaseLease.objects.get().holder == cast.second_clerk
    assert AuditEntry.objects.filter(action="enrollment.case_taken_over").count() == 1
    assert page_of(client, case, cast.second_clerk).context["options"]["approve"]
    with pytest.raises(HeldByColleague):
        services.approve(application=case, actor=actor(cast.clerk), version=case.version)
    monday.shift(timedelta(days=1))
    assert page_of(client, case, cast.clerk).context["options"]["approve"]  # yesterday's lease is forgotten


@pytest.mark.django_db
def test_a_case_is_free_after_the_decision_and_when_it_is_given_back(case, cast, client):
    """N18."""
    page_of(client, case, cast.clerk)
    client.post(reverse("enrollment:give_back", args=[case.pk]))
    assert not CaseLease.objects.exists()
    page_of(client, case, cast.second_clerk)
    client.post(reverse("enrollment:approve", args=[case.pk]), {"version": case.version})
    assert not CaseLease.objects.exists()


@pytest.mark.django_db
def test_a_head_request_and_a_reader_take_no_lease(case, cast, client):
    """N18: only opening the page with the power to decide counts."""
    sign_in(client, cast.clerk)
    client.head(reverse("enrollment:review", args=[case.pk]))
    page_of(client, case, cast.auditor)
    page_of(client, case, cast.reviewer)  # the case does not lie with the county
    assert not CaseLease.objects.exists()


@pytest.mark.django_db
def test_the_conflict_page_names_what_changed(case, cast, client):
    """UX-C5, N18: versions, moves and judged papers since the page was opened."""
    sign_in(client, cast.clerk)
    page = client.get(reverse("enrollment:review", args=[case.pk]))
    old = {"version": case.version, "opened": page.context["opened"].isoformat()}
    paper = case.materials.filter(required=True).first()
    CaseLease.objects.all().delete()
    Application.objects.filter(pk=case.pk).update(submitted_on=case.submitted_on)
    services.judge_materials(
        application=case,
        actor=actor(cast.second_clerk),
        version=case.version,
        judgements={paper.code: "refused"},
        reasons={paper.code: ("unreadable", "")},
    )
    paper.refresh_from_db()
    type(paper).objects.filter(pk=paper.pk).update(seen_at=page.context["opened"] + timedelta(seconds=5))
    answer = client.post(reverse("enrollment:approve", args=[case.pk]), old)
    assert answer.status_code == 409
    text = answer.content.decode()
    assert paper.name in text
    assert str(case.version) in text
    journeys.ask(Application.objects.get(pk=case.pk), cast.clerk)
    text = client.post(reverse("enrollment:approve", args=[case.pk]), old).content.decode()
    assert "更正" in text or "补正" in text


class TestTwoDeskPages:
    """Threads over committed rows."""

    pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases, pytest.mark.processes]

    @staticmethod
    def decide(pk, who, version):
        try:
            services.approve(application=Application.objects.get(pk=pk), actor=who, version=version, undo_seconds=0)
        except Refused as refused:
            return type(refused).__name__
        return "approved"

    def test_two_decide_and_one_wins(self):
        """N18, B4: one success, one clear refusal, one message; also with the lease taken in the same second."""
        regions_kept.load()
        cast = Cast()
        clerks = actor(cast.clerk), actor(cast.second_clerk)
        for _turn in range(3):
            case = journeys.seen(journeys.under_review(ResidentFactory()), cast.clerk)
            opened = at_once([partial(leases.open_case, case, who) for who in clerks])
            assert sum(lease is None for lease in opened) == 1
            results = at_once([partial(self.decide, case.pk, who, case.version) for who in clerks])
            assert sorted(results)[1] == "approved"
            assert sorted(results)[0] in ("HeldByColleague", "NotAvailable")
            assert case.timeline.filter(transition="approve").count() == 1
            about = Message.objects.filter(key__contains=str(case.pk), template__contains="approved")
            billed = Message.objects.filter(key__contains=str(case.pk), template__contains="billed")
            assert about.count() + billed.count() == 1
