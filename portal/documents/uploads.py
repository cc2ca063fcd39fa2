"""Taking pictures and PDF files from people: judged, made anew as pictures in a bounded child, sealed, and swept when
nobody owns them.
"""

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import BinaryIO
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.documents import scanner, storage
from portal.documents.bounded import maker
from portal.documents.imaging import (
    MATERIAL,
    MAX_BYTES,
    MAX_PDF_BYTES,
    PAPER,
    Picture,
    Rejected,
    Target,
    check_envelope,
    is_pdf,
)
from portal.documents.models import Upload, UploadState
from portal.limits.buckets import take
from portal.people.models import Resident

MOST_PER_PURPOSE = 10
MOST_BYTES_PER_REFERENCE = 100 * 1024 * 1024
UPLOADS_PER_MINUTE = 60
PDFS_PER_MINUTE = 12
"""Drawing twenty pages may take seconds of work; a visit to the counter brings five papers."""
ORPHAN_HOURS = 24
PICTURES_ONLY = _(
    "Choose a photo in JPEG, PNG or HEIC format of at most 5 MB. Other files, PDF too, are not accepted:"
    " take a photo of the paper."
)

MESSAGES = {
    "empty": _("The file is empty. Choose the photo again."),
    "too_big": _("The photo is larger than 5 MB. Choose a smaller one, or lower the quality in your camera."),
    "not_a_picture": PICTURES_ONLY,
    "broken": _("The photo is damaged or incomplete. Take it again, or send it again."),
    "too_small": _("The photo is too small to be read. Take it again from nearer."),
    "too_many_pixels": _("The photo has too many pixels. Choose one of at most 25 megapixels."),
    "animated": _("Choose a photo that does not move."),
    "too_heavy": _("This photo could not be processed. Save it as JPEG and send it again."),
    "too_many": _("There are 10 photos for this paper already. Remove one first."),
    "too_much": _("The photos of this application take more than 100 MB together. Remove some first."),
    "not_a_paper": _(
        "Choose a photo in JPEG, PNG or HEIC format of at most 5 MB, or a PDF file of at most 10 MB."
        " Word files and others: save them as PDF, or photograph the paper."
    ),
    "pdf_too_big": _("The PDF file is larger than 10 MB. Save it in a smaller size, or send photos of its pages."),
    "pdf_locked": _("The PDF file is locked with a password. Save it without one, or send photos of its pages."),
    "pdf_broken": _("The PDF file is damaged or incomplete. Download or scan it again, or send photos of its pages."),
    "pdf_too_many_pages": _("The PDF file has more than 20 pages. Send only the pages of this paper."),
    "pdf_strange_page": _(
        "A page of the PDF file is too small or too narrow to be read. Scan it again, or send photos of its pages."
    ),
    "pdf_too_heavy": _("The pages of this PDF file could not be drawn. Print it and send photos of the pages."),
    "virus": _("The virus scanner refused this file. Take the photo again with your own camera."),
}


