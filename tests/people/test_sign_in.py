"""Residents sign in with name, identity number, telephone and a code."""

import datetime
import re
import uuid
from dataclasses import dataclass, field

import pytest
import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from portal.people import codes, timing
from portal.people.models import Level, Resident, SignInCode, User
from portal.people.services import AlreadyRegistered, register_resident
from portal.people.views.residents import PENDING
from tests.people_cast import Cast, ResidentFactory, identity_number, sign_in

NUMBER = identity_number("450302", "19851010", "F", serial=1)
SIGN_IN = "/sign-in/"
CODE = "/sign-in/code/"


@dataclass
class Phones:
    """Every telephone there is, and the codes it got."""

    codes: list[tuple[str, str]] = field(default_factory=list)

    def send(self, *, phone: str, code: str, **_: object) -> None:
        self.codes.append((phone, code))

    def last(self, phone: str) -> str:
        return next(code for number, code in reversed(self.codes) if number == phone)


@pytest.fixture
def phones(monkeypatch: pytest.MonkeyPatch) -> Phones:
    heard = Phones()
    monkeypatch.setattr(codes, "senders", [heard.send])
    return heard


def ask(
    client: Client, number: str = NUMBER, name: str = "张三", phone: str = "19900000077", **query: str
) -> HttpResponse:
    address = SIGN_IN + ("?next=" + query["next"] if query else "")
    return client.post(address, {"name": name, "identity_number": number, "phone": phone})


def type_code(client: Client, code: str, address: str = CODE) -> HttpResponse:
    return client.post(address, {"code": code})


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("people:family")).status_code == 200


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_resident_signs_in_with_the_code_sent_to_the_phone_on_file(client: Client, cast: Cast, phones: Phones) -> None:
    """D1, REL-S2: however number, name and telephone are typed."""
    zhang = cast.zhang
    answer = ask(client, "450302 1990 0307 9919", " 张 三 ", "+86 199-0000-0001")
    assert (answer.status_code, answer["Location"]) == (302, CODE)
    assert not is_signed_in(client)
    answer = type_code(client, phones.last("19900000001"))
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert is_signed_in(client)
    assert User.objects.get().resident == zhang


def test_newcomer_gets_a_self_declared_account(client: Client, db: None, phones: Phones) -> None:
    """ARCHITECTURE §8: the code goes to the phone given, and the row holds what was typed."""
    ask(client, NUMBER, "马丽亚木•艾合买提江", "199 0000 0077")
    assert not Resident.objects.exists()
    type_code(client, phones.last("19900000077"))
    assert is_signed_in(client)
    newcomer = Resident.objects.get()
    assert newcomer.level == Level.SELF_DECLARED
    assert (newcomer.name, newcomer.identity_number, newcomer.phone) == ("马丽亚木·艾合买提江", NUMBER, "19900000077")
    assert (newcomer.birth_date, newcomer.sex) == (datetime.date(1985, 10, 10), "F")
    assert newcomer.home_region is None


@pytest.mark.parametrize(
    ("number", "name", "phone"),
    [
        ("450302199003079919", "张三", "19900000088"),  # another telephone
        ("450302199003079919", "张四", "19900000001"),  # another name
        ("450302199003079919", "李四", "19900000002"),  # somebody else's data
    ],
)
def test_nobody_gets_a_code_for_another_person(
    client: Client, cast: Cast, phones: Phones, number: str, name: str, phone: str
) -> None:
    """D1, ARCHITECTURE §8: the page is the same, the code does not come, and no code opens the decoy."""
    assert cast.zhang
    answer = ask(client, number, name, phone)
    assert (answer.status_code, answer["Location"]) == (302, CODE)
    assert not phones.codes
    code = SignInCode.objects.get()
    assert code.is_decoy
    digits = next(
        d for d in (f"{n:06d}" for n in range(1_000_000)) if codes._code_digest(code.pk, d) == code.code_digest
    )
    type_code(client, digits)
    assert not is_signed_in(client)


def test_switched_off_residents_get_no_code(client: Client, cast: Cast, phones: Phones) -> None:
    """RELIABILITY §3."""
    sign_in(Client(), cast.zhang)
    User.objects.update(is_active=False)
    ask(client, "450302199003079919", "张三", "19900000001")
    assert not phones.codes


