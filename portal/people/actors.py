"""Who acts: the plain value that travels from the request into services, transitions and the timeline."""

import uuid
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    RESIDENT = "resident", _("Resident")
    COMMITTEE_AGENT = "committee_agent", _("Committee agent")
    CLERK = "clerk", _("Service-point clerk")
    COUNTY_REVIEWER = "county_reviewer", _("County reviewer")
    CARD_CLERK = "card_clerk", _("Card clerk")
    CASHIER = "cashier", _("Cashier")
    HOTLINE = "hotline", _("Hotline operator")
    ADMIN = "admin", _("Administrator")
    AUDITOR = "auditor", _("Auditor")
    SYSTEM = "system", _("Portal")
    ANONYMOUS = "anonymous", _("Visitor")


STAFF_ROLES = (
    Role.COMMITTEE_AGENT,
    Role.CLERK,
    Role.COUNTY_REVIEWER,
    Role.CARD_CLERK,
    Role.CASHIER,
    Role.HOTLINE,
    Role.ADMIN,
    Role.AUDITOR,
)


@dataclass(frozen=True)
class Actor:
    """A role with its scope.

    `resident_id` is the person behind the role: the resident who signed in or, for staff, the resident they are at
    home, by which conflicts of interest are found. `region_path` and `office_id` bound what staff see.
    """

    role: Role
    user_id: int | None = None
    resident_id: uuid.UUID | None = None
    office_id: int | None = None
    region_code: str = ""
    region_path: str = ""
    name: str = ""
    acting_for_id: uuid.UUID | None = None

    @property
    def is_staff_role(self) -> bool:
        return self.role in STAFF_ROLES

    @property
    def is_resident(self) -> bool:
        return self.role == Role.RESIDENT

    @property
    def is_anonymous(self) -> bool:
        return self.role == Role.ANONYMOUS


@dataclass(frozen=True)
class LiveGrant:
    """A grant in force today, as far as an actor needs it."""

    id: int
    role: Role
    office_id: int | None
    region_code: str
    region_path: str
    office_names: tuple[str, str] = ("", "")
    """In Chinese and in English; empty without an office."""


SYSTEM = Actor(Role.SYSTEM)
ANONYMOUS = Actor(Role.ANONYMOUS)
