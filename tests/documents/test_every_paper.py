"""Every kind of paper there is: the same texts in all three forms, and what the public check says of it, before and
after it was overtaken.
"""

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from cards import papers as card_papers
from cards import services as cards
from cards.models import CardApplication
from enrollment import lists, papers, services
from enrollment.models import Application
from enrollment.rosters import notices as batches
from enrollment.rosters import papers as roster_papers
from payments import held_cash, held_papers, kinds, receipt_papers, receipts
from payments.collective import issue_collective
from payments.models import HeldCash, Notice, Receipt, VoidReason
from payments.services import confirm_refund, propose_refund
from portal.documents.papers import Paper, paper_texts, render_docx, render_html, render_pdf
from portal.people.actors import SYSTEM
from portal.regions import policy as policies
from portal.regions.models import Region
from tests.cards import journeys as card_journeys
from tests.documents.test_papers import docx_texts, html_texts, pdf_text, plain
from tests.enrollment import journeys, roster_files
from tests.enrollment.conftest import monday, regions
from tests.people_cast import ResidentFactory, actor

__all__ = ["monday", "regions"]

pytestmark = pytest.mark.django_db
TOWN = "450302001"
Printed = tuple[Callable[[], Paper], Callable[[], object], str]
"""How a paper is made, what overtakes it, and what the check says of the old one then (empty: no code on it)."""


def enrolled(kind: str, cast: Any) -> Printed:
    application = journeys.under_review(cast.zhang)
    if kind in ("receipt", "form"):
        journeys.ask(application, cast.clerk)

    return lambda: papers.make(kind, journeys.reload(application)), lambda: answered(application, cast), "superseded"


def request(cast: Any) -> Printed:
    application = journeys.under_review(cast.zhang)
    journeys.ask(application, cast.clerk)

    def ask_again() -> None:
        answered(application, cast)
        journeys.ask(journeys.reload(application), cast.clerk)

    return lambda: papers.make("request", journeys.reload(application)), ask_again, "superseded"


def answered(application: Application, cast: Any) -> None:
    row = journeys.reload(application)
    values = {item.code: "甲山村9号" for item in row.corrections.filter(kind="field")}
    codes = [item.code for item in row.corrections.exclude(kind="field")]
    services.resubmit(application=row, actor=actor(cast.zhang), version=row.version, values=values, handed_in=codes)


def approval(cast: Any) -> Printed:
    application = journeys.approved(cast.zhang, cast.clerk)

    def withdraw() -> None:
        row = journeys.reload(application)
        services.withdraw(application=row, actor=actor(cast.zhang), version=row.version)

    return lambda: papers.make("decision", journeys.reload(application)), withdraw, "void"


def rejection(cast: Any) -> Printed:
    application = journeys.under_review(cast.zhang)
    told = {"reason_code": "other_cover", "reason": "您已参加职工医保", "next_step": "停保后可以重新申请"}
    services.reject(application=application, actor=actor(cast.clerk), version=application.version, **told)
    return lambda: papers.make("decision", journeys.reload(application)), lambda: None, "genuine"


def premium(cast: Any) -> Printed:
    application = journeys.approved(cast.zhang, cast.clerk)
    return lambda: kinds.paper_of(fresh(application.notice)), lambda: journeys.pay(application), "superseded"


def card_fee(_cast: Any) -> Printed:
    application = card_journeys.submitted(card_journeys.resident())
    return lambda: kinds.paper_of(fresh(application.notice)), lambda: card_journeys.pay(application), "superseded"


def family(cast: Any) -> Printed:
    members = [journeys.approved(person, cast.clerk).notice for person in (cast.zhang, ResidentFactory())]
    whole = issue_collective(
        purpose="test",
        reference="family",
        members=members,
        payer=cast.zhang,
        region=members[0].region,
        office=members[0].office,
        policy=members[0].policy,
        actor=SYSTEM,
    )
    paid_alone = Application.objects.get(notice=members[1])
    return lambda: kinds.paper_of(fresh(whole)), lambda: journeys.pay(paid_alone), "superseded"


def fresh(notice: Notice) -> Notice:
    return Notice.objects.select_related("region", "office", "policy", "superseded_by").get(pk=notice.pk)


def paid_receipt(cast: Any, application: Any = None) -> Receipt:
    application = application or journeys.pay(journeys.approved(cast.zhang, cast.clerk))
    return Receipt.objects.get(notice=application.notice)


def receipt(cast: Any) -> Printed:
    found = paid_receipt(cast)

    def spoil() -> None:
        receipts.void_receipt(found, reason=VoidReason.SPOILED, actor=actor(cast.cashier))

    return lambda: receipt_papers.paper(Receipt.objects.get(pk=found.pk)), spoil, "void"


def fiscal_receipt(cast: Any) -> Printed:
    found = paid_receipt(cast, card_journeys.under_review(card_journeys.resident()))
    by = actor(cast.cashier)
    prints = [receipts.print_of(found, "pdf", by) for _count in range(2)]

    def spoil() -> None:
        receipts.void_receipt(found, reason=VoidReason.SPOILED, actor=by)

    return lambda: receipt_papers.paper(Receipt.objects.get(pk=found.pk), prints[-1]), spoil, "void"


