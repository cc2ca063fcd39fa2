"""Issued papers, by which anyone can check a paper in hand, and uploaded pictures."""

import uuid
from collections.abc import Callable
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.crypto import unseal
from portal.people.actors import Actor, Role
from portal.people.models import Resident


class PaperState(models.TextChoices):
    VALID = "valid", _("Valid")
    SUPERSEDED = "superseded", _("Superseded")
    VOID = "void", _("Void")


class PaperRecord(models.Model):
    """One issued version of one paper. The code on the paper is found by its keyed index and sealed for printing
    again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code_index = models.CharField(max_length=64, unique=True)
    code_cipher = models.BinaryField()
    kind = models.CharField(max_length=60)
    subject_kind = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=64)
    version = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=12, choices=PaperState, default=PaperState.VALID)
    superseded_by = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="predecessors")
    fields_digest = models.CharField(max_length=64, blank=True)
    issued_at = models.DateTimeField(default=timezone.now)
    state_since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_kind", "subject_id", "version"], name="paper_version_once"
            ),
            models.UniqueConstraint(
                fields=["kind", "subject_kind", "subject_id"],
                condition=Q(state="valid"),
                name="paper_one_valid_version",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id} v{self.version}"

    @property
    def code(self) -> str:
        """The 26 characters printed on the paper, without their groups."""
        return unseal(bytes(self.code_cipher), aad=f"documents.paperrecord:{self.pk}")


class UploadState(models.TextChoices):
    READY = "ready", _("Stored")
    HELD = "held", _("Waiting for the virus scanner")
    REFUSED = "refused", _("Refused by the virus scanner")


UploadScope = Callable[[Actor], Q]
upload_scopes: list[UploadScope] = []
scoped_purposes: list[str] = []
"""Beginnings of purposes that an upper app opens by its own scope alone, to the owner's people too."""


class UploadQuerySet(models.QuerySet["Upload"]):
    def visible_to(self, actor: Actor) -> "UploadQuerySet":
        """Pictures of the people this actor may see, and those an upper app opened to the actor's role (a card
        clerk's queue); committee agents see what they uploaded themselves.
        """
        if actor.role == Role.SYSTEM:
            return self
        if actor.role == Role.COMMITTEE_AGENT:
            return self.filter(uploaded_by_id=actor.user_id) if actor.user_id else self.none()
        rule = Q(owner__in=Resident.objects.visible_to(actor))
        for beginning in scoped_purposes:
            rule &= ~Q(purpose__startswith=beginning)
        for scope in upload_scopes:
            rule |= scope(actor)
        return self.filter(rule)


class Upload(models.Model):
    """A picture made anew from what a person sent; the file is sealed and lies under a random name."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Nobody while somebody who is not on file yet is being entered at the counter.
    owner = models.ForeignKey(Resident, null=True, on_delete=models.PROTECT, related_name="uploads")
    uploaded_by_id = models.BigIntegerField(null=True)
    purpose = models.CharField(max_length=40)
    reference = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=40, default="image/jpeg")
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    warnings = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=UploadState, default=UploadState.READY)
    created_at = models.DateTimeField(default=timezone.now)

    objects = UploadQuerySet.as_manager()

    class Meta:
        indexes = [
            # read by the quota of one application and by its pages
            models.Index(fields=["reference", "purpose"], name="upload_of_reference"),
            # read by the task that scans again
            models.Index(fields=["created_at"], name="upload_held", condition=Q(state="held")),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def describe(self) -> dict[str, Any]:
        """Facts for logs and audit: no name, no content."""
        return {"purpose": self.purpose, "size": self.size}
