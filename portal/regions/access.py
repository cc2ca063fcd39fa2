"""Who may open the policy desk. People stand above regions, so a role is compared by its stored word."""

import functools
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from portal.regions.models import Region, RegionQuerySet
from portal.regions.models.places import covers

ADMIN = "admin"
AUDITOR = "auditor"

View = Callable[..., HttpResponse]


def require_role(*roles: str) -> Callable[[View], View]:
    """Opens a page to these staff roles only; visitors are sent to the sign-in page of staff."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if str(request.actor.role) not in roles:  # type: ignore[attr-defined]
                raise PermissionDenied
            return view(request, *args, **kwargs)

        guarded.roles = roles  # type: ignore[attr-defined]
        guarded.login_url = "people:staff_sign_in"  # type: ignore[attr-defined]
        return guarded

    return decorate


def regions_visible_to(actor: Any) -> RegionQuerySet:
    """The regions an admin or auditor looks after: the own subtree."""
    return Region.objects.within_path(actor.region_path)


def may_change(actor: Any, region: Region) -> bool:
    """Whether the actor is an admin whose subtree holds the region."""
    return str(actor.role) == ADMIN and actor.user_id is not None and covers(actor.region_path, region.path)
