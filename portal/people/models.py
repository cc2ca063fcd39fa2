"""Accounts, grants of roles, residents and how they belong together."""

import datetime
import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.auth.validators import ASCIIUsernameValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from portal import crypto
from portal.people.actors import STAFF_ROLES, Actor, LiveGrant, Role
from portal.people.identity import IdentityKind, InvalidIdentityNumber, parse_identity_number
from portal.people.initials import LONGEST, NameInitialsField
from portal.people.names import LONGEST_NAME, mask_identity_number, mask_name, mask_phone
from portal.regions.models import Office, Region
from portal.regions.models.places import NATION_CODE

TAIL = 6
REGIONAL_READERS = (Role.COMMITTEE_AGENT, Role.CLERK, Role.COUNTY_REVIEWER, Role.AUDITOR)


def in_force(on: datetime.date, prefix: str = "") -> Q:
    """The rows with `valid_from` and `valid_until` (both days included, no end when empty) that hold on a day."""
    until = f"{prefix}valid_until"
    return Q(**{f"{prefix}valid_from__lte": on}) & (Q(**{f"{until}__isnull": True}) | Q(**{f"{until}__gte": on}))


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "User":
        """Creates an account; without a password nobody can sign in to it with one."""
        user = self.model(username=self.model.normalize_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> "User":
        """Creates an account that may open the Django admin once it also holds the administrator's role."""
        return self.create_user(username, password, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """An account: of a member of staff, with a password, or of a resident, with none.

    `own_id_index` is the index of the identity number of a member of staff, by which their own cases are kept from them
    whether they are on file already or not. Accounts loaded from a session have `live_grants`, `own_resident` and
    `second_factor_id`.
    """

    username = models.CharField(_("username"), max_length=64, unique=True, validators=[ASCIIUsernameValidator()])
    display_name = models.CharField(_("name"), max_length=LONGEST_NAME, blank=True)
    is_active = models.BooleanField(_("may sign in"), default=True)
    password_is_temporary = models.BooleanField(_("must choose a new password"), default=False)
    own_id_index = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    live_grants: list[LiveGrant]
    own_resident: uuid.UUID | None
    second_factor_id: int | None

    objects = UserManager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def is_staff(self) -> bool:
        return self.is_superuser

    @property
    def own_resident_id(self) -> uuid.UUID | None:
        """Who a member of staff is as a resident, if on file."""
        if not self.own_id_index:
            return None
        return Resident.objects.filter(id_index=self.own_id_index).values_list("pk", flat=True).first()

    def get_full_name(self) -> str:
        return self.display_name

    def get_short_name(self) -> str:
        return self.display_name


class StaffGrantQuerySet(models.QuerySet["StaffGrant"]):
    def live(self, on: datetime.date | None = None) -> "StaffGrantQuerySet":
        """The grants in force on a day, today when none is given."""
        return self.filter(in_force(on or timezone.localdate()))


class StaffGrant(models.Model):
    """A role held by an account in a region, and where it matters an office, from a day to a day."""

    user = models.ForeignKey(User, verbose_name=_("account"), on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(_("role"), max_length=20, choices=[(role.value, role.label) for role in STAFF_ROLES])
    region = models.ForeignKey(Region, verbose_name=_("region"), on_delete=models.PROTECT, related_name="+")
    office = models.ForeignKey(
        Office, verbose_name=_("office"), on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    valid_from = models.DateField(_("from"), default=timezone.localdate)
    valid_until = models.DateField(_("until"), null=True, blank=True, help_text=_("The last day; empty means no end."))
    granted_by = models.ForeignKey(
        User, verbose_name=_("granted by"), on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    reason = models.CharField(_("reason"), max_length=200)

    objects = StaffGrantQuerySet.as_manager()

    class Meta:
        verbose_name = _("role of staff")
        verbose_name_plural = _("roles of staff")
        ordering = ["valid_from", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in STAFF_ROLES]), name="people_staffgrant_role_of_staff"
            ),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="people_staffgrant_ends_after_start",
            ),
            models.CheckConstraint(condition=~Q(granted_by=F("user")), name="people_staffgrant_by_another_person"),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} · {self.region}"


class Level(models.TextChoices):
    SELF_DECLARED = "self_declared", _("As declared by the person")
    VERIFIED = "verified", _("Identity checked")


class Sex(models.TextChoices):
    FEMALE = "F", _("Female")
    MALE = "M", _("Male")


class AssistanceCategory(models.TextChoices):
    """Who gets the premium paid in full or in part (DOMAIN §1, §6)."""

    NONE = "", _("No assistance")
    EXTREME_POVERTY = "EXTREME_POVERTY", _("Person in extreme difficulty")
    ORPHAN = "ORPHAN", _("Orphan")
    DIBAO = "DIBAO", _("Recipient of the minimum living allowance")
    ANTI_POVERTY_MONITORED = "ANTI_POVERTY_MONITORED", _("Person monitored against return to poverty")
    DIBAO_MARGINAL = "DIBAO_MARGINAL", _("Member of a low-income marginal family")
    SEVERE_DISABILITY = "SEVERE_DISABILITY", _("Severely disabled person (grade 1 or 2)")


class ResidentQuerySet(models.QuerySet["Resident"]):
    def visible_to(self, actor: Actor, on: datetime.date | None = None) -> "ResidentQuerySet":
        """The people this actor may see (RELIABILITY §3).

        Residents see themselves, their household and whom they stand for; staff with files of people those who live in
        their region. Card clerks, cashiers and the hotline reach people through their own queues, administrators not at
        all.
        """
        if actor.role == Role.SYSTEM:
            return self
        if actor.role == Role.RESIDENT and actor.resident_id:
            households = HouseholdMember.objects.filter(resident=actor.resident_id).values("household")
            members = HouseholdMember.objects.filter(household__in=households).values("resident")
            wards = Guardianship.objects.live(on).filter(guardian=actor.resident_id).values("ward")
            return self.filter(Q(pk=actor.resident_id) | Q(pk__in=members) | Q(pk__in=wards))
        if actor.role in REGIONAL_READERS and actor.region_path:
            if actor.region_path == f"{NATION_CODE}/":
                return self
            return self.filter(home_region__path__startswith=actor.region_path)
        return self.none()

    def by_identity_number(self, text: str, kind: str | None = None) -> "ResidentQuerySet":
        """The resident with this number, however it is typed; nobody when no such number can exist."""
        try:
            number = parse_identity_number(text, kind)
        except InvalidIdentityNumber:
            return self.none()
        return self.filter(id_index=identity_index(number.kind, number.normalized))


class Resident(models.Model):
    """A person. Identity and telephone numbers are sealed and found by a keyed index; names are in clear for search."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=LONGEST_NAME, db_index=True)
    id_kind = models.CharField(
        _("kind of document"), max_length=24, choices=[(kind.value, kind.value) for kind in IdentityKind]
    )
    id_cipher = models.BinaryField()
    id_index = models.CharField(max_length=64, unique=True, editable=False)
    id_tail_index = models.CharField(max_length=64, blank=True, db_index=True, editable=False)
    name_initials = NameInitialsField(max_length=LONGEST, blank=True, db_index=True, editable=False)
    birth_date = models.DateField(_("date of birth"), null=True, blank=True)
    sex = models.CharField(_("sex"), max_length=1, choices=Sex.choices, blank=True)
    phone_cipher = models.BinaryField(default=bytes)
    phone_index = models.CharField(max_length=64, blank=True, db_index=True, editable=False)
    home_region = models.ForeignKey(
        Region,
        verbose_name=_("where the person lives"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    hukou_region_code = models.CharField(_("household registration"), max_length=12, blank=True)
    address = models.CharField(_("address"), max_length=200, blank=True)
    language = models.CharField(_("language of messages"), max_length=10, default="zh-hans")
    large_edition = models.BooleanField(_("reads the large edition"), default=False)
    level = models.CharField(_("identity level"), max_length=16, choices=Level.choices, default=Level.SELF_DECLARED)
    user = models.OneToOneField(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="resident")
    police_photo = models.BooleanField(_("photo on file with the police"), default=False)
    has_id_card = models.BooleanField(_("has an identity card"), default=False)
    assistance_category = models.CharField(
        _("assistance"), max_length=24, choices=AssistanceCategory.choices, blank=True, default=""
    )
    employee_insured = models.BooleanField(_("covered by the employee scheme"), default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ResidentQuerySet.as_manager()

    class Meta:
        verbose_name = _("resident")
        verbose_name_plural = _("residents")
        constraints = [
            models.CheckConstraint(condition=Q(level__in=Level.values), name="people_resident_level_known"),
            models.CheckConstraint(
                condition=Q(assistance_category__in=AssistanceCategory.values), name="people_resident_assistance_known"
            ),
        ]

    def __str__(self) -> str:
        return self.masked_name

    @cached_property
    def identity_number(self) -> str:
        return crypto.unseal(self.id_cipher, aad=seal_place(self.pk, "id"))

    @cached_property
    def phone(self) -> str:
        return crypto.unseal(self.phone_cipher, aad=seal_place(self.pk, "phone")) if self.phone_cipher else ""

    @property
    def masked_name(self) -> str:
        return mask_name(self.name)

    @property
    def masked_identity_number(self) -> str:
        """First and last character, for everyone but staff."""
        return mask_identity_number(self.identity_number)

    @property
    def staff_identity_number(self) -> str:
        """First 6 and last 4 characters, for lists of staff."""
        return mask_identity_number(self.identity_number, for_staff=True)

    @property
    def masked_phone(self) -> str:
        return mask_phone(self.phone)

    @property
    def is_verified(self) -> bool:
        return self.level == Level.VERIFIED

    def set_identity(self, kind: str, number: str) -> None:
        """Puts a parsed number into the row, sealed and indexed; the caller saves."""
        self.id_kind = kind
        self.id_cipher = crypto.seal(number, aad=seal_place(self.pk, "id"))
        self.id_index = identity_index(kind, number)
        self.id_tail_index = identity_tail_index(number)
        self.__dict__.pop("identity_number", None)

    def set_phone(self, phone: str) -> None:
        """Puts a parsed telephone number, or none, into the row; the caller saves."""
        self.phone_cipher = crypto.seal(phone, aad=seal_place(self.pk, "phone")) if phone else b""
        self.phone_index = phone_index(phone) if phone else ""
        self.__dict__.pop("phone", None)


def seal_place(pk: uuid.UUID, column: str) -> str:
    """Names the one place a sealed value belongs to, so that it does not open in another row."""
    return f"people_resident.{column}:{pk}"


def identity_index(kind: str, normalized: str) -> str:
    """The look-up key of a number; kinds are part of it because two kinds may share a spelling."""
    return crypto.blind_index(f"{kind}:{normalized}", purpose="people.identity")


def identity_tail_index(number: str) -> str:
    """The look-up key of the last six characters, which clerks type together with the name (UX-C10)."""
    return crypto.blind_index(number[-TAIL:].upper(), purpose="people.identity_tail")


def phone_index(phone: str) -> str:
    return crypto.blind_index(phone, purpose="people.phone")


class Household(models.Model):
    """People registered together; the register is a paper that staff have seen."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    region = models.ForeignKey(Region, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("household")
        verbose_name_plural = _("households")

    def __str__(self) -> str:
        return str(self.pk)


class Relation(models.TextChoices):
    HEAD = "head", _("Head of household")
    SPOUSE = "spouse", _("Husband or wife")
    CHILD = "child", _("Child")
    PARENT = "parent", _("Parent")
    OTHER = "other", _("Other relative")


class HouseholdMember(models.Model):
    """Somebody's place in a household."""

    household = models.ForeignKey(Household, on_delete=models.CASCADE, related_name="members")
    resident = models.OneToOneField(Resident, on_delete=models.CASCADE, related_name="membership")
    relation = models.CharField(_("relation"), max_length=10, choices=Relation.choices, default=Relation.OTHER)

    class Meta:
        verbose_name = _("household member")
        verbose_name_plural = _("household members")
        constraints = [
            models.UniqueConstraint(
                fields=["household"], condition=Q(relation="head"), name="people_householdmember_one_head"
            )
        ]

    def __str__(self) -> str:
        return self.get_relation_display()


class Basis(models.TextChoices):
    """Why one person may act for another."""

    PARENT = "parent", _("Parent of a minor")
    COURT = "court", _("Guardian by decision of a court or committee")
    POWER_OF_ATTORNEY = "power_of_attorney", _("Power of attorney")
    SELF_DECLARED = "self_declared", _("Parent as declared by the person")


class GuardianshipQuerySet(models.QuerySet["Guardianship"]):
    def live(self, on: datetime.date | None = None) -> "GuardianshipQuerySet":
        """Those in force on a day, today when none is given."""
        return self.filter(in_force(on or timezone.localdate()))


class Guardianship(models.Model):
    """One person stands for another, from a day to a day."""

    guardian = models.ForeignKey(Resident, on_delete=models.CASCADE, related_name="wards")
    ward = models.ForeignKey(Resident, on_delete=models.CASCADE, related_name="guardians")
    basis = models.CharField(_("basis"), max_length=20, choices=Basis.choices)
    valid_from = models.DateField(_("from"), default=timezone.localdate)
    valid_until = models.DateField(_("until"), null=True, blank=True)

    objects = GuardianshipQuerySet.as_manager()

    class Meta:
        verbose_name = _("guardianship")
        verbose_name_plural = _("guardianships")
        constraints = [
            models.CheckConstraint(condition=~Q(guardian=F("ward")), name="people_guardianship_of_another_person"),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="people_guardianship_ends_after_start",
            ),
            models.CheckConstraint(condition=Q(basis__in=Basis.values), name="people_guardianship_basis_known"),
            models.UniqueConstraint(fields=["guardian", "ward", "valid_from"], name="people_guardianship_once"),
        ]

    def __str__(self) -> str:
        return self.get_basis_display()


class SignInCode(models.Model):
    """A six-digit code on its way to a telephone, or the decoy that stands in for one; gone after a day.

    `claim_cipher` holds what a newcomer typed (number, name, telephone), sealed, until the code proves the telephone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    resident = models.ForeignKey(Resident, on_delete=models.CASCADE, null=True, related_name="+")
    subject_digest = models.CharField(max_length=64)
    session_digest = models.CharField(max_length=64)
    code_digest = models.CharField(max_length=64)
    claim_cipher = models.BinaryField(default=bytes)
    is_decoy = models.BooleanField()
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="people_signincode_created")]  # read by the clean-up

    def __str__(self) -> str:
        return str(self.pk)
