"""Counter mode: a clerk registers who stands there on one page, and decides on the spot where the office may."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from enrollment import counter
from enrollment.models import Application, HouseholdPack, WalkIn
from enrollment.states import State
from payments import collective
from payments.states import State as NoticeState
from portal.audit.models import AuditEntry
from portal.outbox.models import Message
from portal.people.models import Basis, Guardianship, Level, Resident
from tests.enrollment import journeys
from tests.people_cast import make_staff, next_identity_number, region, sign_in

pytestmark = pytest.mark.django_db

TOWN = "450302001"
LOOK_UP = "/desk/walk-in/"


@pytest.fixture
def centre(db):
    """A clerk at the county centre of Xiufeng, which decides on the spot."""
    return make_staff("qintang", "clerk", "450302", office_kind="county_centre", display_name="覃中心")


def page_fields(birth="1990-03-07", **changes):
    """The long page as it is filled in for an adult of the town."""
    year, month, day = birth.split("-")
    fields = {
        "name": "黄小丽",
        "document": "ID_CARD",
        "original": "on",
        "birth_on_year": year,
        "birth_on_month": str(int(month)),
        "birth_on_day": str(int(day)),
        "sex": "M",
        "has_id_card": "yes",
        "who": "self",
        "home": TOWN,
        "phone": "19900000077",
        "address": "甲山村9号",
        "in_area": "yes",
        "status": "local_hukou",
        "other_cover": "none",
        "missed_years": "0",
        "assistance": "none",
        "cover_year": "2027",
        "declared": "on",
        "seen-ID_CARD": "on",
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def begun(client, number: str, **query) -> WalkIn:
    """The draft that the look-up of a number leads to."""
    suffix = "?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else ""
    answer = client.post(LOOK_UP + suffix, {"identity_number": number})
    assert answer.status_code == 302, re.findall(r"error-message.*", answer.content.decode())
    return WalkIn.objects.get(pk=answer["Location"].rstrip("/").split("/")[-1])


def send(client, draft: WalkIn, then: str, **changes):
    """Sends the long page with every paper on the desk ticked that it lists."""
    url = reverse("enrollment:walk_in", args=[draft.pk])
    draft.refresh_from_db()
    shown = client.get(url).content.decode()
    ticked = dict.fromkeys(re.findall(r'name="(seen-[A-Z_]+)"', shown), "on")
    return client.post(url, ticked | page_fields(**changes) | {"then": then, "version": draft.version})


def registered(client, draft: WalkIn, then: str, **changes) -> Application:
    answer = send(client, draft, then, **changes)
    assert answer.status_code == 302, re.findall(r"error-message.*", answer.content.decode())
    draft.refresh_from_db()
    return Application.objects.for_pages().get(pk=draft.application_id)


def test_county_centre_registers_and_decides_in_one_session(client, monday, centre):
    """B2, S1-01, UX-C9: number, one page, approved and billed in the same request; everything to print is there."""
    sign_in(client, centre)
    number = next_identity_number("450302", "M", "1990-03-07")
    draft = begun(client, number)
    page = client.get(reverse("enrollment:walk_in", args=[draft.pk])).content.decode()
    assert number in page
    assert f'name="birth_on_year" value="{number[6:10]}"' in page.replace("\n", " ")
    birth = f"{number[6:10]}-{number[10:12]}-{number[12:14]}"
    application = registered(client, draft, "decide", birth=birth)
    assert (application.state, application.helper, application.office) == (
        State.AWAITING_PAYMENT,
        centre,
        draft.office,
    )
    assert application.beneficiary.level == Level.VERIFIED
    assert application.beneficiary.phone == "19900000077"
    assert [entry.transition for entry in application.timeline.order_by("pk")] == [
        "begin",
        "submit",
        "accept",
        "approve",
        "bill",
    ]
    assert application.materials.filter(required=True).exclude(judged="accepted").count() == 0
    done = client.get(reverse("enrollment:walk_in_done", args=[draft.pk])).content.decode()
    assert "覃中心" in done
    for link in re.findall(r'href="([^"]+/pdf/)"', done):
        assert client.get(link)["Content-Type"] == "application/pdf"
    assert len(re.findall(r'href="[^"]+/pdf/"', done)) == 3
    assert draft.typed == {}
    again = client.post(reverse("enrollment:walk_in", args=[draft.pk]), page_fields() | {"then": "decide"})
    assert again["Location"] == reverse("enrollment:walk_in_done", args=[draft.pk])


def test_service_point_submits_to_its_queue_with_the_papers_judged(client, monday, cast):
    """UX-C9, S1-02: an office with three days cannot decide here; the papers seen are kept with the case."""
    sign_in(client, cast.clerk)
    draft = begun(client, next_identity_number())
    page = client.get(reverse("enrollment:walk_in", args=[draft.pk])).content.decode()
    assert 'value="decide"' not in page
    application = registered(client, draft, "decide")
    assert (application.state, application.office) == (State.UNDER_REVIEW, draft.office)
    assert application.materials.filter(judged="accepted", seen_by=cast.clerk).exists()


def test_draft_survives_the_resident_leaving_and_is_the_offices_alone(client, monday, cast):
    """UX-C9, B10: saved half typed, found again by the number and by a colleague; nobody else sees it."""
    sign_in(client, cast.clerk)
    number = next_identity_number()
    draft = begun(client, number)
    url = reverse("enrollment:walk_in", args=[draft.pk])
    half = {"name": "蓝梅", "address": "北门村1号", "birth_on_year": "19x", "then": "save", "version": draft.version}
    assert client.post(url, half).status_code == 302
    assert b"\xe8\x93\x9d\xe6\xa2\x85" not in bytes(WalkIn.objects.get().typed_cipher)
    sign_in(client, cast.second_clerk)
    assert "蓝*" in client.get(LOOK_UP).content.decode()
    assert begun(client, number) == draft
    page = client.get(url).content.decode()
    assert "北门村1号" in page
    assert "19x" in page
    assert "error-message" not in page
    stale = client.post(url, half | {"version": draft.version, "address": "另一处"})
    assert stale.status_code == 409
    assert "另一处" in stale.content.decode()
    for other in (cast.other_clerk, cast.zhang, cast.reviewer):
        sign_in(client, other)
        assert client.get(url).status_code in (403, 404)
    sign_in(client, cast.clerk)
    assert client.post(reverse("enrollment:walk_in_discard", args=[draft.pk])).status_code == 302
    assert not WalkIn.objects.exists()


def test_old_drafts_are_erased(monday, client, cast):
    """ARCHITECTURE §8: thirty days without a change."""
    sign_in(client, cast.clerk)
    old, fresh = begun(client, next_identity_number()), begun(client, next_identity_number())
    WalkIn.objects.filter(pk=old.pk).update(saved_at=timezone.now() - timedelta(days=31))
    assert counter.erase_old() == 1
    assert WalkIn.objects.get() == fresh


def test_duplicate_is_found_by_the_number_before_anything_is_typed(client, monday, cast):
    """UX-C9, A9: the blind index finds the person, the page names the application."""
    first = journeys.submitted(cast.zhang)
    sign_in(client, cast.clerk)
    answer = client.post(LOOK_UP, {"identity_number": "4503 0219 9003 0799 19"})
    assert answer.status_code == 200
    assert first.grouped_number in answer.content.decode()
    assert not WalkIn.objects.exists()


def test_clerk_serves_neither_themselves_nor_their_household(client, monday, cast):
    """N19: refused at the look-up, as person and as applicant, and on record."""
    clerk = cast.clerk_at_home
    sign_in(client, clerk)
    for person in (cast.li, cast.zhang):
        answer = client.post(LOOK_UP, {"identity_number": person.identity_number})
        assert answer.status_code == 200
        assert not WalkIn.objects.exists()
    assert AuditEntry.objects.filter(action="enrollment.walk_in", outcome="conflict_of_interest").count() == 2
    draft = begun(client, next_identity_number(first_birthday="2015-01-01"))
    applicant = {"applicant_number": cast.zhang.identity_number, "applicant_name": "张三", "applicant_original": "on"}
    answer = send(client, draft, "submit", who="child", relation="parent", register="shows", **applicant)
    assert answer.status_code == 409
    assert not Application.objects.exists()
    draft.refresh_from_db()
    assert draft.typed["applicant_name"] == ["张三"]


def test_guardian_registers_a_child_and_may_act_for_it_from_then_on(client, monday, cast):
    """S3-04, A10: relation and originals seen; the parent is on file, verified, and guardian until majority."""
    sign_in(client, cast.clerk)
    number = next_identity_number(first_birthday="2015-02-01")
    draft = begun(client, number)
    parent = next_identity_number()
    birth = f"{number[6:10]}-{number[10:12]}-{number[12:14]}"
    told = {"birth": birth, "who": "child", "applicant_number": parent, "applicant_name": "韦大山"}
    answer = send(client, draft, "submit", **told)
    assert "error-summary" in answer.content.decode()
    assert not Application.objects.exists()
    told |= {"applicant_original": "on", "relation": "parent", "register": "shows"}
    application = registered(client, draft, "submit", **told)
    assert application.resident.name == "韦大山"
    assert (application.for_whom, application.relation) == ("child", "parent")
    assert Guardianship.objects.get(ward=application.beneficiary, guardian=application.resident).basis == Basis.PARENT
    assert application.beneficiary.phone == ""
    assert Message.objects.filter(resident_id=application.resident_id, template="enrollment_submitted").exists()


def test_number_of_another_name_is_refused_and_nothing_typed_is_lost(client, monday, cast):
    """N19, UX-E9: the file is not changed by a look-alike; the clerk is asked to compare."""
    assert cast.zhang
    sign_in(client, cast.clerk)
    draft = begun(client, cast.zhang.identity_number)
    answer = send(client, draft, "submit", name="张山", address="乙山村2号")
    assert answer.status_code == 409
    assert "乙山村2号" in answer.content.decode()
    assert Resident.objects.get(pk=cast.zhang.pk).name == "张三"
    assert not Application.objects.exists()


def test_approval_without_the_papers_submits_nothing(client, monday, centre):
    """B3: what is required and not seen is named; the draft stays as typed."""
    sign_in(client, centre)
    number = next_identity_number()
    draft = begun(client, number)
    fields = page_fields(birth=f"{number[6:10]}-{number[10:12]}-{number[12:14]}")
    fields |= {"then": "decide", "version": draft.version}
    fields.pop("seen-ID_CARD")
    answer = client.post(reverse("enrollment:walk_in", args=[draft.pk]), fields)
    assert answer.status_code == 409
    assert not Application.objects.exists()
    assert not Resident.objects.exists()
    draft.refresh_from_db()
    assert draft.typed["name"] == ["黄小丽"]


def test_person_who_moved_here_is_taken_over_with_the_document(client, monday, cast):
    """B10: somebody on file in the next district is found by the number on the document, and the move is on record."""
    wang = cast.wang
    sign_in(client, cast.clerk)
    draft = begun(client, wang.identity_number)
    birth = wang.birth_date.isoformat()
    application = registered(client, draft, "submit", name=wang.name, birth=birth)
    wang.refresh_from_db()
    assert (application.beneficiary, wang.home_region) == (wang, region(TOWN))
    assert AuditEntry.objects.filter(action="people.home_changed").count() == 1


def test_household_at_the_counter_keeps_the_address_and_gets_one_notice(client, monday, centre):
    """N13, UX-C9: next person without typing the address again; one notice for all at the end."""
    sign_in(client, centre)
    rows = []
    query = {}
    for name in ("黄一", "黄二"):
        number = next_identity_number()
        draft = begun(client, number, **query)
        page = client.get(reverse("enrollment:walk_in", args=[draft.pk])).content.decode()
        assert ("甲山村9号" in page) == bool(rows)
        birth = f"{number[6:10]}-{number[10:12]}-{number[12:14]}"
        rows.append(registered(client, draft, "decide", birth=birth, name=name))
        following = client.post(reverse("enrollment:walk_in_next", args=[draft.pk]))
        query = {"household": HouseholdPack.objects.get().pk}
        assert str(query["household"]) in following["Location"]
    assert {row.state for row in rows} == {State.AWAITING_PAYMENT}
    client.post(reverse("enrollment:walk_in_finish", args=[draft.pk]))
    pack = HouseholdPack.objects.get()
    whole = collective.open_collective(purpose="enrollment.household", reference=str(pack.pk))
    assert (whole.members.count(), whole.office, whole.state) == (2, draft.office, NoticeState.ISSUED)
    done = client.get(reverse("enrollment:walk_in_done", args=[draft.pk])).content.decode()
    assert reverse("payments:paper", args=[whole.pk, "pdf"]) in done
