import io
import socketserver
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from portal.documents import scanner, uploads
from portal.documents.models import Upload, UploadState
from tests.documents import corpus
from tests.people_cast import Cast, sign_in

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


class Clamd(socketserver.BaseRequestHandler):
    """Speaks as much of clamd's INSTREAM as is needed."""

    def handle(self) -> None:
        stream = self.request.makefile("rb")
        assert stream.read(10) == b"zINSTREAM\0"
        data = b""
        while size := struct.unpack(">I", stream.read(4))[0]:
            data += stream.read(size)
        found = b"stream: Eicar-Test-Signature FOUND\0" if EICAR in data else b"stream: OK\0"
        self.request.sendall(found)


@pytest.fixture
def clamd(settings: Any) -> Iterator[None]:
    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Clamd) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        settings.CLAMD_ADDRESS = f"127.0.0.1:{server.server_address[1]}"
        yield
        server.shutdown()
        thread.join()


def upload(cast: Cast, data: bytes) -> Upload:
    return uploads.store_image(io.BytesIO(data), owner=cast.zhang, purpose="photo")


@pytest.mark.django_db
def test_virus_is_refused_and_a_clean_picture_taken(cast: Cast, clamd: None) -> None:
    """REL-U7, J4."""
    with pytest.raises(uploads.UploadRejected, match="virus"):
        upload(cast, corpus.jpeg() + EICAR)
    assert upload(cast, corpus.jpeg()).state == UploadState.READY


@pytest.mark.django_db
def test_picture_is_held_while_the_scanner_is_away_and_released_later(
    client: Client, cast: Cast, settings: Any, clamd: None
) -> None:
    """REL-U7: never clean by default, and visible as waiting."""
    address, settings.CLAMD_ADDRESS = settings.CLAMD_ADDRESS, "/nowhere/clamd.socket"
    row = upload(cast, corpus.jpeg())
    assert row.state == UploadState.HELD
    sign_in(client, cast.zhang)
    assert client.get(f"/uploads/{row.pk}/").status_code == 404
    assert uploads.scan_held() == 0
    settings.CLAMD_ADDRESS = address
    assert uploads.scan_held() == 1
    assert client.get(f"/uploads/{row.pk}/").status_code == 200


def test_scanner_is_off_unless_it_is_named(settings: Any) -> None:
    settings.CLAMD_ADDRESS = ""
    assert scanner.scan(b"x") == scanner.Verdict.OFF
