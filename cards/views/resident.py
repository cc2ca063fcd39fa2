"""The pages of card holders: the three steps, progress, correction, withdrawal, the card and its activation."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cards import papers, photo, progress, services
from cards.forms import ActivationForm, CorrectionAnswersForm, PersonalForm, StartForm, SubmitForm, refuse_receipt
from cards.models import Card, CardApplication
from cards.services import Incomplete, NotEntitled, ReceiptRefused, WrongCode
from cards.states import CardState, State
from cards.views.public import SERVICES
from cards.workflow import CardWorkflow
from enrollment.progress import right_of_appeal, used_words
from enrollment.views.public import chosen_region, pick_first
from enrollment.views.resident import posted_version
from payments.amounts import rmb_capital
from payments.places import ways_to_pay
from portal import limits
from portal.documents.imaging import CARD_PHOTO
from portal.documents.papers import paper_response
from portal.documents.uploads import UploadRejected, store_image
from portal.people import questions
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.models import Resident
from portal.regions import calendar
from portal.regions import policy as policies
from portal.regions.models import Office
from portal.workflow import stories
from portal.workflow.errors import Refused
from portal.workflow.views import conflict_page

WITHDRAWABLE = (State.AWAITING_PAYMENT, State.UNDER_REVIEW, State.CORRECTION_REQUIRED)


def own_application(request: HttpRequest, pk: UUID) -> CardApplication:
    """The application if this actor may see it, else 404."""
    return get_object_or_404(CardApplication.objects.visible_to(request.actor).for_pages(), pk=pk)


def applicants_own(request: HttpRequest, pk: UUID) -> CardApplication:
    """The actor's own application; 404 also where they may only see it."""
    application = own_application(request, pk)
    if application.applicant_id != request.actor.resident_id:
        raise Http404
    return application


def own_card(request: HttpRequest, pk: UUID) -> Card:
    """The card if this actor may see it, else 404."""
    cards = Card.objects.visible_to(request.actor).select_related("holder", "region", "policy", "application")
    return get_object_or_404(cards, pk=pk)


@require_role(Role.RESIDENT)
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """Cards and card applications of the reader and of those they stand for."""
    rows = list(CardApplication.objects.visible_to(request.actor).for_pages().order_by("-created_at")[:50])
    cards = Card.objects.visible_to(request.actor).select_related("holder").order_by("-issued_on")[:50]
    today = calendar.today()
    context = {
        "applications": [
            {"application": row, "colour": progress.TAG_COLOURS[State(row.state)], "late": row.is_overdue(today)}
            for row in rows
        ],
        "cards": [{"card": card, "colour": progress.CARD_COLOURS[CardState(card.state)]} for card in cards],
    }
    return render(request, "cards/mine.html", context)


