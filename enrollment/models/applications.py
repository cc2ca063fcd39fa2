"""Applications to join the residents' scheme, what belongs to them, and the cover they lead to."""

import json
import uuid
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from enrollment.codes import ForWhom, PaymentOrder, Relation
from enrollment.states import DECIDABLE, NOT_LIVE, TIMED, State
from payments.models import Notice
from payments.numbers import grouped
from payments.states import State as NoticeState
from portal.crypto import seal, unseal
from portal.people.actors import Actor, Role
from portal.people.models import AssistanceCategory, Resident
from portal.regions.models import Office, OfficeKind, PolicySnapshot, Region
from portal.regions.text import both, pick
from portal.workflow.models import Subject, SubjectQuerySet, TimelineEntryBase

CASE_ROLES = (Role.CLERK, Role.COUNTY_REVIEWER, Role.COMMITTEE_AGENT, Role.AUDITOR)


class ApplicationQuerySet(SubjectQuerySet["Application"]):
    """Doors to the rows, and the questions asked about many of them."""

    def visible_to(self, actor: Actor) -> "ApplicationQuerySet":
        """Rows an actor may see.

        Residents those of their household and wards, clerks their office's, reviewers and auditors their area's, agents
        their own entries.
        """
        submitted = ~Q(state=State.DRAFT)
        if actor.role == Role.SYSTEM:
            return self
        if actor.role == Role.RESIDENT and actor.resident_id is not None:
            own_people = Q(beneficiary__in=Resident.objects.visible_to(actor))
            return self.filter(Q(resident_id=actor.resident_id) | (own_people & submitted))
        if actor.role == Role.CLERK and actor.office_id is not None:
            return self.filter((Q(office_id=actor.office_id) & submitted) | Q(helper_id=actor.user_id))
        if actor.role in (Role.COUNTY_REVIEWER, Role.AUDITOR) and actor.region_path:
            return self.filter(submitted, region__path__startswith=actor.region_path)
        if actor.role == Role.COMMITTEE_AGENT and actor.user_id is not None:
            return self.filter(helper_id=actor.user_id)
        return self.none()

    def live(self) -> "ApplicationQuerySet":
        """Those that hold the place of their person and cover year."""
        return self.exclude(state__in=NOT_LIVE)

    def decidable(self) -> "ApplicationQuerySet":
        """Those that wait for a decision."""
        return self.filter(state__in=DECIDABLE)

    def for_pages(self) -> "ApplicationQuerySet":
        """With everything a page shows beside the application itself, in one query."""
        return self.select_related("resident", "beneficiary", "region", "office", "notice__collective", "policy")


