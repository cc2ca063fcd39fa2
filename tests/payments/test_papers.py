"""The notice on paper: fields, forms, state, and the public check."""

import io
import re
from dataclasses import replace

import pytest
from django.utils import translation
from docx import Document
from pypdf import PdfReader

from payments import kinds
from payments.models import Line
from payments.services import cancel_notices, supersede_notice
from payments.states import State
from portal.documents import records
from portal.documents.models import PaperRecord, PaperState
from portal.documents.papers import Paper, paper_fields, paper_texts, render_docx, render_html, render_pdf
from portal.people.actors import SYSTEM
from portal.regions.text import both
from tests.payments.notices import NOON, draft, issue, pay, snapshot
from tests.people_cast import ResidentFactory, office

pytestmark = pytest.mark.django_db

LONG_NAME = "阿卜杜热合曼·买买提依明·吐尔逊江·艾合买提·库尔班江·热依木江·玉素甫江·艾尔肯江"


def value(paper: Paper, code: str) -> str:
    """The value of a field by its code."""
    return next(item.value for item in [*paper.parties, *paper.fields] if item.code == code)


def squeezed(text: str) -> str:
    """The text without anything that line breaks could change."""
    return re.sub(r"\s+", "", text)


def words_of(form: str, paper: Paper) -> str:
    """The text of a rendering."""
    if form == "html":
        return squeezed(re.sub(r"<[^>]+>", " ", render_html(paper)))
    if form == "pdf":
        return squeezed("".join(page.extract_text() for page in PdfReader(io.BytesIO(render_pdf(paper))).pages))
    document = Document(io.BytesIO(render_docx(paper)))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return squeezed("".join([*cells, *(paragraph.text for paragraph in document.paragraphs)]))


@pytest.mark.parametrize("form", ["html", "pdf", "docx"])
def test_notice_of_a_whole_village_sums_those_who_pay_the_same(form):
    """N12, N5: 963 people are one notice on one page; its lines add up to its amount, in every form."""
    helped = Line(name="甲", label=both("低保", "Allowance"), standard_fen=40_000, assistance_fen=24_000)
    others = Line(name="乙", label=both("居民", "Resident"), standard_fen=40_000)
    notice = issue(lines=[others] * 860 + [helped] * 103, amount_fen=860 * 40_000 + 103 * 16_000)
    paper = kinds.paper_of(notice, "zh-hans")
    [table] = paper.tables
    assert table.rows == [
        ["860人", "每人¥400.00", "居民", "¥344,000.00", "¥0.00", "¥344,000.00"],
        ["103人", "每人¥160.00", "低保", "¥41,200.00", "¥24,720.00", "¥16,480.00"],
    ]
    assert table.foot == ["合计", "963人", "", "¥385,200.00", "¥24,720.00", "¥360,480.00"]
    words = words_of(form, paper)
    assert all(squeezed(cell) in words for row in [*table.rows, table.foot] for cell in row)
    assert "人员名单见" in words


def test_premium_notice_carries_the_fields_of_the_form():
    """S1-07, S1-09, S1-11, S1-13: title, insured, amounts in figures and capitals, period, ways to pay."""
    bank = office("bank", "450302", bank_code="RCC")
    lines = [
        Line(name="张三", masked_number="450302********9919", label=both("低保", "Allowance"), standard_fen=40_000,
             assistance_fen=24_000),
        Line(name="李四", masked_number="450302********9901", label=both("居民", "Resident"), standard_fen=40_000),
    ]  # fmt: skip
    notice = issue(lines=lines, amount_fen=56_000, resident=ResidentFactory(name="张三"))
    paper = kinds.paper_of(notice)
    assert paper.title == "示例缴费通知单"
    assert paper.number == notice.grouped_number
    assert value(paper, "payer") == "张三"
    assert value(paper, "payer_number") == notice.resident.staff_identity_number
    assert value(paper, "amount") == "¥560.00"
    assert value(paper, "amount_capital") == "人民币伍佰陆拾元整"
    assert value(paper, "due_on") == "2026年11月30日"
    assert value(paper, "cover_year") == "2027"
    assert value(paper, "collection_period") == "2026年9月1日至2026年12月31日"
    [insured] = paper.tables
    assert insured.rows[0][-3:] == ["¥400.00", "¥240.00", "¥160.00"]
    assert insured.foot[-3:] == ["¥800.00", "¥240.00", "¥560.00"]
    assert f"农信社：{bank.name} {bank.address}" in paper.paragraphs
    assert "在线支付：网上缴费，全天可用" in paper.paragraphs
    assert any("待遇等待期为3个月" in text for text in paper.paragraphs)
    assert paper.slip is not None
    assert [code.payload for code in paper.slip.codes] == [notice.pay_code]
    assert any("12393" in text for text in paper.footer)


def test_period_over_new_year_ends_in_the_cover_year():
    """DOMAIN §9 C: 15 September to the end of February, also where the year has no 29th."""
    policy = snapshot(collection_period={"from": "09-15", "until": "02-29"})
    paper = kinds.paper_of(issue(policy=policy))
    assert value(paper, "collection_period") == "2026年9月15日至2027年2月28日"