def test_pages_do_not_tell_who_is_on_file(cast: Cast, phones: Phones) -> None:
    """S1, REL-S1: status, headers and body are equal for people on file and not, right and wrong, at each step."""
    people = {
        "on file": (cast.zhang.identity_number, "张三", "19900000001"),
        "other phone": (cast.li.identity_number, "李四", "19900000055"),
        "other name": (cast.wang.identity_number, "阿卜杜", "19900000003"),
        "unknown": (NUMBER, "张三", "19900000057"),
    }
    with time_machine.travel(datetime.datetime(2026, 11, 21, 9, 0, tzinfo=datetime.UTC), tick=False):
        seen = {label: _walk(*person) for label, person in people.items()}
    assert seen["on file"] == seen["other phone"] == seen["other name"] == seen["unknown"]


def _walk(number: str, name: str, phone: str) -> list[tuple[int, dict[str, str], str]]:
    client = Client()
    answers = [ask(client, number, name, phone), client.get(CODE)]
    answers += [type_code(client, "abc"), *(type_code(client, "000000") for _ in range(6))]
    return [(answer.status_code, dict(answer.headers), _without_tokens(answer)) for answer in answers]


def _without_tokens(answer: HttpResponse) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "token", answer.content.decode())


def test_known_and_unknown_cost_the_same_queries(cast: Cast, phones: Phones) -> None:
    """REL-S1: what is written does not depend on who is asked for (the sender's row aside)."""
    assert cast.zhang
    counts = set()
    for number, phone in [
        ("450302199003079919", "19900000001"),
        ("450302199003079919", "19900000066"),
        (NUMBER, "19900000067"),
    ]:
        with CaptureQueriesContext(connection) as queries:
            ask(Client(), number, "张三", phone)
        counts.add(len([q for q in queries if "limits_tokenbucket" not in q["sql"]]))
    assert len(counts) == 1


