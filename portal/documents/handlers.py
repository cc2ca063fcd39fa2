"""Bounds what one request may bring along, before anything is kept (REL-U1). Named first in FILE_UPLOAD_HANDLERS."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

MAX_REQUEST_BYTES = 48 * 1024 * 1024
MAX_FILE_BYTES = 32 * 1024 * 1024


class BoundedUploadHandler(FileUploadHandler):
    """Refuses a request that announces too much, and keeps no more of a file than one byte over its bound.

    Every taker of files has a lower bound of its own (a photo 5 MB, a roster 20 MB), so a file cut here is refused
    there, beside its field and with the other answers kept.
    """

    def handle_raw_input(
        self, input_data: Any, META: dict[str, Any], content_length: int, boundary: str, encoding: str | None = None
    ) -> None:
        if content_length > MAX_REQUEST_BYTES:
            raise RequestDataTooBig(f"a request may bring at most {MAX_REQUEST_BYTES} bytes")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        room = MAX_FILE_BYTES + 1 - start
        return raw_data[:room] if room > 0 else None

    def file_complete(self, file_size: int) -> None:
        """Leaves making the file to the handlers behind this one."""
