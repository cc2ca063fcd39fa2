"""One world for all access tests of a module: two cities with staff of every role, and one object of each kind.

Guilin has the enrolment, Zhongshan the card. Every object knows its owner; `Place.staff` are the colleagues in whose
scope it lies, `World.elsewhere` those of the other city, `World.nextdoor` those of another office or county nearby.
"""

import datetime
import io
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest.mock import patch

import time_machine
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.client import ClientHandler

from cards.models import ProductionBatch
from enrollment import attorney, coordination_services, counter, households
from enrollment.models import (
    Application,
    ApplicationTimelineEntry,
    BulkDecision,
    HouseholdPack,
    RenewalCampaign,
    SavedView,
)
from payments import held_cash, ledger, payouts
from payments.models import Format, OrderState, PaymentOrder, PrintRun, Statement
from payments.receipts import receipt_of
from portal.documents.uploads import store_image
from portal.jobs.models import Job, JobState
from portal.outbox.models import Message, MessageState
from portal.people import sessions
from portal.people.actors import Role
from portal.people.identity import parse_identity_number
from portal.people.models import Basis, Relation, Resident, User
from portal.people.services import account_of, appoint_guardian, form_household
from portal.regions.calendar import SHANGHAI
from portal.regions.models import Office, Region
from portal.regions.publishing import draft_rule
from portal.workflow.models import ReactionFailure
from tests.cards import journeys as cards
from tests.enrollment import journeys as enrolment
from tests.enrollment import roster_files as rosters
from tests.payments.notices import issue, pay
from tests.people_cast import Cast, ResidentFactory, actor, make_staff, next_identity_number, region

MONDAY = datetime.datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI)
ROLES = (Role.RESIDENT, Role.COMMITTEE_AGENT, Role.CLERK, Role.COUNTY_REVIEWER, Role.CARD_CLERK, Role.CASHIER)
ROLES += (Role.HOTLINE, Role.ADMIN, Role.AUDITOR)
MISSING_UUID = uuid.UUID("00000000-0000-4000-8000-000000000000")
MISSING_NUMBER = 987_654_321


@dataclass
class Thing:
    """A row that addresses name: its key, whose it is, in which city, and who else of the family may see it."""

    pk: Any
    owner: Resident | User
    city: str = "guilin"
    family: Resident | None = None

    @property
    def missing(self) -> Any:
        return MISSING_UUID if isinstance(self.pk, uuid.UUID) else MISSING_NUMBER


@dataclass
class World:
    """Everybody and everything."""

    staff: dict[str, dict[Role, User]] = field(default_factory=dict)
    nextdoor: dict[str, dict[Role, User]] = field(default_factory=dict)
    things: dict[str, Thing] = field(default_factory=dict)
    strangers: dict[str, Resident] = field(default_factory=dict)
    canaries: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _cookies: dict[int, str] = field(default_factory=dict)
    _handler: ClientHandler = field(default_factory=partial(ClientHandler, enforce_csrf_checks=False))

    def client(self, person: Resident | User | None) -> Client:
        """A browser of this person, with a session that is made once; of a visitor without one."""
        client = Client(raise_request_exception=True)
        client.handler = self._handler  # thousands of browsers, one chain of middleware
        if person is not None:
            user = account_of(person) if isinstance(person, Resident) else person
            client.cookies["sid"] = self._cookies[user.pk]
        return client

    def open_sessions(self) -> None:
        """Signs everybody in, before the first request that is taken back."""
        owners = [thing.owner for thing in self.things.values()] + [*self.strangers.values()]
        owners += [thing.family for thing in self.things.values() if thing.family]
        staff = [user for group in (*self.staff.values(), *self.nextdoor.values()) for user in group.values()]
        for person in (*owners, *staff):
            user = account_of(person) if isinstance(person, Resident) else person
            if user.pk not in self._cookies:
                user.refresh_from_db()
                self._cookies[user.pk] = _session_of(user)

    def elsewhere(self, city: str) -> dict[Role, User]:
        return self.staff["zhongshan" if city == "guilin" else "guilin"]

    def person(self, role: Role, thing: Thing | None = None) -> Resident | User:
        """Who of a role comes nearest to a thing: its owner, or the colleague in whose city it lies."""
        city = thing.city if thing else "guilin"
        if role == Role.RESIDENT:
            return thing.owner if thing and isinstance(thing.owner, Resident) else self.things["application"].owner
        if thing and isinstance(thing.owner, User) and thing.owner.grants.filter(role=role).exists():
            return thing.owner
        return self.staff[city][role]


