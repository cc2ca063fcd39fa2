"""Notices under the regional policies that are delivered."""

import io

import pytest
from pypdf import PdfReader

from payments import kinds
from payments.models import Line, Notice
from payments.services import issue_notice
from portal.documents.papers import render_pdf
from portal.people.actors import SYSTEM
from portal.regions.models import PolicySnapshot, Region
from portal.regions.text import both
from tests import regions_kept
from tests.payments.notices import NOON, TODAY, pay
from tests.people_cast import ResidentFactory

pytestmark = pytest.mark.django_db

TOWNS = {"guilin": "450000/450300/450302/", "zhongshan": "440000/442000/", "nanchang": "360000/360100/"}


@pytest.fixture
def towns(db: None) -> dict[str, Region]:
    """A town of each delivered region."""
    regions_kept.load()
    return {
        name: Region.objects.filter(path__startswith=path, level="town").order_by("code")[0]
        for name, path in TOWNS.items()
    }


def notice_in(town: Region, kind: str, amount_fen: int) -> Notice:
    """A notice for somebody who lives there."""
    resident = ResidentFactory(home_region=town)
    return issue_notice(
        kind=kind,
        purpose="test",
        reference=f"{kind}-{town.code}",
        resident=resident,
        region=town,
        policy=PolicySnapshot.objects.take(town, TODAY),
        amount_fen=amount_fen,
        lines=[Line(name=resident.name, label=both("普通居民", "Resident"), standard_fen=amount_fen)],
        cover_year=2027 if kind == "premium" else None,
        actor=SYSTEM,
        at=NOON,
    )


def test_guilin_premium_has_its_title_and_five_channels(towns):
    """S1-07, S1-09, S1-10, S1-11, S1-12, S1-13, E3: each channel has a place or is online, and each settles."""
    notice = notice_in(towns["guilin"], "premium", 40_000)
    paper = kinds.paper_of(notice)
    assert paper.title == "广西壮族自治区城乡居民基本医疗保险参保人缴费通知单"
    names = [channel.name for channel in notice.channels]
    assert len(names) == 5
    assert all(
        any(word in name for name in names) for word in ("信用合作社", "桂林银行", "委员会", "人社服务中心", "在线支付")
    )
    assert sum("示例" in text for text in paper.paragraphs) == 4
    assert pay(notice, channel=notice.channels[-1].code).settled


def test_zhongshan_card_fee_is_paid_at_exactly_three_banks(towns):
    """S4-19, S4-22, E1: ICBC, ABC and CCB, 20 yuan, with unit, payee and item of the region."""
    notice = notice_in(towns["zhongshan"], "nontax", 2_000)
    assert [channel.bank_code for channel in notice.channels] == ["ICBC", "ABC", "CCB"]
    found = {item.code: item.value for item in kinds.paper_of(notice).parties}
    assert all(
        found[code] for code in ("payee", "payee_account", "payee_bank", "executing_unit", "executing_unit_code")
    )


@pytest.mark.parametrize(("name", "kind"), [("guilin", "premium"), ("zhongshan", "premium"), ("zhongshan", "nontax")])
def test_slip_stays_with_the_notice(towns, name, kind):
    """S1-07, S4-16, S4-17: one person's notice is one sheet; a family's slip never stands on a sheet of its own."""
    notice = notice_in(towns[name], kind, 40_000 if kind == "premium" else 2_000)
    for count in (1, 8) if kind == "premium" else (1,):
        notice.lines = notice.lines * count
        reader = PdfReader(io.BytesIO(render_pdf(kinds.paper_of(notice, "zh-hans"))))
        sheets = ["".join(page.extract_text().split()) for page in reader.pages]
        assert count > 1 or len(sheets) == 1
        assert ["扫码核验真伪" in sheet for sheet in sheets if "柜台留存联" in sheet] == [True]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_region_makes_both_papers(towns, language):
    """E2: no region lacks a rule that a notice needs."""
    for town in towns.values():
        for kind, amount_fen in (("premium", 40_000), ("nontax", 2_000)):
            paper = kinds.paper_of(notice_in(town, kind, amount_fen), language)
            assert paper.slip is not None
