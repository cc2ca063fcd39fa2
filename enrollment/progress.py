"""Where an application stands, as its people read it: what was, what is, what comes, and who has to do something."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from enrollment import cover, offices, terms
from enrollment.codes import PaymentOrder
from enrollment.models import Application
from enrollment.states import FINAL, State
from enrollment.workflow import REVIEW, EnrollmentWorkflow
from payments.models import Notice
from payments.states import State as NoticeState
from portal.design.components import Progress, TimelineItem
from portal.design.text import format_day, format_yuan
from portal.people.actors import Actor
from portal.regions import calendar
from portal.regions.policy_values import Policy
from portal.regions.text import pick
from portal.workflow import clocks, stories
from portal.workflow.clocks import Usage

TAG_COLOURS = {
    State.DRAFT: "grey",
    State.SUBMITTED: "blue",
    State.UNDER_REVIEW: "blue",
    State.CORRECTION_REQUIRED: "orange",
    State.ESCALATED: "purple",
    State.APPROVED: "turquoise",
    State.AWAITING_PAYMENT: "yellow",
    State.ENROLLED: "green",
    State.REJECTED: "red",
    State.WITHDRAWN: "grey",
    State.LAPSED: "grey",
}

AHEAD = {
    "checks": gettext_lazy("Automatic checks"),
    "review": gettext_lazy("Review by the office"),
    "payment": gettext_lazy("Payment of the premium"),
    "cover": pgettext_lazy("state", "Insured"),
}
DONE_BY = {
    PaymentOrder.REVIEW_FIRST: ("checks", "review", "payment", "cover"),
    PaymentOrder.PAY_FIRST: ("checks", "payment", "review", "cover"),
}
STANDS_AT = {
    State.SUBMITTED: "checks",
    State.UNDER_REVIEW: "review",
    State.CORRECTION_REQUIRED: "review",
    State.ESCALATED: "review",
    State.APPROVED: "review",
    State.AWAITING_PAYMENT: "payment",
}


@dataclass(frozen=True)
class Step:
    """What the reader has to do, or that nothing is to be done; `url` leads there."""

    title: str
    text: str
    url: str = ""
    label: str | Promise = ""
    waits_for_you: bool = False


@dataclass(frozen=True)
class Standing:
    """Who has a case since when, and by which day the present step ends; no day where none is due.

    `to_pay` says that the day is the one to pay by, which pages and notices call by one name.
    """

    holder: str
    since: datetime
    by: date | None
    to_pay: bool = False


def step(application: Application) -> Step:
    """The next step of an application in words."""
    return STEPS[State(application.state)](application)


def _draft(application: Application) -> Step:
    return Step(
        _("Finish the registration form"),
        _("The draft is kept until %(day)s. Nothing has been sent yet.") % {"day": format_day(application.last_day)},
        reverse("enrollment:tasks", args=[application.pk]),
        _("Continue the form"),
        waits_for_you=True,
    )


def _submitted(application: Application) -> Step:
    if application.is_held:
        return _held(application)
    return Step(
        _("We are checking your details"),
        _("The automatic checks take a minute or two. You need not wait here: we send a message when there is news."),
    )


def _under_review(application: Application) -> Step:
    return Step(
        _("The office is reviewing the application"),
        _("A decision follows by %(day)s at the latest. Bring the materials to the office if you have not yet.")
        % {"day": format_day(application.last_day)},
    )


def _correction(application: Application) -> Step:
    return Step(
        _("Please put some things right"),
        _("Send your corrections by %(day)s. The time for the review stands still until then, and you keep your place.")
        % {"day": format_day(application.last_day)},
        reverse("enrollment:correct", args=[application.pk]),
        _("See what to correct"),
        waits_for_you=True,
    )


def _escalated(application: Application) -> Step:
    return Step(
        _("The county centre decides now"),
        _("The office did not decide in time. The county centre decides next. We are sorry for the delay."),
    )


def _held(application: Application) -> Step:
    return Step(
        _("The premium is not published yet"),
        _("The amount for %(year)d has not been published. Your place is kept; the payment notice follows by itself.")
        % {"year": application.cover_year},
    )


def _approved(application: Application) -> Step:
    if application.is_held:
        return _held(application)
    return Step(_("The application is approved"), _("The next step follows within a minute or two."))


def _awaiting_payment(application: Application) -> Step:
    notice = application.notice
    if notice is None:
        return Step(_("The payment notice is being made"), _("It will be here within a minute or two."))
    if notice.is_overdue(calendar.today()):
        return _awaiting_late_news(notice)
    if notice.collective is not None and notice.collective.state == NoticeState.ISSUED:
        return _awaiting_together(notice.collective)
    return Step(
        _("Please pay the premium"),
        " ".join(
            [
                _("Pay %(amount)s by %(day)s. The notice lists every place where you can pay.")
                % {"amount": format_yuan(notice.amount_fen), "day": format_day(notice.due_on)},
                *_pay_early(application, notice),
            ]
        ),
        notice.get_absolute_url(),
        _("Open the payment notice"),
        waits_for_you=True,
    )


def _awaiting_late_news(notice: Notice) -> Step:
    """Nothing to pay any more; for some days money of the last day may still be on its way from a bank."""
    return Step(
        _("The pay-by day is over. Do not pay now; call us."),
        _("If you paid by %(day)s, the money is on its way and counts. Otherwise the application lapses by itself.")
        % {"day": format_day(notice.due_on)},
        notice.get_absolute_url(),
        _("Open the payment notice"),
    )


def pay_by(application: Application) -> date | None:
    """The last day to pay, while there is still time to."""
    notice = application.notice
    if application.state != State.AWAITING_PAYMENT or notice is None or notice.is_overdue(calendar.today()):
        return None
    return notice.due_on


def _pay_early(application: Application, notice: Notice) -> list[str]:
    """Until when to pay for the best cover, where the notice leaves longer: newborn window or collection period."""
    window = terms.window_now(application, calendar.today())
    if window is None or window.until >= notice.due_on:
        return []
    day = {"day": format_day(window.until)}
    if window.window == cover.Window.NEWBORN:
        return [_("For cover from birth, pay by %(day)s.") % day]
    if window.window == cover.Window.COLLECTION:
        return [_("Who pays after %(day)s waits for the benefits: better pay before.") % day]
    return []


def _awaiting_together(notice: Notice) -> Step:
    return Step(
        _("Please pay the premium"),
        _("Pay %(amount)s for %(count)d people together by %(day)s.")
        % {
            "amount": format_yuan(notice.amount_fen),
            "count": len(notice.lines),
            "day": format_day(notice.due_on),
        },
        notice.get_absolute_url(),
        _("Open the payment notice"),
        waits_for_you=True,
    )


def _enrolled(application: Application) -> Step:
    return Step(_("The person is insured"), _("Nothing is left to do."))


def _rejected(application: Application) -> Step:
    text = _("The progress page says why and what can be done next.")
    return Step(_("The application was not approved"), " ".join([text, *_money_back(application)]))


def _withdrawn(application: Application) -> Step:
    text = _("You can apply again while the registration is open.")
    return Step(_("The application was withdrawn"), " ".join([text, *_money_back(application)]))


def _lapsed(application: Application) -> Step:
    text = _("The time ran out. You can apply again while the registration is open.")
    return Step(_("The application has lapsed"), " ".join([text, *_money_back(application)]))


def _money_back(application: Application) -> list[str]:
    """What becomes of money that was paid before a case ended without cover."""
    if application.notice is None or application.notice.state not in (NoticeState.REFUNDING, NoticeState.REFUNDED):
        return []
    return [_("The money you paid goes back to you; the payment notice shows how far that is.")]


STEPS = {
    State.DRAFT: _draft,
    State.SUBMITTED: _submitted,
    State.UNDER_REVIEW: _under_review,
    State.CORRECTION_REQUIRED: _correction,
    State.ESCALATED: _escalated,
    State.APPROVED: _approved,
    State.AWAITING_PAYMENT: _awaiting_payment,
    State.ENROLLED: _enrolled,
    State.REJECTED: _rejected,
    State.WITHDRAWN: _withdrawn,
    State.LAPSED: _lapsed,
}


def standing(application: Application) -> Standing:
    """Who has the case, since when and by when, at every stage (F1)."""
    is_billed = application.state == State.AWAITING_PAYMENT
    pay_until = pay_by(application)
    if application.waits_for_resident and (not is_billed or pay_until):
        holder = _("You: something is waiting for you")
    elif is_billed:
        holder = _("The portal; it goes on by itself")
    elif application.state in FINAL:
        holder = _("Nobody: the case is closed")
    elif application.state in (State.SUBMITTED, State.APPROVED):
        holder = _("The portal; it goes on by itself")
    else:
        office = offices.in_charge(application)
        holder = office.name if office else _("the office in charge")
    by = application.last_day
    if is_billed:
        by = pay_until
    elif application.state == State.SUBMITTED and not application.is_held:
        by = offices.expected_on(application)
    return Standing(holder=holder, since=application.state_since, by=by, to_pay=is_billed)


def timeline(application: Application, viewer: Actor) -> list[Any]:
    """Done, now and next, in one list."""
    return [*stories.items(application, viewer, now=application.state not in FINAL), *ahead(application)]


def ahead(application: Application) -> list[TimelineItem]:
    """The steps still to come in the order of this region; free applications have no payment."""
    order: tuple[str, ...] = DONE_BY[PaymentOrder(application.payment_order)]
    if application.nothing_payable:
        order = tuple(code for code in order if code != "payment")
    stage = STANDS_AT.get(State(application.state))
    if stage not in order:
        return []
    return [TimelineItem(AHEAD[code], Progress.NEXT) for code in order[order.index(stage) + 1 :]]


def used(application: Application) -> Usage | None:
    """How much of the office's time is used (N2); None before the review begins."""
    return clocks.usages(EnrollmentWorkflow.name, application.pk).get(REVIEW)


def used_words(usage: Usage | None) -> str:
    """ "2 of 3 working days used", in the reader's language."""
    if usage is None or usage.stopped:
        return ""
    if usage.days == 0:
        return _("Decided on the spot")
    if usage.used > usage.days:
        return ngettext(
            "%(used)d working days used; %(days)d was promised",
            "%(used)d working days used; %(days)d were promised",
            usage.days,
        ) % {"used": usage.used, "days": usage.days}
    return ngettext("%(used)d of %(days)d working day used", "%(used)d of %(days)d working days used", usage.days) % {
        "used": usage.used,
        "days": usage.days,
    }


def appeal(application: Application) -> dict[str, Any]:
    """The right of appeal as the region words it (Reconsideration Law 20, 22): body, address, online channel, days."""
    return right_of_appeal(application.policy.policy)


def right_of_appeal(policy: Policy) -> dict[str, Any]:
    """The same from the region's policy alone, for papers."""
    found = policy.setting("appeal", {})
    texts = {name: pick(found.get(name)) for name in ("body", "address", "online")}
    return texts | {
        "phone": found.get("phone", ""),
        "days": policy.days("appeal_calendar"),
        "months": found.get("court_months", 6),
    }
