"""How a reader wants pages shown: kept in a cookie, and for residents in the account as well (UX-R18)."""

from django.http import HttpRequest, HttpResponse

from portal.people.models import Resident, User

ELDER_COOKIE = "elder"
ONE_YEAR_SECONDS = 365 * 24 * 3600


def is_elder(request: HttpRequest | None) -> bool:
    """Says whether the reader chose the large edition."""
    return request is not None and request.COOKIES.get(ELDER_COOKIE) == "1"


def keep_elder(request: HttpRequest, response: HttpResponse, chosen: bool) -> None:
    """Keeps the choice in this browser and, for a resident, in the account."""
    _write_cookie(request, response, chosen)
    actor = getattr(request, "actor", None)
    if actor is not None and actor.is_resident and actor.resident_id:
        Resident.objects.filter(pk=actor.resident_id).update(large_edition=chosen)


def take_over(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Joins both choices at sign-in: who chose the large edition anywhere gets it here, and has it in the account."""
    account = Resident.objects.filter(user=user)
    if is_elder(request):
        account.filter(large_edition=False).update(large_edition=True)
    elif account.filter(large_edition=True).exists():
        _write_cookie(request, response, True)


def _write_cookie(request: HttpRequest, response: HttpResponse, chosen: bool) -> None:
    if chosen:
        response.set_cookie(
            ELDER_COOKIE, "1", max_age=ONE_YEAR_SECONDS, samesite="Lax", secure=request.is_secure(), httponly=True
        )
    else:
        response.delete_cookie(ELDER_COOKIE)
