"""Who may open a page. Nobody signed out may open any page that does not say so."""

import functools
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse

from portal.people.actors import STAFF_ROLES, Role
from portal.people.requests import Request

View = Callable[..., HttpResponse]

public = login_not_required


def with_temporary_password(view: View) -> View:
    """Marks the few pages that open before a temporary password is replaced."""
    vars(view)["with_temporary_password"] = True
    return view


def require_role(*roles: Role) -> Callable[[View], View]:
    """Opens a page to these roles only: visitors go to the sign-in of residents or of staff, others get a 403."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.actor.role not in roles:
                raise PermissionDenied
            return view(request, *args, **kwargs)

        vars(guarded).update(
            roles=roles, login_url="people:sign_in" if Role.RESIDENT in roles else "people:staff_sign_in"
        )
        return guarded

    return decorate


require_staff = require_role(*STAFF_ROLES)
