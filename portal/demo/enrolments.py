"""Makes the demo's enrolment applications: real commands, run on earlier days, over every state."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from enrollment import offices, steps, terms
from enrollment import services as enrolments
from enrollment.codes import ForWhom, OtherCover, Status
from enrollment.models import Application, ApplicationMaterial, CorrectionItem
from enrollment.states import State
from enrollment.workflow import EnrollmentWorkflow
from payments import services as payments
from payments.models import Notice
from payments.sandbox import book as bank_book
from portal.demo.history import clock_at
from portal.people.actors import SYSTEM, Actor
from portal.people.backends import actor_of, load_user
from portal.people.models import Resident, User
from portal.people.names import mask_name
from portal.people.services import account_of
from portal.regions import calendar
from portal.regions import policy as policies
from portal.regions.models import Region

SHANGHAI = ZoneInfo("Asia/Shanghai")
MISSING_PAPER = "照片模糊，看不清号码，请重新拍摄。"
WRONG_ADDRESS = "地址缺少门牌号，请补充。"
REJECTED = "您本年度已参加职工基本医疗保险，不能重复参保。"
NEXT_STEP = "如职工医保已停保，请带停保证明到服务点重新登记。"


@dataclass(frozen=True)
class Asked:
    """One thing a clerk asks to be put right."""

    kind: str
    code: str
    reason: str


@dataclass(frozen=True)
class Story:
    """One person's application: how far it goes, and how many days ago it was handed in."""

    resident: Resident
    ends: str
    days_ago: int = 0
    hour: int = 10


def actor_for(person: Resident | User) -> Actor:
    """Who this person acts as."""
    user = account_of(person) if isinstance(person, Resident) else person
    loaded = load_user(user.pk)
    if loaded is None:
        raise LookupError(user)
    return actor_of(loaded)


def is_open(day: date, region: Region) -> bool:
    """Whether the region takes an adult's application on a day."""
    return bool(terms.open_years(day, date(1990, 1, 1), region, policies.for_region(region, calendar.today())))


def open_day(region: Region, days_ago: int) -> date:
    """A day so long ago on which the region took applications, counted from the latest such day."""
    latest = calendar.today()
    while not is_open(latest, region):
        latest -= timedelta(days=1)
    day = latest - timedelta(days=days_ago)
    while not is_open(day, region):
        day += timedelta(days=1)
    return day


def moment(day: date, hour: int, minute: int = 0) -> datetime:
    """A clock time of a day in Shanghai, never later than now."""
    return min(datetime.combine(day, time(hour, minute), SHANGHAI), timezone.now())


def pay_at_first_bank(notice: Notice) -> None:
    """Pays a notice at its first bank, whose own book has it too: its statement of that day can be imported."""
    channel, transaction = notice.channels[0], f"DEMO{notice.number}"
    payments.book_payment(
        channel=channel.code,
        provider_txn=transaction,
        amount_fen=notice.amount_fen,
        paid_on=calendar.today(),
        notice_number=notice.number,
        actor=SYSTEM,
        payer=notice.payer_name,
    )
    bank_book.note_taken(
        txn=transaction,
        pay_code=notice.pay_code,
        number=notice.number,
        payer=mask_name(notice.payer_name),
        amount_fen=notice.amount_fen,
        bank=channel.bank_code,
        means="cash",
        at=timezone.now().timestamp(),
        kind=notice.kind,
    )


