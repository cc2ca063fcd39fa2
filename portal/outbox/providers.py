"""The ways a text message can leave the house."""

import json
from dataclasses import dataclass
from enum import Enum
from http.client import HTTPException
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import Request, build_opener

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from portal.outbox.clock import Hours
from portal.outbox.models import DemoSms

TIMEOUT_SECONDS = 5
QUIET_HOURS: Hours = (22, 8)
MAX_ANSWER_BYTES = 64 * 1024


class Refused(Exception):
    """The provider said no: `final` when the same message will never be taken (a wrong number, a blocked text)."""

    def __init__(self, code: str, *, final: bool) -> None:
        super().__init__(code)
        self.code = code
        self.final = final


class NoAnswer(Exception):
    """Nobody knows whether the provider took the message."""


class Fate(Enum):
    """What the provider knows about a reference."""

    ACCEPTED = "accepted"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status answer: the fate, and the provider's own id where it was accepted."""

    fate: Fate
    provider_id: str = ""


class Provider(Protocol):
    """One way to send; `reference` is the message's key, the same on every try."""

    name: str
    dedupes: bool
    quiet_hours: Hours | None

    def send(self, reference: str, phone: str, text: str) -> str:
        """Hands a message over and returns the provider's id; raises Refused or NoAnswer."""

    def query(self, reference: str) -> Answer:
        """Tells what became of a reference; raises NoAnswer."""


class DemoPhone:
    """Puts messages on the demo telephone page; it disturbs nobody at night."""

    name = "demo"
    dedupes = True
    quiet_hours: Hours | None = None

    def send(self, reference: str, phone: str, text: str) -> str:
        return str(DemoSms.arrive(reference, phone, text).pk)

    def query(self, reference: str) -> Answer:
        row = DemoSms.objects.filter(reference=reference).first()
        return Answer(Fate.ACCEPTED, str(row.pk)) if row else Answer(Fate.NOT_FOUND)


class HttpSms:
    """A gateway that takes JSON over HTTP.

    POST {url} with {"reference", "phone", "text"}, bearer token and Idempotency-Key -> 2xx {"id": ...}; 4xx is a
    refusal (408, 409, 425 and 429 are not final). GET {url}/{reference} -> 200 {"id": ...} or 404. `dedupes` tells
    whether the gateway honours the key.
    """

    name = "http"
    quiet_hours: Hours | None = QUIET_HOURS

    def __init__(self, url: str, token: str, *, dedupes: bool) -> None:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise ImproperlyConfigured("SMS_GATEWAY_URL must be an http or https address")
        self.url = url.rstrip("/")
        self.token = token
        self.dedupes = dedupes
        self._opener = build_opener()

    def send(self, reference: str, phone: str, text: str) -> str:
        body = json.dumps({"reference": reference, "phone": phone, "text": text}, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": quote(reference, safe=":._-")}
        answer = self._call(Request(self.url, data=body, headers=headers, method="POST"))  # noqa: S310 scheme is checked
        return str(answer.get("id", ""))

    def query(self, reference: str) -> Answer:
        request = Request(f"{self.url}/{quote(reference, safe='')}", method="GET")  # noqa: S310 scheme is checked
        try:
            answer = self._call(request)
        except Refused as refusal:
            if refusal.code == "http_404":
                return Answer(Fate.NOT_FOUND)
            raise NoAnswer(refusal.code) from refusal
        return Answer(Fate.ACCEPTED, str(answer.get("id", "")))

    def _call(self, request: Request) -> dict[str, object]:
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Accept", "application/json")
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                answer = json.loads(response.read(MAX_ANSWER_BYTES) or b"{}")
        except HTTPError as error:
            error.close()
            if 400 <= error.code < 500:
                raise Refused(f"http_{error.code}", final=error.code not in {408, 409, 425, 429}) from error
            raise NoAnswer(f"http_{error.code}") from error
        except URLError as error:
            if isinstance(error.reason, ConnectionRefusedError):
                raise Refused("unreachable", final=False) from error
            raise NoAnswer(type(error.reason).__name__) from error
        except (OSError, HTTPException, ValueError) as error:
            raise NoAnswer(type(error).__name__) from error
        return answer if isinstance(answer, dict) else {}


def configured() -> Provider:
    """The provider of the settings: SMS_PROVIDER "demo" (only in the demo) or "http"."""
    name = getattr(settings, "SMS_PROVIDER", "demo")
    if name == "http":
        return HttpSms(
            settings.SMS_GATEWAY_URL,
            getattr(settings, "SMS_GATEWAY_TOKEN", ""),
            dedupes=getattr(settings, "SMS_GATEWAY_DEDUPES", False),
        )
    if name == "demo" and settings.DEMO:
        return DemoPhone()
    raise ImproperlyConfigured("SMS_PROVIDER must be 'http' outside of the demo")