class UploadRejected(Exception):
    """A picture is refused: `code` for the log, `message` for the person."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = MESSAGES[code]


def store_image(
    file: BinaryIO,
    *,
    owner: Resident,
    purpose: str,
    reference: str = "",
    target: Target = MATERIAL,
    uploaded_by_id: int | None = None,
) -> Upload:
    """Takes one picture for a resident; raises UploadRejected or RateLimited. Call it as `store_paper`."""
    stored = store_paper(
        file, owner=owner, purpose=purpose, reference=reference, target=target, uploaded_by_id=uploaded_by_id
    )
    return stored[0]


def store_paper(
    file: BinaryIO,
    *,
    owner: Resident | None,
    purpose: str,
    reference: str = "",
    target: Target = PAPER,
    uploaded_by_id: int | None = None,
    most: int = MOST_PER_PURPOSE,
) -> list[Upload]:
    """Takes a photo, or a PDF page by page, for a resident or for somebody at the counter who is not on file yet.

    `most` is how many pictures may be kept for the purpose before this file. Raises UploadRejected or RateLimited. Call
    it outside of `atomic()`: it decodes and writes files before it stores the rows, so a row never lacks its file, and
    a crash between the two leaves files that `sweep_orphans` removes.
    """
    sender = str(owner.pk) if owner is not None else f"staff:{uploaded_by_id}"
    take(f"upload:{sender}", capacity=UPLOADS_PER_MINUTE, seconds=60)
    _check_quota(reference, purpose, most)
    pictures, verdict = _made(file, target, sender)
    rows = [
        Upload(
            id=uuid4(),
            owner=owner,
            uploaded_by_id=uploaded_by_id,
            purpose=purpose,
            reference=reference,
            sha256=hashlib.sha256(picture.content).hexdigest(),
            size=len(picture.content),
            width=picture.width,
            height=picture.height,
            warnings=picture.warnings,
            state=UploadState.HELD if verdict == scanner.Verdict.UNAVAILABLE else UploadState.READY,
        )
        for picture in pictures
    ]
    for row, picture in zip(rows, pictures, strict=True):
        storage.write(row.pk, picture.content)
    Upload.objects.bulk_create(rows)
    return rows


def _made(file: BinaryIO, target: Target, sender: str) -> tuple[list[Picture], scanner.Verdict]:
    """The pictures of a file made anew, and what the virus scanner says of the file itself."""
    takes_pdf = target.pages > 0
    data = file.read((MAX_PDF_BYTES if takes_pdf else MAX_BYTES) + 1)
    try:
        check_envelope(len(data), data[:16], takes_pdf=takes_pdf)
        if is_pdf(data):
            take(f"upload-pdf:{sender}", capacity=PDFS_PER_MINUTE, seconds=60)
        verdict = scanner.scan(data)
        if verdict == scanner.Verdict.INFECTED:
            raise UploadRejected("virus")
        return maker.make_all(data, target), verdict
    except Rejected as refusal:
        raise UploadRejected(refusal.code) from refusal


def read(upload: Upload) -> bytes:
    """The JPEG of an upload; raises FileNotFoundError or SealBroken."""
    return storage.read(upload.pk)


def delete(upload: Upload) -> None:
    """Removes a picture for good: the row first, so that a crash between leaves an orphan file and never a row
    without one.
    """
    upload_id = upload.pk
    upload.delete()
    storage.remove(upload_id)


def delete_all(upload_ids: Collection[UUID]) -> None:
    """Removes many pictures for good: the rows now, the files once the transaction around it is committed."""
    if not upload_ids:
        return
    Upload.objects.filter(pk__in=upload_ids).delete()

    def remove_files() -> None:
        for upload_id in upload_ids:
            storage.remove(upload_id)

    transaction.on_commit(remove_files)


def sweep_orphans(now: datetime | None = None) -> int:
    """Removes files older than a day that no row names; returns how many."""
    limit = (now or timezone.now()) - timedelta(hours=ORPHAN_HOURS)
    removed = 0
    for path in storage.stored():
        try:
            if datetime.fromtimestamp(path.stat().st_mtime, UTC) > limit:
                continue
        except FileNotFoundError:
            continue
        if path.suffix != storage.SUFFIX or not _is_owned(path.stem):
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def scan_held(limit: int = 50) -> int:
    """Asks the scanner again about pictures that came while it was away; returns how many were decided."""
    decided = 0
    for upload in Upload.objects.filter(state=UploadState.HELD).order_by("created_at")[:limit]:
        verdict = scanner.scan(read(upload))
        if verdict == scanner.Verdict.UNAVAILABLE:
            break
        state = UploadState.READY if verdict == scanner.Verdict.CLEAN else UploadState.REFUSED
        decided += Upload.objects.filter(pk=upload.pk, state=UploadState.HELD).update(state=state)
    return decided


def _check_quota(reference: str, purpose: str, most: int) -> None:
    if not reference:
        return
    rows = Upload.objects.filter(reference=reference)
    if rows.filter(purpose=purpose).count() >= most:
        raise UploadRejected("too_many")
    if (rows.aggregate(total=Sum("size"))["total"] or 0) >= MOST_BYTES_PER_REFERENCE:
        raise UploadRejected("too_much")


def _is_owned(name: str) -> bool:
    try:
        upload_id = UUID(name)
    except ValueError:
        return False
    return Upload.objects.filter(pk=upload_id).exists()
