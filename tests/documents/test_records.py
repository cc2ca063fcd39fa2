import threading
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client

from portal.documents import records
from portal.documents.models import PaperRecord, PaperState
from portal.documents.records import PaperFacts
from tests.documents.samples import card_fee_notice

pytestmark = pytest.mark.django_db
NAME, NUMBER = "张三", "450302199003079919"


@pytest.fixture(autouse=True)
def facts(monkeypatch: pytest.MonkeyPatch) -> dict[str, PaperFacts]:
    """A notice over 20 yuan, as its app would read it from the database."""
    known = {"n1": PaperFacts("非税收入缴款通知书", date(2026, 11, 21), 2000)}
    monkeypatch.setitem(records.facts_readers, "test.notice", known.get)
    return known


def issue(version: int = 1, subject_id: str = "n1") -> PaperRecord:
    return records.issue_record(kind="nontax", subject_kind="test.notice", subject_id=subject_id, version=version)


def address(record: PaperRecord, facts: dict[str, PaperFacts]) -> tuple[str, dict[str, str]]:
    parts = urlsplit(records.check_address(record, facts["n1"]))
    return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}


def test_qr_code_of_a_genuine_paper_leads_to_genuine(client: Client, facts: dict[str, PaperFacts]) -> None:
    """N4, F6."""
    path, query = address(issue(), facts)
    page = client.get(path, query)
    text = page.content.decode()
    assert page.status_code == 200
    assert "文书真实有效" in text
    assert "¥20.00" in text
    assert "2026年11月21日" in text
    assert "no-cache" in page["Cache-Control"]


@pytest.mark.parametrize(("name", "value"), [("a", "1000"), ("d", "20261122"), ("s", "0" * 16), ("a", "")])
def test_altered_amount_date_or_signature_is_said_so(
    client: Client, facts: dict[str, PaperFacts], name: str, value: str
) -> None:
    """N4: alter the amount in the code and it is rejected; the true amount is read from the database."""
    path, query = address(issue(), facts)
    text = client.get(path, query | {name: value}).content.decode()
    assert "文书被改动过" in text
    assert "文书真实有效" not in text
    assert "¥20.00" in text
    assert "¥10.00" not in text


def test_code_typed_by_hand_is_enough(client: Client, facts: dict[str, PaperFacts]) -> None:
    """F6: small letters, no dashes, look-alikes."""
    record = issue()
    typed = record.code.lower().replace("0", "o").replace("1", "l")
    response = client.get("/papers/", {"code": f" {typed[:9]} {typed[9:]} "})
    assert response.status_code == 302
    assert "文书真实有效" in client.get(response["Location"]).content.decode()


def test_unknown_and_impossible_codes_are_not_found(client: Client) -> None:
    assert client.get("/papers/7K3M-9QWE-RT2Y-5VPA-SDF8-GHJK-ZX/").status_code == 404
    assert "查无此文书" in client.get("/papers/x'--/").content.decode()
    page = client.get("/papers/", {"code": "<b>123"}).content.decode()
    assert "请输入二维码下方的 26 位字母和数字" in page
    assert "<b>123" not in page


def test_page_tells_nothing_about_a_person(client: Client, facts: dict[str, PaperFacts]) -> None:
    """N4: page source has no name or number."""
    path, query = address(issue(), facts)
    text = client.get(path, query).content.decode()
    for secret in (NAME, NUMBER, NUMBER[-4:], "n1", str(issue().pk)):
        assert secret not in text


def test_newer_version_supersedes_the_older_paper(client: Client, facts: dict[str, PaperFacts]) -> None:
    old, new = issue(1), issue(2)
    assert old.code != new.code
    old = PaperRecord.objects.get(pk=old.pk)
    assert (old.state, old.superseded_by) == (PaperState.SUPERSEDED, new)
    assert "文书已失效" in client.get(address(old, facts)[0]).content.decode()
    assert "文书真实有效" in client.get(address(new, facts)[0]).content.decode()


def test_voided_paper_says_so(client: Client, facts: dict[str, PaperFacts]) -> None:
    record = issue()
    assert records.void(kind="nontax", subject_kind="test.notice", subject_id="n1") == 1
    assert "文书已作废" in client.get(address(record, facts)[0]).content.decode()


def test_paper_about_another_subject_takes_its_place(facts: dict[str, PaperFacts]) -> None:
    """N10: a reissued notice is another row; the old paper points on."""
    old, new = issue(), issue(subject_id="n2")
    records.supersede(kind="nontax", subject_kind="test.notice", subject_id="n1", by=new)
    assert PaperRecord.objects.get(pk=old.pk).superseded_by == new


def test_printing_again_shows_the_same_code() -> None:
    assert issue().code == issue().code
    assert PaperRecord.objects.count() == 1


def test_codes_are_long_and_stored_so_that_a_dump_does_not_help() -> None:
    """RELIABILITY §4.7: 128 bits, by keyed index and sealed."""
    record = issue()
    assert len(record.code) == 26
    assert set(record.code) <= set(records.ALPHABET)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM documents_paperrecord")
        assert record.code not in repr([bytes(v) if isinstance(v, memoryview) else v for v in cursor.fetchone()])
    codes = {records.new_code() for _number in range(500)}
    assert len(codes) == 500
    assert {code[0] for code in codes} <= set("01234567"), "26 characters hold 130 bits, the first one 3"


def test_changed_printing_is_noticed() -> None:
    record = issue()
    assert records.remember_fields(record, card_fee_notice())
    assert records.remember_fields(record, card_fee_notice())
    assert not records.remember_fields(record, card_fee_notice("李四"))


def test_guessing_is_limited(client: Client) -> None:
    """RELIABILITY §3: 10 a minute for each address."""
    statuses = [client.get("/papers/7K3M-9QWE-RT2Y-5VPA-SDF8-GHJK-ZX/").status_code for _number in range(11)]
    assert statuses == [404] * 10 + [429]


def test_caption_has_two_lines_of_groups() -> None:
    code = "7K3M9QWERT2Y5VPASDF8GHJKZX"
    assert records.caption_code(code) == "7K3M-9QWE-RT2Y\n5VPA-SDF8-GHJK-ZX"
    assert records.normalize_code(records.caption_code(code)) == code


@pytest.mark.django_db(transaction=True)
def test_two_requests_issue_one_record() -> None:
    """A double click on print makes one code."""
    found: list[str] = []
    barrier = threading.Barrier(2)

    def run() -> None:
        barrier.wait()
        found.append(issue().code)
        connection.close()

    threads = [threading.Thread(target=run) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert len(set(found)) == 1
