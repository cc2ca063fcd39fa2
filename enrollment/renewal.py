"""The renewal campaign: the next cover year for everybody a region insures (DOMAIN §6, §0.13).

Who is insured this year and has changed nothing needs neither form nor review: the portal makes the application and
asks for the payment. Who may have changed goes through the review like anybody else. Whoever left is left out and
counted by the reason. The job goes by batches that commit on their own, and a second run finds what the first one made.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from enrollment import cover as covering
from enrollment import messages, offices, services, steps
from enrollment.codes import ForWhom, OtherCover, PaymentOrder, Status
from enrollment.models import Application, ApplicationMaterial, Cover, RenewalCampaign, RenewalEntry
from enrollment.workflow import EnrollmentWorkflow
from payments.models import Notice
from portal import audit
from portal.design.text import format_yuan
from portal.jobs.models import Job
from portal.jobs.progress import Progress
from portal.jobs.registry import runner
from portal.jobs.services import request_stop
from portal.jobs.services import start as start_job
from portal.people.actors import SYSTEM, Actor
from portal.people.identity import age_on
from portal.people.models import AssistanceCategory, Guardianship
from portal.people.services import ADULT_AGE_YEARS
from portal.regions import calendar
from portal.regions import policy as policies
from portal.regions.models import Office, PolicySnapshot, Region
from portal.regions.models.versions import pinned
from portal.regions.policy_values import Fee, Policy
from portal.workflow.core import Batch

KIND = "enrollment.renewal"
SCENARIO = "renewal"
BATCH = 100
LEVELS = ("city", "county", "town")

LEFT_OUT = {
    "employed": _("Joined the employees' scheme"),
    "moved": _("Moved to another region"),
    "died": _("Died"),
    "error": _("Registered by mistake"),
    "employee_scheme": _("Covered by the employees' scheme now"),
    "covered": _("Insured for the year already"),
    "applied": _("Have applied for the year themselves"),
    "incomplete": _("Date of birth not on file"),
}
BY_RULE = {"ELDERLY": _("Elderly resident"), "STUDENT_TERTIARY": _("University or vocational student")}
REVIEWED = {
    "assistance": _("Assistance that no authority confirms now"),
    "student": _("Insured as pupil or student"),
    "moved_home": _("Lives outside the city now"),
}


class NotOpen(Exception):
    """The collection period for the cover year is not running."""


class WrongLevel(Exception):
    """A campaign is for a city, a county or a town."""


@dataclass(frozen=True)
class Group:
    """People who pay the same, by assistance."""

    category: str
    fee: Fee
    people: int

    @property
    def name(self) -> str:
        """The assistance in words; by age or school where a region's rule is for those."""
        known = {**dict(AssistanceCategory.choices), "": _("No assistance"), **BY_RULE}
        return str(known.get(self.category, self.category))


@dataclass(frozen=True)
class Preview:
    """What a campaign would do today."""

    people: int
    groups: list[Group]
    reviewed: list[tuple[Any, int]]
    left_out: list[tuple[Any, int]]

    @property
    def pending(self) -> bool:
        """Whether some amounts are not published yet."""
        return any(group.fee.pending for group in self.groups)

    @property
    def total_fen(self) -> int:
        """What all notices together ask for, as far as amounts are published."""
        return sum((group.fee.amount_fen or 0) * group.people for group in self.groups)


def insured(region: Region, cover_year: int) -> QuerySet[Cover]:
    """The cover of the year before, of everybody the region insures."""
    return Cover.objects.filter(
        scheme=Cover.Scheme.RESIDENT, cover_year=cover_year - 1, region__path__startswith=region.path
    )


