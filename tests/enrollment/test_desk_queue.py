"""The queue: filters in the address, what a clerk keeps, the search box, the strip; constant number of queries."""

import datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from enrollment import finding, queueing
from enrollment.models import Application, DeskPreference, SavedView
from enrollment.views.desk import PAGE_SIZE
from portal.documents.records import check_address, grouped_code, issue_record
from portal.people.initials import initials
from portal.regions.calendar import SHANGHAI
from tests.enrollment import journeys
from tests.people_cast import ResidentFactory, actor, sign_in

pytestmark = pytest.mark.django_db

QUEUE = "/desk/queue/"


def at(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def found(page):
    return [row["application"].pk for row in page.context["rows"]]


def test_filters_stand_in_the_address_and_narrow_the_queue(monday, cast, client):
    """UX-C1: region, age, ground, deadline, returned, entered by; an unknown value filters nothing."""
    adult = journeys.under_review(cast.zhang)
    old = journeys.under_review(ResidentFactory(birth_date=datetime.date(1950, 1, 1)))
    child = journeys.under_review(cast.zhang, beneficiary=cast.child)
    Application.objects.filter(pk=old.pk).update(helper=cast.clerk.pk, correction_round=1, category="student")
    Application.objects.filter(pk=child.pk).update(helper=cast.agent.pk)
    sign_in(client, cast.clerk)
    expected = {
        "age=child": {child.pk},
        "age=senior": {old.pk},
        "category=student": {old.pk},
        "returned=yes": {old.pk},
        "returned=no": {adult.pk, child.pk},
        "by=self": {adult.pk},
        "by=staff": {old.pk},
        "by=committee": {child.pk},
        "deadline=over": set(),
        "deadline=near": set(),
        "region=450302001": {adult.pk, old.pk, child.pk},
        "region=999999": set(),
        "age=nonsense": {adult.pk, old.pk, child.pk},
        "late=1": set(),
    }
    for query, wanted in expected.items():
        page = client.get(f"{QUEUE}?tab=decide&{query}")
        assert set(found(page)) == wanted, query
    assert "age=child" in client.get(f"{QUEUE}?age=child").context["view"].address


def test_a_deadline_filter_takes_what_is_due_by_then(regions, cast, client):
    """UX-C1, UX-C2: due within two working days counts working days."""
    with time_machine.travel(at("2026-11-20T10:00"), tick=False):
        friday = journeys.under_review(cast.zhang)  # due Wednesday
    with time_machine.travel(at("2026-11-23T10:00"), tick=False):
        monday = journeys.under_review(cast.li)  # due Thursday
        sign_in(client, cast.clerk)
        assert found(client.get(f"{QUEUE}?deadline=near")) == [friday.pk]
    with time_machine.travel(at("2026-11-25T10:00"), tick=False):
        sign_in(client, cast.clerk)
        assert found(client.get(f"{QUEUE}?deadline=today")) == [friday.pk]
        assert found(client.get(f"{QUEUE}?deadline=near")) == [friday.pk, monday.pk]


def test_the_last_filter_and_named_views_stay_with_the_clerk(monday, cast, client):
    """B8: a queue opened without an address opens as it was left; views are the clerk's own."""
    journeys.under_review(cast.zhang)
    sign_in(client, cast.clerk)
    assert client.get(QUEUE).status_code == 200
    client.get(f"{QUEUE}?tab=decide&age=senior")
    client.get(f"{QUEUE}?tab=closed")
    assert client.get(QUEUE).url == f"{QUEUE}?tab=decide&age=senior"
    client.post(reverse("enrollment:save_view"), {"in": "tab=waiting&age=senior", "name": "老人"})
    client.post(reverse("enrollment:save_view"), {"in": "tab=decide&age=child&x=1", "name": "老人"})
    view = SavedView.objects.get()
    assert view.query == "tab=decide&age=child"
    assert "老人" in client.get(f"{QUEUE}?tab=decide").content.decode()
    client.post(reverse("enrollment:save_view"), {"in": "", "name": ""})
    assert SavedView.objects.count() == 1
    sign_in(client, cast.second_clerk)
    assert "老人" not in client.get(QUEUE).content.decode()
    assert client.post(reverse("enrollment:drop_view", args=[view.pk])).status_code == 404
    sign_in(client, cast.clerk)
    client.post(reverse("enrollment:drop_view", args=[view.pk]))
    assert not SavedView.objects.exists()


def test_keys_can_be_switched_off(monday, cast, client):
    """UX-C3, WCAG 2.1.4: the switch is kept, pages say it to the script."""
    sign_in(client, cast.clerk)
    assert 'data-shortcuts="on"' in client.get(QUEUE).content.decode()
    client.post(reverse("enrollment:shortcuts"), {"on": "0"})
    assert not DeskPreference.objects.get(user=cast.clerk).shortcuts
    assert 'data-shortcuts="off"' in client.get(f"{QUEUE}?tab=decide").content.decode()


def test_the_strip_counts_what_came_and_moves_nothing(monday, cast, client):
    """UX-C15."""
    journeys.under_review(cast.zhang)
    sign_in(client, cast.clerk)
    page = client.get(QUEUE)
    since = page.context["as_of"].isoformat()
    new = reverse("enrollment:queue_new")
    assert client.get(new, {"tab": "decide", "since": since}).json()["count"] == 0
    monday.shift(datetime.timedelta(minutes=5))
    journeys.under_review(cast.li)
    answer = client.get(new, {"tab": "decide", "since": since}).json()
    assert answer["count"] == 1
    assert "1" in answer["words"]
    for bad in ("", "yesterday", "2026-11-23", "2026-13-99T00:00:00+08:00"):
        assert client.get(new, {"since": bad}).json()["count"] == 0


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("张三", "zs"),
        ("单田芳", "stf"),
        ("尉迟恭", "ycg"),
        ("阿卜杜拉·买买提", "abdlmmt"),
        ("John Smith", "js"),
        ("", ""),
    ],
)
def test_initials_follow_the_name(name, letters):
    """UX-C10: surnames read otherwise, names of China's peoples, Latin names."""
    assert initials(name) == letters


