"""The employees' pooled scheme from the resident's page to the desk and through its months (S3, C1 to C3)."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from enrollment import coordination_services as services
from enrollment.models import Cover, Registration
from enrollment.tasks import coordination_months
from portal.outbox.models import Message
from tests.enrollment.registrations import FLEXIBLE, accepted, handed_in
from tests.people_cast import ResidentFactory, actor, make_staff, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(monday, cast):
    """A clerk of the county centre, which takes over registrations."""
    return make_staff(
        "centre", cast.clerk.grants.get().role, "450302", office_kind="county_centre", display_name="黄芳"
    )


def test_a_resident_registers_through_an_employer_and_the_centre_takes_over(client, clerk, cast):
    """S3-01, S3-02, S3-03, S2-10, C1, C2: questions, both parts, papers, the 30 days, the desk, the months."""
    sign_in(client, cast.zhang)
    client.get(reverse("enrollment:check"), {"region": "450302001"})
    url = reverse("enrollment:coordination_register", args=["unit"])
    assert set(client.post(url, {}).context["form"].errors) == {
        "employer",
        "hired_on",
        "wage_fen",
        "dependants",
        "medical_costs",
    }
    told = {"employer": "示例机械有限公司", "wage_fen": "６５００元", "dependants": "yes", "medical_costs": "no"}
    told |= {"hired_on_year": "2026", "hired_on_month": "10", "hired_on_day": "12"}
    page = client.post(url, told, follow=True)
    row = Registration.objects.get()
    assert (row.base_fen, row.individual_fen, row.unit_fen) == (650_000, 13_000, 45_500)
    text = page.content.decode()
    for words in ("¥130.00", "¥455.00", "¥585.00", "2026年11月11日", "劳动合同", "配偶、子女的身份证或户口簿"):
        assert words in text
    show = reverse("enrollment:registration", args=[row.pk])
    assert client.post(show, {"version": row.version}).context["form"].errors
    assert client.post(show, {"version": row.version, "truthful": "on"}).status_code == 302
    assert client.get(url).url == show

    desk = Client()
    sign_in(desk, clerk)
    assert "张*" in desk.get(reverse("enrollment:desk_coordination")).content.decode()
    row.refresh_from_db()

    def act(verb, **data):
        row.refresh_from_db()
        address = reverse("enrollment:registration_act", args=[row.pk, verb])
        return desk.post(address, {"version": row.version, **data})

    assert act("accept").status_code == 409
    act("papers", seen=["ID_CARD", "SPOUSE_CHILDREN_ID", "RESIDENCE_PROOF", "LABOUR_CONTRACT"])
    missing = act("accept")
    assert missing.status_code == 409
    assert "社会保险参保证明 或 社会保障卡" in missing.content.decode()
    papers = ["ID_CARD", "SPOUSE_CHILDREN_ID", "RESIDENCE_PROOF", "LABOUR_CONTRACT", "SOCIAL_SECURITY_CARD"]
    act("papers", seen=papers)
    assert act("accept").status_code == 302
    assert act("accept").status_code == 409
    row.refresh_from_db()
    assert (row.stage, row.accepted_by) == ("accepted", clerk)
    periods = list(row.periods.all())
    assert [(one.month, one.individual_fen, one.unit_fen) for one in periods] == [
        (date(2026, 10, 1), 13_000, 45_500),
        (date(2026, 11, 1), 13_000, 45_500),
    ]
    assert not cast.zhang.employee_insured
    half = act("pay", period=periods[0].pk)
    assert "proof" in half.context["pay_form"].errors
    paid = {"paid_on_year": "2026", "paid_on_month": "11", "paid_on_day": "23", "proof": "4450260000012345"}
    assert act("pay", period=periods[0].pk, **paid).status_code == 302
    assert act("pay", period=periods[0].pk, **paid).status_code == 409
    cast.zhang.refresh_from_db()
    assert cast.zhang.employee_insured
    assert Message.objects.filter(template="enrollment_coordination_accepted").count() == 1


@pytest.mark.parametrize(
    "left_out",
    [
        {"ID_CARD"},
        {"SPOUSE_CHILDREN_ID"},
        {"HOUSEHOLD_REGISTER", "RESIDENCE_PROOF"},
        {"EMPLOYMENT_PROOF", "LABOUR_CONTRACT"},
        {"INSURANCE_PROOF", "SOCIAL_SECURITY_CARD"},
        {"OUTPATIENT_RECORDS"},
        {"HOSPITAL_RECORDS"},
    ],
)
def test_no_kind_of_material_can_be_left_out(left_out, clerk, cast):
    """C1, S3-04, S3-05, S3-06, S3-07, S3-08: the desk cannot accept before one paper of every choice was seen."""
    row = handed_in(cast.zhang, medical_costs=True)
    codes = set(row.materials.values_list("code", flat=True))
    row = services.see_papers(registration=row, actor=actor(clerk), version=row.version, seen=codes - left_out)
    with pytest.raises(services.PapersMissing) as missing:
        services.accept(registration=row, actor=actor(clerk), version=row.version)
    assert {material.code for entry in missing.value.entries for material in entry} == left_out


def test_an_unpaid_month_is_reminded_of_flagged_and_forgotten_once_paid(client, clerk, cast, monday):
    """C3, S3-09, E12: three days before, once after the day, never twice, none after the payment."""
    row = accepted(cast.zhang, clerk, hired_on=date(2026, 11, 9))
    period = row.periods.get()
    assert period.due_on == date(2026, 11, 25)
    coordination_months()
    coordination_months()
    assert Message.objects.filter(template="enrollment_coordination_due").count() == 1
    assert not Registration.objects.with_arrears(date(2026, 11, 25)).get().in_arrears
    monday.shift(timedelta(days=3))
    coordination_months()
    coordination_months()
    told = Message.objects.get(template="enrollment_coordination_arrears")
    assert "2026-11" in told.body
    assert "¥130.00" in told.body
    assert Registration.objects.with_arrears(date(2026, 11, 26)).get().in_arrears
    sign_in(client, cast.zhang)
    page = client.get(reverse("enrollment:my_coordination"), follow=True).content.decode()
    assert "欠费¥585.00" in page
    sign_in(client, clerk)
    assert "欠费" in client.get(reverse("enrollment:desk_registration", args=[row.pk])).content.decode()
    services.pay(period=period, actor=actor(clerk), paid_on=date(2026, 11, 26), proof="445026")
    assert not Registration.objects.with_arrears(date(2026, 11, 26)).get().in_arrears
    monday.shift(timedelta(days=5))
    coordination_months()
    assert [one.month for one in row.periods.all()] == [date(2026, 11, 1), date(2026, 12, 1)]
    assert Message.objects.filter(template="enrollment_coordination_arrears").count() == 1


def test_flexibly_employed_people_pay_alone_and_the_first_payment_ends_resident_cover(clerk, cast):
    """S3-02, S3-03, C2: no unit part; nobody is in both schemes."""
    Cover.objects.create(
        person=cast.zhang,
        region=cast.zhang.home_region,
        cover_year=2026,
        benefits_from=date(2026, 1, 1),
        until=date(2026, 12, 31),
    )
    row = accepted(cast.zhang, clerk, **FLEXIBLE)
    assert (row.individual_fen, row.unit_fen) == (57_200, 0)
    services.pay(period=row.periods.get(), actor=actor(clerk), paid_on=date(2026, 11, 23), proof="445026")
    cover = Cover.objects.get()
    assert (cover.ended_on, cover.end_reason) == (date(2026, 11, 23), Cover.EndReason.EMPLOYED)
    row.refresh_from_db()
    services.end(registration=row, actor=actor(clerk), version=row.version, ended_on=date(2026, 11, 23))
    cast.zhang.refresh_from_db()
    assert not cast.zhang.employee_insured


def test_a_returned_registration_says_why_and_keeps_what_was_seen(client, clerk, cast):
    """C1, B6: put right, handed in again; papers seen before stay seen."""
    row = handed_in(cast.zhang)
    row = services.see_papers(registration=row, actor=actor(clerk), version=row.version, seen=["ID_CARD"])
    row = services.give_back(registration=row, actor=actor(clerk), version=row.version, reason="单位名称与合同不一致")
    sign_in(client, cast.zhang)
    assert "单位名称与合同不一致" in client.get(reverse("enrollment:registration", args=[row.pk])).content.decode()
    row = handed_in(cast.zhang, employer="示例机械股份有限公司", dependants=False)
    assert row.stage == "handed_in"
    assert row.materials.get(code="ID_CARD").seen_at is not None
    assert not row.materials.filter(code="SPOUSE_CHILDREN_ID").exists()


def test_the_desk_sees_its_own_office_and_nobody_handles_their_own_people(client, clerk, cast):
    """B10, N19: another county is 404; a clerk at home in the family is refused."""
    row = handed_in(cast.zhang)
    sign_in(client, cast.other_reviewer)
    assert client.get(reverse("enrollment:desk_registration", args=[row.pk])).status_code == 404
    sign_in(client, cast.wang)
    assert client.get(reverse("enrollment:registration", args=[row.pk])).status_code == 404
    wife = make_staff(
        "wife", clerk.grants.get().role, "450302", office_kind="county_centre", own_id_index=cast.li.id_index
    )
    with pytest.raises(PermissionDenied):
        services.see_papers(registration=row, actor=actor(wife), version=row.version, seen=["ID_CARD"])


def test_one_registration_at_a_time_and_no_step_on_an_old_page(client, clerk, cast):
    """REL-R4: the database keeps one, the version keeps the order."""
    row = handed_in(cast.zhang)
    with pytest.raises(services.Changed):
        services.save(actor=actor(cast.zhang), region=row.region, values=FLEXIBLE)
    with pytest.raises(services.Changed):
        services.see_papers(registration=row, actor=actor(clerk), version=row.version - 1, seen=[])
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        Registration.objects.create(
            **{
                field.attname: getattr(row, field.attname)
                for field in Registration._meta.concrete_fields
                if field.name != "id"
            }
        )
    first = Registration.objects.get()
    sign_in(client, cast.zhang)
    client.post(reverse("enrollment:registration_give_up", args=[first.pk]), {"version": first.version})
    first.refresh_from_db()
    assert first.stage == "ended"
    assert handed_in(cast.zhang).pk != first.pk


def test_the_desk_page_takes_the_same_queries_for_one_row_and_for_many(
    client, clerk, cast, django_assert_max_num_queries
):
    """J9: no query per row."""
    for _resident in range(4):
        handed_in(ResidentFactory())
    sign_in(client, clerk)
    with django_assert_max_num_queries(16):
        client.get(reverse("enrollment:desk_coordination"))
