"""Where sealed files lie: a private folder outside of everything that is served, random names, written whole or not
at all.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings

from portal.crypto import seal_bytes, unseal_bytes

SUFFIX = ".sealed"


def folder() -> Path:
    """The private folder of uploads."""
    return Path(settings.VAR_DIR) / "private" / "uploads"


def path_of(upload_id: UUID) -> Path:
    """The file of one upload."""
    return folder() / upload_id.hex[:2] / f"{upload_id}{SUFFIX}"


def write(upload_id: UUID, content: bytes) -> None:
    """Seals and stores; after a crash the file is there in full or not at all."""
    path = path_of(upload_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chmod(folder(), 0o700)
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(seal_bytes(content, aad=_place(upload_id)))
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read(upload_id: UUID) -> bytes:
    """Opens a stored file; raises FileNotFoundError or SealBroken."""
    return unseal_bytes(path_of(upload_id).read_bytes(), aad=_place(upload_id))


def remove(upload_id: UUID) -> None:
    """Removes a stored file, if it is there."""
    path_of(upload_id).unlink(missing_ok=True)


def stored() -> Iterator[Path]:
    """Every file in the folder, unfinished ones too."""
    return folder().glob("??/*")


def _place(upload_id: UUID) -> str:
    return f"documents.upload:{upload_id}"
