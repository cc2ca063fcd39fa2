"""Leaving, and staying a little longer."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from portal import audit
from portal.people import sessions
from portal.people.access import public, require_role, with_temporary_password
from portal.people.actors import Role
from portal.people.addresses import wanted_page
from portal.people.requests import Request
from portal.people.services import end_sessions


@public
@with_temporary_password
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_out(request: Request) -> HttpResponse:
    """Ends the session, and what the browser kept of it; a visit without the button asks first."""
    if request.method != "POST":
        return render(request, "people/sign_out.html")
    was_staff = request.actor.is_staff_role
    sessions.end(request)
    done = redirect(f"{reverse('people:signed_out')}?staff=1" if was_staff else "people:signed_out")
    return sessions.forget_browser_data(done)


@require_role(Role.RESIDENT)
@require_POST
def sign_out_everywhere(request: Request) -> HttpResponse:
    """Ends every session of a resident, here and on other devices."""
    end_sessions(request.user)
    audit.record("people.signed_out_everywhere", request.actor)
    sessions.end(request)
    return sessions.forget_browser_data(redirect("people:signed_out"))


@public
@require_http_methods(["GET", "HEAD"])
def signed_out(request: Request) -> HttpResponse:
    """Says that the session is over and what to mind on a shared computer."""
    return render(request, "people/signed_out.html", {"was_staff": request.GET.get("staff") == "1"})


@require_POST
def keep(request: Request) -> HttpResponse:
    """Keeps the session, which any request does. Scripts get the new end, forms the page they came from."""
    address = wanted_page(request)
    if address:
        return redirect(address)
    response = HttpResponse(status=204)
    response["X-Session-Ends"] = request.session_expires_at.isoformat()
    return response
