"""Commands about people, and the questions of who belongs to whom."""

import datetime
import uuid
from collections.abc import Iterable

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from portal import audit
from portal.people.actors import Actor, Role
from portal.people.identity import IdentityKind, IdentityNumber, age_on, birthday, parse_identity_number
from portal.people.models import (
    Basis,
    Guardianship,
    Household,
    HouseholdMember,
    Level,
    Relation,
    Resident,
    User,
    identity_index,
)
from portal.people.names import parse_name, parse_phone
from portal.regions.models import Region

ADULT_AGE_YEARS = 18
ROLES_AT_THE_COUNTER = (Role.CLERK, Role.COUNTY_REVIEWER)
ROLES_ON_BEHALF = (Role.CLERK, Role.COUNTY_REVIEWER, Role.COMMITTEE_AGENT)


class AlreadyRegistered(Exception):
    """The number belongs to somebody on file; `resident_id` is for staff, never for a page of residents."""

    def __init__(self, resident_id: uuid.UUID) -> None:
        super().__init__("already registered")
        self.resident_id = resident_id


class NotAChild(Exception):
    """The person is of age, or the number does not tell."""


def register_resident(
    *,
    identity_number: str | IdentityNumber,
    name: str,
    phone: str = "",
    kind: IdentityKind | str | None = None,
    birth_date: datetime.date | None = None,
    sex: str = "",
    home_region: Region | None = None,
    hukou_region_code: str = "",
    address: str = "",
    level: str = Level.SELF_DECLARED,
    language: str = "zh-hans",
    police_photo: bool = False,
    has_id_card: bool = False,
    assistance_category: str = "",
    employee_insured: bool = False,
) -> Resident:
    """Puts a person on file. Birth date and sex come from the number unless the document says otherwise.

    Raises InvalidIdentityNumber, InvalidName, InvalidPhone and AlreadyRegistered; of two calls at once one wins.
    """
    number = parse_identity_number(identity_number, kind) if isinstance(identity_number, str) else identity_number
    resident = Resident(
        name=parse_name(name),
        birth_date=birth_date or number.birth_date,
        sex=sex or number.sex,
        home_region=home_region,
        hukou_region_code=hukou_region_code,
        address=address,
        level=level,
        language=language,
        police_photo=police_photo,
        has_id_card=has_id_card,
        assistance_category=assistance_category,
        employee_insured=employee_insured,
    )
    resident.set_identity(number.kind, number.normalized)
    resident.set_phone(parse_phone(phone) if phone else "")
    try:
        with transaction.atomic():
            resident.save(force_insert=True)
    except IntegrityError:
        first = Resident.objects.filter(id_index=resident.id_index).values_list("pk", flat=True).first()
        if first is None:
            raise
        raise AlreadyRegistered(first) from None
    return resident


def account_of(resident: Resident) -> User:
    """Returns the account a resident signs in to, made at the first time."""
    if resident.user is not None:
        return resident.user
    with transaction.atomic():
        user = User.objects.create_user(f"resident-{resident.pk}", display_name=resident.name)
        Resident.objects.filter(pk=resident.pk).update(user=user)
    resident.user = user
    return user


def household_ids(resident_id: uuid.UUID) -> set[uuid.UUID]:
    """Returns the person and everybody registered in the same household."""
    households = HouseholdMember.objects.filter(resident=resident_id).values("household")
    members = HouseholdMember.objects.filter(household__in=households).values_list("resident_id", flat=True)
    return {resident_id, *members}


def wards_of(resident_id: uuid.UUID, on: datetime.date | None = None) -> set[uuid.UUID]:
    """Returns those this person stands for on a day (today), as guardian or by power of attorney."""
    return set(Guardianship.objects.live(on).filter(guardian=resident_id).values_list("ward_id", flat=True))


def related_ids(resident_id: uuid.UUID) -> set[uuid.UUID]:
    """Returns everybody whose case this person must not decide: household, and guardians and wards at any time."""
    pairs = Guardianship.objects.filter(Q(guardian=resident_id) | Q(ward=resident_id)).values_list("guardian", "ward")
    return household_ids(resident_id).union(*pairs)


def same_household(actor: Actor | User, resident_id: uuid.UUID) -> bool:
    """Says whether the person behind an actor is this resident or belongs to them (N19: nobody decides such a case)."""
    own = actor.resident_id if isinstance(actor, Actor) else actor.own_resident_id
    return own is not None and resident_id in related_ids(own)


def may_act_for(actor: Actor, resident_id: uuid.UUID, on: datetime.date | None = None) -> bool:
    """Says whether an actor may start and hand in applications for this resident (RELIABILITY §3)."""
    if actor.role == Role.RESIDENT or actor.role in ROLES_ON_BEHALF:
        return Resident.objects.visible_to(actor, on).filter(pk=resident_id).exists()
    return False


