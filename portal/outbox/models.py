"""Messages, the reports about them, and the telephone of the demo."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.crypto import seal, unseal
from portal.people.actors import Actor, Role
from portal.people.models import Resident
from portal.people.names import mask_phone
from portal.regions.models import Region


class MessageState(models.TextChoices):
    PENDING = "pending", _("Waiting to be sent")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Could not be sent")
    UNKNOWN = "unknown", _("Asking whether it arrived")
    EXPIRED = "expired", _("Not sent in time")
    CANCELLED = "cancelled", _("Taken back before it was sent")


class Delivery(models.TextChoices):
    """What the network reported afterwards; the order of the members is the order of their weight."""

    NONE = "", _("No report")
    ON_ITS_WAY = "on_its_way", _("On its way")
    UNDELIVERED = "undelivered", _("Not delivered")
    DELIVERED = "delivered", _("Delivered")

    @property
    def weight(self) -> int:
        return list(Delivery).index(self)


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, actor: Any) -> "MessageQuerySet":
        """Messages of the residents this actor may see.

        One-time codes belong to nobody's list, nor does what was taken back before it was sent.
        """
        shown = self.filter(urgent=False, resident__in=Resident.objects.visible_to(actor))
        return shown.exclude(state=MessageState.CANCELLED)

    def due(self, at: Any) -> "MessageQuerySet":
        """Messages the drain has to look at now: to send, left by a dead drain, or to ask about."""
        return self.filter(next_try_at__lte=at)

    def stuck(self) -> "MessageQuerySet":
        """Messages that need a human: given up, or of unknown fate with nothing more to ask."""
        return self.filter(Q(state=MessageState.FAILED) | Q(state=MessageState.UNKNOWN, next_try_at=None))

    def in_care_of(self, actor: Actor) -> "MessageQuerySet":
        """Messages an administrator looks after: to people of the own region, and to whoever has no home on file."""
        if actor.role != Role.ADMIN:
            return self.none()
        here = Q(resident__home_region__in=Region.objects.within_path(actor.region_path))
        return self.filter(here | Q(resident__home_region=None))


class Message(models.Model):
    """One message about one business fact; its text is fixed and sealed when it is stored.

    `next_try_at` is the one clock of the drain: when to send (PENDING), when the lease of the sending drain ends
    (SENDING), when to ask the provider (UNKNOWN), empty when nothing is left to do.
    """

    key = models.CharField(max_length=200, unique=True)
    template = models.CharField(max_length=80)
    channel = models.CharField(max_length=10, default="sms")
    language = models.CharField(max_length=10)
    resident = models.ForeignKey(Resident, null=True, on_delete=models.PROTECT, related_name="messages")
    phone_cipher = models.BinaryField(default=bytes)
    body_cipher = models.BinaryField()
    urgent = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=MessageState, default=MessageState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    queries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    provider = models.CharField(max_length=20, blank=True)
    provider_id = models.CharField(max_length=100, blank=True)
    error = models.CharField(max_length=60, blank=True)
    delivery = models.CharField(max_length=12, choices=Delivery, blank=True, default=Delivery.NONE)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        indexes = [
            # read by every drain: urgent ones first, then by the clock
            models.Index(fields=["-urgent", "next_try_at"], name="message_due", condition=Q(next_try_at__isnull=False)),
            # read by the resident's list of messages
            models.Index(fields=["resident", "-created_at"], name="message_of_resident"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=[MessageState.SENT, MessageState.FAILED, MessageState.EXPIRED])
                | Q(next_try_at__isnull=True),
                name="message_final_has_no_clock",
            ),
            models.CheckConstraint(
                condition=~Q(state=MessageState.CANCELLED) | Q(next_try_at__isnull=True, sent_at__isnull=True),
                name="message_cancelled_was_never_sent",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[MessageState.PENDING, MessageState.SENDING]) | Q(next_try_at__isnull=False),
                name="message_live_has_a_clock",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def body(self) -> str:
        """The text as promised; empty after a one-time code is over."""
        return unseal(bytes(self.body_cipher), aad=f"outbox.message.body:{self.key}") if self.body_cipher else ""

    @body.setter
    def body(self, text: str) -> None:
        self.body_cipher = self.sealed_body(self.key, text)

    @staticmethod
    def sealed_body(key: str, text: str) -> bytes:
        """A text as the message with this key keeps it."""
        return seal(text, aad=f"outbox.message.body:{key}")

    @staticmethod
    def sealed_phone(key: str, number: str) -> bytes:
        """A telephone number as the message with this key keeps it."""
        return seal(number, aad=f"outbox.message.phone:{key}")

    @property
    def phone(self) -> str:
        """Where it goes: the number given with the message, else the resident's present one."""
        if self.phone_cipher:
            return unseal(bytes(self.phone_cipher), aad=f"outbox.message.phone:{self.key}")
        return self.resident.phone if self.resident else ""

    @phone.setter
    def phone(self, number: str) -> None:
        self.phone_cipher = self.sealed_phone(self.key, number) if number else b""

    @property
    def masked_phone(self) -> str:
        """The number it went to, for lists."""
        return mask_phone(self.phone)

    @property
    def fate(self) -> str:
        """Whether it arrived, as people ask: what the network said, else how far the sending came."""
        if self.state == MessageState.SENT and self.delivery:
            return str(Delivery(self.delivery).label)
        return str(MessageState(self.state).label)

    @property
    def tag_colour(self) -> str:
        """The colour of the state's tag in lists."""
        if self.delivery == Delivery.UNDELIVERED or self.state in {MessageState.FAILED, MessageState.EXPIRED}:
            return "red"
        return "green" if self.state == MessageState.SENT else "blue"


class DeliveryReport(models.Model):
    """What the provider said about one message, once per statement."""

    provider = models.CharField(max_length=20)
    provider_id = models.CharField(max_length=100)
    status = models.CharField(max_length=12, choices=Delivery)
    message = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="reports")
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "provider_id", "status"], name="delivery_report_once"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.provider_id} {self.status}"


class DemoSms(models.Model):
    """A text message on the demo telephone: what a real provider would have put on the air."""

    reference = models.CharField(max_length=200, unique=True)
    phone_cipher = models.BinaryField()
    text_cipher = models.BinaryField()
    arrived_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return self.reference

    @property
    def phone(self) -> str:
        return unseal(bytes(self.phone_cipher), aad=f"outbox.demosms.phone:{self.reference}")

    @property
    def text(self) -> str:
        return unseal(bytes(self.text_cipher), aad=f"outbox.demosms.text:{self.reference}")

    @classmethod
    def arrive(cls, reference: str, phone: str, text: str) -> "DemoSms":
        """Puts a message on the demo telephone; the same reference arrives once."""
        row, _created = cls.objects.get_or_create(
            reference=reference,
            defaults={
                "phone_cipher": seal(phone, aad=f"outbox.demosms.phone:{reference}"),
                "text_cipher": seal(text, aad=f"outbox.demosms.text:{reference}"),
            },
        )
        return row