def test_nontax_notice_carries_the_fields_of_the_form():
    """S4-16, S4-19, S4-22: unit, payee, item, 20 yuan, no late charge, three banks, and the receipt to keep."""
    policy = snapshot(
        **{
            "nontax.unit": {"code": "442000301", "name": both("社保卡中心", "Card office")},
            "payee.nontax": {"name": both("财政专户", "Treasury"), "account": "4420", "bank": both("工行", "ICBC")},
            "nontax.item": {"code": "103044401", "name": both("工本费", "Fee"), "unit": both("张", "card")},
        }
    )
    notice = issue(kind="nontax", policy=policy)
    paper = kinds.paper_of(notice)
    assert paper.title == "非税收入缴款通知书"
    found = {item.code: item.value for item in [*paper.parties, *paper.fields]}
    assert found["executing_unit"] == "社保卡中心"
    assert found["executing_unit_code"] == "442000301"
    assert (found["payee"], found["payee_account"], found["payee_bank"]) == ("财政专户", "4420", "工行")
    assert (found["amount"], found["amount_capital"]) == ("¥20.00", "人民币贰拾元整")
    assert found["pay_code"] == notice.grouped_pay_code
    assert re.fullmatch(r"[0-9]{6}", found["check_code"])
    assert paper.tables[0].rows == [["103044401", "社保卡工本费", "张", "1", "¥20.00", "¥20.00"]]
    banks = [text.split("：")[0] for text in paper.paragraphs if text.startswith(("工商", "农业", "建设"))]
    assert banks == ["工商银行", "农业银行", "建设银行"]
    assert any("财政票据" in text for text in paper.paragraphs)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("kind", ["premium", "nontax"])
@pytest.mark.parametrize("name", ["张三", "韦𠮷", LONG_NAME])
def test_web_print_pdf_and_word_carry_the_same_fields(kind, language, name):
    """N5: every label and value of the paper is in all three forms, also rare characters and 50-character names."""
    paper = kinds.paper_of(issue(kind=kind, resident=ResidentFactory(name=name)), language)
    wanted = {squeezed(text) for pair in paper_fields(paper) for text in pair} - {""}
    for form in ("html", "pdf", "docx"):
        words = words_of(form, paper)
        assert not {text for text in wanted if text not in words}, form


def test_paper_speaks_one_language():
    """UX-E14: an English paper has English labels, dates and money; the capitals stay Chinese for the teller."""
    with translation.override("zh-hans"):
        paper = kinds.paper_of(issue(), "en")
    labels = [label for label, _value in paper_fields(paper)]
    assert not re.search(r"[\u4e00-\u9fff]", "".join(labels))
    assert value(paper, "due_on") == "30 November 2026"
    assert value(paper, "amount_capital") == "人民币肆佰元整"


def test_paper_made_after_payment_says_paid():
    """E11: no more slip, ways to pay and warning of late payment, and the words not to pay again."""
    notice = issue()
    before = kinds.paper_of(notice)
    pay(notice)
    notice.refresh_from_db()
    after = kinds.paper_of(notice)
    assert (before.status, after.status) == ("", "已于2026年11月23日缴费，请勿重复缴费。")
    assert before.slip is not None
    assert after.slip is None
    assert any("待遇等待期" in text for text in before.paragraphs)
    assert after.paragraphs == []


@pytest.mark.parametrize("kind", ["premium", "nontax"])
@pytest.mark.parametrize("state", list(State))
def test_paper_can_be_made_in_every_state(kind, state):
    """E11: whatever became of the notice, its paper says so."""
    notice = issue(kind=kind)
    notice.state = state
    notice.paid_on = notice.issued_on
    paper = kinds.paper_of(notice)
    assert bool(paper.status) == (state != State.ISSUED)
    assert all(paper_texts(paper))


def scan(paper: Paper) -> tuple[str, str]:
    """What the public check says about a paper in hand: outcome and note."""
    address = paper.codes[0].payload
    path, _mark, query = address.partition("?")
    code = path.rstrip("/").rsplit("/", 1)[1]
    verdict = records.verify(code, dict(part.split("=") for part in query.split("&")))
    return verdict.outcome, str(verdict.facts.note) if verdict.facts else ""


def test_scanned_paper_tells_what_has_become_of_it():
    """E11, N4: genuine while to be paid; after the payment the old paper is superseded and the new one genuine."""
    notice = issue()
    before = kinds.paper_of(notice)
    assert scan(before) == ("genuine", "")
    pay(notice)
    assert scan(before) == ("superseded", "已于2026年11月23日缴费，请勿重复缴费。")
    notice.refresh_from_db()
    assert scan(kinds.paper_of(notice))[0] == "genuine"
    assert scan(before)[0] == "superseded"


def test_scanned_paper_of_a_cancelled_or_replaced_notice_warns():
    """N4, N10: void after a cancellation, superseded with the new number after a replacement."""
    cancelled = issue()
    paper = kinds.paper_of(cancelled)
    cancel_notices(purpose=cancelled.purpose, references=[cancelled.reference], actor=SYSTEM, reason="withdrawn")
    assert scan(paper)[0] == "void"
    wanted = draft()
    old = issue(**vars(wanted))
    paper = kinds.paper_of(old)
    new = supersede_notice(old, wanted, actor=SYSTEM, at=NOON)
    outcome, note = scan(paper)
    assert outcome == "superseded"
    assert new.grouped_number in note


def test_altered_amount_on_the_code_is_found():
    """N4: somebody who prints another amount into the code is caught, and the check names nobody."""
    notice = issue()
    paper = kinds.paper_of(notice)
    code = paper.codes[0]
    forged = replace(code, payload=code.payload.replace("a=40000", "a=10000"))
    assert forged != code
    assert scan(replace(paper, codes=[forged]))[0] == "altered"
    assert notice.payer_name not in code.payload
    assert notice.resident.identity_number not in code.payload


def test_printing_again_keeps_the_code():
    """N4: the same paper printed twice is one record."""
    notice = issue()
    assert kinds.paper_of(notice).codes == kinds.paper_of(notice).codes
    assert PaperRecord.objects.filter(subject_id=str(notice.pk), state=PaperState.VALID).count() == 1
