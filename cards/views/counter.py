"""The pickup point, the counter and the telephone: handing over, activating, stopping a card."""

from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cards import pictures, progress, services
from cards.forms import FindForm, HandOverForm, OnSiteForm, TelephoneForm, TurnAwayForm
from cards.models import Card, CardApplication
from cards.services import ChannelClosed, WrongCode
from cards.states import CardState, State
from cards.views.desk import data_rows
from cards.views.resident import own_application, own_card, tries_left
from cards.workflow import CardWorkflow
from portal import audit, limits
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.models import Resident
from portal.workflow import stories
from portal.workflow.errors import NotAvailable, Refused
from portal.workflow.views import conflict_page

COUNTER = (Role.CARD_CLERK, Role.CLERK)
SHOWN = 20
MOVES = ("report_loss", "lift_loss", "report_formal_loss", "replace", "cancel")


@require_role(*COUNTER)
@require_safe
def pickup(request: HttpRequest) -> HttpResponse:
    """Finds a card that waits, or one that was handed over, by figures of its number."""
    form = FindForm(request.GET if "number" in request.GET else None)
    waiting: list[CardApplication] = []
    cards: list[Card] = []
    searched = form.is_bound and form.is_valid()
    if searched:
        figures = form.cleaned_data["number"]
        if form.holder:
            case, card = Q(resident__id_index=form.holder), Q(holder__id_index=form.holder)
        else:
            case = Q(number=figures) | Q(number__endswith=figures)
            card = Q(number=figures) | Q(application__number=figures) | Q(application__number__endswith=figures)
        waiting = list(
            CardApplication.objects.visible_to(request.actor)
            .filter(case, state=State.READY_FOR_PICKUP)
            .select_related("resident", "pickup_point")[:SHOWN]
        )
        cards = list(Card.objects.visible_to(request.actor).filter(card).select_related("holder")[:SHOWN])
    context = {"form": form, "searched": searched, "waiting": waiting, "cards": [_coloured(card) for card in cards]}
    return render(request, "cards/pickup.html", context)


def _coloured(card: Card) -> dict[str, Any]:
    return {"card": card, "colour": progress.CARD_COLOURS[CardState(card.state)]}


