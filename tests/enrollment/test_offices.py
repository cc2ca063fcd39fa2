"""Which office answers, and what a person must bring, by region."""

import pytest

from enrollment import offices
from enrollment.models import grouped_materials
from portal.people.models import Resident
from portal.regions import policy as policies
from portal.regions.models import Region
from tests.enrollment import journeys

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("place", "kinds"),
    [
        ("450302001", ["service_point", "county_centre", "hrss_centre", "tax_bureau"]),
        ("450302", ["county_centre", "tax_bureau"]),
        ("450381100", ["service_point", "county_centre", "hrss_centre", "tax_bureau"]),
        ("442000001", ["service_point", "county_centre"]),
    ],
)
def test_a_place_is_served_by_its_own_offices_or_those_above_it(place, kinds, monday):
    """A7, S0-01, S1-01, S1-02, S1-04, S1-19: routing by the address code."""
    region = Region.objects.get(code=place)
    found = offices.serving(region, policies.for_region(region))
    assert [office.kind for office in found][: len(kinds)] == kinds
    assert all(region.path.startswith(office.region.path) for office in found)


def test_without_a_choice_the_county_centre_answers(monday, cast):
    """ARCHITECTURE §5: no office found → county centre, and the clerk is told."""
    application = journeys.draft(cast.zhang)
    application.answers = application.answers | {"office": {"office": None}}
    type(application).objects.filter(pk=application.pk).update(office=None, answers_cipher=application.answers_cipher)
    application.refresh_from_db()
    from enrollment import services
    from tests.people_cast import actor

    application = services.submit(
        application=application, actor=actor(cast.zhang), token=application.submit_token, version=application.version
    )
    assert application.office_kind == "county_centre"
    journeys.sweep()
    assert application.checks.get(code="office").reason_code == "routed_to_county"


@pytest.mark.parametrize(
    ("answers", "child", "expected"),
    [
        ({}, False, [{"ID_CARD", "HOUSEHOLD_REGISTER"}, {"PHOTO"}, {"ENROLMENT_FORM"}]),
        ({"person": {"has_id_card": False}}, False, [{"HOUSEHOLD_REGISTER"}, {"PHOTO"}, {"ENROLMENT_FORM"}]),
        (
            {"cover": {"status": "residence_permit"}},
            False,
            [{"ID_CARD"}, {"RESIDENCE_PERMIT"}, {"PHOTO"}, {"ENROLMENT_FORM"}],
        ),
        ({"cover": {"status": "hmt_resident"}}, False, [{"HMT_PERMIT"}, {"PHOTO"}, {"ENROLMENT_FORM"}]),
        (
            {"person": {"has_id_card": False, "relation": "parent"}},
            True,
            [{"HOUSEHOLD_REGISTER"}, {"GUARDIAN_ID"}, {"PHOTO"}, {"ENROLMENT_FORM"}],
        ),
    ],
)
def test_the_required_papers_follow_from_the_answers(answers, child, expected, monday, cast):
    """A3, A10, S0-03, S1-03, S1-18, N15: identity card or household register is enough in Guilin."""
    person = cast.child if child else None
    application = journeys.submitted(cast.zhang, answers=answers, beneficiary=person)
    required = [material for material in application.materials.all() if material.required]
    assert [{material.code for material in entry} for entry in grouped_materials(required)] == expected


def test_one_paper_of_a_group_is_enough_to_approve(monday, cast):
    """S1-03, B6: identity card or household register."""
    from enrollment import services
    from tests.people_cast import actor

    application = journeys.under_review(cast.zhang)
    seen = {material.code: "accepted" for material in application.materials.filter(required=True)}
    seen["ID_CARD"] = ""
    who = actor(cast.clerk)
    services.judge_materials(application=application, actor=who, version=application.version, judgements=seen)
    services.approve(application=application, actor=who, version=application.version)
    application.refresh_from_db()
    assert application.state == "awaiting_payment"


def test_a_child_is_insured_through_the_parent_who_stays_distinct(monday, cast, client):
    """A10, UX-R20, F5: who applies and for whom stand on every page; the parent is told and pays."""
    from django.urls import reverse

    from tests.people_cast import sign_in

    application = journeys.approved(
        cast.zhang, cast.clerk, beneficiary=cast.child, answers={"person": {"relation": "parent"}}
    )
    assert application.notice.resident == Resident.objects.get(pk=cast.zhang.pk)
    assert application.notice.lines[0].name == "张小宝"
    sign_in(client, cast.zhang)
    page = client.get(reverse("enrollment:application", args=[application.pk])).content.decode()
    assert "张三为张小宝办理" in page