def _judged(covers: QuerySet[Cover], region: Region, cover_year: int) -> QuerySet[Any]:
    """Each cover with why its person is left out (empty for those renewed) and why a review is needed."""
    applied = Application.objects.live().filter(beneficiary=OuterRef("person"), cover_year=cover_year)
    made_by_us = RenewalEntry.objects.filter(person=OuterRef("person"), campaign__cover_year=cover_year)
    covered = Cover.objects.standing().filter(person=OuterRef("person"), cover_year=cover_year)
    return covers.annotate(
        group=Case(
            When(~Q(person__assistance_category=""), then=F("person__assistance_category")),
            default=Coalesce(F("application__assistance"), Value("")),
        ),
        out=Case(
            When(ended_on__isnull=False, then=F("end_reason")),
            When(person__employee_insured=True, then=Value("employee_scheme")),
            When(Exists(made_by_us), then=Value("renewed")),
            When(Exists(covered), then=Value("covered")),
            When(Exists(applied), then=Value("applied")),
            When(Q(person__birth_date=None), then=Value("incomplete")),
            default=Value(""),
            output_field=CharField(),
        ),
        review=Case(
            When(Q(person__assistance_category="", application__assistance__gt=""), then=Value("assistance")),
            When(application__category=Status.STUDENT, then=Value("student")),
            When(
                Q(person__home_region__isnull=False) & ~Q(person__home_region__path__startswith=_city(region)),
                then=Value("moved_home"),
            ),
            default=Value(""),
            output_field=CharField(),
        ),
    )


def _city(region: Region) -> str:
    """The path of the city a place lies in, the pooling region."""
    return "/".join(region.path.split("/")[:2]) + "/"


def preview(region: Region, cover_year: int) -> Preview:
    """Counts of who would be renewed, at which amounts, who is reviewed first, and who is left out (N17)."""
    judged = _judged(insured(region, cover_year), region, cover_year)
    outs = Counter(dict(judged.exclude(out="").values_list("out").annotate(people=Count("pk")).order_by("out")))
    outs.pop("renewed", None)
    staying = judged.filter(out="")
    reviews = dict(staying.exclude(review="").values_list("review").annotate(people=Count("pk")).order_by("review"))
    policy = policies.for_region(region, calendar.today())
    found: dict[tuple[str, int | None], tuple[Fee, int]] = {}
    new_year = date(cover_year, 1, 1)
    rows = staying.values_list("group", "person__birth_date").annotate(people=Count("pk")).order_by("group")
    for group, birth_on, people in rows.iterator():
        fee = policy.fee("premium", cover_year=cover_year, category=group, age=age_on(birth_on, new_year))
        key = (fee.category, fee.amount_fen)
        found[key] = (fee, found.get(key, (fee, 0))[1] + people)
    return Preview(
        people=sum(people for _fee, people in found.values()),
        groups=[Group(fee.category, fee, people) for fee, people in sorted(found.values(), key=lambda pair: -pair[1])],
        reviewed=[(REVIEWED[code], people) for code, people in reviews.items()],
        left_out=[(LEFT_OUT.get(code, code), people) for code, people in sorted(outs.items())],
    )


def is_open(region: Region, cover_year: int, on: date) -> bool:
    """Whether the region collects the premium of the cover year on a day."""
    begins, ends = covering.collection_period(cover_year, policies.for_region(region, on))
    return begins <= on <= ends


def start(region: Region, cover_year: int, *, actor: Actor) -> RenewalCampaign:
    """Starts the campaign of a region and year, or goes on with it; a running one is left alone.

    Raises WrongLevel, and NotOpen outside the collection period.
    """
    if region.level not in LEVELS:
        raise WrongLevel(region.code)
    if not is_open(region, cover_year, calendar.today()):
        raise NotOpen(cover_year)
    with transaction.atomic():
        campaign, _made = RenewalCampaign.objects.get_or_create(
            region=region, cover_year=cover_year, defaults={"started_by": actor.user_id}
        )
        campaign = RenewalCampaign.objects.select_for_update().get(pk=campaign.pk)
        if is_running(campaign):
            return campaign
        job = start_job(
            KIND,
            owner_id=actor.user_id,
            params={"campaign": str(campaign.pk)},
            total=insured(region, cover_year).count(),
        )
        RenewalCampaign.objects.filter(pk=campaign.pk).update(job_id=job.pk, finished_at=None)
        audit.record("enrollment.renewal_started", actor, subject=campaign, details={"job": str(job.pk)})
    campaign.refresh_from_db()
    return campaign


def stop(campaign: RenewalCampaign, *, actor: Actor) -> None:
    """Stops the job after its present batch; what was made stays, and the campaign can go on later."""
    job = job_of(campaign)
    if job is not None and job.is_live:
        request_stop(job)
        audit.record("enrollment.renewal_stopped", actor, subject=campaign, details={"job": str(job.pk)})