def reversal(cast: Any) -> Printed:
    found = paid_receipt(cast)
    propose_refund(found.notice, reason="paid_twice", actor=actor(cast.cashier))
    confirm_refund(found.notice, actor=actor(cast.second_cashier))
    back = Receipt.objects.get(reverses=found)
    return lambda: receipt_papers.paper(Receipt.objects.get(pk=back.pk)), lambda: None, "genuine"


def held(cast: Any) -> Printed:
    case = journeys.approved(ResidentFactory(), cast.clerk)
    Application.objects.filter(pk=case.pk).update(helper=cast.agent)
    taken = held_cash.take(notice=case.notice, actor=actor(cast.agent), amount_fen=case.notice.amount_fen)

    def give_back() -> None:
        held_cash.give_back(held=taken, actor=actor(cast.agent), reason="退回")

    return lambda: held_papers.slip(HeldCash.objects.get(pk=taken.pk)), give_back, "void"


def cover_sheet(cast: Any) -> Printed:
    roster = roster_files.submitted(cast.agent, roster_files.as_csv([roster_files.line() for _count in range(2)]))
    journeys.sweep()
    for case in Application.objects.filter(roster_row__roster=roster):
        seen = journeys.seen(case, cast.clerk)
        services.approve(application=seen, actor=actor(cast.clerk), version=seen.version)
    home = ResidentFactory(name="梁秀")
    type(cast.agent).objects.filter(pk=cast.agent.pk).update(own_id_index=home.id_index)

    def bill() -> None:
        batches.issue(roster, actor(cast.agent))

    return lambda: roster_papers.cover_sheet(roster), bill, "superseded"


def card_form(_cast: Any) -> Printed:
    person = card_journeys.resident()
    application = card_journeys.under_review(person)
    clerk = card_journeys.card_clerk()

    def correct() -> None:
        asked = cards.ask_correction(
            application=application,
            actor=actor(clerk),
            version=application.version,
            fields=["address"],
            reason="门牌号",
        )
        cards.resubmit(
            application=asked, actor=actor(person), version=asked.version, answers={"address": "小榄镇示例路9号"}
        )

    def make() -> Paper:
        return card_papers.application_form(CardApplication.objects.for_pages().get(pk=application.pk))

    return make, correct, "superseded"


def blank(_cast: Any) -> Printed:
    return lambda: papers.blank_form(Region.objects.get(code=TOWN)), lambda: None, ""


def attorney(_cast: Any) -> Printed:
    region = Region.objects.get(code=TOWN)
    return lambda: lists.attorney_form(region, policies.for_region(region), {"agent": "李四"}), lambda: None, ""


KINDS: dict[str, Callable[[Any], Printed]] = {
    "receipt": lambda cast: enrolled("receipt", cast),
    "registration form": lambda cast: enrolled("form", cast),
    "one-time notification": request,
    "approval": approval,
    "rejection": rejection,
    "premium notice": premium,
    "card fee notice": card_fee,
    "family notice": family,
    "premium receipt": receipt,
    "copy of a fiscal receipt": fiscal_receipt,
    "reversal": reversal,
    "slip for held cash": held,
    "cover sheet": cover_sheet,
    "card form": card_form,
    "blank form": blank,
    "power of attorney": attorney,
}


def check(client: Any, paper: Paper, **changes: str) -> str:
    """What the page behind the QR code says: its outcome."""
    parts = urlsplit(paper.codes[0].payload)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    page = client.get(parts.path, query)
    verdict = page.context["verdict"]
    assert (page.status_code, verdict.facts.issued_on) == (200, paper.issued_on)
    return str(verdict.outcome)


@pytest.mark.parametrize("kind", KINDS)
def test_every_paper_is_one_source_and_can_be_checked(kind: str, cast: Any, monday: Any, client: Any) -> None:
    """N4, N5, E11, S0-05, S4-14, S4-16, S4-17: nothing more or less in any form; genuine, altered, overtaken."""
    make, overtake, after = KINDS[kind](cast)
    monday.shift(timedelta(minutes=1))
    paper = make()
    wanted = {plain(text) for text in paper_texts(paper)}
    # A caption of more than one line is one text of the page and more of a Word file.
    assert html_texts(render_html(paper)) ^ wanted <= {""}
    assert docx_texts(render_docx(paper)) ^ wanted <= {""}
    printed = Counter(pdf_text(render_pdf(paper)))
    texts = Counter(re.sub(r"\s+", "", "".join(paper_texts(paper)) + "：" * len(paper.number_line)))
    assert not texts - printed
    assert set(printed - texts) <= set("0123456789/")
    # File names, the codes of the check page and the check code of a receipt are no words.
    words = re.sub(r"[\w.-]*\.csv|[0-9A-Z-]{9,}|[0-9A-F]{6}", "", "".join(paper_texts(paper)))
    assert not re.search(r"[A-Za-z]{3,}", words)
    if not after:
        assert paper.codes == []
        return
    assert check(client, paper) == "genuine"
    assert check(client, paper, d="20200101") == "altered"
    code = "".join(paper.codes[0].caption.split("\n")[1:])
    typed = client.get(reverse("documents:paper_check_form"), {"code": code.lower()}, follow=True)
    assert typed.context["verdict"].outcome == "genuine"
    overtake()
    monday.shift(timedelta(minutes=1))
    assert check(client, paper) == after
    if after == "superseded" and kind != "family notice":
        assert check(client, make()) == "genuine"