def _session_of(user: User) -> str:
    store = SessionStore()
    store.update(
        {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: sessions.BACKEND,
            HASH_SESSION_KEY: user.get_session_auth_hash(),
            "region": "450302001",
        }
    )
    store.create()
    return str(store.session_key)


@contextmanager
def unchanged() -> Iterator[None]:
    """Lets a request do what it does, and takes it back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    cache.clear()


@contextmanager
def world() -> Iterator[World]:
    """Builds the world inside a transaction that is taken back at the end; Monday stands still in it."""
    with (
        time_machine.travel(MONDAY, tick=False),
        patch("portal.limits.buckets._withdraw", return_value=True),  # hundreds of requests come from one address
        transaction.atomic(),
        patch.object(connection, "close"),  # what each test does at its end would end this transaction
    ):
        call_command("load_regions", verbosity=0)
        made = World()
        _staff(made)
        _guilin(made)
        _zhongshan(made)
        made.open_sessions()
        yield made
        transaction.set_rollback(True)


def _staff(made: World) -> None:
    cast = Cast()
    made.staff["guilin"] = cast.staff()
    kinds = {Role.COMMITTEE_AGENT: "village_committee", Role.CLERK: "service_point", Role.COUNTY_REVIEWER: None}
    kinds |= {Role.CARD_CLERK: "card_office", Role.CASHIER: "county_centre", Role.HOTLINE: None}
    kinds |= {Role.ADMIN: None, Role.AUDITOR: None}
    towns = {Role.COMMITTEE_AGENT, Role.CLERK}
    made.staff["zhongshan"] = {
        role: make_staff(
            f"zs-{role}",
            role,
            "442000100" if role in towns else "442000",
            office_kind=kind,
            is_superuser=role == Role.ADMIN,
        )
        for role, kind in kinds.items()
    }
    made.nextdoor["guilin"] = {
        Role.CLERK: cast.other_clerk,
        Role.COUNTY_REVIEWER: cast.other_reviewer,
        Role.COMMITTEE_AGENT: make_staff("agent-qx", Role.COMMITTEE_AGENT, "450305001"),
        Role.CASHIER: make_staff("cashier-qx", Role.CASHIER, "450305", office_kind="county_centre"),
        Role.AUDITOR: make_staff("auditor-qx", Role.AUDITOR, "450305"),
        Role.ADMIN: make_staff("admin-qx", Role.ADMIN, "450305"),
    }
    other_town = Region.objects.level("town").filter(parent__code="442000").exclude(code="442000100").first()
    made.nextdoor["zhongshan"] = {
        Role.CLERK: make_staff("clerk-zs2", Role.CLERK, other_town.code, office_kind="service_point")
    }


def _guilin(made: World) -> None:
    staff = made.staff["guilin"]
    owner = ResidentFactory(name="蓝凫甲", phone="19900000101")
    wife = ResidentFactory(name="蓝凫乙", phone="19900000102")
    child = ResidentFactory(name="蓝凫丙", phone="", has_id_card=False, birth_date=datetime.date(2019, 7, 1))
    home = [(owner, Relation.HEAD), (wife, Relation.SPOUSE), (child, Relation.CHILD)]
    form_household(home, region=owner.home_region)
    neighbour = ResidentFactory(name="红鹮甲", phone="19900000103")
    other_county = ResidentFactory(name="翠鸰甲", phone="19900000104", home_region=region("450305001"))
    made.strangers["guilin"] = neighbour
    case = enrolment.under_review(owner)
    draft = enrolment.draft(owner, beneficiary=child)
    billed = enrolment.approved(wife, staff[Role.CLERK])
    enrolment.under_review(neighbour, office_kind="hrss_centre")
    foreign = enrolment.under_review(other_county, town="450305001")
    made.canaries = {
        "household": ("蓝凫甲", "蓝凫乙", "蓝凫丙"),
        "neighbour": ("红鹮甲",),
        "county": ("翠鸰甲",),
    }
    made.things |= {
        "person": Thing(owner.pk, owner, family=wife),
        "application": Thing(case.pk, owner, family=wife),
        "draft": Thing(draft.pk, owner),
        "notice": Thing(billed.notice.pk, wife, family=owner),
        "foreign_application": Thing(foreign.pk, other_county),
    }
    _books(made, owner, wife)
    _village(made)
    pack = _family_pack(owner)
    made.things |= {"pack": Thing(pack.pk, owner), "pack_member": Thing(pack.members.get().pk, owner)}
    begun = counter.look_up(
        number=parse_identity_number(next_identity_number()),
        office=staff[Role.CLERK].grants.get().office,
        actor=actor(staff[Role.CLERK]),
    )
    made.things["walk_in"] = Thing(begun.pk, staff[Role.CLERK])
    picture = store_image(io.BytesIO(cards.picture()), owner=owner, purpose="photo")
    made.things["upload"] = Thing(picture.pk, owner, family=wife)
    clerk = staff[Role.CLERK]
    _desk(made, clerk, staff[Role.ADMIN])
    job = Job.objects.create(kind="none", owner_id=clerk.pk, state=JobState.RUNNING, next_try_at=MONDAY)
    made.things["job"] = Thing(job.pk, clerk)
    made.things["print_run"] = Thing(_print_run(staff[Role.CASHIER]).pk, staff[Role.CASHIER])
    _ways_in(made, owner)
    message = _stuck(owner)
    made.things["message"] = Thing(message.pk, staff[Role.ADMIN])
    rule = draft_rule(
        region=region("450302"),
        kind="fee",
        key="premium.2027",
        value={"standard_fen": 41_000, "label": {"zh": "示例", "en": "Sample"}},
        valid_from=datetime.date(2027, 1, 1),
        actor=actor(staff[Role.ADMIN]),
        note="access",
    )
    made.things["rule"] = Thing(rule.pk, staff[Role.ADMIN])


def _print_run(cashier: User) -> PrintRun:
    """A finished run of this cashier, whose file was erased after its time."""
    job = Job.objects.create(kind="payments.print_run", owner_id=cashier.pk, state=JobState.DONE, finished_at=MONDAY)
    return PrintRun.objects.create(
        created_by=cashier.pk, job=job, region=region("450302"), language="zh-hans", notice_count=1
    )


def _books(made: World, owner: Resident, wife: Resident) -> None:
    """A paid notice with its receipt, money that waits, and a statement."""
    paid = pay(issue(resident=owner))
    short = pay(issue(resident=wife), amount_fen=1)
    statement = Statement.objects.create(
        format=Format.NONTAX, digest="access", name="access.txt", region=region("450302")
    )
    waiting = issue(resident=wife)
    order = PaymentOrder.objects.create(
        number="ACCESS0001",
        notice=waiting,
        provider="wechat",
        channel="online",
        amount_fen=waiting.amount_fen,
        state=OrderState.CLOSED,
        opened_at=MONDAY,
        expires_at=MONDAY + datetime.timedelta(minutes=30),
    )
    cashier = made.staff["guilin"][Role.CASHIER]
    back = pay(issue(resident=wife), amount_fen=2)
    ledger.post_refund_of_payment(back, at=MONDAY, actor=actor(cashier))
    made.things["payout"] = Thing(payouts.open_for(back, MONDAY)[0].pk, cashier)
    taken = issue(resident=owner)
    made.things |= {
        "order": Thing(order.pk, wife, family=owner),
        "taken": Thing(pay(taken, provider="desk-cash", actor=actor(cashier)).pk, cashier),
        "campaign": Thing(
            RenewalCampaign.objects.create(region=region("450302"), cover_year=2027, finished_at=MONDAY).pk,
            made.staff["guilin"][Role.COUNTY_REVIEWER],
        ),
        "receipt": Thing(receipt_of(paid).pk, owner, family=wife),
        "exception": Thing(short.exception.pk, wife),
        "statement": Thing(statement.pk, made.staff["guilin"][Role.CASHIER]),
    }


def _village(made: World) -> None:
    """What the agent of the village entered: a roster, a case with a notice, and cash for another one."""
    staff = made.staff["guilin"]
    agent = staff[Role.COMMITTEE_AGENT]
    roster = rosters.take(agent, rosters.as_csv([rosters.line(name="白鹇甲")]))
    made.things["roster"] = Thing(rosters.finish(roster).pk, agent)
    payers = [ResidentFactory(name=f"白鹇{sign}", phone=f"1990000011{place}") for place, sign in enumerate("乙丙")]
    cases = [enrolment.approved(payer, staff[Role.CLERK]) for payer in payers]
    Application.objects.filter(pk__in=[case.pk for case in cases]).update(helper=agent)
    billed, paid = cases
    held = held_cash.take(notice=paid.notice, actor=actor(agent), amount_fen=paid.notice.amount_fen)
    made.things |= {
        "agent_case": Thing(billed.pk, agent),
        "agent_notice": Thing(billed.notice.pk, agent),
        "held": Thing(held.pk, payers[1]),
        "agent": Thing(agent.pk, agent),
    }


def _family_pack(owner: Resident) -> HouseholdPack:
    """A family that is not submitted yet, with a ward of the owner in it."""
    ward = ResidentFactory(name="蓝凫丁", phone="", has_id_card=False, birth_date=datetime.date(2021, 5, 1))
    appoint_guardian(guardian=owner, ward=ward, basis=Basis.PARENT)
    who = actor(owner)
    pack = households.open_pack(actor=who, applicant=owner, region=region("450302001"), cover_year=2027)
    households.add_members(pack=pack, actor=who, people=[ward])
    return pack


def _desk(made: World, clerk: User, admin: User) -> None:
    """A view and a decision over many cases of the clerk, and what operators put back."""
    view = SavedView.objects.create(owner=clerk, name="A", query="tab=decide")
    bulk = BulkDecision.objects.create(owner=clerk, started_at=MONDAY, finished_at=MONDAY)
    entry = ApplicationTimelineEntry.objects.filter(subject=made.things["application"].pk).earliest("pk")
    reaction = ReactionFailure.objects.create(
        workflow="enrollment",
        transition="accept",
        reaction="enrollment.reactions.run_checks",
        entry_ids=[entry.pk],
        error="x",
    )
    failed = Job.objects.create(kind="none", owner_id=clerk.pk, state=JobState.FAILED, finished_at=MONDAY)
    made.things |= {
        "saved_view": Thing(view.pk, clerk),
        "bulk": Thing(bulk.pk, clerk),
        "reaction": Thing(reaction.pk, admin),
        "failed_job": Thing(failed.pk, admin),
    }


def _ways_in(made: World, owner: Resident) -> None:
    """A power of attorney and a registration for the employees' scheme, both with the desk."""
    town = region("450302001")
    number = parse_identity_number(next_identity_number("450305", "F"))
    mandate = attorney.declare(
        actor=actor(owner),
        name="测试",
        number=number,
        relation="agent",
        valid_from=MONDAY.date(),
        valid_until=datetime.date(2026, 12, 31),
        region=town,
        office=Office.objects.responsible_for(town, "service_point"),
    )
    values = {"employment": "flexible", "employer": "", "hired_on": None, "wage_fen": 500_000}
    values |= {"dependants": False, "medical_costs": False}
    draft = coordination_services.save(actor=actor(owner), region=town, values=values)
    row = coordination_services.hand_in(registration=draft, actor=actor(owner), version=draft.version)
    made.things |= {"mandate": Thing(mandate.pk, owner), "registration": Thing(row.pk, owner)}


