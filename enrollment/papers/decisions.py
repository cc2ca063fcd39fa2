"""The decision: approval, approval by lapse of time, and rejection with reason, basis and right of appeal (B6)."""

from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from enrollment.models import Application, Cover
from enrollment.papers import history, parts
from enrollment.papers.checking import APPROVAL_TITLE, DECISION, REJECTION_TITLE, proof
from enrollment.papers.requests import asking_office
from enrollment.progress import right_of_appeal
from enrollment.states import State
from portal.design.text import format_day
from portal.documents.papers import Paper, PaperField
from portal.regions.policy_values import Policy
from portal.regions.text import both, pick

GENERAL_BASIS = both("《中华人民共和国社会保险法》第二十五条、第五十八条", "Social Insurance Law, arts. 25 and 58")


class NotDecided(LookupError):
    """There is no decision that stands."""


def decision(application: Application, language: str | None = None) -> Paper:
    """The last decision as it stands now. Raises NotDecided while there is none, or after the case was reopened."""
    with parts.spoken(language) as chosen:
        made = history.last_decision(application)
        if made is None:
            raise NotDecided
        policy = application.policy.policy
        office = asking_office(application, made)
        record, facts = proof(DECISION, application, made.version)
        special = _approval(application) if made.approved else _rejection(application, made, policy)
        return Paper(
            kind=DECISION,
            title=str(APPROVAL_TITLE if made.approved else REJECTION_TITLE),
            number=application.grouped_number,
            issued_on=made.on,
            language=chosen,
            office=office.name if office else "",
            status=_status(application, made),
            parties=parts.people(application),
            fields=[
                PaperField(_("Decision"), _words(made), "decision", wide=True, strong=True),
                PaperField(_("Cover year"), str(application.cover_year), "cover_year"),
                PaperField(_("Filed"), format_day(application.submitted_on), "filed"),
                *special,
                PaperField(_("Legal basis"), _basis(application, made, policy), "basis", wide=True),
                *parts.office_fields(office),
            ],
            paragraphs=_next_steps(application, made) + _appeal_lines(made, policy),
            signatures=parts.seal(office),
            codes=parts.codes(application, record, facts, progress=False),
            footer=parts.closing(policy),
        )


def _words(made: history.Decision) -> str:
    if made.deemed:
        return _("Approved by lapse of time: the office did not decide within its time limit.")
    return _("Approved") if made.approved else _("Not approved")


def _status(application: Application, made: history.Decision) -> str:
    """What has become of the decision since; deemed approval is marked as such."""
    if made.outcome and application.state == State.WITHDRAWN:
        return _("The application was withdrawn on %(day)s.") % {"day": format_day(application.state_since)}
    if made.outcome:
        return _("The application lapsed on %(day)s.") % {"day": format_day(application.state_since)}
    return _("Deemed approval, by the rules of this region") if made.deemed else ""


def _approval(application: Application) -> list[PaperField]:
    fields = [PaperField(_("Premium"), parts.premium_words(application), "premium")]
    notice = application.notice
    if notice is not None and application.state == State.AWAITING_PAYMENT:
        fields.append(PaperField(_("Pay by"), format_day(notice.due_on), "pay_by"))
    if notice is not None:
        fields.append(PaperField(_("Notice number"), notice.grouped_number, "notice"))
    cover = Cover.objects.filter(application=application).first()
    if cover is not None:
        fields.append(PaperField(_("Benefits from"), format_day(cover.benefits_from), "benefits_from"))
        fields.append(PaperField(_("Cover until"), format_day(cover.until), "until"))
    return fields


def _rejection(application: Application, made: history.Decision, policy: Policy) -> list[PaperField]:
    return [
        PaperField(_("Reason"), application.decision_reason, "reason", wide=True),
        PaperField(_("What you can do next"), application.decision_next_step, "next_step", wide=True),
        PaperField(_("Appeal by"), format_day(appeal_until(made.on, policy)), "appeal_until", wide=True, strong=True),
    ]


def appeal_until(decided_on: date, policy: Policy) -> date:
    """The last day to apply for reconsideration; the day of the decision is not counted (Reconsideration Law 20)."""
    return decided_on + timedelta(days=policy.days("appeal_calendar"))


def _basis(application: Application, made: history.Decision, policy: Policy) -> str:
    """The law a decision rests on, by the code of its reason, as the region words it."""
    table: dict[str, Any] = policy.setting("decision.basis", {})
    code = "approved"
    if not made.approved:
        entry = application.timeline.filter(version=made.version).first()
        code = str(entry.codes.get("reason", "")) if entry is not None else ""
    return pick(table.get(code) or table.get("other") or GENERAL_BASIS)


def _next_steps(application: Application, made: history.Decision) -> list[str]:
    settled = application.nothing_payable or application.paid_on is not None
    if not made.approved or settled or application.state in (State.ENROLLED, State.WITHDRAWN, State.LAPSED):
        return []
    if application.premium_pending:
        return [_("The premium is not published yet; the payment notice follows by itself.")]
    return [_("Pay by the payment notice; the cover begins as the notice and the portal say.")]


def _appeal_lines(made: history.Decision, policy: Policy) -> list[str]:
    """The right of appeal: body, place, telephone, online channel, court (Reconsideration Law 20, 22)."""
    if made.approved:
        return []
    right = right_of_appeal(policy)
    law = policy.setting("legal.appeal", [])
    lines = [
        _(
            "If you disagree you may apply for administrative reconsideration within %(days)d days of receiving this "
            "decision to %(body)s, or go to court within %(months)d months."
        )
        % {"days": right["days"], "body": right["body"], "months": right["months"]},
        _("Address: %(address)s. Telephone: %(phone)s.") % {"address": right["address"], "phone": right["phone"]},
        _("Online: open your application on this portal and choose “Apply for reconsideration”. It costs nothing."),
    ]
    if law:
        lines.append(
            _("Basis of the appeal: %(law)s, %(article)s.")
            % {"law": pick(law[0]["law"]), "article": pick(law[0]["article"])}
        )
    return lines
