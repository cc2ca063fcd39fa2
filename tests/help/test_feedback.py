"""Remarks about pages, without a name."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from portal.help.models import Feedback
from portal.help.services import counts_per_page, give_feedback
from portal.people.actors import Role
from tests.people_cast import StaffGrantFactory, sign_in


def test_every_page_offers_feedback_about_itself(client: Client, db: None) -> None:
    """UX-E11: the link at the foot keeps the address of the page, not its query."""
    page = client.get("/help/paying/?number=450302199003070019").content.decode()
    assert 'href="/feedback/?page=%2Fhelp%2Fpaying%2F"' in page


def test_a_grade_or_a_remark_is_enough(client: Client, db: None) -> None:
    """UX-E11: five grades or words, no identity; the row holds neither person nor time of day."""
    for data in ({"rating": "5"}, {"text": "字再大一点"}):
        response = client.post(reverse("help:feedback"), {"page": "/help/?q=1", **data})
        assert response.headers["Location"] == reverse("help:feedback_thanks")
    assert client.get(reverse("help:feedback_thanks")).status_code == 200
    assert list(Feedback.objects.order_by("id").values_list("page", "rating", "text")) == [
        ("/help/", 5, ""),
        ("/help/", None, "字再大一点"),
    ]
    assert {field.name for field in Feedback._meta.fields} == {"id", "page", "rating", "text", "language", "given_on"}


@pytest.mark.parametrize("data", [{}, {"rating": "6"}, {"rating": "0"}, {"text": "a\x00b"}, {"text": "长" * 1001}])
def test_empty_and_broken_feedback_is_answered_in_words(client: Client, db: None, data: dict[str, str]) -> None:
    """UX-R7: the form comes back with what was typed and what is wrong."""
    response = client.post(reverse("help:feedback"), {"page": "/", **data})
    assert response.status_code == 200
    assert "请检查以下内容" in response.content.decode()
    assert not Feedback.objects.exists()


def test_feedback_is_rationed(client: Client, db: None) -> None:
    """REL-H1: ten remarks in ten minutes from one address; the next is asked to wait."""
    answers = [client.post(reverse("help:feedback"), {"page": "/", "rating": "1"}).status_code for _ in range(11)]
    assert answers == [302] * 10 + [429]


def test_the_database_keeps_grades_sane(db: None) -> None:
    """REL-D1: a grade outside 1 to 5, or a row that says nothing, cannot be stored by any path."""
    for rating, text in [(6, "x"), (None, "")]:
        with pytest.raises(IntegrityError), transaction.atomic():
            give_feedback(page="/", rating=rating, text=text)


def test_grades_are_counted_per_page(db: None) -> None:
    """UX-E11: admins see how many remarks and which average each page has."""
    for page, rating in [("/a/", 5), ("/a/", 2), ("/b/", None)]:
        give_feedback(page=page, rating=rating, text="好")
    assert counts_per_page() == [
        {"page": "/a/", "remarks": 2, "grades": 2, "average": 3.5},
        {"page": "/b/", "remarks": 1, "grades": 0, "average": None},
    ]


def test_only_admins_and_auditors_read_feedback(client: Client, db: None) -> None:
    """UX-E11: visitors are sent to sign in, clerks refused, admins see the counts."""
    give_feedback(page="/a/", rating=4, text="清楚")
    assert client.get(reverse("help:feedback_counts")).status_code == 302
    sign_in(client, StaffGrantFactory(role=Role.CLERK).user)
    assert client.get(reverse("help:feedback_counts")).status_code == 403
    sign_in(client, StaffGrantFactory(role=Role.ADMIN).user)
    page = client.get(reverse("help:feedback_counts")).content.decode()
    assert "/a/" in page
    assert "清楚" in page