def test_the_answer_takes_its_time_whatever_it_found(
    cast: Cast, phones: Phones, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REL-S1: the floor covers both steps and refusals."""
    settings.SIGN_IN_FLOOR_SECONDS = 5
    slept: list[float] = []
    monkeypatch.setattr(timing.time, "sleep", slept.append)
    client = Client()
    ask(client)
    type_code(client, "000000")
    for _ in range(3):
        ask(client)
    assert len(slept) == 5
    assert all(4 < seconds <= 5 for seconds in slept)


def test_code_works_once(client: Client, cast: Cast, phones: Phones) -> None:
    """REL-S2."""
    assert cast.zhang
    ask(client, "450302199003079919", "张三", "19900000001")
    session = client.session
    kept = dict(session[PENDING])
    type_code(client, phones.last("19900000001"))
    client.post("/sign-out/")
    session = client.session
    session[PENDING] = kept
    session.save()
    client.cookies["sid"] = session.session_key
    answer = type_code(client, phones.last("19900000001"))
    assert answer.status_code == 200
    assert not is_signed_in(client)


def test_code_dies_after_five_minutes(client: Client, cast: Cast, phones: Phones) -> None:
    """REL-S2: usable in the last second, not in the next."""
    assert cast.zhang
    start = datetime.datetime(2026, 11, 21, 9, 0, tzinfo=datetime.UTC)
    with time_machine.travel(start, tick=False) as clock:
        ask(client, "450302199003079919", "张三", "19900000001")
        clock.shift(300)
        type_code(client, phones.last("19900000001"))
        assert not is_signed_in(client)
        clock.shift(-1)
        type_code(client, phones.last("19900000001"))
        assert is_signed_in(client)


def test_code_of_another_session_opens_nothing(client: Client, cast: Cast, phones: Phones) -> None:
    """REL-S2: bound to the session that asked."""
    assert cast.zhang
    ask(client, "450302199003079919", "张三", "19900000001")
    thief = Client()
    assert type_code(thief, phones.last("19900000001"))["Location"] == SIGN_IN
    session = thief.session
    session[PENDING] = {"id": client.session[PENDING]["id"], "key": "guess"}
    session.save()
    thief.cookies["sid"] = session.session_key
    type_code(thief, phones.last("19900000001"))
    assert not is_signed_in(thief)


def test_sixth_try_fails_even_with_the_right_code(client: Client, cast: Cast, phones: Phones) -> None:
    """REL-S2: five tries, then the code is dead."""
    assert cast.zhang
    ask(client, "450302199003079919", "张三", "19900000001")
    code = phones.last("19900000001")
    for _ in range(5):
        assert type_code(client, wrong(code)).status_code == 200
    type_code(client, code)
    assert not is_signed_in(client)


def test_fifth_try_still_counts(client: Client, cast: Cast, phones: Phones) -> None:
    """REL-S2: negative twin of the sixth."""
    assert cast.zhang
    ask(client, "450302199003079919", "张三", "19900000001")
    code = phones.last("19900000001")
    for _ in range(4):
        type_code(client, wrong(code))
    type_code(client, code)
    assert is_signed_in(client)


def test_new_code_replaces_the_old_one_of_the_session(client: Client, cast: Cast, phones: Phones) -> None:
    """UX-R7: whoever asks again needs the new code."""
    assert cast.zhang
    with time_machine.travel(datetime.datetime(2026, 11, 21, 9, 0, tzinfo=datetime.UTC), tick=False) as clock:
        ask(client, "450302199003079919", "张三", "19900000001")
        old = phones.last("19900000001")
        clock.shift(61)
        ask(client, "450302199003079919", "张三", "19900000001")
        new = phones.last("19900000001")
        if new != old:
            type_code(client, old)
            assert not is_signed_in(client)
        type_code(client, new)
        assert is_signed_in(client)


def test_one_phone_gets_one_code_a_minute_and_five_an_hour(cast: Cast, phones: Phones) -> None:
    """D1, J6: 429 with the waiting time, also for people who do not exist."""
    with time_machine.travel(datetime.datetime(2026, 11, 21, 9, 0, tzinfo=datetime.UTC), tick=False) as clock:
        assert ask(Client()).status_code == 302
        refused = ask(Client())
        assert (refused.status_code, refused["Retry-After"]) == (429, "60")
        for _ in range(4):
            clock.shift(61)
            assert ask(Client()).status_code == 302
        clock.shift(61)
        assert ask(Client()).status_code == 429


def test_one_address_may_ask_twenty_times_an_hour(db: None, phones: Phones) -> None:
    """J6: per address, whoever is asked for."""
    numbers = [
        identity_number("450302", f"1980{month:02d}{day:02d}", serial=0) for month in (1, 2) for day in range(1, 12)
    ]
    answers = [ask(Client(), number, "张三", f"199000001{n:02d}").status_code for n, number in enumerate(numbers[:21])]
    assert answers == [302] * 20 + [429]
    elsewhere = Client(REMOTE_ADDR="203.0.113.9")
    assert ask(elsewhere, numbers[21], "张三", "19900000199").status_code == 302


def test_one_person_is_asked_for_five_times_an_hour(db: None, phones: Phones) -> None:
    """J6: per person, from any address and to any telephone."""
    answers = [ask(Client(REMOTE_ADDR=f"198.51.{n}.7"), NUMBER, "张三", f"1990000020{n}").status_code for n in range(6)]
    assert answers == [302] * 5 + [429]


def test_ten_wrong_codes_cost_half_an_hour(cast: Cast, phones: Phones) -> None:
    """J6, REL-S3: per person over several codes; then one try each half hour, and right codes cost nothing."""
    assert cast.zhang
    with time_machine.travel(datetime.datetime(2026, 11, 21, 9, 0, tzinfo=datetime.UTC), tick=False) as clock:
        for _ in range(2):
            client = Client()
            ask(client, "450302199003079919", "张三", "19900000001")
            for _ in range(5):
                type_code(client, wrong(phones.last("19900000001")))
            clock.shift(61)
        client = Client()
        ask(client, "450302199003079919", "张三", "19900000001")
        refused = type_code(client, phones.last("19900000001"))
        assert refused.status_code == 429
        assert 27 * 60 <= int(refused["Retry-After"]) <= 30 * 60
        clock.shift(30 * 60)
        ask(client, "450302199003079919", "张三", "19900000001")
        type_code(client, phones.last("19900000001"))
        assert is_signed_in(client)


@pytest.mark.parametrize(
    ("typed", "beside"),
    [
        ({"name": "", "identity_number": "", "phone": ""}, ["name", "identity_number", "phone"]),
        ({"name": "张三", "identity_number": "610104620927690", "phone": "19900000001"}, ["identity_number"]),
        ({"name": "<b>", "identity_number": NUMBER, "phone": "19900000001"}, ["name"]),
        ({"name": "张三", "identity_number": NUMBER, "phone": "110"}, ["phone"]),
        (
            {"name": "张\x00", "identity_number": "４５\U0010ffff", "phone": "\u202e"},
            ["name", "identity_number", "phone"],
        ),
        ({}, ["name", "identity_number", "phone"]),
    ],
)
def test_errors_stand_beside_the_field_and_what_was_typed_stays(
    client: Client, db: None, phones: Phones, typed: dict[str, str], beside: list[str]
) -> None:
    """UX-R7, REL-F1, REL-F2: summary with links, same words beside the field, nothing sent, nothing lost."""
    answer = client.post(SIGN_IN, typed)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert set(answer.context["form"].errors) == set(beside)
    for name in beside:
        assert f'href="#id_{name}"' in page
    for name, value in typed.items():
        if value and name not in beside:
            assert f'value="{value}"' in page
    assert not phones.codes


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５６７", "٢٢٢٢٢٢", "12345\x00"])
def test_code_is_checked_for_shape_and_never_echoed(client: Client, db: None, phones: Phones, typed: str) -> None:
    """UX-R7: a typing error costs no try, and the code is not in the page."""
    ask(client)
    answer = type_code(client, typed)
    assert answer.status_code == 200
    assert SignInCode.objects.get().tries == 0
    assert not typed or f'value="{typed}"' not in answer.content.decode()


def test_code_may_be_typed_with_spaces_and_full_width(client: Client, cast: Cast, phones: Phones) -> None:
    """UX-R8: as Chinese keyboards write digits."""
    ask(client)
    code = phones.last("19900000077")
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
    type_code(client, f" {wide[:3]} {wide[3:]} ")
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("/family/", "/family/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("family/", "/"),
    ],
)
def test_next_leads_only_inside(client: Client, db: None, phones: Phones, wanted: str, location: str) -> None:
    """REL-H1."""
    answer = ask(client, next=wanted)
    answer = type_code(client, phones.last("19900000077"), answer["Location"])
    assert (answer.status_code, answer["Location"]) == (302, location)


def test_sign_in_gives_a_new_session(client: Client, cast: Cast, phones: Phones) -> None:
    """REL-S4: a session planted before sign-in is worth nothing after it."""
    ask(client)
    planted = client.cookies["sid"].value
    type_code(client, phones.last("19900000077"))
    assert client.cookies["sid"].value != planted
    thief = Client()
    thief.cookies["sid"] = planted
    assert not is_signed_in(thief)
    assert PENDING not in client.session


def test_session_holds_no_number_and_no_name(client: Client, cast: Cast, phones: Phones) -> None:
    """ARCHITECTURE §8, REL-S7: neither while the code is on its way nor after; the row holds them sealed."""
    ask(client)
    row = SignInCode.objects.get()
    kept = str(dict(client.session)) + str({f.attname: getattr(row, f.attname) for f in row._meta.fields})
    for secret in (NUMBER, "张三", "19900000077", phones.last("19900000077")):
        assert secret not in kept
        assert secret.encode() not in bytes(row.claim_cipher)


def test_two_newcomers_with_one_number_become_one(cast: Cast, phones: Phones) -> None:
    """REL-R: of two codes for one unknown number the first one used wins, the second starts again."""
    first, second = Client(), Client(REMOTE_ADDR="203.0.113.9")
    ask(first, NUMBER, "张三", "19900000071")
    ask(second, NUMBER, "张三", "19900000072")
    type_code(second, phones.last("19900000072"))
    type_code(first, phones.last("19900000071"))
    assert is_signed_in(second)
    assert not is_signed_in(first)
    assert Resident.objects.get().phone == "19900000072"


def test_old_codes_are_forgotten_after_a_day(client: Client, cast: Cast, phones: Phones) -> None:
    """ARCHITECTURE §8: codes 24 h."""
    start = datetime.datetime(2026, 11, 21, 9, 0, tzinfo=datetime.UTC)
    with time_machine.travel(start, tick=False) as clock:
        ask(client)
        clock.shift(24 * 3600)
        assert codes.forget_old() == 0
        clock.shift(1)
        assert codes.forget_old() == 1


def test_code_page_needs_a_question_first(client: Client, db: None) -> None:
    """D1."""
    assert client.get(CODE)["Location"] == SIGN_IN


def test_signed_in_residents_are_led_on(client: Client, cast: Cast) -> None:
    """D1."""
    sign_in(client, cast.zhang)
    assert client.get(SIGN_IN + "?next=/family/")["Location"] == "/family/"


def test_a_code_whose_row_is_gone_is_over(client: Client, cast: Cast, phones: Phones) -> None:
    """REL-S2: after the clean-up the page says so."""
    ask(client)
    SignInCode.objects.all().delete()
    assert type_code(client, phones.last("19900000077")).status_code == 200
    with pytest.raises(codes.CodeOver):
        codes.redeem(uuid.uuid4(), "000000", session_key="x")


def test_second_registration_of_a_number_names_the_first(cast: Cast) -> None:
    """A2: unique by keyed index, whatever the spelling."""
    with pytest.raises(AlreadyRegistered) as refused:
        register_resident(identity_number="４５０３０２199003079919", name="张三" if cast.zhang else "")
    assert refused.value.resident_id == cast.zhang.pk
    assert ResidentFactory().pk != cast.zhang.pk