def _stuck(owner: Resident) -> Message:
    row = Message.objects.filter(resident=owner, urgent=False).order_by("pk").first()
    Message.objects.filter(pk=row.pk).update(state=MessageState.FAILED, next_try_at=None)
    return row


def _zhongshan(made: World) -> None:
    staff = made.staff["zhongshan"]
    people = {name: cards.resident(name=f"朱鹭{sign}") for name, sign in zip("abcde", "甲乙丙丁戊", strict=True)}
    made.canaries["cards"] = tuple(f"朱鹭{sign}" for sign in "甲乙丙丁戊")
    made.strangers["zhongshan"] = cards.resident(name="红鹮乙")
    draft = cards.draft(people["a"])
    Resident.objects.filter(pk=people["b"].pk).update(police_photo=False)
    people["b"].refresh_from_db()
    cards.add_receipt(people["b"])
    review = cards.under_review(people["b"], receipt=cards.RECEIPT)
    cards.in_production(people["c"], staff[Role.CARD_CLERK])
    ready = cards.ready(people["d"], staff[Role.CARD_CLERK])
    made_card = cards.collected(people["e"], staff[Role.CARD_CLERK])
    card = made_card[0] if isinstance(made_card, tuple) else made_card
    batch = ProductionBatch.objects.order_by("pk").first()
    made.things |= {
        "card_draft": Thing(draft.pk, people["a"], "zhongshan"),
        "card_review": Thing(review.pk, people["b"], "zhongshan"),
        "card_ready": Thing(ready.pk, people["d"], "zhongshan"),
        "card": Thing(card.pk, people["e"], "zhongshan"),
        "batch": Thing(batch.pk, staff[Role.CARD_CLERK], "zhongshan"),
    }
