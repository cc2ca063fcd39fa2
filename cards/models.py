"""Card applications, the photo library's receipts, production batches, and cards."""

import json
import uuid
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cards.states import DUE, FINAL, NOT_LIVE, CardState, State
from payments.models import Notice
from payments.numbers import grouped
from portal.crypto import seal, unseal
from portal.people.actors import Actor, Role
from portal.people.models import Resident
from portal.regions.models import Office, PolicySnapshot, Region
from portal.workflow.models import Subject, SubjectQuerySet, TimelineEntryBase, state_constraints


class PhotoReceipt(models.Model):
    """A receipt of the photo library: a picture taken by a studio for one person, usable once (S4-09, N14)."""

    number = models.CharField(_("receipt number"), max_length=32, unique=True)
    owner_index = models.CharField(_("index of the person"), max_length=64, db_index=True)
    taken_on = models.DateField(_("taken on"))
    image = models.BinaryField(_("picture, sealed"), default=bytes, editable=False)

    class Meta:
        verbose_name = _("photo receipt")
        verbose_name_plural = _("photo receipts")

    def __str__(self) -> str:
        return f"{self.number[:3]}…"


class PhotoOnFile(models.Model):
    """The picture the police have of a person, as their registry gave it (S4-10); sealed."""

    resident = models.OneToOneField(Resident, on_delete=models.PROTECT, related_name="photo_on_file")
    image = models.BinaryField(_("picture, sealed"), default=bytes, editable=False)

    class Meta:
        verbose_name = _("photo on file")
        verbose_name_plural = _("photos on file")

    def __str__(self) -> str:
        return str(self.resident_id)


class CardApplicationQuerySet(SubjectQuerySet["CardApplication"]):
    """Doors to the rows, and the questions asked about many of them."""

    def visible_to(self, actor: Actor) -> "CardApplicationQuerySet":
        """Residents see their own and their wards', the card office its region's, pickup points what lies with them."""
        submitted = ~Q(state=State.DRAFT)
        if actor.role == Role.SYSTEM:
            return self
        if actor.role == Role.RESIDENT and actor.resident_id is not None:
            return self.filter(Q(applicant_id=actor.resident_id) | (Q(resident_id=actor.resident_id) & submitted))
        if actor.role in (Role.CARD_CLERK, Role.AUDITOR) and actor.region_path:
            return self.filter(submitted, region__path__startswith=actor.region_path)
        if actor.role == Role.CLERK and actor.region_path:
            return self.filter(
                state__in=[State.READY_FOR_PICKUP, State.COLLECTED], region__path__startswith=actor.region_path
            )
        return self.none()

    def live(self) -> "CardApplicationQuerySet":
        """Those that hold their person's one place."""
        return self.exclude(state__in=NOT_LIVE)

    def for_pages(self) -> "CardApplicationQuerySet":
        """With everything a page shows beside the application itself, in one query."""
        return self.select_related("resident", "applicant", "region", "office", "pickup_point", "notice", "policy")