def test_the_search_box_finds_by_every_handle(monday, cast, client):
    """UX-C10: number, notice, scanned code, short code, telephone, last six and name, whole number, name, initials."""
    case = journeys.approved(cast.zhang, cast.clerk)
    other = journeys.under_review(cast.li)
    person = cast.zhang
    record = issue_record(kind="x", subject_kind="payments.notice", subject_id=case.notice.pk)
    own = issue_record(kind="y", subject_kind="enrollment.application", subject_id=case.pk)
    number = person.identity_number
    sign_in(client, cast.clerk)
    exact = [
        case.number,
        case.grouped_number,
        case.notice.number,
        grouped_code(record.code),
        own.code,
        f"http://localhost:8000/papers/{grouped_code(record.code)}?a=40000&d=20261123&s=abc",
    ]
    for text in exact:
        assert client.get(QUEUE, {"q": text}).url == reverse("enrollment:review", args=[case.pk]), text
    listed = [
        person.phone,
        f"{number[-6:]} {person.name}",
        f"{person.name}{number[-6:]}",
        number,
        number.lower(),
        person.name,
        initials(person.name),
        initials(person.name).upper(),
    ]
    for text in listed:
        page = client.get(QUEUE, {"q": text})
        assert case.pk in found(page), text
        assert other.pk not in found(page), text
    for text in ("9" * 16, "zzzzqq", "没有这个人", f"{number[-6:]} 李四", "'; drop table", "%", "0" * 400):
        assert client.get(QUEUE, {"q": text}).context["not_found"], text
    assert check_address  # the address of a QR code carries the same code


def test_a_latin_name_is_found_by_its_beginning(monday, cast, client):
    """UX-C10: as it stands on the permit, in any case, in whole or in part; initials as for every name."""
    case = journeys.under_review(ResidentFactory(name="John O'Neil Smith"))
    journeys.under_review(ResidentFactory(name="Jane Oneida"))
    sign_in(client, cast.clerk)
    for text in ("john", "JOHN O'NEIL", "John O'Neil Smith", "john o", "jos"):
        assert found(client.get(QUEUE, {"q": text})) == [case.pk], text


