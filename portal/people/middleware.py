"""Decides for each request who acts, and ends sessions whose time or right is over."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect

from portal.people import second_factor, sessions, unsent
from portal.people.actors import ANONYMOUS
from portal.people.addresses import with_next
from portal.people.backends import actor_of
from portal.people.requests import Request


class ActorMiddleware:
    """Sets `request.actor`, with the one query that loads the account.

    An account switched off, a role taken away, a session idle or open for too long: the session ends here and the
    request goes on as a visitor's, which every page but the public ones refuses (REL-R9, J7). Staff whose second factor
    is still owed are nobody either, and reach only the page that asks for it or sets it up (REL-S5).
    """

    def __init__(self, get_response: Callable[[Request], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        request.actor, request.factor_page = ANONYMOUS, ""
        if request.user.is_authenticated:
            actor = actor_of(request.user, request.session.get(sessions.GRANT))
            if actor.is_anonymous or sessions.is_over(request, actor.role):
                owner = request.user.pk
                sessions.end(request)
                if actor.is_resident:
                    unsent.keep(request, owner)
            else:
                sessions.touch(request)
                request.factor_page = second_factor.page_owed(request, request.user)
                request.actor = ANONYMOUS if request.factor_page else actor
                request.session_expires_at = sessions.expires_at(request, actor.role)
        return self.get_response(request)

    def process_view(
        self, request: Request, view: Callable[..., HttpResponse], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Sends staff to prove their second factor, then holders of a temporary password to choose their own."""
        if request.factor_page:
            here = request.get_full_path() if request.method == "GET" else ""
            is_open = request.resolver_match.view_name in second_factor.OPEN_PAGES
            return None if is_open else redirect(with_next(request.factor_page, here))
        must_choose = request.user.is_authenticated and request.user.password_is_temporary
        if must_choose and not getattr(view, "with_temporary_password", False):
            return redirect("people:staff_password")
        return None
