"""Who sees whom, and who may act for whom."""

import datetime
import uuid

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from portal.audit.models import AuditEntry
from portal.people import ANONYMOUS, SYSTEM, Actor, Role, services
from portal.people.identity import IdentityKind
from portal.people.models import Basis, Guardianship, Level, Relation, Resident, identity_index
from portal.people.services import AlreadyRegistered, NotAChild
from portal.regions.models import Region
from tests.people_cast import Cast, ResidentFactory, actor, identity_number, region, sign_in

CHILD_NUMBER = identity_number("450302", "20200531", "F", serial=3)


def seen_by(person: object) -> set[uuid.UUID]:
    return set(Resident.objects.visible_to(person).values_list("pk", flat=True))


def test_residents_see_their_household_and_whom_they_stand_for(cast: Cast) -> None:
    """RELIABILITY §3, REL-M2: household members each other, guardians their wards, strangers nobody."""
    zhang, li, child, wang = cast.zhang, cast.li, cast.child, cast.wang
    assert seen_by(actor(zhang)) == {zhang.pk, li.pk, child.pk}
    assert seen_by(actor(li)) == {zhang.pk, li.pk}
    assert seen_by(actor(child)) == {child.pk}
    assert seen_by(actor(wang)) == {wang.pk}


def test_staff_with_files_of_people_see_their_region(cast: Cast) -> None:
    """RELIABILITY §3: own point, own county; the rest of the staff reaches people through queues only."""
    here, there = {cast.zhang.pk, cast.newcomer.pk}, {cast.wang.pk}
    nowhere = ResidentFactory(home_region=None).pk
    assert seen_by(actor(cast.clerk)) == seen_by(actor(cast.agent)) == seen_by(actor(cast.reviewer)) == here
    assert seen_by(actor(cast.other_clerk)) == seen_by(actor(cast.other_reviewer)) == there
    assert seen_by(actor(cast.auditor)) == here | there
    for person in (cast.card_clerk, cast.cashier, cast.hotline, cast.admin):
        assert seen_by(actor(person)) == set()
    assert seen_by(ANONYMOUS) == set()
    assert seen_by(SYSTEM) == here | there | {nowhere}
    assert seen_by(Actor(Role.CLERK, user_id=1)) == set()


def test_scope_of_one_county_does_not_reach_a_longer_code(cast: Cast) -> None:
    """RELIABILITY §3: paths end in a slash, so that 4503 is no prefix of 45030."""
    assert region("450302001").path.startswith(region("450302").path)
    assert not region("450305001").path.startswith(region("450302").path)


def test_the_nation_is_everywhere(cast: Cast) -> None:
    """A scope of the nation's row covers every province."""
    assert cast.zhang
    Region.objects.get_or_create(code="000000", defaults={"level": "nation", "name_zh": "全国", "name_en": "Nation"})
    assert seen_by(Actor(Role.AUDITOR, region_path="000000/")) == {cast.zhang.pk}


def test_guardianship_ends_with_its_last_day(cast: Cast) -> None:
    """A10, RELIABILITY §3: live, dated authorisation."""
    last = datetime.date(2026, 11, 21)
    assert cast.child
    Guardianship.objects.update(valid_until=last)
    me = actor(cast.zhang)
    assert services.may_act_for(me, cast.child.pk, on=last)
    assert not services.may_act_for(me, cast.child.pk, on=last + datetime.timedelta(days=1))
    assert services.wards_of(cast.zhang.pk, on=last) == {cast.child.pk}


def test_who_may_act_for_whom(cast: Cast) -> None:
    """A10, RELIABILITY §3: household, wards; clerks and agents for people of their area."""
    assert cast.li
    assert cast.child
    zhang, wang = cast.zhang.pk, cast.wang.pk
    allowed = {
        person: (services.may_act_for(who, zhang), services.may_act_for(who, wang))
        for person, who in {
            "zhang": actor(cast.zhang),
            "li": actor(cast.li),
            "wang": actor(cast.wang),
            "clerk": actor(cast.clerk),
            "agent": actor(cast.agent),
            "reviewer": actor(cast.reviewer),
            "cashier": actor(cast.cashier),
            "auditor": actor(cast.auditor),
            "admin": actor(cast.admin),
            "anonymous": ANONYMOUS,
        }.items()
    }
    assert allowed == {
        "zhang": (True, False),
        "li": (True, False),
        "wang": (False, True),
        "clerk": (True, False),
        "agent": (True, False),
        "reviewer": (True, False),
        "cashier": (False, False),
        "auditor": (False, False),
        "admin": (False, False),
        "anonymous": (False, False),
    }


