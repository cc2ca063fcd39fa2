"""The cover sheet of a roster: what was handed in, what became of it, and what is to be paid (G2)."""

import dataclasses
import hashlib
import json
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from enrollment.models import Outcome, Roster
from enrollment.papers.parts import spoken, to_sign
from enrollment.rosters import notices, services, texts
from enrollment.states import State
from payments.amounts import rmb_capital
from payments.models import Notice
from portal.design.text import format_day, format_moment, format_yuan
from portal.documents import records
from portal.documents.papers import Paper, PaperCode, PaperField, PaperTable
from portal.regions import calendar

KIND, SUBJECT = "roster_cover_sheet", "enrollment.roster"
TITLE = gettext_lazy("Cover sheet of a village roster for the residents' medical insurance")


def cover_sheet(roster: Roster, language: str | None = None) -> Paper:
    """The cover sheet as things stand now; its total is the sum of the batch notices, each the sum of its members."""
    with spoken(language) as chosen:
        batch = notices.of(roster)
        figures = services.counts(roster)
        facts = facts_of(roster)
        return Paper(
            kind=KIND,
            title=str(TITLE),
            issued_on=facts.issued_on,
            language=chosen,
            office=roster.office.name if roster.office else "",
            parties=[
                PaperField(_("Village or neighbourhood"), roster.region.full_name, "region", wide=True),
                PaperField(_("Entered by"), roster.created_by.display_name, "entered_by"),
                PaperField(_("Cover year"), str(roster.cover_year), "cover_year"),
                PaperField(_("File"), roster.file_name, "file", wide=True),
                PaperField(_("Uploaded"), format_moment(roster.created_at), "uploaded"),
                PaperField(
                    _("Submitted at"), format_moment(roster.submitted_at) if roster.submitted_at else "–", "submitted"
                ),
            ],
            fields=[
                PaperField(_("Lines in the file"), str(roster.line_count), "lines"),
                PaperField(_("Applications submitted"), str(figures[Outcome.SUBMITTED]), "good_count", strong=True),
                PaperField(_("Lines to correct"), str(figures[Outcome.BAD]), "bad_count"),
                PaperField(_("Registered by the village before"), str(figures[Outcome.KNOWN]), "known_count"),
                *_sums(batch),
            ],
            tables=[_states(roster), *([_notices(batch)] if batch else [])],
            paragraphs=[texts.who_is_told(roster.region)],
            signatures=to_sign(_("For the village (signature, seal)"), _("Received by the office (signature, date)")),
            codes=[_code(roster, batch, facts)],
            footer=[_("Printed on %(moment)s from the portal.") % {"moment": format_moment(timezone.now())}],
        )


def _sums(batch: list[Notice]) -> list[PaperField]:
    """Of how many people, and over how much, in figures and capitals; nothing while there is no notice."""
    if not batch:
        return []
    total = sum(notice.amount_fen for notice in batch)
    people = sum(len(notice.lines) for notice in batch)
    return [
        PaperField(_("People on batch notices"), str(people), "people"),
        PaperField(_("Sum of the batch notices"), format_yuan(total), "total", strong=True),
        PaperField(_("In capitals"), rmb_capital(total), "total_capital", wide=True),
    ]


def _states(roster: Roster) -> PaperTable:
    found: dict[str, int] = {}
    for state in roster.rows.filter(outcome=Outcome.SUBMITTED).values_list("application__state", flat=True):
        found[state] = found.get(state, 0) + 1
    return PaperTable(
        caption=_("Where the applications stand"),
        head=[_("State"), pgettext("workload", "Applications")],
        rows=[[str(state.label), str(found[state])] for state in State if state in found],
        foot=[_("Total"), str(sum(found.values()))],
        widths=[70, 30],
        numeric=[1],
    )


def _notices(batch: list[Notice]) -> PaperTable:
    return PaperTable(
        caption=_("Batch notices"),
        head=[_("Notice number"), _("Pay code"), _("People"), _("Amount"), _("Pay by"), _("State")],
        rows=[
            [
                notice.grouped_number,
                notice.grouped_pay_code,
                str(len(notice.lines)),
                format_yuan(notice.amount_fen),
                format_day(notice.due_on),
                notice.state_name,
            ]
            for notice in batch
        ],
        foot=[
            _("Total"),
            "",
            str(sum(len(notice.lines) for notice in batch)),
            format_yuan(sum(notice.amount_fen for notice in batch)),
            "",
            "",
        ],
        widths=[20, 26, 10, 16, 16, 12],
        numeric=[2, 3],
    )


def _code(roster: Roster, batch: list[Notice], facts: records.PaperFacts) -> PaperCode:
    """The check address; a sheet with other figures is another paper."""
    record = records.issue_record(kind=KIND, subject_kind=SUBJECT, subject_id=f"{roster.pk}:{_version(roster, batch)}")
    address = records.check_address(record, facts)
    return PaperCode("qr", address, "{}\n{}".format(_("Check this paper"), records.caption_code(record.code)))


def _version(roster: Roster, batch: list[Notice]) -> int:
    """A number that the figures of a sheet have and other figures have not."""
    shown = [services.counts(roster), [(str(notice.pk), notice.state) for notice in batch]]
    return int.from_bytes(hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).digest()[:3])


def facts_of(roster: Roster) -> records.PaperFacts:
    """What the public check may say: kind, day and sum, nobody's name (N4).

    The sum follows the payments, so it is no part of what the code carries: an older sheet is outdated, not altered.
    """
    total = sum(notice.amount_fen for notice in notices.of(roster))
    note = _("Sum of the batch notices: %(amount)s") % {"amount": format_yuan(total)} if total else ""
    return records.PaperFacts(title=TITLE, issued_on=calendar.local_date(roster.created_at), note=note)


def read_facts(subject_id: str) -> records.PaperFacts | None:
    """The facts of a cover sheet by the subject of its record; one with other figures than now is superseded."""
    key, _colon, version = subject_id.partition(":")
    try:
        pk = UUID(key)
    except ValueError:
        return None
    roster = Roster.objects.filter(pk=pk).first()
    if roster is None:
        return None
    is_outdated = version != str(_version(roster, notices.of(roster)))
    facts = facts_of(roster)
    return dataclasses.replace(facts, outcome="superseded", note="") if is_outdated else facts


def register() -> None:
    """Tells the paper check how to read the facts of cover sheets."""
    records.register_facts(SUBJECT, read_facts)