class Teller:
    """Carries stories out with the staff of one region."""

    def __init__(self, *, clerks: Iterable[User], reviewer: User) -> None:
        self.clerks = [actor_for(user) for user in clerks]
        self.reviewer = actor_for(reviewer)
        self.ends: dict[str, Callable[[Application], None]] = {
            "under_review": lambda application: None,
            "correction_required": self.ask_correction,
            "approved": self.approve,
            "awaiting_payment": self.await_payment,
            "enrolled": self.pay,
            "rejected": self.reject,
            "withdrawn": self.withdraw,
            "escalated": self.escalate,
            "county_enrolled": self.county_pays,
            "resubmitted": self.resubmit,
            "lapsed": self.lapse,
        }

    def tell(self, story: Story) -> Application:
        """Runs one application to its end and returns it."""
        resident = story.resident
        region = resident.home_region
        if region is None:
            raise LookupError("a demo resident lives somewhere")
        handed_in = open_day(region, story.days_ago)
        with clock_at(moment(handed_in, story.hour)):
            application = self.draft(resident, region, whole=story.ends != "draft")
            if story.ends == "draft":
                return application
            application = enrolments.submit(
                application=application,
                actor=actor_for(resident),
                token=application.submit_token,
                version=application.version,
            )
        if story.ends == "submitted":
            return application
        with clock_at(moment(handed_in, story.hour, 1)):
            EnrollmentWorkflow.collect.move([application.pk], SYSTEM, at=timezone.now())
            EnrollmentWorkflow.accept.move([application.pk], SYSTEM, at=timezone.now())
        application.refresh_from_db()
        with clock_at(moment(handed_in + timedelta(days=min(1, story.days_ago)), story.hour + 2)):
            self.ends[story.ends](application)
        application.refresh_from_db()
        return application

    def draft(self, resident: Resident, region: Region, *, whole: bool) -> Application:
        """Fills in the form: all of it, or the first two sections."""
        actor = actor_for(resident)
        policy = policies.for_region(region)
        today = calendar.today()
        birth_on = resident.birth_date or date(1990, 1, 1)
        year = terms.open_years(today, birth_on, region, policy)[0].year
        application = enrolments.start(
            actor=actor, resident=resident, region=region, for_whom=ForWhom.SELF, cover_year=year, beneficiary=resident
        )
        office = offices.serving(region, policy)[0]
        answers: dict[str, dict[str, Any]] = {
            steps.PERSON: {"birth_on": birth_on, "sex": resident.sex, "has_id_card": True},
            steps.CONTACT: {"phone": resident.phone, "address": f"{region.name_zh}示例路8号", "in_area": True},
            steps.COVER: {"status": Status.LOCAL_HUKOU, "other_cover": OtherCover.NONE, "missed_years": 0},
            steps.ASSISTANCE: {"assistance": resident.assistance_category or "none"},
            steps.OFFICE: {"office": office},
        }
        for section, values in list(answers.items())[: None if whole else 2]:
            columns = {"office": office, "office_kind": office.kind} if section == steps.OFFICE else {}
            enrolments.save_section(application=application, section=section, values=values, **columns)
        application.refresh_from_db()
        return application

    def clerk_of(self, application: Application) -> Actor:
        """The clerk of the office that has the application."""
        return next(actor for actor in self.clerks if actor.office_id == application.office_id)

    def accept_papers(self, application: Application, actor: Actor) -> None:
        """Ticks every paper as seen."""
        codes = application.materials.filter(required=True).values_list("code", flat=True)
        enrolments.judge_materials(
            application=application,
            actor=actor,
            version=application.version,
            judgements=dict.fromkeys(codes, ApplicationMaterial.Judgement.ACCEPTED),
        )

    def approve(self, application: Application, actor: Actor | None = None) -> None:
        """Approves by the office's clerk, or by whom is given."""
        actor = actor or self.clerk_of(application)
        self.accept_papers(application, actor)
        enrolments.approve(application=application, actor=actor, version=application.version)
        application.refresh_from_db()

    def await_payment(self, application: Application) -> None:
        """Stops where the notice waits to be paid."""
        if application.state != State.AWAITING_PAYMENT:
            self.approve(application)

    def pay(self, application: Application, actor: Actor | None = None) -> None:
        """Pays and approves, in the order of the region."""
        if application.state == State.AWAITING_PAYMENT:
            self.settle(application)
            self.approve(application, actor)
        else:
            self.approve(application, actor)
            self.settle(application)

    def settle(self, application: Application) -> None:
        """Pays the notice, if there is one, at the region's first bank."""
        notice = payments.live_notice(purpose="enrollment.premium", reference=str(application.pk))
        if notice is None:
            return
        pay_at_first_bank(notice)
        application.refresh_from_db()

    def ask_correction(self, application: Application) -> None:
        """Asks for a clearer paper and a full address."""
        paper = application.materials.filter(required=True).first()
        items = [Asked(CorrectionItem.Kind.FIELD, "contact.address", WRONG_ADDRESS)]
        if paper is not None:
            items.append(Asked(CorrectionItem.Kind.MATERIAL, paper.code, MISSING_PAPER))
        enrolments.ask_correction(
            application=application, actor=self.clerk_of(application), version=application.version, items=items
        )

    def resubmit(self, application: Application) -> None:
        """Asks for corrections and puts them right."""
        self.ask_correction(application)
        application.refresh_from_db()
        enrolments.resubmit(
            application=application,
            actor=actor_for(application.resident),
            version=application.version,
            values={"contact.address": "示例路8号2单元301室"},
            handed_in=application.materials.values_list("code", flat=True),
        )

    def reject(self, application: Application) -> None:
        """Rejects with reason and next step."""
        enrolments.reject(
            application=application,
            actor=self.clerk_of(application),
            version=application.version,
            reason_code="other_cover",
            reason=REJECTED,
            next_step=NEXT_STEP,
        )

    def withdraw(self, application: Application) -> None:
        """The resident takes it back."""
        enrolments.withdraw(application=application, actor=actor_for(application.resident), version=application.version)

    def escalate(self, application: Application) -> None:
        """Nobody decided in time: the sweep hands it to the county."""
        if application.due_at is not None:
            EnrollmentWorkflow.escalate.move([application.pk], SYSTEM, at=max(application.due_at, timezone.now()))

    def lapse(self, application: Application) -> None:
        """The resident was asked for a correction and never answered."""
        self.ask_correction(application)
        application.refresh_from_db()
        if application.due_at is not None:
            EnrollmentWorkflow.lapse.move([application.pk], SYSTEM, at=application.due_at)

    def county_pays(self, application: Application) -> None:
        """The county reviewer approves what nobody decided, and the resident pays."""
        self.escalate(application)
        application.refresh_from_db()
        self.pay(application, self.reviewer)
