"""Ledger, receipts, decisions and statement lines are written once, and the database refuses unbalanced journals (N8).

PostgreSQL weighs a journal when the transaction commits. SQLite has no deferred triggers: there a journal is written
open, gets its entries, and the step that marks it as posted refuses when they do not balance; nothing reads an open
journal, and a posted one takes no more entries.
"""

from django.db import migrations

from portal.audit.triggers import AppendOnly

WEIGH = """
CREATE OR REPLACE FUNCTION payments_weigh_journal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    weighed bigint;
    rest numeric;
    lines bigint;
BEGIN
    IF TG_TABLE_NAME = 'payments_journal' THEN weighed := NEW.id; ELSE weighed := NEW.journal_id; END IF;
    SELECT coalesce(sum(amount_fen), 0), count(*) INTO rest, lines FROM payments_entry WHERE journal_id = weighed;
    IF rest <> 0 OR lines < 2 THEN
        RAISE EXCEPTION 'journal % does not balance: % fen in % entries', weighed, rest, lines
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""

POSTGRESQL = [
    WEIGH,
    "CREATE CONSTRAINT TRIGGER ledger_weigh_journal AFTER INSERT ON payments_journal "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_weigh_journal()",
    "CREATE CONSTRAINT TRIGGER ledger_weigh_entry AFTER INSERT ON payments_entry "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_weigh_journal()",
]
POSTGRESQL_BACK = [
    "DROP TRIGGER IF EXISTS ledger_weigh_entry ON payments_entry",
    "DROP TRIGGER IF EXISTS ledger_weigh_journal ON payments_journal",
    "DROP FUNCTION IF EXISTS payments_weigh_journal()",
]
SQLITE = [
    "CREATE TRIGGER ledger_open_first BEFORE INSERT ON payments_journal WHEN NEW.posted "
    "BEGIN SELECT RAISE(ABORT, 'a journal is posted after its entries'); END",
    "CREATE TRIGGER ledger_weigh_journal BEFORE UPDATE OF posted ON payments_journal WHEN NOT NEW.posted OR "
    "(SELECT coalesce(sum(amount_fen), 0) <> 0 OR count(*) < 2 FROM payments_entry WHERE journal_id = OLD.id) "
    "BEGIN SELECT RAISE(ABORT, 'the journal does not balance'); END",
    "CREATE TRIGGER ledger_weigh_entry BEFORE INSERT ON payments_entry WHEN "
    "(SELECT posted FROM payments_journal WHERE id = NEW.journal_id) "
    "BEGIN SELECT RAISE(ABORT, 'the journal is posted already'); END",
]
SQLITE_BACK = [
    "DROP TRIGGER IF EXISTS ledger_weigh_entry",
    "DROP TRIGGER IF EXISTS ledger_weigh_journal",
    "DROP TRIGGER IF EXISTS ledger_open_first",
]


def create(apps, schema_editor):
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


def drop(apps, schema_editor):
    for statement in POSTGRESQL_BACK if schema_editor.connection.vendor == "postgresql" else SQLITE_BACK:
        schema_editor.execute(statement, params=None)


class PaymentsAgain(AppendOnly):
    """The triggers of payments made anew, because on SQLite they name the columns they watch."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        super().database_backwards(app_label, schema_editor, to_state, from_state)
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        """The older triggers watch what was there before; these may stay."""


class Migration(migrations.Migration):
    dependencies = [("payments", "0006_books")]

    operations = [
        PaymentsAgain("payments_payment"),
        AppendOnly("payments_paymentexception", allow_update=("resolved_at", "kept_at")),
        AppendOnly("payments_journal", allow_update=("posted",)),
        AppendOnly("payments_entry"),
        AppendOnly("payments_dayclose"),
        AppendOnly("payments_receipt"),
        AppendOnly("payments_receiptvoid"),
        AppendOnly("payments_receiptprint"),
        AppendOnly("payments_statementline"),
        AppendOnly("payments_exceptiondecision"),
        migrations.RunPython(create, drop),
    ]
