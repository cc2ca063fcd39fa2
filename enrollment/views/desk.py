"""The clerk's queue: its parts and filters, the search, saved views and habits."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.contrib import messages as notes
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from enrollment import changed, finding, progress, queueing, undoing
from enrollment.desk_forms import ViewForm
from enrollment.models import Application, DeskPreference, SavedView
from enrollment.navigation import DECIDERS, DESK_ROLES
from enrollment.queueing import Filter
from enrollment.states import State
from portal.design import kept
from portal.design.paging import PAGE_SIZE, keyed_page
from portal.people.access import require_role, require_staff
from portal.people.actors import Actor, Role
from portal.people.models import User
from portal.prepared import PreparedRows
from portal.regions import calendar

__all__ = ["PAGE_SIZE"]

MOST_VIEWS = 20
ROW_SECONDS = 300
"""How long a drawn row may show the names of people and places as they were."""

_OWN_DESK = PreparedRows(
    lambda user: (
        User.objects.filter(pk=user)
        .values_list(
            "desk_preference__last_query",
            "desk_preference__shortcuts",
            "queue_views__pk",
            "queue_views__name",
            "queue_views__query",
        )
        .order_by("queue_views__name", "queue_views__pk")
    ),
    int,
)


@require_staff
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Opens the page a role works on; those without a queue of applications get the list of their tasks."""
    if request.actor.role in DESK_ROLES:
        return redirect("enrollment:queue")
    if request.actor.role == Role.COMMITTEE_AGENT:
        return redirect("enrollment:committee")
    return render(request, "enrollment/desk_home.html")


@require_role(*DESK_ROLES)
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """The own office's or county's applications, nearest deadline first, filters in the address (UX-C1, UX-C2, B8)."""
    words = request.GET.get("q") or request.GET.get("number") or ""
    habits, views = own_desk(request.actor)
    if words.strip():
        return _search(request, words, habits, views)
    if not request.GET and habits.last_query:
        return redirect(f"{reverse('enrollment:queue')}?{habits.last_query}")
    view = queueing.read(request.GET, request.actor)
    # The part to decide is where a day begins; a look into the closed cases does not change that.
    is_start = view.tab == queueing.default_tab(request.actor)
    if request.GET and is_start and habits.last_query != view.address:
        DeskPreference.objects.update_or_create(user_id=request.actor.user_id, defaults={"last_query": view.address})
    after = request.GET.get("after", "")
    beginning = None if after else queueing.beginning(request.actor, view)
    rows, page = keyed_page(
        [] if beginning else [queueing.with_lease(rows) for rows in queueing.chosen(request.actor, view)],
        view.order,
        after=after,
        query=view.query,
        fields=queueing.READ,
        beginning=beginning,
    )
    context = _frame(request, view, habits, views) | {"page": page, "as_of": timezone.now()}
    context["since"] = quote(timezone.localtime(context["as_of"]).isoformat())
    context["reminder"] = "" if after else queueing.reminder(rows, view)
    context["rows"] = drawn(rows, view.by_due, context["can_decide"], request.GET.urlencode())
    context["table"] = mark_safe("".join(row["html"] for row in context["rows"]))
    return render(request, "enrollment/queue.html", context)


def _loaded(pks: list[UUID]) -> list[Application]:
    if not pks:
        return []
    rows = Application.objects.filter(pk__in=pks).select_related("beneficiary", "region")
    return list(rows.defer("answers_cipher", "facts"))


def _search(request: HttpRequest, words: str, habits: DeskPreference, views: list[SavedView]) -> HttpResponse:
    found = finding.find(queueing.with_lease(Application.objects.visible_to(request.actor)), words)
    if found.exact:
        return redirect("enrollment:review", found.rows[0].pk)
    view = queueing.read(request.GET, request.actor)
    context = _frame(request, view, habits, views) | {
        "searched": words[: finding.LONGEST_QUERY],
        "not_found": not found.rows,
        "most": finding.MOST,
        "by_due": False,
    }
    context["rows"] = drawn(found.rows, False, context["can_decide"], "")
    context["table"] = mark_safe("".join(row["html"] for row in context["rows"]))
    return render(request, "enrollment/queue.html", context)


def _frame(request: HttpRequest, view: Filter, habits: DeskPreference, views: list[SavedView]) -> dict[str, Any]:
    """What stands around the rows: parts with counts, filters, saved views."""
    actor = request.actor
    return {
        "view": view,
        "inside": view.address,
        "by_due": view.by_due,
        "tabs": queueing.tabs(actor, view.tab),
        "fields": SimpleLazyObject(lambda: _fields(actor, view)),
        "place": actor.region_code,
        "day": calendar.today(),
        "clear_url": f"?{urlencode({'tab': view.tab})}",
        "views": [(one, one.query == view.address) for one in views],
        "view_form": {"name": ViewForm.base_fields["name"]},
        "can_decide": actor.role in DECIDERS and view.tab == queueing.default_tab(actor),
        "undo": undoing.strip(request),
        "habits": habits,
    }


def _fields(actor: Actor, view: Filter) -> list[tuple[str, Any, Any, str]]:
    """The filters: name, label, choices, and what is chosen."""
    fields = [
        ("region", _("Place"), queueing.region_choices(actor, view)),
        ("age", _("Age"), queueing.AGES.items()),
        ("category", _("Ground"), queueing.CHOICES["category"].items()),
        ("returned", _("Corrections"), queueing.RETURNED.items()),
        ("by", _("Entered by"), queueing.ENTERED_BY.items()),
    ]
    if view.by_due:
        fields.insert(0, ("deadline", _("Deadline"), queueing.DEADLINES.items()))
    return [(name, label, choices, getattr(view, name)) for name, label, choices in fields if choices]