def job_of(campaign: RenewalCampaign) -> Job | None:
    """The job that works on the campaign, or did last."""
    return Job.objects.filter(pk=campaign.job_id).first() if campaign.job_id else None


def is_running(campaign: RenewalCampaign) -> bool:
    """Whether a job works on the campaign or waits to."""
    job = job_of(campaign)
    return job is not None and job.is_live


def notices_of(campaign: RenewalCampaign) -> QuerySet[Notice]:
    """The notices of a campaign, for print runs and counts."""
    return Notice.objects.filter(pk__in=Application.objects.filter(renewal__campaign=campaign).values("notice"))


def counts(campaign: RenewalCampaign) -> dict[str, int]:
    """How many applications of the campaign stand in which state."""
    rows = Application.objects.filter(renewal__campaign=campaign).values_list("state").annotate(people=Count("pk"))
    return dict(rows.order_by("state"))


@runner(KIND, label=_("Renewal campaign"))
def run(progress: Progress) -> None:
    """Goes through the insured in the order of their covers; the cursor is the last cover done."""
    campaign = RenewalCampaign.objects.select_related("region").get(pk=progress.params["campaign"])
    region, year = campaign.region, campaign.cover_year
    everybody = insured(region, year).order_by("pk")
    last, done = progress.cursor.get("last", 0), progress.cursor.get("done", 0)
    while pks := list(everybody.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
        renew(campaign, pks)
        last, done = pks[-1], done + len(pks)
        progress.step(done, max(done, progress.job.total), cursor={"last": last, "done": done})
    outs = _judged(insured(region, year), region, year).exclude(out__in=["", "renewed"])
    left_out = dict(outs.values_list("out").annotate(people=Count("pk")).order_by("out"))
    RenewalCampaign.objects.filter(pk=campaign.pk).update(finished_at=timezone.now(), left_out=left_out)


def renew(campaign: RenewalCampaign, covers: Sequence[int]) -> int:
    """Makes the applications of one batch in one transaction; returns how many.

    Somebody who applies at the same moment wins: then the batch is done person by person.
    """
    try:
        with pinned(), transaction.atomic():
            return _renew(campaign, covers)
    except IntegrityError:
        if len(covers) == 1:
            return 0
    return sum(renew(campaign, [pk]) for pk in covers)


def _renew(campaign: RenewalCampaign, pks: Sequence[int]) -> int:
    at = timezone.now()
    rows = list(
        _judged(Cover.objects.filter(pk__in=pks), campaign.region, campaign.cover_year)
        .filter(out="")
        .select_related("person", "region", "application__resident", "application__office", "application__region")
        .order_by("pk")
    )
    if not rows:
        return 0
    guardians = _guardians(rows)
    terms = _Terms(at)
    numbers = services.free_numbers(calendar.local_date(at).year, len(rows))
    made: list[Application] = []
    entries: list[RenewalEntry] = []
    papers: list[ApplicationMaterial] = []
    for row, number in zip(rows, numbers, strict=True):
        snapshot, policy, centre = terms.of(row.region)
        application = _draft(row, campaign.cover_year, guardians, centre)
        columns, listed = services.frozen_terms(application, snapshot, policy, at)
        if not row.review:
            # Nothing is asked and nothing reviewed: neither papers nor the region's order of payment and review matter.
            columns |= {"scenario": SCENARIO, "payment_order": PaymentOrder.REVIEW_FIRST}
        for name, value in columns.items():
            setattr(application, name, value)
        application.number = number
        made.append(application)
        papers += listed if row.review else []
        entries.append(
            RenewalEntry(campaign=campaign, person=row.person, application=application, review_reason=row.review)
        )
    EnrollmentWorkflow.begin_many(made, SYSTEM, at=at, codes={"campaign": str(campaign.pk)})
    RenewalEntry.objects.bulk_create(entries)
    ApplicationMaterial.objects.bulk_create(papers)
    plain = [entry.application_id for entry in entries if not entry.review_reason]
    EnrollmentWorkflow.renew.move(plain, SYSTEM, at=at)
    EnrollmentWorkflow.renew_for_review.move(
        [entry.application_id for entry in entries if entry.review_reason], SYSTEM, at=at
    )
    return len(made)


class _Terms:
    """The policy of each place and its county centre, taken once a batch."""

    def __init__(self, at: datetime) -> None:
        self._on = calendar.local_date(at)
        self._known: dict[int, tuple[PolicySnapshot, Policy, Office | None]] = {}

    def of(self, region: Region) -> tuple[PolicySnapshot, Policy, Office | None]:
        if region.pk not in self._known:
            snapshot = PolicySnapshot.objects.take(region, self._on)
            self._known[region.pk] = (snapshot, snapshot.policy, offices.fallback(region))
        return self._known[region.pk]


def _guardians(rows: Iterable[Any]) -> dict[UUID, Any]:
    """Who applies for a minor without an application of last year."""
    people = [row.person_id for row in rows]
    found = Guardianship.objects.live().filter(ward__in=people).select_related("guardian").order_by("pk")
    return {one.ward_id: one.guardian for one in found}


def _draft(row: Any, cover_year: int, guardians: dict[UUID, Any], centre: Office | None) -> Application:
    """The application of one person as last year's answers and the file of residents give it."""
    person, last = row.person, row.application
    is_minor = age_on(person.birth_date, calendar.today()) < ADULT_AGE_YEARS
    applicant, for_whom, relation = person, ForWhom.SELF, ""
    if last is not None and (is_minor or last.for_whom == ForWhom.FAMILY):
        applicant, for_whom, relation = last.resident, last.for_whom, last.relation
    elif is_minor and person.pk in guardians:
        applicant, for_whom = guardians[person.pk], ForWhom.CHILD
    office = last.office if last is not None and last.office is not None and last.office.active else centre
    application = Application(
        resident=applicant,
        beneficiary=person,
        for_whom=for_whom,
        relation=relation,
        region=row.region,
        office=office,
        cover_year=cover_year,
    )
    application.answers = _answers(row, last)
    return application


def _answers(row: Any, last: Application | None) -> dict[str, dict[str, Any]]:
    """Last year's answers brought up to date; what the file of residents knows better counts (DOMAIN §0.9)."""
    person = row.person
    known: dict[str, dict[str, Any]] = last.answers if last is not None else {}
    local = not person.hukou_region_code or row.region.path.find(person.hukou_region_code[:4]) >= 0
    status = Status.LOCAL_HUKOU if local else Status.RESIDENCE_PERMIT
    base: dict[str, dict[str, Any]] = {
        steps.PERSON: {"birth_on": person.birth_date.isoformat(), "sex": person.sex, "has_id_card": person.has_id_card},
        steps.CONTACT: {"phone": person.phone, "address": person.address, "in_area": True},
        steps.COVER: {"status": status},
    }
    codes = [section.code for section in steps.SECTIONS]
    found = {code: {**base.get(code, {}), **known.get(code, {})} for code in codes}
    found[steps.PERSON]["birth_on"] = person.birth_date.isoformat()
    found[steps.COVER] |= {"other_cover": OtherCover.NONE, "missed_years": 0}
    found["assistance"] = {"assistance": row.group or "none"}
    return found


def last_day(row: Application, policy: Policy) -> date | None:
    """Pay-by date of a renewal: the last day of the collection period; None for every other application."""
    if row.scenario != SCENARIO:
        return None
    ends = covering.collection_period(row.cover_year, policy)[1]
    return ends if ends > calendar.today() else None


def tell_renewed(batch: Batch) -> None:
    """What to pay for the next year, under which number and by when; each person once."""

    def params(row: Application) -> dict[str, Any] | None:
        if row.scenario != SCENARIO or row.notice is None:
            return None
        due = row.notice.due_on
        return {"amount": format_yuan(row.notice.amount_fen), "notice": row.notice.grouped_number, "due": due}

    messages.tell("renewed", batch, params)


def tell_review(batch: Batch) -> None:
    """The renewal is prepared, and the office looks at what may have changed."""
    messages.tell("renewal_review", batch, lambda row: {"office": row.office.name if row.office else ""})


def is_quiet(row: Application) -> bool:
    """Whether an application ends without a message: one that the portal made and nobody answered."""
    return row.scenario == SCENARIO
