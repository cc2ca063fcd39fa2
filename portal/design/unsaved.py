"""What was typed and not saved stays: when language or size is switched, and when a session ended (UX-R21, UX-E12).

The switch is a button that belongs to the form: it sends everything typed to the page's own address, marked as a
switch. The page is then answered as if it had been opened, in the new language, with the typed values put back into
its controls. Nothing is checked, stored or logged. Passwords, one-time codes and files are not put back.
"""

from collections.abc import Callable
from html import escape
from html.parser import HTMLParser
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import translation
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from portal.people import preferences, unsent

SWITCH = "_switch"
FORM_ID = "page-form"
NEVER = ("password", "file", "submit", "button", "image", "reset")
Attributes = list[tuple[str, str | None]]
View = Callable[..., HttpResponse]


class KeepTypedMiddleware:
    """Answers a switch with the page itself and the typed values; stands behind the protection against forgery."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        typed = getattr(request, "typed", None)
        if typed is None:
            return response
        is_page = response.status_code == 200 and response.get("Content-Type", "").startswith("text/html")
        if is_page and not response.streaming:
            text = response.content.decode(response.charset)
            response.content = put_back(text, typed).encode(response.charset)
        _keep(request, response, getattr(request, "switch", ""))
        response["Cache-Control"] = "no-store"
        return response

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> None:
        """Turns a switch into an opening of the page; gives a page what was typed when its last session ended."""
        del args, kwargs
        is_form = (request.content_type or "").startswith(("application/x-www", "multipart/"))
        # Other machines' calls are signed over their raw body, which reading the form would use up.
        if request.method != "POST" or not is_form or getattr(view, "csrf_exempt", False):
            typed = unsent.take(request)
            if typed is not None:
                request.typed = typed  # type: ignore[attr-defined]
                messages.info(request, _("What you had typed is back in the form. It is not saved yet."))
            return
        switch = request.POST.get(SWITCH, "")
        if switch not in (*dict(settings.LANGUAGES), "elder", "standard"):
            return
        request.switch, request.typed = switch, request.POST  # type: ignore[attr-defined]
        request.method = request.META["REQUEST_METHOD"] = "GET"
        request.POST, request._files = QueryDict(), MultiValueDict()  # type: ignore[assignment, attr-defined]
        if switch in dict(settings.LANGUAGES):
            translation.activate(switch)
            request.LANGUAGE_CODE = translation.get_language()
        else:
            request.COOKIES[preferences.ELDER_COOKIE] = "1" if switch == "elder" else ""


def _keep(request: HttpRequest, response: HttpResponse, switch: str) -> None:
    if switch in ("elder", "standard"):
        preferences.keep_elder(request, response, switch == "elder")
    if switch not in dict(settings.LANGUAGES):
        return
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        switch,
        max_age=preferences.ONE_YEAR_SECONDS,
        samesite="Lax",
        secure=request.is_secure(),
        httponly=True,
    )


def put_back(page: str, typed: QueryDict) -> str:
    """The page with the typed values in the controls of its form; every other character stays as it is."""
    writer = _Writer(typed)
    writer.feed(page)
    writer.close()
    return "".join(writer.out)


class _Writer(HTMLParser):
    """Copies a page and changes the controls inside the form `page-form` only."""

    def __init__(self, typed: QueryDict) -> None:
        super().__init__(convert_charrefs=False)
        self.out: list[str] = []
        self.typed = {name: list(values) for name, values in typed.lists()}
        self.inside = False
        self.select = ""
        self.skipping = False

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        text = self.get_starttag_text() or ""
        found = dict(attrs)
        if tag == "form":
            self.inside = found.get("id") == FORM_ID
        if self.inside and tag == "input":
            attrs = self._input(found, attrs)
            text = text if attrs == list(found.items()) else _tag(tag, attrs)
        elif self.inside and tag == "select":
            self.select = found.get("name") or ""
        elif self.inside and tag == "option" and self.select in self.typed:
            attrs = _flag(attrs, "selected", (found.get("value") or "") in self.typed[self.select])
            text = _tag(tag, attrs)
        self.out.append(text)
        if self.inside and tag == "textarea" and (found.get("name") or "") in self.typed:
            self.out.append(escape(self._next(found["name"] or "", "")))
            self.skipping = True

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.skipping = False
        elif tag == "select":
            self.select = ""
        elif tag == "form":
            self.inside = False
        self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self.skipping:
            self.out.append(data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self.out.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.out.append(f"<!{decl}>")

    def _input(self, found: dict[str, str | None], attrs: Attributes) -> Attributes:
        name, kind = found.get("name") or "", (found.get("type") or "text").lower()
        secret = kind in NEVER or found.get("autocomplete") == "one-time-code" or name == "csrfmiddlewaretoken"
        if not name or secret:
            return attrs
        if kind in ("radio", "checkbox"):
            return _flag(attrs, "checked", (found.get("value") or "on") in self.typed.get(name, []))
        if name not in self.typed:
            return attrs
        kept = [pair for pair in attrs if pair[0] != "value"]
        return [*kept, ("value", self._next(name, found.get("value") or ""))]

    def _next(self, name: str, standing: str) -> str:
        """The next typed value of a name; several controls of one name get theirs in order."""
        return self.typed[name].pop(0) if self.typed[name] else standing


def _flag(attrs: Attributes, flag: str, on: bool) -> Attributes:
    kept = [pair for pair in attrs if pair[0] != flag]
    return [*kept, (flag, None)] if on else kept


def _tag(tag: str, attrs: Attributes) -> str:
    parts = [name if value is None else f'{name}="{escape(value)}"' for name, value in attrs]
    return f"<{' '.join([tag, *parts])}>"