def test_conflict_of_interest_covers_household_and_wards(cast: Cast) -> None:
    """N19: a clerk who is Li Si at home has her own, her husband's and their child's case taken from her."""
    assert cast.child
    clerk = actor(cast.clerk_at_home)
    assert clerk.resident_id == cast.li.pk
    assert services.same_household(clerk, cast.li.pk)
    assert services.same_household(clerk, cast.zhang.pk)
    assert not services.same_household(clerk, cast.newcomer.pk)
    assert services.same_household(cast.clerk_at_home, cast.zhang.pk)
    assert services.same_household(actor(cast.child), cast.zhang.pk)
    assert not services.same_household(actor(cast.clerk), cast.zhang.pk)
    assert not services.same_household(cast.clerk, cast.zhang.pk)


def test_conflict_is_found_for_residents_registered_later(cast: Cast) -> None:
    """N19: the account keeps the index of the number, not a link to a row."""
    number = identity_number("450302", "19701231", serial=4)
    cast.clerk.own_id_index = identity_index(IdentityKind.RESIDENT_ID, number)
    cast.clerk.save()
    assert actor(cast.clerk).resident_id is None
    later = ResidentFactory(identity_number=number)
    assert services.same_household(actor(cast.clerk), later.pk)


def test_whoever_joins_a_household_leaves_the_other(cast: Cast) -> None:
    """RELIABILITY §3: one household a person."""
    assert cast.li
    services.form_household([(cast.wang, Relation.HEAD), (cast.li, Relation.SPOUSE)])
    assert services.household_ids(cast.zhang.pk) == {cast.zhang.pk}
    assert services.household_ids(cast.li.pk) == {cast.li.pk, cast.wang.pk}


def test_parent_adds_a_child_until_it_comes_of_age(cast: Cast) -> None:
    """A10, ARCHITECTURE §8: self-declared, at the parent's address, acted for until the eve of the 18th birthday."""
    me = actor(cast.zhang)
    child = services.add_child(me, identity_number=CHILD_NUMBER, name="张小花", on=datetime.date(2026, 11, 21))
    assert (child.level, child.home_region, child.phone) == (Level.SELF_DECLARED, cast.zhang.home_region, "")
    guardianship = Guardianship.objects.get(ward=child)
    assert (guardianship.basis, guardianship.valid_until) == (Basis.SELF_DECLARED, datetime.date(2038, 5, 30))
    assert services.may_act_for(me, child.pk, on=datetime.date(2038, 5, 30))
    assert not services.may_act_for(me, child.pk, on=datetime.date(2038, 5, 31))
    again = services.add_child(me, identity_number=CHILD_NUMBER, name="张小花")
    assert again.pk == child.pk


def test_leap_day_children_come_of_age_on_the_first_of_march(cast: Cast) -> None:
    """Civil Code: the birthday of 29 February in a common year."""
    leap = ResidentFactory(identity_number=identity_number("450302", "20200229"))
    assert services.last_day_as_minor(leap) == datetime.date(2038, 2, 28)
    leap.birth_date = None
    assert services.last_day_as_minor(leap) is None


def test_children_on_file_are_not_attached_by_declaration(client: Client, cast: Cast) -> None:
    """RELIABILITY §4.9: nobody gets hold of another's child by knowing its number; the page does not show why."""
    assert cast.child
    with pytest.raises(AlreadyRegistered):
        services.add_child(actor(cast.wang), identity_number=cast.child.identity_number, name="张小宝")
    sign_in(client, cast.wang)
    answer = client.post("/family/child/", {"name": "张小宝", "identity_number": cast.child.identity_number})
    assert answer.status_code == 200
    assert str(cast.child.pk) not in answer.content.decode()
    assert seen_by(actor(cast.wang)) == {cast.wang.pk}


def test_grown_ups_are_not_added_as_children(client: Client, cast: Cast) -> None:
    """A10: to the day."""
    eighteen = identity_number("450302", "20081121", serial=0)
    almost = identity_number("450302", "20081122", serial=0)
    me, today = actor(cast.zhang), datetime.date(2026, 11, 21)
    with pytest.raises(NotAChild):
        services.add_child(me, identity_number=eighteen, name="张大", on=today)
    with pytest.raises(NotAChild):
        services.add_child(me, identity_number="H12345678", name="张大", on=today)
    assert services.add_child(me, identity_number=almost, name="张小", on=today)
    with pytest.raises(PermissionDenied):
        services.add_child(actor(cast.clerk), identity_number=CHILD_NUMBER, name="张小花")
    sign_in(client, cast.zhang)
    answer = client.post("/family/child/", {"name": "张大", "identity_number": identity_number("450302", "19990101")})
    assert answer.context["form"].errors.keys() == {"identity_number"}


def test_family_page_lists_own_people_masked(client: Client, cast: Cast) -> None:
    """UX-R15, REL-M4: no full number, no stranger."""
    assert cast.li
    assert cast.child
    assert cast.wang
    sign_in(client, cast.zhang)
    page = client.get("/family/").content.decode()
    assert all(name in page for name in ("张三", "李四", "张小宝"))
    assert "阿卜杜热合曼" not in page
    assert cast.zhang.identity_number not in page
    assert cast.zhang.masked_identity_number in page
    answer = client.post("/family/child/", {"name": "张小花", "identity_number": CHILD_NUMBER})
    assert answer["Location"] == "/family/"
    assert "张小花" in client.get("/family/").content.decode()