class Application(Subject):
    """One person's application for one cover year; draft until submitted, its terms frozen then."""

    number = models.CharField(_("application number"), max_length=16, unique=True, null=True, blank=True)
    resident = models.ForeignKey(
        Resident, verbose_name=_("applicant"), on_delete=models.PROTECT, related_name="applications_made"
    )
    beneficiary = models.ForeignKey(
        Resident,
        verbose_name=_("person to insure"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="applications",
    )
    for_whom = models.CharField(_("for whom"), max_length=10, choices=ForWhom.choices, default=ForWhom.SELF)
    relation = models.CharField(_("relation"), max_length=12, choices=Relation.choices, blank=True)
    helper = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("entered by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    # Those who were entered in one visit and pay together; each is decided on its own.
    pack = models.ForeignKey(
        "enrollment.HouseholdPack",
        verbose_name=_("family"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="members",
    )
    region = models.ForeignKey(Region, verbose_name=_("region"), on_delete=models.PROTECT, related_name="applications")
    office = models.ForeignKey(
        Office, verbose_name=_("office"), on_delete=models.PROTECT, null=True, blank=True, related_name="applications"
    )
    office_kind = models.CharField(_("kind of office"), max_length=20, choices=OfficeKind.choices, blank=True)
    cover_year = models.PositiveSmallIntegerField(_("cover year"))
    category = models.CharField(_("ground"), max_length=20, blank=True)
    assistance = models.CharField(_("assistance"), max_length=24, blank=True, choices=AssistanceCategory.choices)
    scenario = models.CharField(_("list of materials"), max_length=40, blank=True)
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    answers_cipher = models.BinaryField(_("answers"), default=bytes, editable=False)

    policy = models.ForeignKey(
        PolicySnapshot,
        verbose_name=_("policy"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="applications",
    )
    payment_order = models.CharField(
        _("payment order"), max_length=12, choices=PaymentOrder.choices, default=PaymentOrder.REVIEW_FIRST
    )
    deemed_approval = models.BooleanField(_("deemed approval"), default=False)
    payable_fen = models.PositiveBigIntegerField(_("payable, in fen"), null=True, blank=True)
    premium_pending = models.BooleanField(_("premium not published"), default=False)
    notice = models.ForeignKey(
        Notice, verbose_name=_("payment notice"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    paid_on = models.DateField(_("paid on"), null=True, blank=True)
    review_from = models.DateField(_("review counted from"), null=True, blank=True)

    submit_token = models.UUIDField(_("submit token"), default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(_("started"), auto_now_add=True)
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True)
    submitted_on = models.DateField(_("submitted on"), null=True, blank=True)
    declaration_at = models.DateTimeField(_("declared truthful"), null=True, blank=True)
    decision_reason = models.TextField(_("reason of the decision"), blank=True)
    decision_next_step = models.TextField(_("what to do next"), blank=True)
    correction_round = models.PositiveSmallIntegerField(_("corrections asked"), default=0)
    # Set while a deleted draft can be taken back: the last instant it had before.
    due_before_discard = models.DateTimeField(_("kept until, before it was deleted"), null=True, blank=True)
    undo_until = models.DateTimeField(_("decision can be taken back until"), null=True, blank=True, editable=False)

    objects = ApplicationQuerySet.as_manager()

    class Meta(Subject.Meta):
        verbose_name = _("enrolment application")
        verbose_name_plural = _("enrolment applications")
        indexes = [
            *Subject.Meta.indexes,
            # A clerk's queue, by time left.
            models.Index(fields=["office", "state", "due_at", "id"], name="enrollment_queue"),
            # The parts of the queue that are read newest first, and what came into them lately.
            models.Index(fields=["office", "state", "state_since", "id"], name="enrollment_queue_since"),
            # The wake-up of rows held for an unpublished premium.
            models.Index(fields=["region", "cover_year"], name="enrollment_held", condition=Q(premium_pending=True)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["beneficiary", "cover_year"],
                condition=~Q(state__in=NOT_LIVE),
                name="enrollment_one_live_per_person_and_year",
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="enrollment_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=[State.SUBMITTED, State.APPROVED])  # not due while the premium is unpublished
                | Q(state__in=TIMED, due_at__isnull=False)
                | (~Q(state__in=TIMED) & Q(due_at__isnull=True)),
                name="enrollment_due_where_declared",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.AWAITING_PAYMENT) | Q(payable_fen__gt=0), name="enrollment_billed_has_amount"
            ),
            models.CheckConstraint(
                condition=~Q(state=State.ENROLLED) | Q(paid_on__isnull=False) | Q(payable_fen=0),
                name="enrollment_enrolled_is_paid",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[State.DRAFT, State.LAPSED])
                | Q(
                    number__isnull=False,
                    beneficiary__isnull=False,
                    policy__isnull=False,
                    submitted_on__isnull=False,
                    declaration_at__isnull=False,
                ),
                name="enrollment_submitted_is_complete",
            ),
            models.CheckConstraint(
                condition=Q(due_before_discard__isnull=True) | Q(state__in=[State.DRAFT, State.LAPSED]),
                name="enrollment_only_drafts_are_discarded",
            ),
            models.CheckConstraint(
                condition=Q(premium_pending=False) | Q(payable_fen__isnull=True),
                name="enrollment_pending_has_no_amount",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.REJECTED) | (~Q(decision_reason="") & ~Q(decision_next_step="")),
                name="enrollment_rejection_is_explained",
            ),
        ]

    def __str__(self) -> str:
        return self.grouped_number or str(self.pk)

    @property
    def state_label(self) -> str:
        """The state in the reader's language."""
        return str(State(self.state).label)

    @property
    def notice_label(self) -> str:
        """The state of the payment notice in the reader's language."""
        return str(NoticeState(self.notice.state).label) if self.notice else ""

    @property
    def grouped_number(self) -> str:
        """The number in groups of four, as people read it aloud; empty before submission."""
        return grouped(self.number) if self.number else ""

    @property
    def answers(self) -> dict[str, dict[str, Any]]:
        """What was typed, by section; kept sealed because addresses and names stand in it."""
        return json.loads(unseal(self.answers_cipher, aad=self._aad)) if self.answers_cipher else {}

    @answers.setter
    def answers(self, value: dict[str, dict[str, Any]]) -> None:
        self.answers_cipher = seal(json.dumps(value, ensure_ascii=False), aad=self._aad) if value else b""

    @property
    def _aad(self) -> str:
        return f"enrollment.application.answers:{self.pk}"

    def name_of(self, user_id: int | None) -> str:
        """The applicant's name, when it was they who acted."""
        return self.resident.name if user_id is not None and self.resident.user_id == user_id else ""

    @property
    def is_for_other(self) -> bool:
        return self.for_whom != ForWhom.SELF

    @property
    def is_held(self) -> bool:
        """Whether it waits, without a due date, for the premium to be published."""
        return self.premium_pending and self.due_at is None and self.state in (State.SUBMITTED, State.APPROVED)

    @property
    def nothing_payable(self) -> bool:
        return self.payable_fen == 0

    @property
    def is_discarded(self) -> bool:
        """Whether the applicant deleted the draft; it can be taken back until it is due."""
        return self.due_before_discard is not None

    @property
    def waits_for_resident(self) -> bool:
        return self.state in (State.DRAFT, State.CORRECTION_REQUIRED, State.AWAITING_PAYMENT)


class ApplicationTimelineEntry(TimelineEntryBase):
    """One recorded move of an application."""

    subject = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="timeline", db_index=False)

    class Meta(TimelineEntryBase.Meta):
        verbose_name = _("timeline entry of an application")
        verbose_name_plural = _("timeline entries of applications")
        indexes = [
            # What one clerk decided on a day.
            models.Index(
                fields=["actor_user_id", "at"],
                name="enrollment_entry_by_actor",
                condition=Q(actor_user_id__isnull=False),
            )
        ]


class CheckResult(models.Model):
    """Outcome of one automatic check; a finding goes to the clerk and never rejects."""

    class Outcome(models.TextChoices):
        PASSED = "passed", _("Passed")
        FINDING = "finding", _("Look at this")

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="checks")
    code = models.CharField(_("check"), max_length=30)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices)
    reason_code = models.CharField(_("reason"), max_length=40, blank=True)
    at = models.DateTimeField(_("checked at"))

    class Meta:
        verbose_name = _("check result")
        verbose_name_plural = _("check results")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["application", "code"], name="enrollment_check_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.outcome}"


