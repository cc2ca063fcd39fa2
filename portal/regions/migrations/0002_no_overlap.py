"""The database refuses two published rules of one region, kind and key on one day, and edits of what admins have published."""

from django.db import migrations, transaction
from django.db.utils import DatabaseError

TABLE = "regions_policyrule"

POSTGRES_CONSTRAINT = f"""
    ALTER TABLE {TABLE} ADD CONSTRAINT regions_rule_no_overlap EXCLUDE USING gist (
        region_id WITH =, kind WITH =, key WITH =, daterange(valid_from, valid_until, '[]') WITH &&
    ) WHERE (state = 'published')
"""

# Without btree_gist a trigger does the same; the advisory lock puts rivals for one key in a row.
POSTGRES_TRIGGER = f"""
    CREATE FUNCTION regions_rule_no_overlap() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.state <> 'published' THEN RETURN NEW; END IF;
        PERFORM pg_advisory_xact_lock(hashtextextended(NEW.region_id || '/' || NEW.kind || '/' || NEW.key, 0));
        IF EXISTS (
            SELECT 1 FROM {TABLE} other WHERE other.state = 'published' AND other.id <> NEW.id
            AND other.region_id = NEW.region_id AND other.kind = NEW.kind AND other.key = NEW.key
            AND daterange(other.valid_from, other.valid_until, '[]') && daterange(NEW.valid_from, NEW.valid_until, '[]')
        ) THEN RAISE EXCEPTION 'regions_rule_no_overlap' USING ERRCODE = 'exclusion_violation'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER regions_rule_no_overlap BEFORE INSERT OR UPDATE ON {TABLE}
        FOR EACH ROW EXECUTE FUNCTION regions_rule_no_overlap();
"""

POSTGRES_FROZEN = f"""
    CREATE FUNCTION regions_rule_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'regions_rule_frozen' USING ERRCODE = 'check_violation';
    END $$;
    CREATE TRIGGER regions_rule_frozen BEFORE UPDATE ON {TABLE} FOR EACH ROW
        WHEN (OLD.origin = 'admin' AND OLD.state <> 'draft' AND (
            OLD.value IS DISTINCT FROM NEW.value OR OLD.valid_from <> NEW.valid_from OR OLD.region_id <> NEW.region_id
            OR OLD.kind <> NEW.kind OR OLD.key <> NEW.key OR OLD.origin <> NEW.origin))
        EXECUTE FUNCTION regions_rule_frozen();
"""

SQLITE_OVERLAP = """
    CREATE TRIGGER regions_rule_no_overlap_{event} BEFORE {event} ON {table} FOR EACH ROW WHEN NEW.state = 'published'
    BEGIN
        SELECT RAISE(ABORT, 'regions_rule_no_overlap') WHERE EXISTS (
            SELECT 1 FROM {table} other WHERE other.state = 'published' AND other.id IS NOT NEW.id
            AND other.region_id = NEW.region_id AND other.kind = NEW.kind AND other.key = NEW.key
            AND other.valid_from <= COALESCE(NEW.valid_until, '9999-12-31')
            AND COALESCE(other.valid_until, '9999-12-31') >= NEW.valid_from);
    END
"""

SQLITE_FROZEN = f"""
    CREATE TRIGGER regions_rule_frozen BEFORE UPDATE ON {TABLE} FOR EACH ROW
    WHEN OLD.origin = 'admin' AND OLD.state <> 'draft' AND (
        OLD.value IS NOT NEW.value OR OLD.valid_from <> NEW.valid_from OR OLD.region_id <> NEW.region_id
        OR OLD.kind <> NEW.kind OR OLD.key <> NEW.key OR OLD.origin <> NEW.origin)
    BEGIN
        SELECT RAISE(ABORT, 'regions_rule_frozen');
    END
"""


def add_guards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES_CONSTRAINT if has_btree_gist(schema_editor) else POSTGRES_TRIGGER)
        schema_editor.execute(POSTGRES_FROZEN)
        return
    for event in ("INSERT", "UPDATE"):
        schema_editor.execute(SQLITE_OVERLAP.format(event=event, table=TABLE))
    schema_editor.execute(SQLITE_FROZEN)


def has_btree_gist(schema_editor):
    alias = schema_editor.connection.alias
    try:
        with transaction.atomic(using=alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    except DatabaseError:
        return False
    return True


def drop_guards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT IF EXISTS regions_rule_no_overlap")
        for name in ("regions_rule_no_overlap", "regions_rule_frozen"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name} ON {TABLE}")
            schema_editor.execute(f"DROP FUNCTION IF EXISTS {name}()")
        return
    for name in ("regions_rule_no_overlap_INSERT", "regions_rule_no_overlap_UPDATE", "regions_rule_frozen"):
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("regions", "0001_initial")]

    operations = [migrations.RunPython(add_guards, drop_guards)]