def test_clerk_checks_identity_and_binds_a_phone(client: Client, cast: Cast) -> None:
    """ARCHITECTURE §8: at the counter, with the document named and recorded; the number never stands in an address."""
    sign_in(client, cast.clerk)
    answer = client.post("/desk/people/", {"identity_number": cast.newcomer.identity_number})
    page = answer["Location"]
    assert page == f"/desk/people/{cast.newcomer.pk}/"
    text = client.get(page).content.decode()
    assert "450321********9937" in text
    assert cast.newcomer.identity_number not in text
    assert "199****0004" in text
    assert client.post(page + "identity/", {}).status_code == 200
    assert client.post(page + "identity/", {"document": "ID_CARD"})["Location"] == page
    assert client.post(page + "phone/", {"phone": "1", "seen": "ID_CARD"}).status_code == 200
    assert client.post(page + "phone/", {"phone": "199 0000 0044", "seen": "ID_CARD"})["Location"] == page
    newcomer = Resident.objects.get(pk=cast.newcomer.pk)
    assert (newcomer.level, newcomer.phone) == (Level.VERIFIED, "19900000044")
    actions = list(AuditEntry.objects.filter(subject_id=str(newcomer.pk)).values_list("action", flat=True))
    assert {"people.person_viewed", "people.identity_confirmed", "people.phone_bound"} <= set(actions)


def test_counter_of_another_district_finds_nobody(client: Client, cast: Cast) -> None:
    """REL-M2: outside the scope is like not existing."""
    sign_in(client, cast.other_clerk)
    zhang, nobody = f"/desk/people/{cast.zhang.pk}/", f"/desk/people/{uuid.uuid4()}/"
    for tail, data in (
        ("", None),
        ("identity/", {"document": "ID_CARD"}),
        ("phone/", {"phone": "19900000044", "seen": "ID_CARD"}),
    ):
        answers = [
            client.get(address) if data is None else client.post(address + tail, data) for address in (zhang, nobody)
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
    known = client.post("/desk/people/", {"identity_number": cast.zhang.identity_number})
    unknown = client.post("/desk/people/", {"identity_number": CHILD_NUMBER})
    assert known.context["form"].errors == unknown.context["form"].errors
    assert Resident.objects.get().phone == "19900000001"


def test_nobody_checks_their_own_household(client: Client, cast: Cast) -> None:
    """N19."""
    sign_in(client, cast.clerk_at_home)
    page = f"/desk/people/{cast.zhang.pk}/"
    assert client.get(page).status_code == 200
    assert client.post(page + "identity/", {"document": "ID_CARD"}).status_code == 403
    assert client.post(page + "phone/", {"phone": "19900000044", "seen": "ID_CARD"}).status_code == 403
    assert Resident.objects.get(pk=cast.zhang.pk).phone == "19900000001"
    assert AuditEntry.objects.filter(outcome="conflict_of_interest", subject_id=str(cast.zhang.pk)).count() == 2


@pytest.mark.parametrize("address", ["/desk/people/", "/family/", "/family/child/", "/staff/role/", "/staff/password/"])
def test_visitors_are_asked_to_sign_in_at_the_right_door(client: Client, db: None, address: str) -> None:
    """REL-M1: refused by default, and led back afterwards."""
    door = "/sign-in/" if address.startswith("/family") else "/staff/sign-in/"
    answer = client.get(address)
    assert (answer.status_code, answer["Location"]) == (302, f"{door}?next={address}")


def test_pages_answer_only_to_their_roles(client: Client, cast: Cast) -> None:
    """REL-M1."""
    for role, person in cast.staff().items():
        sign_in(client, person)
        assert client.get("/family/").status_code == 403
        assert client.get("/staff/role/").status_code == 200
        assert client.get("/desk/people/").status_code == (200 if role in services.ROLES_AT_THE_COUNTER else 403)
    sign_in(client, cast.zhang)
    assert client.get("/desk/people/").status_code == 403
    assert client.get("/staff/role/").status_code == 403


def test_lookup_by_number_takes_any_spelling(cast: Cast) -> None:
    """UX-R8; what cannot be a number finds nobody."""
    zhang, people = cast.zhang, Resident.objects.all()
    assert people.by_identity_number(" 450302 19900307 9919 ").get() == zhang
    assert not people.by_identity_number("450302199003079918").exists()


def test_rows_hold_no_number_and_no_phone_in_clear(cast: Cast) -> None:
    """REL-S7: sealed for their own row, equal ones look different."""
    row = Resident.objects.filter(pk=cast.zhang.pk).values().get()
    kept = " ".join(
        bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
        for value in row.values()
    )
    assert "450302199003079919" not in kept
    assert "19900000001" not in kept
    assert cast.zhang.identity_number == "450302199003079919"
    assert cast.zhang.phone == "19900000001"
