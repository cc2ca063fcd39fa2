"""Merges translations from a JSON file into the Chinese catalogue, under a lock, and compiles it.

The JSON file is either {"msgid": "msgstr"} or a list of objects with msgid, msgstr and, where needed, msgctxt or
msgid_plural.
"""

import fcntl
import json
import sys
from pathlib import Path

import polib

CATALOGUE = Path(__file__).resolve().parent.parent / "locale/zh_Hans/LC_MESSAGES/django.po"
HEADER = {
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
    "Language": "zh_Hans",
    "MIME-Version": "1.0",
    "Plural-Forms": "nplurals=1; plural=0;",
}


def merge(source: Path) -> int:
    """Adds or replaces the entries of `source`; returns how many there were."""
    data = json.loads(source.read_text(encoding="utf-8"))
    rows = [{"msgid": key, "msgstr": value} for key, value in data.items()] if isinstance(data, dict) else data
    with open(CATALOGUE.parent / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        catalogue = polib.pofile(str(CATALOGUE), wrapwidth=120) if CATALOGUE.exists() else polib.POFile(wrapwidth=120)
        catalogue.metadata = HEADER
        known = {(entry.msgid, entry.msgctxt): entry for entry in catalogue if not entry.obsolete}
        for row in rows:
            entry = known.get((row["msgid"], row.get("msgctxt")))
            if entry is None:
                entry = polib.POEntry(msgid=row["msgid"], msgctxt=row.get("msgctxt"))
                catalogue.append(entry)
            if row.get("msgid_plural"):
                entry.msgid_plural = row["msgid_plural"]
                entry.msgstr_plural = {0: row["msgstr"]}
            else:
                entry.msgstr = row["msgstr"]
            if "%(" in row["msgid"] and "python-format" not in entry.flags:
                entry.flags.append("python-format")
        catalogue.sort(key=lambda entry: (entry.msgid, entry.msgctxt or ""))
        # Put in place whole: a portal that starts meanwhile never reads half a catalogue.
        for path, write in ((CATALOGUE, catalogue.save), (CATALOGUE.with_suffix(".mo"), catalogue.save_as_mofile)):
            part = path.with_name(f".{path.name}.part")
            write(str(part))
            part.replace(path)
    return len(rows)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{name}: {merge(Path(name))} entries")
