"""What follows from a corrected answer: premium, papers and checks are those of the new answers (B5, S0-09, N15)."""

import pytest

from enrollment import services
from enrollment.models import Application
from enrollment.states import State
from tests.enrollment import journeys
from tests.people_cast import ResidentFactory, actor

pytestmark = pytest.mark.django_db


def corrected(case, cast, **values):
    """The case after a correction of these answers, as the clerk gets it back; fields by `section__name`."""
    told = {name.replace("__", "."): value for name, value in values.items()}
    items = [journeys.Requested("field", code, "请核对") for code in told]
    services.ask_correction(application=case, actor=actor(cast.clerk), version=case.version, items=items)
    case.refresh_from_db()
    services.resubmit(application=case, actor=actor(case.resident), version=case.version, values=told, handed_in=[])
    return Application.objects.get(pk=case.pk)


def asked(case):
    return set(case.materials.filter(required=True).values_list("code", flat=True))


def test_who_is_not_on_the_list_pays_in_full_and_brings_no_certificate(monday, cast):
    """S0-09, N15, B6: a claim that was put right costs what everybody pays, whichever way it went."""
    case = journeys.under_review(ResidentFactory(), answers={"assistance": {"assistance": "DIBAO"}})
    assert (case.payable_fen, case.assistance) == (16_000, "DIBAO")
    assert "ASSISTANCE_CERTIFICATE" in asked(case)
    case.materials.filter(code="ASSISTANCE_CERTIFICATE").update(judged="refused", seen_at=case.submitted_at)
    case.materials.filter(code="ID_CARD").update(judged="accepted", seen_at=case.submitted_at)
    case = corrected(case, cast, assistance__assistance="none")
    assert (case.payable_fen, case.assistance, case.facts["category"]) == (40_000, "", "")
    assert "ASSISTANCE_CERTIFICATE" not in asked(case)
    assert case.materials.get(code="ID_CARD").judged == "accepted"
    case = journeys.seen(case, cast.clerk)
    services.approve(application=case, actor=actor(cast.clerk), version=case.version)
    case.refresh_from_db()
    assert case.notice.amount_fen == 40_000
    assert [line.assistance_fen for line in case.notice.lines] == [0]


def test_who_forgot_the_help_gets_it_and_the_certificate_is_asked_for(monday, cast):
    """S0-09, N15, B6: the new paper must be seen before the approval."""
    case = journeys.seen(journeys.under_review(ResidentFactory()), cast.clerk)
    case = corrected(case, cast, assistance__assistance="DIBAO")
    assert case.payable_fen == 16_000
    assert "ASSISTANCE_CERTIFICATE" in asked(case)
    with pytest.raises(services.Unmet):
        services.approve(application=case, actor=actor(cast.clerk), version=case.version)
    assert case.materials.exclude(code="ASSISTANCE_CERTIFICATE").filter(judged="accepted").exists()


def test_a_finding_that_was_put_right_is_gone_and_other_answers_change_nothing(monday, cast):
    """B5, ARCHITECTURE §5: the checks run again with the answers; an address decides neither papers nor premium."""
    case = journeys.under_review(ResidentFactory(), answers={"contact": {"in_area": False}})
    assert case.checks.get(code="area").outcome == "finding"
    before = (case.payable_fen, case.scenario, asked(case))
    case = corrected(case, cast, contact__in_area=True, contact__address="甲山村88号")
    assert case.checks.get(code="area").outcome == "passed"
    assert case.checks.count() == 7
    assert (case.payable_fen, case.scenario, asked(case)) == before


def test_what_is_paid_stays_paid_and_the_difference_is_a_finding(monday, cast):
    """S1-08, B6: pay first; the clerk reads that another amount follows from the answers."""
    case = journeys.under_review(ResidentFactory(), answers={"assistance": {"assistance": "DIBAO"}})
    Application.objects.filter(pk=case.pk).update(payment_order="pay_first", paid_on=case.submitted_on)
    case.refresh_from_db()
    case = corrected(case, cast, assistance__assistance="none")
    assert (case.state, case.payable_fen) == (State.UNDER_REVIEW, 16_000)
    assert case.checks.get(code="premium").reason_code == "premium_differs"


def test_an_amount_published_meanwhile_is_kept(monday, cast):
    """S0-10: the frozen rules know no amount, those in force do; a correction does not hold the case again."""
    case = journeys.under_review(ResidentFactory(home_region=None), answers={"assistance": {"assistance": "none"}})
    data = case.policy.data
    fees = data["rules"]["fee"]
    pending = {key: value | {"standard_fen": None} if key == "premium.2027" else value for key, value in fees.items()}
    type(case.policy).objects.filter(pk=case.policy_id).update(data=data | {"rules": data["rules"] | {"fee": pending}})
    case = Application.objects.get(pk=case.pk)
    assert case.policy.policy.fee("premium", cover_year=2027).pending
    case = corrected(case, cast, assistance__assistance="DIBAO")
    assert (case.payable_fen, case.premium_pending) == (16_000, False)
