import pytest

from portal.outbox.providers import Answer, Fate, HttpSms, NoAnswer, Refused
from tests.harness.services import free_port
from tests.outbox.gateway import Gateway

KEY = "application:12:approved:v3:sms"


@pytest.fixture
def sms(gateway: Gateway) -> HttpSms:
    return HttpSms(gateway.url, "secret-token", dedupes=True)


def test_message_travels_with_key_and_token(gateway: Gateway, sms: HttpSms) -> None:
    """RELIABILITY §6.3: the provider call carries our idempotency key."""
    assert sms.send(KEY, "19900000001", "【参保服务】您好 𠮷") == f"gw-{KEY}"
    assert gateway.accepted[KEY] == [{"reference": KEY, "phone": "19900000001", "text": "【参保服务】您好 𠮷"}]
    headers = gateway.headers[0]
    assert headers["Idempotency-Key"] == KEY
    assert headers["Authorization"] == "Bearer secret-token"


def test_same_key_twice_is_one_message(gateway: Gateway, sms: HttpSms) -> None:
    assert sms.send(KEY, "19900000001", "x") == sms.send(KEY, "19900000001", "x")
    assert len(gateway.accepted[KEY]) == 1


@pytest.mark.parametrize(
    ("status", "final"), [(400, True), (401, True), (422, True), (429, False), (409, False), (408, False)]
)
def test_refusal_tells_whether_another_try_makes_sense(
    gateway: Gateway, sms: HttpSms, status: int, final: bool
) -> None:
    gateway.answers = [status]
    with pytest.raises(Refused) as caught:
        sms.send(KEY, "19900000001", "x")
    assert (caught.value.code, caught.value.final) == (f"http_{status}", final)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_broken_gateway_leaves_the_fate_open(gateway: Gateway, sms: HttpSms, status: int) -> None:
    gateway.answers = [status]
    with pytest.raises(NoAnswer):
        sms.send(KEY, "19900000001", "x")


def test_late_answer_leaves_the_fate_open(gateway: Gateway, sms: HttpSms, monkeypatch: pytest.MonkeyPatch) -> None:
    """REL-K5: accepted but not heard of, and the status query tells."""
    monkeypatch.setattr("portal.outbox.providers.TIMEOUT_SECONDS", 0.2)
    gateway.hold_share, gateway.hold_seconds = 1.0, 0.6
    with pytest.raises(NoAnswer):
        sms.send(KEY, "19900000001", "x")
    assert sms.query(KEY) == Answer(Fate.ACCEPTED, f"gw-{KEY}")


def test_gateway_that_is_not_there_has_certainly_not_sent(sms: HttpSms) -> None:
    closed = HttpSms(f"http://127.0.0.1:{free_port()}/", "t", dedupes=True)
    with pytest.raises(Refused) as caught:
        closed.send(KEY, "19900000001", "x")
    assert not caught.value.final
    with pytest.raises(NoAnswer):
        closed.query(KEY)


def test_query_tells_what_the_gateway_knows(gateway: Gateway, sms: HttpSms) -> None:
    assert sms.query(KEY).fate == Fate.NOT_FOUND
    gateway.answers = [500]
    with pytest.raises(NoAnswer):
        sms.query(KEY)
