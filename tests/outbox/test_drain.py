from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from portal.outbox import clock as rules
from portal.outbox.drain import drain
from portal.outbox.models import Message, MessageState
from portal.outbox.providers import Fate
from portal.outbox.services import enqueue
from tests.outbox.conftest import NO_ANSWER, REFUSED_FOR_GOOD, REFUSED_FOR_NOW, ScriptedProvider

pytestmark = pytest.mark.django_db
PHONE = "19900000001"


def store(key: str = "application:1:approved:v3:sms", **changes: object) -> Message:
    values: dict = {"key": key, "template": "one_time_code", "phone": PHONE, "params": {"code": "123456", "minutes": 5}}
    return enqueue(**(values | changes))


def fresh(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


def test_stored_message_is_sent_once(provider: ScriptedProvider, clock: time_machine.Traveller) -> None:
    """F4: the same fact makes one message, and a sent one is never touched again."""
    store()
    store()
    assert drain(provider=provider) == {"sent": 1}
    assert drain(provider=provider) == {}
    message = Message.objects.get()
    assert (message.state, message.provider, message.provider_id) == ("sent", "scripted", f"id-{message.key}")
    assert message.sent_at == timezone.now()
    assert provider.sent == [
        (message.key, PHONE, "【参保服务】验证码 123456，5 分钟内有效。请勿告诉任何人，工作人员不会向您索要。")
    ]


def test_refused_message_climbs_the_ladder_and_ends_where_people_see_it(
    provider: ScriptedProvider, clock: time_machine.Traveller
) -> None:
    """REL-K13: waits grow, and the last failure is a state, not a log line."""
    message = store()
    steps = len(rules.BACKOFF_SECONDS)
    provider.script = [REFUSED_FOR_NOW] * (steps + 1)
    for _step in range(steps):
        drain(provider=provider)
        message = fresh(message)
        assert message.state == MessageState.PENDING
        assert drain(provider=provider) == {}, "not before its time"
        clock.move_to(message.next_try_at)
    drain(provider=provider)
    message = fresh(message)
    assert (message.state, message.error, message.next_try_at) == ("failed", "http_429", None)
    assert list(Message.objects.stuck()) == [message]


def test_message_refused_for_good_is_not_tried_again(provider: ScriptedProvider, clock: time_machine.Traveller) -> None:
    message = store()
    provider.script = [REFUSED_FOR_GOOD]
    assert drain(provider=provider) == {"failed": 1}
    clock.shift(timedelta(days=2))
    assert drain(provider=provider) == {}
    assert fresh(message).error == "http_400"


def test_no_answer_is_sent_again_under_the_same_reference_where_the_provider_dedupes(
    provider: ScriptedProvider, clock: time_machine.Traveller
) -> None:
    """REL-K5."""
    message = store()
    provider.script = [NO_ANSWER]
    assert drain(provider=provider) == {"unknown": 1}
    clock.move_to(fresh(message).next_try_at)
    assert drain(provider=provider) == {"sent": 1}
    assert [reference for reference, _phone, _text in provider.sent] == [message.key] * 2
    assert provider.asked == []


@pytest.mark.parametrize(("fate", "sends"), [(Fate.ACCEPTED, 1), (Fate.NOT_FOUND, 2)])
def test_no_answer_is_asked_about_where_the_provider_does_not_dedupe(
    provider: ScriptedProvider, clock: time_machine.Traveller, fate: Fate, sends: int
) -> None:
    """REL-K5: never resent blindly."""
    message = store()
    provider.dedupes, provider.script, provider.fates = False, [NO_ANSWER], [fate]
    drain(provider=provider)
    for _step in range(3):
        if (message := fresh(message)).next_try_at:
            clock.move_to(message.next_try_at)
            drain(provider=provider)
    assert fresh(message).state == MessageState.SENT
    assert len(provider.sent) == sends
    assert provider.asked == [message.key]


def test_message_of_unknown_fate_is_asked_three_times_and_then_shown_to_operators(
    provider: ScriptedProvider, clock: time_machine.Traveller
) -> None:
    message = store()
    provider.dedupes, provider.script, provider.fates = False, [NO_ANSWER], [NO_ANSWER] * 9
    start = timezone.now()
    drain(provider=provider)
    while (next_try := fresh(message).next_try_at) is not None:
        clock.move_to(next_try)
        drain(provider=provider)
    assert len(provider.asked) == 3
    assert timezone.now() - start <= timedelta(minutes=11)
    assert fresh(message).state == MessageState.UNKNOWN
    assert list(Message.objects.stuck()) == [message]
    assert len(provider.sent) == 1


def test_code_of_unknown_fate_is_never_sent_again(provider: ScriptedProvider, clock: time_machine.Traveller) -> None:
    """RELIABILITY §6.3: a new code is a new row, even where the provider dedupes."""
    message = store(urgent=True)
    provider.script, provider.fates = [NO_ANSWER], [Fate.NOT_FOUND]
    drain(provider=provider)
    clock.move_to(fresh(message).next_try_at)
    assert drain(provider=provider) == {"failed": 1}
    assert len(provider.sent) == 1
    assert fresh(message).body == ""


def test_code_is_dropped_after_two_minutes_and_its_text_with_it(
    provider: ScriptedProvider, clock: time_machine.Traveller
) -> None:
    message = store(urgent=True)
    clock.shift(timedelta(seconds=121))
    assert drain(provider=provider) == {}
    assert (fresh(message).state, fresh(message).body) == ("expired", "")
    assert provider.sent == []


def test_sent_code_keeps_no_text(provider: ScriptedProvider, clock: time_machine.Traveller) -> None:
    message = store(urgent=True)
    drain(provider=provider)
    assert fresh(message).body == ""
    assert "123456" in provider.sent[0][2]


def test_nobody_is_woken_at_night(provider: ScriptedProvider, clock: time_machine.Traveller, settings: object) -> None:
    """RELIABILITY §6.3: quiet hours 22 to 8 by next_try_at; codes excepted."""
    settings.SMS_PROVIDER, settings.SMS_GATEWAY_URL = "http", "http://127.0.0.1:1/"
    clock.move_to(timezone.localtime().replace(hour=22, minute=0))
    ordinary, code = store(), store("code:1", urgent=True)
    assert drain(provider=provider) == {"sent": 1}
    assert [reference for reference, _phone, _text in provider.sent] == [code.key]
    morning = timezone.localtime(fresh(ordinary).next_try_at)
    assert (morning.day, morning.hour, morning.minute) == (24, 8, 0)
    clock.move_to(morning)
    assert drain(provider=provider) == {"sent": 1}


def test_what_was_left_over_from_the_day_waits_for_the_morning(
    provider: ScriptedProvider, clock: time_machine.Traveller
) -> None:
    store()
    clock.shift(timedelta(hours=11))
    assert drain(provider=provider) == {}
    assert timezone.localtime(Message.objects.get().next_try_at).hour == 8


@pytest.mark.parametrize(
    ("hour", "wanted"),
    [(7, (23, 8)), (8, (23, 8)), (21, (23, 21)), (22, (24, 8)), (23, (24, 8)), (0, (23, 8))],
)
def test_quiet_hours_end_at_eight(clock: time_machine.Traveller, hour: int, wanted: tuple[int, int]) -> None:
    at = timezone.localtime().replace(hour=hour)
    moved = timezone.localtime(rules.after_quiet_hours(at, (22, 8)))
    assert (moved.day, moved.hour) == wanted
    assert rules.after_quiet_hours(at, None) == at


def test_codes_go_before_a_campaign(provider: ScriptedProvider, clock: time_machine.Traveller) -> None:
    for number in range(25):
        store(f"campaign:{number}")
    store("code:1", urgent=True)
    drain(provider=provider, limit=1)
    assert provider.sent[0][0] == "code:1"


def test_message_left_by_a_dead_drain_is_taken_over_after_its_lease(
    provider: ScriptedProvider, clock: time_machine.Traveller
) -> None:
    """REL-K5: nothing is lost and nothing is taken from a drain that lives."""
    message = store()
    lease = timezone.now() + timedelta(seconds=rules.LEASE_SECONDS)
    Message.objects.filter(pk=message.pk).update(state=MessageState.SENDING, attempts=1, next_try_at=lease)
    assert drain(provider=provider) == {}
    clock.move_to(lease)
    assert drain(provider=provider) == {"sent": 1}
    assert fresh(message).attempts == 2


def test_slow_drain_does_not_overwrite_the_one_that_took_over(
    provider: ScriptedProvider, clock: time_machine.Traveller
) -> None:
    """The outcome is written only by the attempt that owns the row."""
    message = store()
    other = ScriptedProvider()

    def take_over(reference: str, phone: str, text: str) -> str:
        clock.shift(timedelta(seconds=rules.LEASE_SECONDS + 1))
        assert drain(provider=other) == {"sent": 1}
        raise NO_ANSWER

    provider.send = take_over
    assert drain(provider=provider) == {"lost": 1}
    assert fresh(message).state == MessageState.SENT


def test_message_without_a_phone_is_shown_to_operators(
    provider: ScriptedProvider, clock: time_machine.Traveller, cast: object
) -> None:
    message = store(phone=None, resident_id=cast.child.pk)
    assert drain(provider=provider) == {"failed": 1}
    assert fresh(message).error == "no_phone"


def test_phone_is_read_when_the_message_goes_out(
    provider: ScriptedProvider, clock: time_machine.Traveller, cast: object
) -> None:
    """The text is what was promised; the number is the present one."""
    store(phone=None, resident_id=cast.zhang.pk)
    cast.zhang.set_phone("19900000088")
    cast.zhang.save()
    drain(provider=provider)
    assert provider.sent[0][1] == "19900000088"


def test_provider_that_breaks_does_not_stop_the_others(
    provider: ScriptedProvider, clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    """REL-K13."""
    store("a:1")
    store("b:1")
    provider.script = [RuntimeError("bug")]
    assert drain(provider=provider) == {"unknown": 1, "sent": 1}
    assert "message_send_failed" in caplog.text


def test_idle_drain_asks_one_question(
    provider: ScriptedProvider, clock: time_machine.Traveller, django_assert_num_queries: Callable
) -> None:
    with django_assert_num_queries(1):
        drain(provider=provider)
