from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory

from portal.documents import handlers

HANDLERS = [
    "portal.documents.handlers.BoundedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]


@pytest.fixture(autouse=True)
def bounded(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain of handlers, with small bounds."""
    settings.FILE_UPLOAD_HANDLERS = HANDLERS
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1000
    monkeypatch.setattr(handlers, "MAX_FILE_BYTES", 200_000)
    monkeypatch.setattr(handlers, "MAX_REQUEST_BYTES", 1_000_000)


def posted(rf: RequestFactory, size: int) -> Any:
    return rf.post("/", {"name": "张三", "photo": SimpleUploadedFile("a.jpg", b"x" * size), "last": "保留"})


@pytest.mark.parametrize(("sent", "kept"), [(500, 500), (200_000, 200_000), (300_000, 200_001), (900_000, 200_001)])
def test_file_over_its_bound_is_cut_and_the_other_answers_are_kept(rf: RequestFactory, sent: int, kept: int) -> None:
    """REL-U1."""
    request = posted(rf, sent)
    assert (request.POST["name"], request.POST["last"]) == ("张三", "保留")
    file = request.FILES["photo"]
    assert file.size == kept
    assert len(file.read()) == kept
    file.close()


def test_request_that_announces_too_much_is_refused_unread(rf: RequestFactory) -> None:
    """REL-U1: by Content-Length."""
    with pytest.raises(RequestDataTooBig):
        posted(rf, 1_100_000).FILES  # noqa: B018
