"""A portal of real processes with residents who apply, and the questions every test asks after a fault."""

import http.client
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from celery import Celery
from django.conf import settings
from django.test import Client
from django.utils import timezone
from kombu import Queue
from redis import Redis

from enrollment.models import Application, ApplicationTimelineEntry
from enrollment.states import State
from portal.demo import people, seeding
from portal.demo.enrolments import Story, Teller
from portal.outbox.models import DemoSms, Message, MessageState
from portal.people import sessions
from portal.people.models import Resident
from portal.people.services import account_of
from portal.workflow.models import ClockEntry, Heartbeat
from tests.harness.portals import LivePortal
from tests.people_cast import ResidentFactory

CSRF = "c" * 32
STAFF = ("clerk.xiufeng", "clerk.centre", "reviewer.xiufeng")
OVERDUE_DAYS = 12
"""Calendar days after which an application that nobody decided is due even over a week of holidays."""


@dataclass(frozen=True)
class Draft:
    """A form that is filled in, and the session of its resident."""

    pk: UUID
    token: UUID
    version: int
    session: str

    @property
    def receipt(self) -> str:
        """The address that a successful submission leads to."""
        return f"/applications/{self.pk}/receipt/"


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 is no answer."""

    status: int
    seconds: float
    location: str = ""
    retry_after: str = ""


class World:
    """The people of one portal."""

    def __init__(self, live: LivePortal) -> None:
        self.live = live
        live.open_all_year()
        with live.orm():
            staff = {one.username: seeding.hire(one) for one in people.STAFF if one.username in STAFF}
            clerks = [staff["clerk.xiufeng"], staff["clerk.centre"]]
            self.teller = Teller(clerks=clerks, reviewer=staff["reviewer.xiufeng"])

    def tell(self, ends: str, count: int, *, days_ago: int = 0) -> list[UUID]:
        """Applications that real commands brought this far, handed in that many days ago."""
        with self.live.orm():
            return [self.teller.tell(Story(ResidentFactory(), ends, days_ago=days_ago)).pk for _ in range(count)]

    def overdue(self, count: int) -> list[UUID]:
        """Applications that a clerk should have decided days ago."""
        return self.tell("under_review", count, days_ago=OVERDUE_DAYS)

    def drafts(self, count: int) -> list[Draft]:
        """Forms that are complete, each with a resident who is signed in."""
        with self.live.orm():
            return [self._draft(ResidentFactory()) for _ in range(count)]

    def _draft(self, resident: Resident) -> Draft:
        application = self.teller.draft(resident, resident.home_region, whole=True)
        return Draft(application.pk, application.submit_token, application.version, session_of(resident))

    def submit(self, draft: Draft, *, timeout: float = 40) -> Answer:
        """Sends the check page of a form, as the browser of its resident does."""
        told = {"csrfmiddlewaretoken": CSRF, "token": draft.token, "version": draft.version, "truthful": "on"}
        return self.ask(f"/applications/{draft.pk}/form/check/", draft.session, told, timeout=timeout)

    def ask(self, path: str, session: str, form: dict[str, Any] | None = None, *, timeout: float = 40) -> Answer:
        """Asks for a page, or sends a form, in a session."""
        headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={CSRF}"}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        started = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.live.port, timeout=timeout)
        try:
            connection.request("POST" if form else "GET", path, body=urlencode(form) if form else None, headers=headers)
            response = connection.getresponse()
            response.read()
            found = response.status, response.headers.get("Location", ""), response.headers.get("Retry-After", "")
        except (OSError, http.client.HTTPException):
            found = 0, "", ""
        finally:
            connection.close()
        return Answer(found[0], time.monotonic() - started, found[1], found[2])

    def nudge(self, *names: str) -> None:
        """Puts the periodic tasks of these queues into the broker of the portal now, as beat will."""
        tasks = {
            "sweep": "portal.workflow.tasks.sweep",
            "outbox": "portal.outbox.tasks.drain",
            "papers": "portal.jobs.tasks.run_stalled",
        }
        live = self.live
        app = Celery("nudges", broker=live.redis.url if live.redis else "canbao-files://", set_as_current=False)
        app.conf.task_queues = [Queue(name) for name in tasks]
        app.conf.task_ignore_result = True
        folder = live.folder / "broker"
        app.conf.broker_transport_options = (
            {"global_keyprefix": "canbao:"}
            if live.redis
            else {"queues_folder": str(folder / "queues"), "claimed_folder": str(folder / "claimed")}
        )
        with app.connection_for_write() as connection:
            for name in names:
                app.send_task(tasks[name], queue=name, connection=connection)

    def empty_broker(self) -> None:
        """Throws away every message that waits for a worker."""
        if self.live.redis:
            with Redis.from_url(self.live.redis.url) as client:
                client.flushall()
            return
        for path in (self.live.folder / "broker").rglob("*.msg"):
            path.unlink(missing_ok=True)

    def caught(self) -> int:
        """How many pieces of work the dead left half done: a round of the sweep, messages on their way."""
        with self.live.orm():
            return (
                Heartbeat.objects.exclude(until=None).count()
                + Message.objects.filter(state=MessageState.SENDING).count()
            )

    def run_leases_out(self) -> None:
        """Lets the half minute of a dead sweep and the minute of a dead drain pass; the dead cannot object."""
        with self.live.orm():
            Heartbeat.objects.exclude(until=None).update(until=timezone.now() - timedelta(seconds=1))
            Message.objects.filter(state=MessageState.SENDING).update(next_try_at=timezone.now())
            Application.objects.filter(sweep_attempts__gt=0).update(sweep_failed_at=timezone.now() - timedelta(hours=1))

    def unfinished(self) -> list[str]:
        """What a worker still has to do."""
        with self.live.orm():
            due = Application.objects.filter(due_at__lte=timezone.now()).values_list("state", flat=True)
            return [*due, *Message.objects.exclude(next_try_at=None).values_list("state", flat=True)]

    def settle(self, *, seconds: float = 90) -> None:
        """Waits until everything due has moved and every message has left."""
        self.live.wait_until(lambda: not self.unfinished(), what="everything moved and sent", seconds=seconds)

    def check(self, pks: Iterable[UUID], transition: str, target: State, *, message: str) -> None:
        """Each application moved exactly once, with one history row, one clock and one message, which arrived once."""
        expected = Counter(pks)
        with self.live.orm():
            rows = Application.objects.filter(pk__in=expected)
            assert Counter(rows.values_list("state", flat=True)) == {target.value: len(expected)}
            entries = ApplicationTimelineEntry.objects.filter(subject__in=expected, transition=transition)
            assert Counter(entries.values_list("subject", flat=True)) == expected
            starts = ClockEntry.objects.filter(subject_id__in=list(expected), action=ClockEntry.Action.START)
            assert Counter(starts.values_list("subject_id", flat=True)) == expected
            told = Message.objects.filter(template=f"enrollment_{message}").values_list("key", flat=True)
            subjects = Counter(UUID(key.split(":")[1]) for key in told)
            assert {pk: subjects[pk] for pk in expected} == expected
        self.check_messages()

    def check_messages(self) -> None:
        """Every stored message was sent, and lies on the demo telephone once."""
        with self.live.orm():
            assert set(Message.objects.values_list("state", flat=True)) <= {MessageState.SENT}
            stored = Counter(Message.objects.values_list("key", flat=True))
            assert Counter(DemoSms.objects.values_list("reference", flat=True)) == stored


def session_of(resident: Resident) -> str:
    """The cookie of a resident who has signed in."""
    client = Client()
    client.force_login(account_of(resident), backend=sessions.BACKEND)
    return client.cookies[settings.SESSION_COOKIE_NAME].value
