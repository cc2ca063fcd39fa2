"""The look-up without an account: stage and next step only, the same answer for wrong and unknown, five tries."""

import pytest
from django.test import Client
from django.urls import reverse

from portal.limits.models import TokenBucket
from tests.cards import journeys as cards
from tests.enrollment import journeys
from tests.people_cast import sign_in

pytestmark = pytest.mark.django_db
UNKNOWN = "3260000000000000"


def ask(client, number, end):
    return client.post(reverse("lookup"), {"number": number, "end": end})


def test_stage_and_next_step_are_told_and_nothing_else(monday, cast, client):
    """N11, F2, UX-R15: for the number of an application and of its notice; no name, amount, office or number of a
    person in the page source, none in the address.
    """
    application = journeys.approved(cast.zhang, cast.clerk)
    number = cast.zhang.identity_number
    for typed in (application.grouped_number, application.notice.number, application.notice.grouped_pay_code):
        answer = ask(client, typed, number[-4:].lower())
        page = answer.content.decode()
        assert answer.status_code == 200
        assert "no-cache" in answer["Cache-Control"]
        assert "办理阶段" in page
        assert "2026年" in page
        for secret in (cast.zhang.name, cast.zhang.masked_name, number, number[-4:], "¥", application.office.name):
            assert secret not in page
    assert "待缴费" in ask(client, application.number, number[-4:]).content.decode()


def test_a_card_is_found_as_well(monday, cast, client):
    """N11: by the number of the card application."""
    holder = cards.resident(name="朱鹭甲")
    application = cards.under_review(holder)
    page = ask(client, application.number, holder.identity_number[-4:]).content.decode()
    assert "社会保障卡申领" in page
    assert holder.name not in page


def test_wrong_and_unknown_are_answered_alike(monday, cast, client):
    """N11, REL-A1: neither the words nor the status tell whether a number exists."""
    number = journeys.submitted(cast.zhang).number
    wrong, unknown = ask(client, number, "0000"), ask(client, UNKNOWN, "0000")
    assert wrong.status_code == unknown.status_code == 200
    strip = lambda answer, typed: answer.content.decode().replace(typed, "").split("<main")[1].split('name="csrf')[0]  # noqa: E731
    assert strip(wrong, number) == strip(unknown, UNKNOWN)


def test_the_sixth_wrong_try_waits_for_a_number_and_for_an_address(monday, cast):
    """N11, F2, J6: five wrong tries, then 429 with the waiting time, also for the right answer; from elsewhere too."""
    number = journeys.submitted(cast.zhang).number
    end = cast.zhang.identity_number[-4:]
    here, elsewhere = Client(REMOTE_ADDR="10.1.0.1"), Client(REMOTE_ADDR="10.1.0.2")
    assert [ask(here, number, "0000").status_code for _try in range(5)] == [200] * 5
    sixth = ask(here, number, end)
    assert sixth.status_code == 429
    assert 0 < int(sixth["Retry-After"]) <= 900
    assert ask(elsewhere, number, end).status_code == 429
    assert ask(here, UNKNOWN, "0000").status_code == 429
    monday.shift(901)
    assert "办理阶段" in ask(elsewhere, number, end).content.decode()


def test_right_tries_cost_nothing(monday, cast, client):
    """J6: who looks every day is not locked out."""
    number = journeys.submitted(cast.zhang).number
    for _day in range(8):
        assert "办理阶段" in ask(client, number, cast.zhang.identity_number[-4:]).content.decode()
    assert not TokenBucket.objects.filter(tokens__lt=5).exists()


def test_unfinished_input_is_explained_and_costs_no_try(monday, client):
    """UX-R7: a missing end is asked for beside its box; what was typed stays."""
    for _try in range(7):
        answer = ask(client, UNKNOWN, "12")
        assert answer.status_code == 200
        assert UNKNOWN in answer.content.decode()
        assert "请输入身份证号码后四位" in answer.content.decode()


def test_the_code_on_a_paper_leads_to_the_progress_or_to_the_look_up(monday, cast, client):
    """F1, N4: signed in to the own case; signed out, or as a stranger, to the look-up with the number filled in."""
    application = journeys.submitted(cast.zhang)
    url = reverse("lookup_case", args=[application.pk])
    assert application.number in client.get(url).content.decode()
    sign_in(client, cast.wang)
    assert client.get(url).status_code == 200
    sign_in(client, cast.zhang)
    assert client.get(url)["Location"] == reverse("enrollment:application", args=[application.pk])


def test_the_home_page_leads_to_the_look_up(monday, cast, client):
    """F2, UX §3.6: the progress query stands on the home page; who is signed in gets the own list."""
    assert f'href="{reverse("lookup")}"' in client.get("/").content.decode()
    sign_in(client, cast.zhang)
    assert f'href="{reverse("lookup")}"' not in client.get("/").content.decode()