def drawn(rows: Sequence[Any], by_due: bool, can_decide: bool, here: str) -> list[dict[str, Any]]:
    """The rows as the table shows them; those that did not change since they were drawn are not read again.

    A row is kept under its version, due date and lease for a day; names of people and places may be five minutes old.
    The rows know who has them open (`queueing.with_lease`).
    """
    today, at = calendar.today(), timezone.now()
    window = int(at.timestamp()) // ROW_SECONDS
    keys = [
        ("queue-row", row.pk, row.version, row.due_at, _holder(row, at), by_due, can_decide, here, today, window)
        for row in rows
    ]
    found = kept.look_up(keys)
    loaded = {row.pk: row for row in _loaded([row.pk for row, html in zip(rows, found, strict=True) if html is None])}

    def draw(row: Application, short: Any) -> str:
        context = {
            "application": row,
            "colour": progress.TAG_COLOURS[State(row.state)],
            "days_left": queueing.working_days_left(row, today) if by_due else None,
            "is_held": _holder(short, at) is not None,
            "holder": short.lease_name,
            "by_due": by_due,
            "can_decide": can_decide,
            "here": here,
        }
        return render_to_string("enrollment/_queue_row.html", context)

    shown: list[dict[str, Any]] = []
    with calendar.pinned():
        for row, key, html in zip(rows, keys, found, strict=True):
            if html is None and row.pk in loaded:
                html = kept.kept(key, partial(draw, loaded[row.pk], row))
            if html is not None:
                shown.append({"application": row, "html": html})
    return shown


def _holder(row: Any, at: datetime) -> int | None:
    """Who has the case of a row open at this moment."""
    return row.lease_holder if row.lease_until is not None and row.lease_until > at else None


def own_desk(actor: Actor) -> tuple[DeskPreference, list[SavedView]]:
    """How this clerk works, with the defaults while nothing is stored, and the views they keep."""
    if actor.user_id is None:
        raise PermissionDenied
    rows = _OWN_DESK(actor.user_id)
    views = [SavedView(pk, owner_id=actor.user_id, name=name, query=query) for _q, _s, pk, name, query in rows if pk]
    if not rows or rows[0][1] is None:
        return DeskPreference(user_id=actor.user_id), views
    return DeskPreference(user_id=actor.user_id, last_query=rows[0][0], shortcuts=rows[0][1]), views


def habits_of(actor: Actor) -> DeskPreference:
    """How this clerk works."""
    return own_desk(actor)[0]


@require_role(*DESK_ROLES)
@require_safe
def queue_new(request: HttpRequest) -> JsonResponse:
    """How many cases came into a view since its page was made; asked by the page, which moves nothing (UX-C15)."""
    since = changed.instant(request.GET.get("since", ""))
    if since is None:
        return JsonResponse({"count": 0, "words": ""})
    count = queueing.arrived_since(request.actor, queueing.read(request.GET, request.actor), since)
    return JsonResponse({"count": count, "words": queueing.arrived_words(count) if count else ""})


@require_role(*DESK_ROLES)
@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keeps the present filter under a name, or gives a kept one another name; the same name again replaces it."""
    view = queueing.read(QueryDict(request.POST.get("in", "")[:500]), request.actor)
    form = ViewForm(request.POST)
    mine = SavedView.objects.filter(owner=request.actor.user_id)
    if not form.is_valid():
        notes.error(request, _("Give the view a name of at most 40 characters."))
    elif request.POST.get("rename"):
        _rename(mine, request.POST["rename"], form.cleaned_data["name"], request)
    elif mine.count() >= MOST_VIEWS and not mine.filter(name=form.cleaned_data["name"]).exists():
        notes.error(request, _("There are enough views already: remove one first."))
    else:
        try:
            with transaction.atomic():
                SavedView.objects.update_or_create(
                    owner_id=request.actor.user_id, name=form.cleaned_data["name"], defaults={"query": view.address}
                )
        except IntegrityError:  # two tabs at once: the view is there
            pass
    return redirect(f"{reverse('enrollment:queue')}?{view.address}")


def _rename(mine: QuerySet[SavedView], key: str, name: str, request: HttpRequest) -> None:
    view = get_object_or_404(mine, pk=key if key.isascii() and key.isdigit() and len(key) < 10 else 0)
    try:
        with transaction.atomic():
            mine.filter(pk=view.pk).update(name=name)
    except IntegrityError:
        notes.error(request, _("You have another view of this name. Choose another one."))


@require_role(*DESK_ROLES)
@require_POST
def drop_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Removes an own saved view."""
    get_object_or_404(SavedView, pk=pk, owner=request.actor.user_id).delete()
    view = queueing.read(QueryDict(request.POST.get("in", "")[:500]), request.actor)
    return redirect(f"{reverse('enrollment:queue')}?{view.address}")


@require_role(*DESK_ROLES)
@require_POST
def shortcuts(request: HttpRequest) -> HttpResponse:
    """Switches the keys of the desk on or off (UX-C3, WCAG 2.1.4)."""
    DeskPreference.objects.update_or_create(
        user_id=request.actor.user_id, defaults={"shortcuts": request.POST.get("on") == "1"}
    )
    view = queueing.read(QueryDict(request.POST.get("in", "")[:500]), request.actor)
    return redirect(f"{reverse('enrollment:queue')}?{view.address}")
