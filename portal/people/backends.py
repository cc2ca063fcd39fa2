"""Loads an account together with all that decides its role, in one query."""

from datetime import date
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.db.models import F, FilteredRelation, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from portal.people.actors import ANONYMOUS, Actor, LiveGrant, Role
from portal.people.models import Resident, User, in_force
from portal.prepared import Prepared


class PeopleBackend(ModelBackend):
    """Signs staff in by password (residents have none) and restores every account from its session."""

    @sensitive_variables("password")
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_others: Any
    ) -> User | None:
        """The account with this name and password, loaded with its grants; a name nobody has takes as long."""
        if username is None or password is None:
            return None
        user = _loaded(_BY_USERNAME(username, timezone.localdate()))
        if user is None:
            make_password(password)
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None

    def get_user(self, user_id: int) -> User | None:
        user = load_user(user_id)
        return user if user is not None and self.user_can_authenticate(user) else None


def load_user(user_id: int) -> User | None:
    """Returns the account with `live_grants`, its second factor and its resident; one row comes back for each grant."""
    return _loaded(_BY_ID(user_id, timezone.localdate()))


def _loaded(rows: list[Any]) -> User | None:
    if not rows:
        return None
    user: User = rows[0]
    user.own_resident, user.second_factor_id = rows[0].own_row, rows[0].factor_row
    user.live_grants = [
        LiveGrant(
            row.grant_id,
            Role(row.grant_role),
            row.grant_office,
            row.grant_region,
            row.grant_path,
            (row.grant_office_zh or "", row.grant_office_en or ""),
        )
        for row in rows
        if row.grant_id is not None
    ]
    return user


def actor_of(user: User, grant_id: int | None = None) -> Actor:
    """Returns who the account acts as: the named grant, else its first one, else its resident, else nobody."""
    grants = user.live_grants
    for grant in grants:
        if grant_id in (None, grant.id):
            return Actor(
                grant.role, user.pk, user.own_resident, grant.office_id, grant.region_code, grant.region_path, str(user)
            )
    resident = None if grants or grant_id else getattr(user, "resident", None)
    if resident is None:
        return ANONYMOUS
    home = resident.home_region
    return Actor(
        Role.RESIDENT,
        user.pk,
        resident.pk,
        region_code=home.code if home else "",
        region_path=home.path if home else "",
        name=resident.name,
    )


def _with_grants(on: date, **who: Any) -> QuerySet[User]:
    live = FilteredRelation("grants", condition=in_force(on, "grants__"))
    factor = Authenticator.objects.filter(user=OuterRef("pk"), type=Authenticator.Type.TOTP)
    return (
        User.objects.filter(**who)
        .select_related("resident__home_region")
        .annotate(
            live=live,
            own_row=Subquery(Resident.objects.filter(id_index=OuterRef("own_id_index")).values("pk")),
            factor_row=Subquery(factor.values("pk")[:1]),
            grant_id=F("live__pk"),
            grant_role=F("live__role"),
            grant_office=F("live__office"),
            grant_region=F("live__region__code"),
            grant_path=F("live__region__path"),
            grant_office_zh=F("live__office__name_zh"),
            grant_office_en=F("live__office__name_en"),
        )
        .order_by("live__valid_from", "live__pk")
    )


_BY_ID = Prepared(lambda user_id, on: _with_grants(on, pk=user_id), int, date)
_BY_USERNAME = Prepared(lambda username, on: _with_grants(on, username=username), str, date)