@require_role(Role.RESIDENT)
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Asks whose card it is, and says why somebody cannot apply (D2)."""
    resident = get_object_or_404(Resident, pk=request.actor.resident_id)
    region = chosen_region(request) or resident.home_region
    if region is None:
        return pick_first(request)
    others = Resident.objects.visible_to(request.actor).exclude(pk=resident.pk).order_by("birth_date", "name")
    form = StartForm(
        request.POST if request.method == "POST" else None,
        family=others,
        own_name=resident.name,
        initial={"who": "self"},
    )
    if request.method == "POST" and form.is_valid():
        person = form.chosen() or resident
        try:
            application = services.start(actor=request.actor, applicant=resident, resident=person, region=region)
        except NotEntitled as refusal:
            return _not_entitled(request, person, refusal)
        return redirect("cards:personal", application.pk)
    return render(request, "cards/start.html", {"form": form, "region": region})


def _not_entitled(request: HttpRequest, person: Resident, refusal: NotEntitled) -> HttpResponse:
    first = CardApplication.objects.live().filter(resident=person).visible_to(request.actor).first()
    context = {"person": person, "reasons": refusal.reasons, "first": first}
    return render(request, "cards/not_entitled.html", context, status=409)


@require_role(Role.RESIDENT)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def personal(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Step 1: personal information; after submission it is shown and cannot be changed (S4-07 to S4-10)."""
    application = applicants_own(request, pk)
    if application.state != State.DRAFT:
        return render(request, "cards/personal_done.html", _step_context(application, 1))
    facts = services.photo_facts(application)
    answers = application.answers
    kept = application.photo_id is not None and not application.resident.police_photo
    asks = "photo" if kept else photo.asked(facts, services.receipt_rule(application))
    initial = {
        "phone": answers.get("phone") or application.applicant.phone,
        "address": answers.get("address") or application.resident.address,
        "pickup_point": application.pickup_point_id,
        "receipt_number": answers.get("receipt_number", ""),
    }

    def build(data: QueryDict | None) -> PersonalForm:
        files = request.FILES if data is not None else None
        return PersonalForm(data, files, points=pickup_points(application), asks=asks, kept=kept, initial=initial)

    asked = questions.one_at_a_time(request, build)
    form = asked or build(request.POST if request.method == "POST" else None)
    if request.method == "POST" and asked is None and form.is_valid():
        told = form.cleaned_data
        try:
            services.save_personal(
                application=application,
                answers={"phone": str(told["phone"]), "address": told["address"]},
                pickup_point=told["pickup_point"],
                receipt_number=told.get("receipt_number", ""),
                photo_id=_stored_photo(request, application, told.get("photo")),
            )
        except UploadRejected as refusal:
            form.add_error("photo", refusal.message)
        except ReceiptRefused as refusal:
            refuse_receipt(form, refusal.problem)
        except Refused as refused:
            return _conflict(request, application, refused)
        else:
            return redirect("cards:check", application.pk)
    context = _step_context(application, 1) | {
        "form": form,
        "why": photo.why_receipt(facts),
        "asks": asks,
        "kept": kept,
    }
    return render(request, "cards/personal.html", context)


def pickup_points(application: CardApplication) -> Any:
    """The pickup points of the region and of what stands above it."""
    found = Office.objects.serving(application.region, ["pickup_point"])
    return Office.objects.filter(pk__in=[office.pk for office in found]).order_by("code")


def _step_context(application: CardApplication, number: int) -> dict[str, Any]:
    return {"application": application, "steps": progress.steps_of(application), "number": number}


@require_role(Role.RESIDENT)
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Check the answers, declare, submit; the portal goes on to step 2 by itself (S4-11, S4-12)."""
    application = applicants_own(request, pk)
    if application.state != State.DRAFT:
        return redirect("cards:form", application.pk)
    if not application.answers:
        return redirect("cards:personal", application.pk)
    form = SubmitForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            services.submit(
                application=application,
                actor=request.actor,
                token=_token(request),
                version=posted_version(request),
            )
        except NotEntitled as refusal:
            return _not_entitled(request, application.resident, refusal)
        except (ReceiptRefused, Incomplete):
            return redirect("cards:personal", application.pk)
        except Refused as refused:
            return _conflict(request, application, refused)
        return redirect("cards:form", application.pk)
    context = _step_context(application, 1) | {
        "form": form,
        "fee": policies.for_region(application.region).fee("card_first"),
        "promise_days": policies.for_region(application.region).days("card.promise"),
    }
    return render(request, "cards/check.html", context)


def _token(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("token", ""))
    except ValueError:
        return UUID(int=0)


@require_role(Role.RESIDENT)
@require_safe
def form_step(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Step 2: the application form to print or download; cannot be reached before step 1 is sent (D5)."""
    application = applicants_own(request, pk)
    if application.state == State.DRAFT:
        return redirect("cards:personal", application.pk)
    return render(request, "cards/form_step.html", _step_context(application, 2))


@require_role(Role.RESIDENT)
@require_safe
def form_paper(request: HttpRequest, pk: UUID, fmt: str) -> HttpResponse:
    """The application form as web print, PDF or Word file."""
    application = own_application(request, pk)
    if not application.number or fmt not in ("html", "pdf", "docx"):
        raise Http404
    return paper_response(request, papers.application_form(application), fmt, f"card-form-{application.number}")


