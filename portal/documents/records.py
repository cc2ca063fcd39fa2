"""Issued papers and the code by which anybody may check one (N4, RELIABILITY §4.7)."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from portal.crypto import blind_index, keyed_digest, seal
from portal.documents.models import PaperRecord, PaperState
from portal.documents.papers import Paper, paper_texts

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 26
GROUP = 4
LOOK_ALIKES = str.maketrans("OIL", "011")
TAG_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class PaperFacts:
    """What the check page may say about a paper, read from the database at that moment: no name, no number of a
    person. `outcome` is "superseded" or "void" where the case itself says that the paper no longer stands.
    """

    title: "str | _StrPromise"
    issued_on: date
    amount_fen: int | None = None
    note: "str | _StrPromise" = ""
    outcome: str = ""


FactsReader = Callable[[str], PaperFacts | None]
facts_readers: dict[str, FactsReader] = {}


def register_facts(subject_kind: str, reader: FactsReader) -> None:
    """Tells how to read the facts of the papers about one kind of subject: `reader(subject_id)`."""
    facts_readers[subject_kind] = reader


def new_code() -> str:
    """128 random bits in Crockford's base 32, 26 characters."""
    number = secrets.randbits(128)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (CODE_LENGTH - 1), -1, -5))


def normalize_code(text: str) -> str:
    """A typed code without groups, with look-alike letters read as the figures they resemble; empty when it cannot be
    a code.
    """
    code = "".join(text.split()).replace("-", "").upper().translate(LOOK_ALIKES)
    return code if len(code) == CODE_LENGTH and set(code) <= set(ALPHABET) else ""


def grouped_code(code: str) -> str:
    """A code in groups of four, as papers show it."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def caption_code(code: str) -> str:
    """A code in groups on two lines, as it stands under a QR code."""
    groups = grouped_code(code).split("-")
    return f"{'-'.join(groups[:3])}\n{'-'.join(groups[3:])}"


def issue_record(*, kind: str, subject_kind: str, subject_id: object, version: int = 1) -> PaperRecord:
    """The record of one version of a paper, made on the first call and found on every later one.

    A new version supersedes the valid one before it; an older version than the valid one is superseded from the start.
    """
    subject = {"kind": kind, "subject_kind": subject_kind, "subject_id": str(subject_id)}
    known = PaperRecord.objects.filter(**subject, version=version).first()
    if known:
        return known
    code = new_code()
    record = PaperRecord(**subject, version=version, code_index=_index(code))
    record.code_cipher = seal(code, aad=f"documents.paperrecord:{record.pk}")
    try:
        with transaction.atomic():
            valid = PaperRecord.objects.select_for_update().filter(**subject, state=PaperState.VALID)
            before = list(valid)
            newer = next((row for row in before if row.version > version), None)
            if newer is not None:
                # Somebody prints what was read before the subject moved on.
                record.state, record.state_since, record.superseded_by = PaperState.SUPERSEDED, timezone.now(), newer
            else:
                valid.update(state=PaperState.SUPERSEDED, state_since=timezone.now())
            record.save(force_insert=True)
            if newer is None:
                PaperRecord.objects.filter(pk__in=[row.pk for row in before]).update(superseded_by=record)
    except IntegrityError:
        return PaperRecord.objects.get(**subject, version=version)
    return record


def issue_records(*, kind: str, subject_kind: str, versions: Mapping[str, int]) -> dict[str, PaperRecord]:
    """The records of the papers about many subjects, by subject id; `versions` gives the version of each.

    Those of subjects that never had a paper are made together; a new version of a known paper is made like one.
    """
    rows = PaperRecord.objects.filter(kind=kind, subject_kind=subject_kind, subject_id__in=list(versions))
    known = list(rows)
    found = {row.subject_id: row for row in known if row.version == versions[row.subject_id]}
    fresh = []
    for subject_id in versions.keys() - {row.subject_id for row in known}:
        code = new_code()
        record = PaperRecord(
            kind=kind,
            subject_kind=subject_kind,
            subject_id=subject_id,
            version=versions[subject_id],
            code_index=_index(code),
        )
        record.code_cipher = seal(code, aad=f"documents.paperrecord:{record.pk}")
        fresh.append(record)
    # Somebody may print one of them at this moment; then that record is the one.
    PaperRecord.objects.bulk_create(fresh, ignore_conflicts=True)
    if fresh:
        made = rows.filter(subject_id__in=[record.subject_id for record in fresh])
        found |= {row.subject_id: row for row in made if row.version == versions[row.subject_id]}
    for subject_id in versions.keys() - found.keys():
        found[subject_id] = issue_record(
            kind=kind, subject_kind=subject_kind, subject_id=subject_id, version=versions[subject_id]
        )
    return found


def supersede(*, kind: str, subject_kind: str, subject_id: object, by: PaperRecord | None = None) -> int:
    """Marks the valid paper about a subject as superseded (a new paper has another subject); returns how many were."""
    rows = _valid(kind, subject_kind, subject_id)
    return rows.update(state=PaperState.SUPERSEDED, superseded_by=by, state_since=timezone.now())


def void(*, kind: str, subject_kind: str, subject_id: object) -> int:
    """Marks the valid paper about a subject as void; returns how many were."""
    return _valid(kind, subject_kind, subject_id).update(state=PaperState.VOID, state_since=timezone.now())


def remember_fields(record: PaperRecord, paper: Paper) -> bool:
    """Keeps the digest of what was printed first; returns False when this printing differs from that one."""
    digest = keyed_digest(json.dumps(paper_texts(paper), ensure_ascii=False).encode(), purpose="documents.paper")
    PaperRecord.objects.filter(pk=record.pk, fields_digest="").update(fields_digest=digest)
    return PaperRecord.objects.filter(pk=record.pk, fields_digest=digest).exists()


def check_address(record: PaperRecord, facts: PaperFacts) -> str:
    """The full address for the QR code of a paper: its code, and the amount and date it shows, signed."""
    shown = _shown(facts)
    query = urlencode({**shown, "s": _tag(record.code, shown)})
    path = reverse("documents:paper_check", args=[grouped_code(record.code)])
    return f"{public_address()}{path}?{query}"


def public_address() -> str:
    """Where residents reach the portal, for codes on paper; without a final slash."""
    return getattr(settings, "PUBLIC_URL", "http://localhost:8000").rstrip("/")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check page says: "genuine", "altered", "superseded", "void" or "unknown"."""

    outcome: str
    facts: PaperFacts | None = None
    record: PaperRecord | None = None


