"""Seals find a changed byte, a deleted row and a cut tail."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from portal.audit import record, seals, tasks, triggers
from portal.audit.models import AuditEntry, SealBlock, SealMark
from portal.people.actors import SYSTEM
from portal.workflow.core import Workflow

pytestmark = pytest.mark.django_db


def let_older_transactions_end():
    """Stands for their end: those of other databases of the same server, where other tests run, count too."""
    SealMark.objects.update(horizon=0)


def seal_twice():
    """On PostgreSQL the first run only sees how far the second may seal."""
    sealed = seals.seal("audit")
    let_older_transactions_end()
    return sealed + seals.seal("audit")


@pytest.fixture
def three_blocks(monkeypatch):
    """Nine entries in three seals."""
    monkeypatch.setattr(seals, "BLOCK_ROWS", 3)
    for number in range(9):
        record(f"action.{number}", SYSTEM, details={"n": number})
    assert seal_twice() == 9
    return list(SealBlock.objects.filter(stream="audit").order_by("no"))


def tamper(sql, *params):
    """Change rows as somebody would who owns the database."""
    with triggers.disabled(), connection.cursor() as cursor:
        cursor.execute(sql, params)


def test_seals_chain_and_cover_every_id(three_blocks):
    """REL-A4: blocks follow each other without a gap."""
    first, second, third = three_blocks
    assert [block.count for block in three_blocks] == [3, 3, 3]
    assert (second.from_id, second.previous) == (first.to_id + 1, first.digest)
    assert (third.from_id, third.previous) == (second.to_id + 1, second.digest)
    assert seals.verify("audit") is None
    assert seal_twice() == 0


def test_one_changed_byte_is_found(three_blocks):
    """N25, REL-A2."""
    row = AuditEntry.objects.order_by("pk")[4]
    tamper("UPDATE audit_auditentry SET action = %s WHERE id = %s", "action.X", row.pk)
    broken = seals.verify("audit")
    assert (broken.no, broken.why) == (2, "a row was changed")


def test_changed_details_are_found(three_blocks):
    """REL-A2: JSON is part of the digest."""
    row = AuditEntry.objects.order_by("pk")[8]
    tamper("UPDATE audit_auditentry SET details = %s WHERE id = %s", '{"n": 80}', row.pk)
    assert seals.verify("audit").no == 3


def test_one_deleted_row_is_found(three_blocks):
    """N25, I2: delete one row by SQL, the check fails."""
    tamper("DELETE FROM audit_auditentry WHERE id = %s", AuditEntry.objects.order_by("pk")[0].pk)
    broken = seals.verify("audit")
    assert (broken.no, broken.why) == (1, "2 rows instead of 3")


def test_cut_tail_is_found_by_the_head_kept_outside(three_blocks):
    """REL-A3: rows and seals of the tail are gone together."""
    head = (three_blocks[2].no, three_blocks[2].digest)
    tamper("DELETE FROM audit_auditentry WHERE id >= %s", three_blocks[2].from_id)
    assert seals.verify("audit").no == 3
    tamper("DELETE FROM audit_sealblock WHERE no = 3 AND stream = 'audit'")
    assert seals.verify("audit") is None
    broken = seals.verify("audit", head)
    assert (broken.no, broken.why) == (3, "seals after this one are cut off")


def test_resealed_tail_is_found_by_the_head(three_blocks):
    """REL-A3: whoever owns database and key can seal anew, but not change the copy outside."""
    head = (three_blocks[2].no, three_blocks[2].digest)
    tamper("DELETE FROM audit_sealblock WHERE no = 3 AND stream = 'audit'")
    tamper("UPDATE audit_auditentry SET action = 'other' WHERE id = %s", three_blocks[2].to_id)
    seal_twice()
    assert seals.verify("audit") is None
    assert seals.verify("audit", head).why == "the head kept outside is another one"


def test_missing_seal_in_the_middle_is_found(three_blocks):
    tamper("DELETE FROM audit_sealblock WHERE no = 2 AND stream = 'audit'")
    assert seals.verify("audit").why == "the seal is missing"


def test_seal_over_another_range_is_found(three_blocks):
    tamper("UPDATE audit_sealblock SET from_id = from_id + 1 WHERE no = 2 AND stream = 'audit'")
    assert seals.verify("audit").why == "the seal does not follow the one before it"


def test_row_slipped_into_a_sealed_range_is_found(three_blocks):
    """An entry written back in time."""
    tamper("DELETE FROM audit_auditentry WHERE id = %s", three_blocks[1].from_id)
    tamper(
        "INSERT INTO audit_auditentry "
        "(id, at, action, actor_role, subject_label, subject_id, purpose, outcome, details) "
        "VALUES (%s, '2026-01-01 00:00:00+00', 'forged', 'system', '', '', '', 'ok', '{}')",
        three_blocks[1].from_id,
    )
    assert seals.verify("audit").why == "a row was changed"


def test_rows_of_a_running_transaction_are_left_for_later(monkeypatch):
    """ARCHITECTURE §4: on PostgreSQL nothing is sealed while a transaction of that time still runs."""
    record("a", SYSTEM)
    if connection.vendor != "postgresql":
        assert seals.seal("audit") == 1
        return
    assert seals.seal("audit") == 0
    mark = SealMark.objects.get(stream="audit")
    assert mark.high_id == AuditEntry.objects.get().pk
    SealMark.objects.update(horizon=2**60)
    assert seals.seal("audit") == 0
    let_older_transactions_end()
    assert seals.seal("audit") == 1


def test_task_seals_all_streams_and_command_prints_the_heads():
    record("a", SYSTEM)
    tasks.seal()
    let_older_transactions_end()
    tasks.seal()
    out = StringIO()
    call_command("verify_timeline", stdout=out)
    head = SealBlock.objects.get(stream="audit")
    assert f"audit:1:{head.digest}" in out.getvalue()
    assert "All seals hold." in out.getvalue()
    call_command("verify_timeline", "--stream", "audit", "--head", f"audit:1:{head.digest}", stdout=StringIO())


def test_command_names_the_first_broken_block():
    """REL §4.5: a message and a failing status."""
    record("a", SYSTEM)
    seal_twice()
    tamper("UPDATE audit_auditentry SET action = 'b'")
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_timeline", stdout=out)
    assert "audit: block 1" in out.getvalue()
    with pytest.raises(CommandError, match="not a head"):
        call_command("verify_timeline", "--head", "nonsense", stdout=StringIO())


def test_every_workflow_and_the_clocks_are_sealed():
    """I2, REL-A4: applications, cards and notices; a timeline that nobody seals would be outside the promise."""
    timelines = {f"timeline.{name}" for name in Workflow.registry}
    assert {"timeline.enrollment", "timeline.cards", "timeline.card", "timeline.notice"} <= timelines
    assert timelines | {"audit", "clocks"} <= set(seals.streams)


def test_clocks_and_every_workflow_are_streams_of_their_own():
    assert {"audit", "clocks"} <= set(seals.streams)
    assert all(name in {"audit", "clocks"} or name.startswith("timeline.") for name in seals.streams)
