"""Commands of the card desk and of card holders: keyword-only, atomic, returning what they made."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from cards import photo, pictures
from cards.models import (
    AgentCode,
    Card,
    CardApplication,
    HandOver,
    PhotoReceipt,
    ReceiptClaim,
)
from cards.photo import PhotoSource, ReceiptProblem
from cards.states import State
from cards.workflow import CardApplicationWorkflow, CardWorkflow
from enrollment.models import Cover
from payments import services as payments
from payments.numbers import check_digits
from portal import audit
from portal.crypto import blind_index, keyed_digest
from portal.people import services as people
from portal.people.actors import Actor
from portal.people.models import Resident
from portal.regions import calendar
from portal.regions import policy as policies
from portal.regions.models import Office, PolicySnapshot, Region
from portal.regions.policy_values import Policy
from portal.workflow.errors import NotAvailable, Unmet

PURPOSE = "cards.fee"
SERIES = "6"
AGENT_CODE_DAYS = 7
LOCK_HOURS = 24


class NotEntitled(Exception):
    """The person cannot apply; `reasons` are codes: `not_insured`, `has_card`, `has_application`."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(", ".join(reasons))
        self.reasons = reasons


class ReceiptRefused(Exception):
    """The photo receipt cannot be used."""

    def __init__(self, problem: ReceiptProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Incomplete(Exception):
    """Step 1 lacks an answer, a photo or a receipt; `fields` names what."""

    def __init__(self, fields: list[str]) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields


class WrongCode(Exception):
    """An activation or agent code was wrong; `left` tries remain, 0 when the card is locked now."""

    def __init__(self, left: int) -> None:
        super().__init__(str(left))
        self.left = left


class ChannelClosed(Exception):
    """The region does not activate cards through this channel."""


def obstacles(resident: Resident, on: date | None = None) -> list[str]:
    """Why a person cannot apply for a first card (S4-01, S4-02), as codes; empty when they can."""
    day = on or calendar.today()
    found = []
    insured = Cover.objects.standing().filter(person=resident, until__gte=day).exists() or resident.employee_insured
    if not insured:
        found.append("not_insured")
    if Card.objects.filter(holder=resident).exists():
        found.append("has_card")
    elif CardApplication.objects.live().filter(resident=resident).exists():
        found.append("has_application")
    return found


def start(*, actor: Actor, applicant: Resident, resident: Resident, region: Region) -> CardApplication:
    """Begins a draft, or returns the applicant's open draft for the same person.

    Raises PermissionDenied and NotEntitled.
    """
    if not people.may_act_for(actor, resident.pk):
        raise PermissionDenied
    with transaction.atomic():
        Resident.objects.select_for_update().get(pk=applicant.pk)
        draft = CardApplication.objects.filter(
            state=State.DRAFT, applicant=applicant, resident=resident, region=region
        ).first()
        if draft is not None:
            return draft
        if reasons := obstacles(resident):
            raise NotEntitled(reasons)
        snapshot = PolicySnapshot.objects.take(region, calendar.today())
        application = CardApplication(
            applicant=applicant,
            resident=resident,
            region=region,
            office=Office.objects.responsible_for(region, "card_office"),
            policy=snapshot,
            photo_source=PhotoSource.ON_FILE if resident.police_photo else "",
        )
        return CardApplicationWorkflow.begin(application, actor)


def save_personal(
    *,
    application: CardApplication,
    answers: Mapping[str, Any],
    pickup_point: Office,
    receipt_number: str = "",
    photo_id: UUID | None = None,
) -> CardApplication:
    """Stores step 1 of a draft; raises NotAvailable, Incomplete, and ReceiptRefused for an unusable receipt."""
    with transaction.atomic():
        row = _locked(application, State.DRAFT)
        row.photo_id = photo_id or row.photo_id
        asks = photo.asked(photo_facts(row), receipt_rule(row))
        if asks == "photo":
            raise Incomplete(["photo"])
        if receipt_number or asks:
            usable_receipt(row, receipt_number)
        values = {**answers, "receipt_number": photo.tidy_receipt(receipt_number)}
        row.answers = values
        _edit(row, answers_cipher=row.answers_cipher, pickup_point=pickup_point, photo_id=row.photo_id)
    application.refresh_from_db()
    return application


def photo_facts(application: CardApplication) -> photo.Person:
    """What the photo rule looks at for one application."""
    resident = application.resident
    local = bool(resident.hukou_region_code) and resident.hukou_region_code[:4] == application.region.code[:4]
    return photo.Person(
        photo_on_file=resident.police_photo or application.photo_id is not None,
        local=local,
        has_id_card=resident.has_id_card,
    )


def receipt_rule(application: CardApplication) -> dict[str, Any]:
    """What receipts look like in the region, and whether it takes them."""
    return dict(policies.for_region(application.region).setting("photo.receipt"))


def usable_receipt(application: CardApplication, number: str) -> PhotoReceipt:
    """The receipt with this number if the holder may use it today. Raises ReceiptRefused."""
    tidy = photo.tidy_receipt(number)
    rule = receipt_rule(application)
    found = PhotoReceipt.objects.filter(number=tidy).select_related("claim").first()
    known = None
    if found is not None:
        claim = ReceiptClaim.objects.filter(receipt=found).first()
        used = claim is not None and claim.application_id != application.pk
        known = photo.Receipt(found.owner_index, found.taken_on, used)
    problem = photo.judge_receipt(
        tidy, known, owner_index=application.resident.id_index, rule=rule, on=calendar.today()
    )
    if problem is not None or found is None:
        raise ReceiptRefused(problem or ReceiptProblem.UNKNOWN)
    return found


def submit(*, application: CardApplication, actor: Actor, token: UUID, version: int) -> CardApplication:
    """Freezes the terms, claims the receipt, issues the notice: all in one transaction (S4-11 to S4-15).

    The same token again returns the application as it is. Raises Incomplete, NotEntitled, ReceiptRefused, NotAvailable.
    """
    try:
        with transaction.atomic():
            row = CardApplication.objects.select_for_update().get(pk=application.pk)
            if row.state != State.DRAFT and row.submit_token == token:
                return row
            if row.state != State.DRAFT or row.version != version or row.submit_token != token:
                raise NotAvailable(CardApplicationWorkflow.submit, row)
            return _submit(row, actor)
    except IntegrityError:
        if ReceiptClaim.objects.filter(receipt__number=application.answers.get("receipt_number", "")).exists():
            raise ReceiptRefused(ReceiptProblem.USED) from None
        if reasons := obstacles(application.resident):
            raise NotEntitled(reasons) from None
        raise


def _submit(row: CardApplication, actor: Actor) -> CardApplication:
    if not row.answers or row.pickup_point is None:
        raise Incomplete(["personal"])
    # The holder's row is the queue: two first applications at once are judged one after the other.
    Resident.objects.select_for_update().get(pk=row.resident_id)
    if reasons := obstacles(row.resident):
        raise NotEntitled(reasons)
    at = timezone.now()
    today = calendar.local_date(at)
    snapshot = PolicySnapshot.objects.take(row.region, today)
    policy = snapshot.policy
    source = _claim_photo(row)
    fee = policy.fee("card_first")
    free = fee.amount_fen == 0
    _edit(
        row,
        number=free_number(today.year),
        policy=snapshot,
        fee_fen=fee.amount_fen,
        has_feed=bool(policy.setting("card.arrival_feed", True)),
        photo_source=source,
        submitted_at=at,
        submitted_on=today,
        declaration_at=at,
        paid_on=today if free else None,
    )
    if free:
        return CardApplicationWorkflow.submit_free.fire(row, actor, row.version, at=at)
    CardApplicationWorkflow.submit.fire(row, actor, row.version, at=at)
    notice = payments.issue_notice(
        kind="nontax",
        purpose=PURPOSE,
        reference=str(row.pk),
        resident=row.applicant,
        region=row.region,
        policy=snapshot,
        amount_fen=fee.amount_fen,
        lines=[
            payments.Line(
                name=row.resident.name,
                masked_number=row.resident.staff_identity_number,
                label=dict(fee.label),
                standard_fen=fee.amount_fen or 0,
                reference=str(row.pk),
            )
        ],
        office=row.office,
        actor=actor,
        at=at,
    )
    CardApplication.objects.filter(pk=row.pk).update(notice=notice)
    row.refresh_from_db()
    return row


def _claim_photo(row: CardApplication) -> str:
    """Says where the picture comes from; a receipt is claimed by its unique row. Raises ReceiptRefused, Incomplete."""
    if row.resident.police_photo:
        return PhotoSource.ON_FILE
    if row.photo_id is not None:
        return PhotoSource.UPLOAD
    number = row.answers.get("receipt_number", "")
    if not number:
        raise Incomplete(["receipt_number"])
    receipt = usable_receipt(row, number)
    ReceiptClaim.objects.get_or_create(receipt=receipt, application=row, defaults={"claimed_at": timezone.now()})
    return PhotoSource.RECEIPT


def free_number(year: int) -> str:
    """A new application number: series, year, eleven random digits, two check digits."""
    while True:
        payload = f"{SERIES}{year % 100:02d}{secrets.randbelow(10**11):011d}"
        number = payload + check_digits(payload)
        if not CardApplication.objects.filter(number=number).exists():
            return number


def approve(*, application: CardApplication, actor: Actor, version: int) -> CardApplication:
    """Approves: the card may go into a production batch.

    Raises Unmet while the picture of a receipt or an upload has not arrived: nobody approves a photo unseen.
    """
    if application.state == State.UNDER_REVIEW and pictures.is_missing(application):
        raise Unmet(CardApplicationWorkflow.approve, application, [str(pictures.MISSING)])
    return CardApplicationWorkflow.approve.fire(application, actor, version, changes={"approved_on": calendar.today()})


def ask_correction(
    *, application: CardApplication, actor: Actor, version: int, fields: Iterable[str], reason: str
) -> CardApplication:
    """Asks once for everything that is to be put right; `fields` are `photo`, `receipt_number` or answers of step 1."""
    return CardApplicationWorkflow.ask_correction.fire(
        application,
        actor,
        version,
        note=reason,
        codes={"round": application.correction_round + 1},
        changes={
            "correction_fields": sorted(fields),
            "correction_round": application.correction_round + 1,
            "decision_reason": reason,
        },
    )


def reject(*, application: CardApplication, actor: Actor, version: int, reason: str, next_step: str) -> CardApplication:
    """Rejects with the reason and the next step; a reaction proposes the refund."""
    return CardApplicationWorkflow.reject.fire(
        application,
        actor,
        version,
        note=reason,
        changes={"decision_reason": reason, "decision_next_step": next_step},
    )


def _corrected(row: CardApplication, kept: Mapping[str, Any], changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was asked for, before and after, as the card office reads it beside the case; sealed with the answers."""
    found = []
    for name in row.correction_fields:
        if name == "photo":
            before, after = row.photo_source, changes.get("photo_source", row.photo_source)
        else:
            before, after = row.answers.get(name, ""), kept.get(name, "")
        found.append({"round": row.correction_round, "field": name, "before": before, "after": after})
    return found


def resubmit(
    *,
    application: CardApplication,
    actor: Actor,
    version: int,
    answers: Mapping[str, Any],
    receipt_number: str = "",
    photo_id: UUID | None = None,
) -> CardApplication:
    """Takes the corrected answers, and only those asked for; the promise goes on where it stopped.

    Raises NotAvailable, ReceiptRefused, Incomplete.
    """
    with transaction.atomic():
        row = _locked(application, State.CORRECTION_REQUIRED, version)
        asked = set(row.correction_fields)
        kept = row.answers | {name: value for name, value in answers.items() if name in asked}
        changes: dict[str, Any] = {}
        if asked & {"photo", "receipt_number"}:
            if photo_id is not None:
                kept["receipt_number"] = ""
                changes |= {"photo_id": photo_id, "photo_source": PhotoSource.UPLOAD}
            elif receipt_number:
                kept["receipt_number"] = photo.tidy_receipt(receipt_number)
                if row.claims.filter(receipt__number=kept["receipt_number"]).exists():
                    raise ReceiptRefused(ReceiptProblem.USED)  # its picture is the one that was refused
                receipt = usable_receipt(row, receipt_number)
                ReceiptClaim.objects.get_or_create(
                    receipt=receipt, application=row, defaults={"claimed_at": timezone.now()}
                )
                changes |= {"photo_source": PhotoSource.RECEIPT, "photo_id": None}
            else:
                raise Incomplete(["photo"])
        kept["corrections"] = [*row.answers.get("corrections", []), *_corrected(row, kept, changes)]
        row.answers = kept
        _edit(row, answers_cipher=row.answers_cipher, decision_reason="", correction_fields=[], **changes)
        CardApplicationWorkflow.resubmit.fire(row, actor, row.version, codes={"round": row.correction_round})
    application.refresh_from_db()
    return application


def withdraw(*, application: CardApplication, actor: Actor, version: int) -> CardApplication:
    """Withdraws; reactions cancel an unpaid notice or propose the refund."""
    return CardApplicationWorkflow.withdraw.fire(application, actor, version)


def make_agent_code(*, application: CardApplication, actor: Actor) -> str:
    """A new one-time code for somebody who collects the card; earlier ones end. Raises NotAvailable."""
    code = f"{secrets.randbelow(10**8):08d}"
    at = timezone.now()
    with transaction.atomic():
        row = _locked(application, State.READY_FOR_PICKUP)
        row.agent_codes.filter(used_at__isnull=True).update(used_at=at)
        AgentCode.objects.create(
            application=row,
            digest=_digest(row.pk, code),
            made_at=at,
            valid_until=at + timedelta(days=AGENT_CODE_DAYS),
        )
        audit.record("cards.agent_code", actor, subject=row)
    return code


def hand_over(
    *,
    application: CardApplication,
    actor: Actor,
    version: int,
    document: str,
    form_seen: bool,
    agent_name: str = "",
    agent_number: str = "",
    agent_code: str = "",
) -> tuple[Card, str]:
    """Hands the card over after the identity check; returns the card and the activation code of its letter.

    Somebody else needs a one-time code of the holder and their own identity card (S4-23).
    Raises WrongCode, NotAvailable.
    """
    at = timezone.now()
    code = f"{secrets.randbelow(10**6):06d}"
    with transaction.atomic():
        row = _locked(application, State.READY_FOR_PICKUP, version)
        if agent_name:
            used = row.agent_codes.filter(
                digest=_digest(row.pk, agent_code), used_at__isnull=True, valid_until__gt=at
            ).update(used_at=at)
            if not used:
                raise WrongCode(left=0)
        CardApplicationWorkflow.collect.fire(row, actor, row.version, at=at, changes={"decision_reason": ""})
        HandOver.objects.create(
            application=row,
            document=document,
            form_seen=form_seen,
            by_agent=bool(agent_name),
            agent_name=agent_name,
            agent_index=blind_index(agent_number, purpose="cards.agent") if agent_number else "",
            handed_by_id=staff_id(actor),
            at=at,
        )
        card = _issue_card(row, actor, code)
    application.refresh_from_db()
    return card, code


def turn_away(*, application: CardApplication, actor: Actor, version: int, reason: str) -> CardApplication:
    """Notes that somebody came with papers that are untrue or incomplete; the card stays at the pickup point (S2-04).

    The applicant reads the reason on the page and in a message. Raises NotAvailable.
    """
    return CardApplicationWorkflow.turn_away.fire(
        application, actor, version, note=reason, changes={"decision_reason": reason}
    )


def _issue_card(row: CardApplication, actor: Actor, code: str) -> Card:
    today = calendar.today()
    policy = row.policy.policy
    years = int(policy.setting("card.validity_years", 10))
    card = Card(
        holder=row.resident,
        application=row,
        region=row.region,
        policy=row.policy,
        number=f"{secrets.randbelow(10**9):09d}",
        issued_on=today,
        valid_until=_years_after(today, years),
    )
    card.activation_digest = _digest(card.pk, code)
    CardWorkflow.begin(card, actor)
    if not policy.setting("card.activation")["required"]:
        CardWorkflow.activate.fire(card, actor, changes={"activated_at": timezone.now(), "activated_by": "on_site"})
    return card


def _years_after(day: date, years: int) -> date:
    """The same day so many years later; 28 February for a 29th that the year does not have."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def activation_channels(policy: Policy) -> list[str]:
    """The channels through which a region activates cards: `online`, `telephone`, `on_site`."""
    return list(policy.setting("card.activation")["channels"])


def activate(*, card: Card, actor: Actor, channel: str, code: str = "", identity_seen: bool = False) -> Card:
    """Activates a card; wrong codes are counted on the card, whatever the channel, and lock it (N23, D12).

    On site the clerk sees the original document instead of a code, which also lifts a lock. Raises ChannelClosed,
    WrongCode, and NotAvailable or Unmet for a card that is locked or no longer inactive.
    """
    rule = card.policy.policy.setting("card.activation")
    if channel not in rule["channels"]:
        raise ChannelClosed
    at = timezone.now()
    if channel == "on_site" and identity_seen:
        Card.objects.filter(pk=card.pk).update(wrong_tries=0, locked_at=None)
    else:
        unlock_expired(card)
        _try_code(card, code, int(rule["lock_after"]), actor)
    return CardWorkflow.activate.fire(card, actor, changes={"activated_at": at, "activated_by": channel})


def _try_code(card: Card, code: str, lock_after: int, actor: Actor) -> None:
    """Counts the try before it looks at the code: many at once cannot have more than `lock_after` between them."""
    counted = Card.objects.filter(pk=card.pk, locked_at__isnull=True, wrong_tries__lt=lock_after).update(
        wrong_tries=F("wrong_tries") + 1
    )
    if not counted:
        raise WrongCode(left=0)
    if secrets.compare_digest(_digest(card.pk, code), card.activation_digest):
        Card.objects.filter(pk=card.pk).update(wrong_tries=0)
        return
    card.refresh_from_db(fields=["wrong_tries"])
    left = max(0, lock_after - card.wrong_tries)
    if left == 0:
        Card.objects.filter(pk=card.pk, locked_at__isnull=True).update(locked_at=timezone.now())
    audit.record("cards.wrong_activation_code", actor, subject=card, outcome="refused", details={"left": left})
    raise WrongCode(left=left)


def is_locked(card: Card) -> bool:
    """Whether wrong tries keep the telephone and the page shut now; a lock is over after a day."""
    return card.locked_at is not None and card.locked_at > timezone.now() - timedelta(hours=LOCK_HOURS)


def unlock_expired(card: Card) -> None:
    """Lifts a lock that is older than a day, for the telephone and the page; on site it is lifted at once."""
    limit = timezone.now() - timedelta(hours=LOCK_HOURS)
    Card.objects.filter(pk=card.pk, locked_at__lte=limit).update(locked_at=None, wrong_tries=0)


def add_receipt(*, number: str, resident: Resident, taken_on: date, image: bytes = b"") -> PhotoReceipt:
    """Puts a receipt into the photo library, as the studio's upload does; the picture is sealed."""
    tidy = photo.tidy_receipt(number)
    return PhotoReceipt.objects.create(
        number=tidy,
        owner_index=resident.id_index,
        taken_on=taken_on,
        image=pictures.sealed_for_receipt(tidy, image),
    )


def staff_id(actor: Actor) -> int:
    """The account that acts; only staff with an account do what is recorded with a name. Raises PermissionDenied."""
    if actor.user_id is None:
        raise PermissionDenied
    return actor.user_id


def _digest(pk: UUID, code: str) -> str:
    return keyed_digest(f"{pk}:{code}".encode(), purpose="cards.code")


def _locked(application: CardApplication, state: str, version: int | None = None) -> CardApplication:
    row = CardApplication.objects.select_for_update().get(pk=application.pk)
    if row.state != state or (version is not None and row.version != version):
        raise NotAvailable(CardApplicationWorkflow.submit, row)
    return row


def _edit(row: CardApplication, **changes: Any) -> None:
    if not CardApplication.objects.edited(row.pk, row.version, **changes):
        raise NotAvailable(CardApplicationWorkflow.submit, row)
    row.refresh_from_db()