def verify(code_text: str, query: dict[str, str]) -> Verdict:
    """Judges a paper by its code and, when it came by the QR code, by the amount and date printed on it."""
    code = normalize_code(code_text)
    record = PaperRecord.objects.filter(code_index=_index(code)).first() if code else None
    reader = facts_readers.get(record.subject_kind) if record else None
    facts = reader(record.subject_id) if record and reader else None
    if record is None or facts is None:
        return Verdict("unknown")
    carried = {name: query[name] for name in ("a", "d", "s") if query.get(name)}
    shown = _shown(facts)
    if carried and carried != {**shown, "s": _tag(code, shown)}:
        return Verdict("altered", facts, record)
    outcome = facts.outcome or ("genuine" if record.state == PaperState.VALID else record.state)
    return Verdict(outcome, facts, record)


def _shown(facts: PaperFacts) -> dict[str, str]:
    """Amount and date in the form the QR code carries."""
    amount = {"a": str(facts.amount_fen)} if facts.amount_fen is not None else {}
    return {**amount, "d": facts.issued_on.strftime("%Y%m%d")}


def _tag(code: str, shown: dict[str, str]) -> str:
    text = json.dumps([code, shown], sort_keys=True)
    return keyed_digest(text.encode(), purpose="documents.paper.tag")[:TAG_CHARACTERS]


def _index(code: str) -> str:
    return blind_index(code, purpose="documents.paper.code")


def _valid(kind: str, subject_kind: str, subject_id: object) -> QuerySet[PaperRecord]:
    return PaperRecord.objects.filter(
        kind=kind, subject_kind=subject_kind, subject_id=str(subject_id), state=PaperState.VALID
    )