class CardApplication(Subject):
    """One person's application for a first card; its terms are frozen at submission."""

    number = models.CharField(_("application number"), max_length=16, unique=True, null=True, blank=True)
    applicant = models.ForeignKey(
        Resident, verbose_name=_("applicant"), on_delete=models.PROTECT, related_name="card_applications_made"
    )
    resident = models.ForeignKey(
        Resident, verbose_name=_("card holder"), on_delete=models.PROTECT, related_name="card_applications"
    )
    region = models.ForeignKey(Region, verbose_name=_("region"), on_delete=models.PROTECT, related_name="+")
    office = models.ForeignKey(
        Office, verbose_name=_("card office"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    pickup_point = models.ForeignKey(
        Office, verbose_name=_("pickup point"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    policy = models.ForeignKey(
        PolicySnapshot, verbose_name=_("policy"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    notice = models.ForeignKey(
        Notice, verbose_name=_("payment notice"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    has_feed = models.BooleanField(_("the producer reports arrivals"), default=True)
    fee_fen = models.PositiveBigIntegerField(_("fee, in fen"), null=True, blank=True)
    answers_cipher = models.BinaryField(default=bytes, editable=False)
    photo_source = models.CharField(_("source of the photo"), max_length=10, blank=True)
    photo_id = models.UUIDField(_("uploaded photo"), null=True, blank=True)
    paid_on = models.DateField(_("paid on"), null=True, blank=True)
    promised_on = models.DateField(_("promised on"), null=True, blank=True)
    approved_on = models.DateField(_("approved on"), null=True, blank=True)
    submitted_on = models.DateField(_("submitted on"), null=True, blank=True)
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True)
    declaration_at = models.DateTimeField(_("declared truthful"), null=True, blank=True)
    submit_token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    decision_reason = models.TextField(_("reason"), blank=True)
    decision_next_step = models.TextField(_("what to do next"), blank=True)
    correction_fields = models.JSONField(_("what to correct"), default=list, blank=True)
    correction_round = models.PositiveSmallIntegerField(_("corrections asked"), default=0)
    created_at = models.DateTimeField(_("started"), auto_now_add=True)

    objects = CardApplicationQuerySet.as_manager()

    class Meta(Subject.Meta):
        verbose_name = _("card application")
        verbose_name_plural = _("card applications")
        indexes = [
            *Subject.Meta.indexes,
            # The card office's queues, by promise.
            models.Index(fields=["region", "state", "promised_on", "id"], name="cards_queue"),
        ]
        constraints = [
            *state_constraints(State, DUE),
            models.UniqueConstraint(
                fields=["resident"], condition=~Q(state__in=NOT_LIVE), name="cards_one_live_application_per_person"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[State.DRAFT, State.LAPSED])
                | Q(number__isnull=False, policy__isnull=False, submitted_on__isnull=False, fee_fen__isnull=False),
                name="cards_submitted_is_complete",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[State.UNDER_REVIEW, State.IN_PRODUCTION, State.READY_FOR_PICKUP])
                | Q(paid_on__isnull=False),
                name="cards_promise_counts_from_a_day",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.REJECTED) | (~Q(decision_reason="") & ~Q(decision_next_step="")),
                name="cards_rejection_is_explained",
            ),
        ]

    def __str__(self) -> str:
        return self.grouped_number or str(self.pk)

    def name_of(self, user_id: int | None) -> str:
        """The applicant's name, when it was they who acted."""
        return self.applicant.name if user_id is not None and self.applicant.user_id == user_id else ""

    @property
    def grouped_number(self) -> str:
        """The number in groups of four; empty before submission."""
        return grouped(self.number) if self.number else ""

    @property
    def answers(self) -> dict[str, Any]:
        """What was typed in step 1; kept sealed because address and telephone stand in it."""
        return json.loads(unseal(self.answers_cipher, aad=self._aad)) if self.answers_cipher else {}

    @answers.setter
    def answers(self, value: dict[str, Any]) -> None:
        self.answers_cipher = seal(json.dumps(value, ensure_ascii=False), aad=self._aad) if value else b""

    @property
    def _aad(self) -> str:
        return f"cards.application.answers:{self.pk}"

    @property
    def state_label(self) -> str:
        """The state in the reader's language."""
        return str(State(self.state).label)

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.state in FINAL

    @property
    def is_paused(self) -> bool:
        """Whether the promise stands still."""
        return self.state == State.CORRECTION_REQUIRED

    @property
    def waits_for_resident(self) -> bool:
        return self.state in (
            State.DRAFT,
            State.CORRECTION_REQUIRED,
            State.AWAITING_PAYMENT,
            State.READY_FOR_PICKUP,
        )

    def is_overdue(self, today: date) -> bool:
        """Whether the promised day is over and the card not ready."""
        return (
            self.promised_on is not None
            and today > self.promised_on
            and self.state in (State.UNDER_REVIEW, State.IN_PRODUCTION)
        )


class CardApplicationTimelineEntry(TimelineEntryBase):
    """One recorded move of a card application."""

    subject = models.ForeignKey(CardApplication, on_delete=models.PROTECT, related_name="timeline", db_index=False)

    class Meta(TimelineEntryBase.Meta):
        verbose_name = _("timeline entry of a card application")
        verbose_name_plural = _("timeline entries of card applications")


class ReceiptClaim(models.Model):
    """The one use of a receipt: the unique row is the judge between two applications at once (R6, D4)."""

    receipt = models.OneToOneField(PhotoReceipt, on_delete=models.PROTECT, related_name="claim")
    application = models.ForeignKey(CardApplication, on_delete=models.PROTECT, related_name="claims")
    claimed_at = models.DateTimeField()

    class Meta:
        verbose_name = _("use of a photo receipt")
        verbose_name_plural = _("uses of photo receipts")

    def __str__(self) -> str:
        return str(self.receipt)


class ProductionBatchQuerySet(models.QuerySet["ProductionBatch"]):
    """Doors to the rows."""

    def visible_to(self, actor: Actor) -> "ProductionBatchQuerySet":
        """The card office and the auditor see their region's."""
        if actor.role in (Role.CARD_CLERK, Role.AUDITOR) and actor.region_path:
            return self.filter(region__path__startswith=actor.region_path)
        return self.none()


class ProductionBatch(models.Model):
    """Approved applications sent to the card producer together."""

    number = models.CharField(_("batch number"), max_length=20, unique=True)
    region = models.ForeignKey(Region, verbose_name=_("region"), on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(_("made at"))
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    applications: Any = models.ManyToManyField(CardApplication, through="BatchLine", related_name="batches")

    objects = ProductionBatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("production batch")
        verbose_name_plural = _("production batches")
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return self.number


class BatchLine(models.Model):
    """One application in a batch, and what the producer reported of it."""

    class Report(models.TextChoices):
        NONE = "", _("No report yet")
        ARRIVED = "arrived", _("Arrived")
        FAILED = "failed", _("Production failed")

    batch = models.ForeignKey(ProductionBatch, on_delete=models.PROTECT, related_name="lines")
    application = models.ForeignKey(CardApplication, on_delete=models.PROTECT, related_name="batch_lines")
    report = models.CharField(max_length=10, choices=Report.choices, blank=True, default=Report.NONE)

    class Meta:
        verbose_name = _("line of a production batch")
        verbose_name_plural = _("lines of production batches")
        constraints = [
            models.UniqueConstraint(fields=["batch", "application"], name="cards_batch_line_once"),
            # An application is with the producer once at a time; a failed one may go into a later batch.
            models.UniqueConstraint(
                fields=["application"], condition=Q(report=""), name="cards_application_in_one_open_batch"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.batch} {self.application}"


class HandOver(models.Model):
    """The record of who collected a card and how the identity was checked (D11, S4-23)."""

    class Document(models.TextChoices):
        ID_CARD = "id_card", _("Original identity card")
        HOUSEHOLD_REGISTER = "household_register", _("Original household register")

    application = models.OneToOneField(CardApplication, on_delete=models.PROTECT, related_name="hand_over")
    document = models.CharField(_("document seen"), max_length=20, choices=Document.choices)
    form_seen = models.BooleanField(_("printed form seen"), default=False)
    by_agent = models.BooleanField(_("collected by an agent"), default=False)
    agent_name = models.CharField(_("agent"), max_length=50, blank=True)
    agent_index = models.CharField(max_length=64, blank=True)
    handed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("hand-over")
        verbose_name_plural = _("hand-overs")
        constraints = [
            models.CheckConstraint(
                condition=Q(by_agent=False) | (~Q(agent_name="") & ~Q(agent_index="")), name="cards_agent_is_named"
            )
        ]

    def __str__(self) -> str:
        return str(self.application)


class AgentCode(models.Model):
    """A one-time code with which somebody else may collect the card; only its keyed digest is kept."""

    application = models.ForeignKey(CardApplication, on_delete=models.PROTECT, related_name="agent_codes")
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    valid_until = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("agent's code")
        verbose_name_plural = _("agents' codes")

    def __str__(self) -> str:
        return str(self.application)


class CardQuerySet(SubjectQuerySet["Card"]):
    """Doors to the rows."""

    def visible_to(self, actor: Actor) -> "CardQuerySet":
        """Holders see their own, staff of the card desk their region's."""
        if actor.role == Role.SYSTEM:
            return self
        if actor.role == Role.RESIDENT and actor.resident_id is not None:
            return self.filter(Q(holder_id=actor.resident_id) | Q(application__applicant_id=actor.resident_id))
        if actor.role in (Role.CARD_CLERK, Role.HOTLINE, Role.CLERK, Role.AUDITOR) and actor.region_path:
            return self.filter(region__path__startswith=actor.region_path)
        return self.none()


class Card(Subject):
    """A social security card in a person's hand; no PIN is ever stored."""

    holder = models.ForeignKey(Resident, verbose_name=_("holder"), on_delete=models.PROTECT, related_name="cards")
    application = models.OneToOneField(
        CardApplication, verbose_name=_("application"), on_delete=models.PROTECT, related_name="card"
    )
    region = models.ForeignKey(Region, verbose_name=_("region"), on_delete=models.PROTECT, related_name="+")
    policy = models.ForeignKey(PolicySnapshot, verbose_name=_("policy"), on_delete=models.PROTECT, related_name="+")
    number = models.CharField(_("card number"), max_length=12, unique=True)
    activation_digest = models.CharField(max_length=64)
    wrong_tries = models.PositiveSmallIntegerField(_("wrong tries"), default=0)
    locked_at = models.DateTimeField(_("locked"), null=True, blank=True)
    issued_on = models.DateField(_("issued on"))
    valid_until = models.DateField(_("valid until"))
    activated_at = models.DateTimeField(_("activated"), null=True, blank=True)
    activated_by = models.CharField(_("activated through"), max_length=12, blank=True)

    objects = CardQuerySet.as_manager()

    class Meta(Subject.Meta):
        verbose_name = _("card")
        verbose_name_plural = _("cards")
        indexes = [*Subject.Meta.indexes]
        constraints = [
            *state_constraints(CardState, (CardState.INACTIVE, CardState.ACTIVE, CardState.LOSS_TEMPORARY)),
            models.UniqueConstraint(
                fields=["holder"],
                condition=~Q(state__in=[CardState.REPLACED, CardState.CANCELLED, CardState.EXPIRED]),
                name="cards_one_card_per_person",
            ),
        ]

    def __str__(self) -> str:
        return f"…{self.number[-4:]}"

    @property
    def state_label(self) -> str:
        """The state in the reader's language."""
        return str(CardState(self.state).label)

    @property
    def usable_from(self) -> datetime | None:
        """The moment from which an activated card works; in some regions hours after the activation (DOMAIN §5)."""
        if self.activated_at is None:
            return None
        hours = int(self.policy.policy.setting("card.activation").get("usable_after_hours", 0))
        return self.activated_at + timedelta(hours=hours)


class CardTimelineEntry(TimelineEntryBase):
    """One recorded move of a card."""

    subject = models.ForeignKey(Card, on_delete=models.PROTECT, related_name="timeline", db_index=False)

    class Meta(TimelineEntryBase.Meta):
        verbose_name = _("timeline entry of a card")
        verbose_name_plural = _("timeline entries of cards")