@require_role(Role.RESIDENT)
@require_safe
def pay_step(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Step 3: the payment notice, payable at the banks of the region (S4-15 to S4-19)."""
    application = applicants_own(request, pk)
    if application.state == State.DRAFT:
        return redirect("cards:personal", application.pk)
    context = _step_context(application, 3) | {
        "capital": rmb_capital(application.fee_fen or 0),
        "promise_days": application.policy.policy.days("card.promise"),
        "ways": ways_to_pay(application.notice) if application.notice else [],
        "counter": settings.DEMO,
        "too_late": pays_too_late(application),
    }
    return render(request, "cards/pay_step.html", context)


def pays_too_late(application: CardApplication) -> bool:
    """Whether the pay-by day is over: money paid in time may be on its way, and new money would settle nothing."""
    notice = application.notice
    return application.state == State.AWAITING_PAYMENT and notice is not None and notice.is_overdue(calendar.today())


@require_role(Role.RESIDENT)
@require_safe
def show(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Where the application stands, the promised day, and what to do (F1, S4-21)."""
    application = own_application(request, pk)
    usage = progress.used(application)
    own = application.applicant_id == request.actor.resident_id
    context = {
        "application": application,
        "own": own,
        "colour": progress.TAG_COLOURS[State(application.state)],
        "timeline": progress.timeline(application, request.actor),
        "used_words": used_words(usage),
        "usage": usage,
        "next_step": progress.NEXT_STEPS.get(application.state, ""),
        "too_late": pays_too_late(application),
        "appeal": right_of_appeal(application.policy.policy) if application.state == State.REJECTED else None,
        "expected": application.timeline.filter(transition="expect_arrival").exists(),
        "overdue_days": progress.days_over(application, calendar.today()),
        "card": Card.objects.filter(application=application).first(),
        "withdrawable": own and application.state in WITHDRAWABLE,
        "steps": progress.steps_of(application) if own else [],
    }
    return render(request, "cards/progress.html", context)


@require_role(Role.RESIDENT)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Opens exactly what the card office asked about (N20)."""
    application = applicants_own(request, pk)
    if application.state != State.CORRECTION_REQUIRED:
        return redirect("cards:application", application.pk)

    def build(data: QueryDict | None) -> CorrectionAnswersForm:
        return CorrectionAnswersForm(
            data,
            request.FILES if data is not None else None,
            asked=application.correction_fields,
            takes_receipts=services.receipt_rule(application).get("accepted", True),
            initial={name: application.answers.get(name, "") for name in ("phone", "address")},
        )

    asked = questions.one_at_a_time(request, build)
    form = asked or build(request.POST if request.method == "POST" else None)
    version = posted_version(request) if request.method == "POST" else application.version
    if request.method == "POST" and asked is None and form.is_valid():
        try:
            _send_correction(request, application, form, version)
        except UploadRejected as refusal:
            form.add_error("photo", refusal.message)
        except ReceiptRefused as refusal:
            refuse_receipt(form, refusal.problem)
        except Refused as refused:
            return _conflict(request, application, refused)
        else:
            return redirect("cards:application", application.pk)
    return render(request, "cards/correct.html", {"application": application, "form": form, "version": version})


def _send_correction(
    request: HttpRequest, application: CardApplication, form: CorrectionAnswersForm, version: int
) -> None:
    told = form.cleaned_data
    services.resubmit(
        application=application,
        actor=request.actor,
        version=version,
        answers={name: str(told[name]) for name in ("phone", "address") if name in told},
        receipt_number=told.get("receipt_number", ""),
        photo_id=_stored_photo(request, application, told.get("photo")),
    )


def _stored_photo(request: HttpRequest, application: CardApplication, picture: Any) -> UUID | None:
    """Keeps an uploaded picture in the size of the card; raises UploadRejected."""
    if not picture:
        return None
    stored = store_image(
        picture,
        owner=application.resident,
        purpose="card_photo",
        reference=str(application.pk),
        target=CARD_PHOTO,
        uploaded_by_id=request.actor.user_id,
    )
    return stored.pk


@require_role(Role.RESIDENT)
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Asks once more before an application is withdrawn; a paid fee opens a refund."""
    application = applicants_own(request, pk)
    if request.method == "POST":
        try:
            services.withdraw(application=application, actor=request.actor, version=posted_version(request))
        except Refused as refused:
            return _conflict(request, application, refused)
        return redirect("cards:application", application.pk)
    if application.state not in WITHDRAWABLE:
        return redirect("cards:application", application.pk)
    return render(request, "cards/withdraw.html", {"application": application})


@require_role(Role.RESIDENT)
@require_POST
def agent_code(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Makes a one-time code for somebody else who collects the card; shown once (D11)."""
    application = applicants_own(request, pk)
    try:
        code = services.make_agent_code(application=application, actor=request.actor)
    except Refused as refused:
        return _conflict(request, application, refused)
    context = {"application": application, "code": code, "days": services.AGENT_CODE_DAYS}
    return render(request, "cards/agent_code.html", context)


@require_role(Role.RESIDENT)
@require_safe
def card(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The card: what it is, how to look after it, and what to do when it is lost (S0-11, S2-11, S2-12)."""
    found = own_card(request, pk)
    policy = found.policy.policy
    locked = found.state == CardState.INACTIVE and services.is_locked(found)
    context = {
        "card": found,
        "colour": progress.CARD_COLOURS[CardState(found.state)],
        "usable_later": found.usable_from is not None and found.usable_from > timezone.now(),
        "online": "online" in services.activation_channels(policy),
        "locked": locked,
        "ways": progress.channel_names(policy),
        "care": policy.text("card.care_notice", ""),
        "hotline": policy.setting("card.hotline", "12333"),
        "loss_days": policy.setting("card.temporary_loss_days"),
        "legal_card": policy.setting("legal.card", []),
        "services": list(SERVICES.values()),
        "timeline": stories.items(found, request.actor),
    }
    return render(request, "cards/card.html", context)


@require_role(Role.RESIDENT)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def activate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Activates the card online, where the region allows it (S2-08, D12)."""
    found = own_card(request, pk)
    if found.state != CardState.INACTIVE or "online" not in services.activation_channels(found.policy.policy):
        return redirect("cards:card", found.pk)
    asked = questions.one_at_a_time(request, ActivationForm)
    form = asked or ActivationForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and asked is None and form.is_valid():
        limits.take(f"cards.activate:{request.actor.user_id}", capacity=20, seconds=3600)
        told = form.cleaned_data
        code = told["code"] if found.number.endswith(told["last_digits"]) else ""
        try:
            services.activate(card=found, actor=request.actor, channel="online", code=code)
        except WrongCode as wrong:
            form.add_error("code", tries_left(wrong))
        except Refused as refused:
            back = reverse("cards:card", args=[found.pk])
            return conflict_page(request, found, refused, return_url=back)
        else:
            return redirect("cards:card", found.pk)
    return render(request, "cards/activate.html", {"card": found, "form": form})


def tries_left(wrong: WrongCode) -> str:
    """What a person reads after a wrong try."""
    if wrong.left:
        return _("The figures do not match the card and its letter. %(left)d tries are left.") % {"left": wrong.left}
    return _(
        "Too many wrong tries. The card is locked on every channel; come to a counter with your identity card, "
        "or try again tomorrow."
    )


@require_role(Role.RESIDENT)
@require_POST
def loss(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Reports a card lost for a time, or lifts the report."""
    found = own_card(request, pk)
    move = CardWorkflow.lift_loss if found.state == CardState.LOSS_TEMPORARY else CardWorkflow.report_loss
    try:
        move.fire(found, request.actor, posted_version(request))
    except Refused as refused:
        return conflict_page(request, found, refused, return_url=reverse("cards:card", args=[found.pk]))
    return redirect("cards:card", found.pk)


def _conflict(request: HttpRequest, application: CardApplication, refused: Refused) -> HttpResponse:
    back = reverse("cards:application", args=[application.pk])
    return conflict_page(request, application, refused, return_url=back)