def add_child(actor: Actor, *, identity_number: str, name: str, on: datetime.date | None = None) -> Resident:
    """Puts a resident's own child on file as the resident declares it, until the child comes of age.

    A child on file already is never attached by declaration: raises AlreadyRegistered, and the household register is
    shown at the counter. Raises NotAChild for people of age.
    """
    if actor.role != Role.RESIDENT or actor.resident_id is None:
        raise PermissionDenied
    today = on or timezone.localdate()
    number = parse_identity_number(identity_number, on=today)
    if number.birth_date is None or age_on(number.birth_date, today) >= ADULT_AGE_YEARS:
        raise NotAChild
    parent = Resident.objects.get(pk=actor.resident_id)
    known = Resident.objects.filter(id_index=identity_index(number.kind, number.normalized)).first()
    if known is not None and known.pk in wards_of(parent.pk, today):
        return known
    with transaction.atomic():
        child = register_resident(
            identity_number=number,
            name=name,
            home_region=parent.home_region,
            hukou_region_code=parent.hukou_region_code,
            address=parent.address,
            language=parent.language,
        )
        appoint_guardian(
            guardian=parent,
            ward=child,
            basis=Basis.SELF_DECLARED,
            valid_from=today,
            valid_until=last_day_as_minor(child),
        )
    return child


def last_day_as_minor(resident: Resident) -> datetime.date | None:
    """Returns the day before the 18th birthday, or None when the date of birth is not known."""
    if resident.birth_date is None:
        return None
    return birthday(resident.birth_date, ADULT_AGE_YEARS) - datetime.timedelta(days=1)


def appoint_guardian(
    *,
    guardian: Resident,
    ward: Resident,
    basis: str,
    valid_from: datetime.date | None = None,
    valid_until: datetime.date | None = None,
) -> Guardianship:
    """Lets one person stand for another; the same appointment twice is one."""
    guardianship, _created = Guardianship.objects.get_or_create(
        guardian=guardian,
        ward=ward,
        valid_from=valid_from or timezone.localdate(),
        defaults={"basis": basis, "valid_until": valid_until},
    )
    return guardianship


@transaction.atomic
def form_household(members: Iterable[tuple[Resident, str]], region: Region | None = None) -> Household:
    """Registers people as one household, each with a relation to its head; who was in another one leaves it."""
    household = Household.objects.create(region=region)
    for resident, relation in members:
        HouseholdMember.objects.update_or_create(
            resident=resident, defaults={"household": household, "relation": Relation(relation)}
        )
    return household


def set_home(resident: Resident, *, region: Region | None, address: str = "", hukou_region_code: str = "") -> None:
    """Notes where a person lives and is registered, as they say."""
    resident.home_region, resident.address, resident.hukou_region_code = region, address, hukou_region_code
    resident.save(update_fields=["home_region", "address", "hukou_region_code"])


def confirm_identity(actor: Actor, resident: Resident, *, purpose: str) -> None:
    """Notes that staff have seen the document: the account is verified from now on."""
    _require_counter(actor, resident, "people.identity_confirmed")
    with transaction.atomic():
        Resident.objects.filter(pk=resident.pk).update(level=Level.VERIFIED)
        audit.record("people.identity_confirmed", actor, subject=resident, purpose=purpose)
    resident.level = Level.VERIFIED


def bind_phone(actor: Actor, resident: Resident, phone: str, *, purpose: str) -> None:
    """Binds a telephone at the counter, the only place where it changes; open sessions of the resident end.

    Raises InvalidPhone.
    """
    _require_counter(actor, resident, "people.phone_bound")
    resident.set_phone(parse_phone(phone))
    with transaction.atomic():
        resident.save(update_fields=["phone_cipher", "phone_index"])
        if resident.user is not None:
            end_sessions(resident.user)
        audit.record("people.phone_bound", actor, subject=resident, purpose=purpose)


def end_sessions(user: User) -> None:
    """Ends every open session of a resident's account at its next request.

    Sessions hang on the password hash, which is a random one in accounts without a password.
    """
    user.set_unusable_password()
    user.save(update_fields=["password"])


def _require_counter(actor: Actor, resident: Resident, action: str) -> None:
    visible = Resident.objects.visible_to(actor).filter(pk=resident.pk).exists()
    if actor.role not in ROLES_AT_THE_COUNTER or not visible:
        raise PermissionDenied
    if same_household(actor, resident.pk):
        audit.record(action, actor, subject=resident, outcome="conflict_of_interest")
        raise PermissionDenied