def test_a_view_can_be_renamed_and_there_are_at_most_twenty(monday, cast, client):
    """B8, UX-C1: another name, not one that is taken, nobody else's; the twenty-first is refused with words."""
    sign_in(client, cast.clerk)
    save = reverse("enrollment:save_view")
    for name in ("甲", "乙"):
        client.post(save, {"in": "tab=decide&age=child", "name": name})
    first, second = SavedView.objects.order_by("pk")
    page = client.get(f"{QUEUE}?tab=decide&age=child").content.decode()
    assert f'name="rename" value="{first.pk}"' in page
    client.post(save, {"in": "tab=decide&age=child", "name": "丙", "rename": first.pk})
    answer = client.post(save, {"in": "tab=decide", "name": "丙", "rename": second.pk}, follow=True)
    assert "同名" in answer.content.decode()
    assert list(SavedView.objects.order_by("pk").values_list("name", "query")) == [
        ("丙", "tab=decide&age=child"),
        ("乙", "tab=decide&age=child"),
    ]
    for number in range(18):
        client.post(save, {"in": "tab=closed", "name": f"{number}"})
    answer = client.post(save, {"in": "tab=closed", "name": "多"}, follow=True)
    assert SavedView.objects.count() == 20
    assert "已有足够" in answer.content.decode() or "筛选" in answer.content.decode()
    sign_in(client, cast.second_clerk)
    for key in (first.pk, "x", ""):
        status = client.post(save, {"in": "", "name": "丁", "rename": key}).status_code
        assert status == (302 if key == "" else 404)
    assert not SavedView.objects.filter(owner=cast.clerk, name="丁").exists()


def test_nothing_outside_the_own_office_is_found(monday, cast, client):
    """B10, UX-C10: another office's clerk finds nothing by any handle."""
    case = journeys.under_review(cast.zhang)
    visible = Application.objects.visible_to(actor(cast.other_clerk))
    for text in (case.number, cast.zhang.phone, cast.zhang.identity_number, cast.zhang.name, initials(cast.zhang.name)):
        assert finding.find(visible, text).rows == []


def test_the_queue_costs_the_same_whatever_it_holds(monday, cast, client):
    """J9, UX-C1: every tab, a search and the next page; and the tabs count to a hundred."""
    for _number in range(3):
        journeys.submitted(ResidentFactory())
    journeys.sweep()
    sign_in(client, cast.clerk)
    urls = [f"{QUEUE}?tab={code}" for code in queueing.TABS]
    urls += [f"{QUEUE}?tab=decide&age=adult&by=committee&region=450302001", f"{QUEUE}?q=zz", f"{QUEUE}?q=zs"]

    def cost():
        costs = {}
        for url in urls:
            client.get(url)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(url).status_code == 200
            costs[url] = len(queries)
        return costs

    few = cost()
    for _number in range(PAGE_SIZE + 5):
        journeys.submitted(ResidentFactory())
    journeys.sweep()
    assert cost() == few
    assert max(few.values()) <= 30


def test_the_queue_s_rows_are_among_those_the_clerk_sees(monday, cast):
    """B10, REL-M2: the short cut of the queue opens nothing that `visible_to` keeps shut."""
    mine = journeys.under_review(cast.zhang)
    journeys.draft(cast.li)
    journeys.under_review(cast.wang, town="450305001")
    who = actor(cast.clerk)
    rows = set(queueing.rows_of(who).values_list("pk", flat=True))
    assert rows == {mine.pk}
    assert rows <= set(Application.objects.visible_to(who).values_list("pk", flat=True))


def test_counts_beside_the_tabs_end_at_a_hundred(monday, cast, client):
    """UX-C1: nobody waits for an exact count of a million."""
    from portal.design.paging import capped_count, count_words

    case = journeys.under_review(cast.zhang)
    assert capped_count([Application.objects.filter(pk=case.pk)] * 150) == 101
    assert count_words(101) == "100+"
    assert count_words(100) == "100"