class ApplicationMaterial(models.Model):
    """A paper the application needs, as the policy named it on the day of submission, and what the clerk found."""

    class Judgement(models.TextChoices):
        OPEN = "", _("Not seen yet")
        ACCEPTED = "accepted", _("Seen and accepted")
        REFUSED = "refused", _("Not accepted")

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="materials")
    position = models.PositiveSmallIntegerField(_("position"))
    code = models.CharField(_("code"), max_length=40)
    group = models.CharField(_("one of these is enough"), max_length=40)
    name_zh = models.CharField(_("Chinese name"), max_length=120)
    name_en = models.CharField(_("English name"), max_length=200)
    required = models.BooleanField(_("required"))
    waived_by = models.JSONField(_("known from"), default=dict, blank=True)
    judged = models.CharField(
        _("judgement"), max_length=10, choices=Judgement.choices, blank=True, default=Judgement.OPEN
    )
    seen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("seen by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    seen_at = models.DateTimeField(_("seen at"), null=True, blank=True)
    refusal_code = models.CharField(_("why it was not accepted"), max_length=20, blank=True)
    refusal_text = models.CharField(_("explanation to the resident"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("material of an application")
        verbose_name_plural = _("materials of applications")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["application", "code"], name="enrollment_material_once"),
            models.CheckConstraint(
                condition=Q(judged="") | Q(seen_at__isnull=False), name="enrollment_judged_material_was_seen"
            ),
            models.CheckConstraint(
                condition=Q(judged="refused") | Q(refusal_code="", refusal_text=""),
                name="enrollment_only_refused_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return pick(both(self.name_zh, self.name_en))

    @property
    def need(self) -> str:
        """Whether to bring it, in words."""
        if self.waived_by:
            return gettext("not needed: known from %(source)s") % {"source": pick(self.waived_by)}
        if not self.required:
            return gettext("only where it applies")
        return gettext("required") if self.group == self.code else gettext("one of its group is enough")


def grouped_materials(materials: Iterable[ApplicationMaterial]) -> list[list[ApplicationMaterial]]:
    """The list as people read it: each entry is one paper, or several of which one is enough."""
    entries: dict[str, list[ApplicationMaterial]] = {}
    for material in materials:
        entries.setdefault(material.group, []).append(material)
    return list(entries.values())


class CorrectionItem(models.Model):
    """One thing the resident is asked to put right; all of a round are told at once."""

    class Kind(models.TextChoices):
        FIELD = "field", _("Answer")
        MATERIAL = "material", _("Material")

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="corrections")
    round = models.PositiveSmallIntegerField(_("round"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    code = models.CharField(_("answer or material"), max_length=60)
    reason = models.TextField(_("reason, as the resident reads it"), max_length=500)
    before_cipher = models.BinaryField(default=bytes, editable=False)
    after_cipher = models.BinaryField(default=bytes, editable=False)
    resolved_at = models.DateTimeField(_("answered at"), null=True, blank=True)

    class Meta:
        verbose_name = _("item to correct")
        verbose_name_plural = _("items to correct")
        ordering = ["round", "id"]
        constraints = [
            models.UniqueConstraint(fields=["application", "round", "kind", "code"], name="enrollment_correction_once"),
            models.CheckConstraint(condition=~Q(reason=""), name="enrollment_correction_has_reason"),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def before(self) -> Any:
        """The answer when the correction was asked for."""
        return self._unsealed(self.before_cipher, "before")

    @before.setter
    def before(self, value: Any) -> None:
        self.before_cipher = self._sealed(value, "before")

    @property
    def after(self) -> Any:
        """The answer the resident sent."""
        return self._unsealed(self.after_cipher, "after")

    @after.setter
    def after(self, value: Any) -> None:
        self.after_cipher = self._sealed(value, "after")

    def _place(self, column: str) -> str:
        return f"enrollment.correction.{column}:{self.application_id}:{self.round}:{self.code}"

    def _sealed(self, value: Any, column: str) -> bytes:
        return seal(json.dumps(value, ensure_ascii=False), aad=self._place(column))

    def _unsealed(self, cipher: bytes | memoryview, column: str) -> Any:
        return json.loads(unseal(cipher, aad=self._place(column))) if cipher else None


class Appeal(models.Model):
    """An application for reconsideration filed online against a rejection (Reconsideration Law 20, 22)."""

    application = models.OneToOneField(Application, on_delete=models.CASCADE, related_name="appeal")
    text_cipher = models.BinaryField(editable=False)
    filed_at = models.DateTimeField(_("filed at"))

    class Meta:
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")

    def __str__(self) -> str:
        return f"{self.filed_at:%Y-%m-%d %H:%M}"

    @property
    def text(self) -> str:
        """What the person wrote; kept sealed."""
        return unseal(self.text_cipher, aad=f"enrollment.appeal.text:{self.application_id}")

    @text.setter
    def text(self, value: str) -> None:
        self.text_cipher = seal(value, aad=f"enrollment.appeal.text:{self.application_id}")


class InternalNote(models.Model):
    """A clerk's remark for colleagues; never shown to residents."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("author"), on_delete=models.PROTECT, related_name="+"
    )
    text = models.TextField(_("text"), max_length=1000)
    at = models.DateTimeField(_("written at"))

    class Meta:
        verbose_name = _("internal note")
        verbose_name_plural = _("internal notes")
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"


class CoverQuerySet(models.QuerySet["Cover"]):
    """Questions about who is insured."""

    def standing(self) -> "CoverQuerySet":
        """Cover that was not ended early."""
        return self.filter(ended_on__isnull=True)

    def active_on(self, day: date) -> "CoverQuerySet":
        """Cover under which benefits are paid on a day."""
        return self.filter(benefits_from__lte=day, until__gte=day).filter(
            Q(ended_on__isnull=True) | Q(ended_on__gte=day)
        )


class Cover(models.Model):
    """The cover of one person for one year; what it is today follows from its dates."""

    class Scheme(models.TextChoices):
        RESIDENT = "resident_bmi", _("Urban and rural residents' basic medical insurance")

    class EndReason(models.TextChoices):
        EMPLOYED = "employed", _("Joined the employees' scheme")
        MOVED = "moved", _("Moved to another region")
        DIED = "died", _("Died")
        ERROR = "error", _("Registered by mistake")

    person = models.ForeignKey(Resident, verbose_name=_("person"), on_delete=models.PROTECT, related_name="covers")
    scheme = models.CharField(_("scheme"), max_length=20, choices=Scheme.choices, default=Scheme.RESIDENT)
    region = models.ForeignKey(Region, verbose_name=_("region"), on_delete=models.PROTECT, related_name="covers")
    application = models.OneToOneField(
        Application,
        verbose_name=_("application"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="cover",
    )
    cover_year = models.PositiveSmallIntegerField(_("cover year"))
    benefits_from = models.DateField(_("benefits from"))
    until = models.DateField(_("until"))
    waiting_months = models.PositiveSmallIntegerField(_("months of waiting"), default=0)
    ended_on = models.DateField(_("ended on"), null=True, blank=True)
    end_reason = models.CharField(_("reason of the end"), max_length=12, choices=EndReason.choices, blank=True)

    objects = CoverQuerySet.as_manager()

    class Meta:
        verbose_name = _("cover")
        verbose_name_plural = _("covers")
        ordering = ["-cover_year", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "scheme", "cover_year"],
                condition=Q(ended_on__isnull=True),
                name="enrollment_one_cover_per_person_and_year",
            ),
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True, end_reason="") | (Q(ended_on__isnull=False) & ~Q(end_reason="")),
                name="enrollment_ended_cover_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.cover_year}"

    def status_on(self, day: date) -> str:
        """`waiting`, `active` or `ended` on a day."""
        if (self.ended_on is not None and self.ended_on < day) or self.until < day:
            return "ended"
        return "active" if self.benefits_from <= day else "waiting"
