"""Where a card application stands, as its people read it."""

from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from cards.models import CardApplication
from cards.states import CardState, State
from cards.workflow import PROMISE, CardApplicationWorkflow
from portal.design.components import Progress, TimelineItem
from portal.people.actors import Actor
from portal.regions import calendar
from portal.regions.policy_values import Policy
from portal.workflow import clocks, stories

TAG_COLOURS = {
    State.DRAFT: "grey",
    State.AWAITING_PAYMENT: "yellow",
    State.UNDER_REVIEW: "blue",
    State.CORRECTION_REQUIRED: "orange",
    State.IN_PRODUCTION: "turquoise",
    State.READY_FOR_PICKUP: "green",
    State.COLLECTED: "green",
    State.REJECTED: "red",
    State.WITHDRAWN: "grey",
    State.LAPSED: "grey",
    State.SEALED: "grey",
}
CARD_COLOURS = {
    CardState.INACTIVE: "yellow",
    CardState.ACTIVE: "green",
    CardState.LOSS_TEMPORARY: "orange",
    CardState.LOSS_FORMAL: "red",
    CardState.REPLACED: "grey",
    CardState.CANCELLED: "grey",
    CardState.EXPIRED: "grey",
}
AHEAD = (
    (State.AWAITING_PAYMENT, gettext_lazy("Payment of the card fee")),
    (State.UNDER_REVIEW, gettext_lazy("Review by the card office")),
    (State.IN_PRODUCTION, gettext_lazy("Production of the card")),
    (State.READY_FOR_PICKUP, pgettext_lazy("step", "Ready for pickup")),
    (State.COLLECTED, pgettext_lazy("step", "Collected and activated")),
)
PLACE = {state: position for position, (state, _label) in enumerate(AHEAD)} | {State.CORRECTION_REQUIRED: 0}
NEXT_STEPS: dict[str, Any] = {
    State.UNDER_REVIEW: gettext_lazy("The card office is reviewing the application; you need not do anything"),
    State.IN_PRODUCTION: gettext_lazy("The card is being made; you need not do anything"),
}
"""What comes next where the applicant has nothing to do (F1)."""
CHANNEL_LABELS = {
    "online": gettext_lazy("online, on this site"),
    "telephone": gettext_lazy("by telephone"),
    "on_site": gettext_lazy("on site, with the original identity card"),
}


def timeline(application: CardApplication, actor: Actor) -> list[Any]:
    """What was done, where it stands now, and what comes, with the promised day."""
    # What ended needs no line of its own: the last entry says how it ended.
    items: list[Any] = list(stories.items(application, actor, now=not application.is_final))
    place = PLACE.get(State(application.state))
    if place is None:
        return items
    tells_day = not application.is_paused and not application.is_overdue(calendar.today())
    for state, label in AHEAD[place + 1 :]:
        due = application.promised_on if state == State.READY_FOR_PICKUP and tells_day else None
        items.append(TimelineItem(label, Progress.NEXT, due=due))
    return items


def used(application: CardApplication) -> clocks.Usage | None:
    """How much of the promise is used, and whether it stands still (N2)."""
    return clocks.usages(CardApplicationWorkflow.name, application.pk).get(PROMISE)


def steps_of(application: CardApplication) -> list[dict[str, Any]]:
    """The three numbered steps of the online part; a step is open once the one before is done (D5)."""
    sent = application.state != State.DRAFT
    free = application.fee_fen == 0
    paid = application.paid_on is not None
    return [
        {"number": 1, "title": _("Personal information"), "name": "personal", "open": True, "done": sent},
        {"number": 2, "title": _("Print the application form"), "name": "form", "open": sent, "done": paid},
        {
            "number": 3,
            "title": _("Nothing to pay") if free else _("Print the payment notice"),
            "name": "pay",
            "open": sent,
            "done": paid,
        },
    ]


def channel_names(policy: Policy) -> list[str]:
    """The ways to activate a card in a region, in words (S2-08)."""
    return [str(CHANNEL_LABELS[channel]) for channel in policy.setting("card.activation")["channels"]]


def days_over(application: CardApplication, today: date) -> int:
    """Calendar days since the promised day, 0 when it is not over."""
    return (today - application.promised_on).days if application.is_overdue(today) and application.promised_on else 0