@require_role(*COUNTER)
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def hand_over(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hands the card over after the identity check, and shows the letter's activation code once (S4-23, D11)."""
    application = own_application(request, pk)
    form = HandOverForm(request.POST if request.method == "POST" else None, initial={"version": application.version})
    if request.method == "POST" and form.is_valid():
        limits.take(f"cards.hand_over:{application.pk}", capacity=10, seconds=3600)
        told = form.cleaned_data
        try:
            card, code = services.hand_over(
                application=application,
                actor=request.actor,
                version=told["version"],
                document=told["document"],
                form_seen=told["form_seen"],
                agent_name=told["agent_name"],
                agent_number=told["agent_number"].normalized if told["agent_number"] else "",
                agent_code=told["agent_code"],
            )
        except WrongCode:
            form.add_error("agent_code", _("This code is not valid: it was used, replaced, or typed wrongly."))
        except Refused as refused:
            return conflict_page(request, application, refused, return_url=reverse("cards:pickup"))
        else:
            return render(request, "cards/handed_over.html", {"application": application, "card": card, "code": code})
    if application.state != State.READY_FOR_PICKUP:
        return redirect("cards:pickup")
    audit.record("cards.application_viewed", request.actor, subject=application)
    context = {
        "application": application,
        "form": form,
        "rows": data_rows(application),
        "has_picture": pictures.picture_of(application) is not None,
    }
    return render(request, "cards/hand_over.html", context)


@require_role(*COUNTER)
@require_http_methods(["GET", "HEAD", "POST"])
def turn_away(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keeps the card back because the papers are untrue or incomplete, with the reason for the applicant (S2-04)."""
    application = own_application(request, pk)
    form = TurnAwayForm(request.POST if request.method == "POST" else None, initial={"version": application.version})
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            services.turn_away(
                application=application, actor=request.actor, version=told["version"], reason=told["reason"]
            )
        except Refused as refused:
            back = reverse("cards:pickup")
            return conflict_page(request, application, refused, return_url=back, kept=[told["reason"]])
        return redirect("cards:hand_over", application.pk)
    if application.state != State.READY_FOR_PICKUP:
        return redirect("cards:pickup")
    return render(request, "cards/turn_away.html", {"application": application, "form": form})


@require_role(Role.CARD_CLERK, Role.CLERK, Role.HOTLINE, Role.AUDITOR)
@require_safe
def desk_card(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One card at the counter or on the telephone: its state and what may be done with it."""
    card = own_card(request, pk)
    audit.record("cards.card_viewed", request.actor, subject=card)
    return _card_page(request, card, OnSiteForm(initial={"version": card.version}))


def _card_page(request: HttpRequest, card: Card, form: OnSiteForm) -> HttpResponse:
    options = {option.transition.name: option for option in CardWorkflow.options(card, request.actor)}
    on_site = request.actor.role in COUNTER and "on_site" in services.activation_channels(card.policy.policy)
    context = {
        "card": card,
        "colour": progress.CARD_COLOURS[CardState(card.state)],
        "form": form,
        "activate": on_site and card.state == CardState.INACTIVE,
        "moves": [options[name] for name in MOVES if name in options],
        "timeline": stories.items(card, request.actor),
        "ways": progress.channel_names(card.policy.policy),
    }
    return render(request, "cards/desk_card.html", context)


@require_role(*COUNTER)
@require_POST
def activate_on_site(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Activates at the counter with the original document seen, which also lifts a lock (D12)."""
    card = own_card(request, pk)
    form = OnSiteForm(request.POST)
    if not form.is_valid():
        return _card_page(request, card, form)
    try:
        if card.version != form.cleaned_data["version"]:
            raise NotAvailable(CardWorkflow.activate, card)
        services.activate(card=card, actor=request.actor, channel="on_site", identity_seen=True)
    except ChannelClosed:
        form.add_error(None, _("This region does not activate cards at the counter."))
        return _card_page(request, card, form)
    except Refused as refused:
        return _card_conflict(request, card, refused)
    return redirect("cards:desk_card", card.pk)


@require_role(Role.CARD_CLERK, Role.HOTLINE)
@require_POST
def move_card(request: HttpRequest, pk: UUID, name: str) -> HttpResponse:
    """Reports a loss, lifts the report, replaces or cancels, as the role may."""
    card = own_card(request, pk)
    if name not in MOVES:
        return redirect("cards:desk_card", card.pk)
    text = request.POST.get("version", "")
    version = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    try:
        CardWorkflow.transitions[name].fire(card, request.actor, version)
    except Refused as refused:
        return _card_conflict(request, card, refused)
    return redirect("cards:desk_card", card.pk)


def _card_conflict(request: HttpRequest, card: Card, refused: Refused) -> HttpResponse:
    return conflict_page(request, card, refused, return_url=reverse("cards:desk_card", args=[card.pk]))


@require_role(Role.HOTLINE)
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def telephone(request: HttpRequest) -> HttpResponse:
    """Activates for a caller who reads out the end of the card number and the code of the letter (S2-08, N23)."""
    form = TelephoneForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        limits.take(f"cards.telephone:{request.actor.user_id}", capacity=60, seconds=3600)
        card = _called_about(request, form)
        if card is None:
            form.add_error("identity_number", _("No card that waits for activation has these figures."))
        else:
            return _activate_by_telephone(request, card, form)
    return render(request, "cards/telephone.html", {"form": form})


def _called_about(request: HttpRequest, form: TelephoneForm) -> Card | None:
    holder = Resident.objects.by_identity_number(form.cleaned_data["identity_number"].normalized).first()
    cards = Card.objects.visible_to(request.actor).select_related("policy", "holder", "region")
    return cards.filter(holder=holder, state=CardState.INACTIVE).first() if holder else None


def _activate_by_telephone(request: HttpRequest, card: Card, form: TelephoneForm) -> HttpResponse:
    told = form.cleaned_data
    code = told["code"] if card.number.endswith(told["last_digits"]) else ""
    try:
        services.activate(card=card, actor=request.actor, channel="telephone", code=code)
    except ChannelClosed:
        form.add_error(None, _("This region does not activate cards by telephone."))
    except WrongCode as wrong:
        form.add_error("code", tries_left(wrong))
    except Refused as refused:
        return conflict_page(request, card, refused, return_url=reverse("cards:telephone"))
    else:
        return redirect("cards:desk_card", card.pk)
    return render(request, "cards/telephone.html", {"form": form})
