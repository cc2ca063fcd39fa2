"""The sandbox bank without a network: what the libraries send goes to the portal's own addresses in this process."""

import io
import json
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client

from payments.sandbox import book, keys, post
from payments.sandbox.faults import Fault


class Bank:
    """Pays orders as a payer would, and sends what the bank owes."""

    def __init__(self) -> None:
        self.client = Client()
        self.answers: list[tuple[int, str]] = []
        self.is_down = False

    def pay(self, order, fault: str = Fault.NONE, *, tell: bool = True):
        """Pays at the cashier's page; the callbacks go out at once."""
        token = book.trade(order.provider, order.number)["token"]
        paid = post.pay(token, fault)
        if tell:
            self.tell()
        return paid

    def tell(self) -> int:
        """Sends every callback the bank owes."""
        return post.send_due(self.send, at_once=True)

    def letters(self, order, fault: str = Fault.NONE, count: int = 1) -> list[tuple[bytes, dict[str, str]]]:
        """Callbacks of a paid order, not sent."""
        side = post.SIDES[order.provider]
        row = book.trade(order.provider, order.number)
        return [side.letter(row, fault, f"{index:08d}{order.number}") for index in range(count)]

    def send(self, address: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Posts a callback to the portal."""
        more = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        answer = self.client.post(
            urlsplit(address).path, body, content_type=more.pop("HTTP_CONTENT_TYPE", "text/plain"), **more
        )
        self.answers.append((answer.status_code, answer.content.decode()))
        return self.answers[-1]

    def serve(self, method: str, address: str, body: str = "", headers: dict[str, str] | None = None):
        """Answers one request of a library."""
        if self.is_down:
            raise requests.ConnectionError("down")
        parts = urlsplit(address)
        more = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (headers or {}).items()}
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return self.client.generic(method, path, body, content_type="application/json", **more)


def _as_requests(answer) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status_code
    response._content = answer.content
    response.headers.update(answer.headers)
    response.encoding = "utf-8"
    return response


@pytest.fixture
def bank(settings, monkeypatch, tmp_path, db) -> Bank:
    """A demo whose bank answers in this process, with an empty book."""
    settings.DEMO = True
    settings.SANDBOX_BANK_URL = settings.PUBLIC_URL = settings.CALLBACK_URL = "http://testserver"
    monkeypatch.setattr(book, "folder", lambda: tmp_path)
    monkeypatch.setattr("portal.limits.buckets.take", lambda *words, **more: None)
    for module in ("payments.views.online", "payments.views.sandbox"):
        monkeypatch.setattr(f"{module}.take", lambda *words, **more: None)
    made = Bank()

    def get(url, headers=None, **more):
        return _as_requests(made.serve("GET", url, headers=headers))

    def send(url, json=None, headers=None, **more):  # the library's own word for what it sends
        return _as_requests(made.serve("POST", url, dumps(json), headers))

    dumps = json.dumps
    monkeypatch.setattr(requests, "get", get)
    monkeypatch.setattr(requests, "post", send)
    opener = SimpleNamespace(open=lambda url, timeout: io.BytesIO(made.serve("GET", url).content))
    monkeypatch.setattr("payments.gateways.alipay.build_opener", lambda: opener)
    assert keys.bank_keys()
    return made
