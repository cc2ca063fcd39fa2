"""What was typed into a form whose session ended in the meantime (UX-E12).

It is kept sealed in the new session of the same browser, for the same person and the same page only, and given out
once, after that person has signed in again.
"""

from django.http import HttpRequest, QueryDict

from portal import crypto

KEY = "people.unsent"
PLACE = "people.unsent"
LONGEST = 20_000
SECRET_FIELDS = ("csrfmiddlewaretoken", "password", "code")


def keep(request: HttpRequest, user_id: int | None) -> None:
    """Keeps the posted values of a person whose session has just been ended; too much or nothing is let go."""
    kind = (request.content_type or "").partition(";")[0]
    if request.method != "POST" or kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return
    values = request.POST.copy()
    for name in SECRET_FIELDS:
        values.pop(name, None)
    text = values.urlencode()
    if user_id is not None and 0 < len(text) <= LONGEST:
        sealed = crypto.seal(text, aad=PLACE).hex()
        request.session[KEY] = {"owner": user_id, "path": request.path, "sealed": sealed}


def carry(request: HttpRequest, user_id: int) -> dict[str, object] | None:
    """What a session that is about to be replaced holds for the person who signs in."""
    held = request.session.get(KEY)
    return held if held and held["owner"] == user_id else None


def take(request: HttpRequest) -> QueryDict | None:
    """Gives the typed values to the page they belong to, once; None for every other page."""
    held = request.session.get(KEY) if hasattr(request, "session") else None
    if not held or request.method != "GET" or held["path"] != request.path or not request.user.is_authenticated:
        return None
    del request.session[KEY]
    return QueryDict(crypto.unseal(bytes.fromhex(held["sealed"]), aad=PLACE))
