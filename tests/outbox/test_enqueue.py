import datetime
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.template.loader import get_template
from django.utils import translation

from portal.outbox import codes, providers
from portal.outbox.models import DemoSms, Message
from portal.outbox.services import MAX_CHARACTERS, MessageDraft, enqueue, enqueue_many, render_text
from portal.outbox.tasks import drain
from portal.people import codes as people_codes
from tests.people_cast import Cast

pytestmark = pytest.mark.django_db
CODE = {"code": "123456", "minutes": 5}


@pytest.fixture
def nudges(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks that would have been published."""
    seen: list[str] = []
    monkeypatch.setattr("portal.jobs.nudge._publish", lambda task, args, queue: seen.append(f"{queue}:{task}"))
    return seen


def test_text_is_in_the_residents_language(cast: Cast) -> None:
    """The resident's language, not the clerk's; text rendered when stored."""
    cast.li.language = "en"
    cast.li.save()
    with translation.override("en"):
        chinese = enqueue(key="a", template="one_time_code", resident_id=cast.zhang.pk, params=CODE)
    english = enqueue(key="b", template="one_time_code", resident_id=cast.li.pk, params=CODE)
    assert chinese.body.startswith("【参保服务】验证码 123456")
    assert (
        english.body
        == "[Canbao] Your code is 123456. It is valid for 5 minutes. Give it to nobody: our staff never ask for it."
    )


def test_texts_and_phones_are_not_readable_in_the_database(cast: Cast) -> None:
    """REL-S7."""
    enqueue(key="a", template="one_time_code", phone="19900000001", params=CODE)
    drain()
    with connection.cursor() as cursor:
        for table in ("outbox_message", "outbox_demosms"):
            cursor.execute(f"SELECT * FROM {table}")
            dump = repr([tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in cursor.fetchall()])
            assert "19900000001" not in dump
            assert "123456" not in dump
            assert "验证码".encode() not in dump.encode("latin-1", "replace")


def test_message_goes_with_the_transaction(nudges: list[str], django_capture_on_commit_callbacks: Callable) -> None:
    """F4: a rolled back change sends nothing, and the worker is told after commit only."""
    with transaction.atomic():
        enqueue(key="a", template="one_time_code", phone="19900000001", params=CODE)
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        enqueue(key="a", template="one_time_code", phone="19900000001", params=CODE)
        assert nudges == []
    assert nudges == ["outbox:portal.outbox.tasks.drain"]


def test_batch_costs_the_same_number_of_queries_whatever_its_size(
    cast: Cast, nudges: list[str], django_assert_max_num_queries: Callable
) -> None:
    """ARCHITECTURE §1: reactions are set-based. One read, and one write on PostgreSQL; SQLite takes 58 rows at a
    time.
    """
    drafts = [
        MessageDraft(key=f"campaign:{number}", template="one_time_code", resident_id=cast.zhang.pk, params=CODE)
        for number in range(400)
    ]
    with django_assert_max_num_queries(10):
        enqueue_many(drafts)
    enqueue_many(
        [*drafts, MessageDraft(key="campaign:new", template="one_time_code", phone="19900000009", params=CODE)]
    )
    assert Message.objects.count() == 401
    enqueue_many([])


def test_key_of_a_fact_keeps_its_first_text(cast: Cast) -> None:
    """A replayed transition cannot make a second message or change the first."""
    first = enqueue(key="a", template="one_time_code", phone="19900000001", params=CODE)
    again = enqueue(key="a", template="one_time_code", phone="19900000002", params={"code": "999999", "minutes": 5})
    assert first.pk == again.pk
    assert (again.body, again.phone) == (first.body, "19900000001")


def test_message_moved_to_another_row_does_not_open(cast: Cast) -> None:
    from portal.crypto import SealBroken

    message = enqueue(key="a", template="one_time_code", phone="19900000001", params=CODE)
    message.key = "b"
    with pytest.raises(SealBroken):
        message.body  # noqa: B018


def test_long_text_is_cut_and_values_are_not_escaped(settings: object) -> None:
    text = render_text("one_time_code", {"code": "<&>" * 400, "minutes": 5}, "zh-hans")
    assert len(text) == MAX_CHARACTERS
    assert "<&>" in text
    assert text.endswith("…")


def test_every_message_template_reads_well_in_both_languages() -> None:
    """Every file compiles, and its Chinese is translated."""
    for path in Path("templates/messages").glob("*.txt"):
        source = path.read_text(encoding="utf-8")
        get_template(f"messages/{path.name}")
        texts = {language: render_text(path.stem, {}, language) for language in ("zh-hans", "en")}
        assert "blocktranslate" in source or "translate" in source, path
        assert texts["zh-hans"] != texts["en"], path
        assert not re.search("[\u4e00-\u9fff]", texts["en"]), path


def test_one_time_code_travels_by_the_outbox(cast: Cast) -> None:
    """The sender of codes is registered once, however often the app is set up."""
    assert people_codes.senders.count(codes.send_code) == 1


def test_code_from_sign_in_reaches_the_demo_phone(client: object, cast: Cast) -> None:
    """issue 2: the demo phone page shows the text message of the embedded default."""
    from django.utils import timezone

    codes.send_code(
        phone="19900000001",
        code="246810",
        resident_id=None,
        language="zh-hans",
        expires_at=timezone.now() + datetime.timedelta(minutes=5),
        reference="r1",
    )
    drain()
    page = client.get("/demo/phone/")
    assert page.status_code == 200
    assert "246810" in page.content.decode()
    assert "19900000001" in page.content.decode()
    assert DemoSms.objects.count() == 1


def test_provider_of_the_demo_is_refused_in_production(settings: object) -> None:
    settings.DEMO = False
    with pytest.raises(ImproperlyConfigured):
        providers.configured()
    settings.SMS_PROVIDER, settings.SMS_GATEWAY_URL = "http", "ftp://example.test/"
    with pytest.raises(ImproperlyConfigured):
        providers.configured()
