"""The finance page: figures of one's own area, with tables, without the few."""

from datetime import date, timedelta

import pytest
import time_machine
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.asserts import assertContains, assertNotContains

from payments import finance
from payments.finance import SUPPRESSED, Figure, Series
from payments.templatetags import plots
from portal.people.actors import Role
from tests.payments.notices import TODAY, issue, pay, snapshot
from tests.people_cast import actor, make_staff, region, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def today():
    """The day after the notices were issued."""
    with time_machine.travel(date(2026, 11, 24), tick=True):
        yield


@pytest.fixture
def collection():
    """Seven notices of Xiufeng, six of them paid at the cooperative and one online; two of Qixing, one paid."""
    policy = snapshot()
    here = [issue(policy=policy) for _count in range(8)]
    for notice in here[:6]:
        pay(notice)
    pay(here[6], channel="online")
    there = [issue(policy=policy, region=region("450305001")) for _count in range(2)]
    pay(there[0])
    return here, there


def figure(code: str, place: str = "450300") -> Figure:
    """One figure of an area."""
    by = actor(make_staff(f"by-{code}-{place}", Role.AUDITOR, place))
    return next(one for one in finance.figures(region(place), by) if one.code == code)


def test_paid_per_day_and_channel_hides_the_few(collection):
    """UX-A7: six payments are shown with their sum, one is neither shown nor summed."""
    found = figure("paid", "450302")
    assert sorted(row[2:] for row in found.rows) == [["6", "¥2,400.00"], [SUPPRESSED, finance.SUPPRESSED_MONEY]]
    assert {value for series in found.series for value in series.values if value != 0} == {240_000, None}
    assert len(found.labels) == 30


def test_funnel_shows_each_county_and_hides_the_few(collection):
    """UX-A7: issued, paid, open and expired by county; numbers below five nowhere."""
    rows = {row[0]: row[1:] for row in figure("funnel").rows}
    assert rows[region("450302").name] == ["8", "7", SUPPRESSED, "0"]
    assert rows[region("450305").name] == [SUPPRESSED, SUPPRESSED, SUPPRESSED, "0"]
    assert [row[0] for row in figure("funnel", "450302").rows] == [region("450302").name]


def test_ageing_counts_unpaid_notices_by_their_day():
    """UX-A7: due in six days, due today, over."""
    policy = snapshot()
    for days, count in ((0, 5), (6, 6), (30, 7)):
        for _count in range(count):
            issue(policy=policy, due_on=TODAY + timedelta(days=1 + days))
    assert [row[1] for row in figure("ageing").rows] == ["7", "6", "5", "0", "0"]


def test_waiting_money_is_counted_for_its_area():
    """UX-A7, M4: five sums wait in Xiufeng; Qixing counts none of them."""
    policy = snapshot()
    for _count in range(5):
        pay(issue(policy=policy), amount_fen=1)
    assert [row[1] for row in figure("waiting", "450302").rows] == ["5", "0", "0", "0"]
    assert [row[1] for row in figure("waiting", "450305").rows] == ["0", "0", "0", "0"]


def test_page_has_plots_tables_and_no_script(client, cast, collection):
    """UX-A7: SVG from the server with names for those who cannot see it, each with a table and a file."""
    for person in (cast.cashier, cast.reviewer, cast.auditor):
        sign_in(client, person)
        page = client.get(reverse("payments:finance"))
        assertContains(page, 'role="img"')
        assertContains(page, reverse("payments:finance_table", args=["funnel"]))
        assertNotContains(page, "style=")
        assert "script" not in page.content.decode().split("<svg")[1].split("</svg>")[0]
    answer = client.get(reverse("payments:finance_table", args=["funnel"]))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert SUPPRESSED in answer.content.decode("utf-8-sig")
    assert client.get(reverse("payments:finance_table", args=["nothing"])).status_code == 404


def test_other_areas_are_not_counted(client, collection):
    """M4: a cashier of Qixing sees neither name nor number of Xiufeng."""
    sign_in(client, make_staff("away", Role.CASHIER, "450305"))
    page = client.get(reverse("payments:finance"))
    assertNotContains(page, region("450302").name)
    assertNotContains(page, "2,400")


@pytest.mark.parametrize("role", [Role.ADMIN, Role.CLERK, Role.HOTLINE, Role.CARD_CLERK])
def test_other_roles_have_no_finance_page(client, role):
    """RELIABILITY §3: administrators have no case data, clerks no books."""
    sign_in(client, make_staff("other", role, "450302"))
    assert client.get(reverse("payments:finance")).status_code == 403


VALUES = st.lists(st.one_of(st.none(), st.integers(0, 10**9)), min_size=3, max_size=3)


@given(columns=st.lists(VALUES, max_size=5), money=st.booleans())
def test_no_bar_leaves_its_plot(columns, money):
    """UX-A7: whatever the numbers, bars stand inside the frame and grow with their values."""
    series = [Series(f"s{number}", values) for number, values in enumerate(columns)]
    made = plots.plot(Figure("x", "x", ["a", "b", "c"], series, ["h"], [], money))
    for bar in made["bars"]:
        assert plots.LEFT <= bar.x <= bar.x + bar.width <= plots.WIDTH + 1
        assert bar.y + 0.1 >= plots.TOP
        assert bar.height >= 0
        assert bar.y + bar.height <= plots.HEIGHT - plots.BOTTOM + 0.2
