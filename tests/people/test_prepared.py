"""Prepared queries give what the querysets they are made of give."""

from datetime import date, timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from portal.people.backends import load_user
from portal.people.models import StaffGrant, User
from portal.people.session_store import SessionStore
from portal.prepared import Prepared
from portal.regions import calendar
from tests.people_cast import ResidentFactory, make_staff, region

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_an_account_comes_with_grants_resident_and_region():
    """J7: one row for each live grant; values have the types the models give them."""
    clerk = make_staff("zhao", "clerk", "450302001", office_kind="service_point")
    found = load_user(clerk.pk)
    assert found is not None
    assert found == User.objects.get(pk=clerk.pk)
    assert (found.created_at, found.is_active) == (clerk.created_at, True)
    assert [(grant.role, grant.region_code) for grant in found.live_grants] == [("clerk", "450302001")]
    assert load_user(clerk.pk + 1000) is None


def test_each_call_has_its_own_values():
    """B10: what one call was asked does not stay for the next; a grant that ended yesterday is none today."""
    one = make_staff("qian", "clerk", "450302001", office_kind="service_point")
    other = make_staff("sun", "cashier", "450300")
    StaffGrant.objects.filter(user=other).update(
        valid_from=calendar.today() - timedelta(days=9), valid_until=calendar.today() - timedelta(days=1)
    )
    assert [load_user(user.pk).live_grants != [] for user in (one, other, one)] == [True, False, True]


def test_instances_equal_those_of_the_queryset():
    """Columns, related rows and annotations arrive as by the ORM, on both databases."""
    resident = ResidentFactory(name="韦准备", home_region=region("450302001"))

    def queryset(name, born):
        return type(resident).objects.filter(name=name, birth_date__gte=born).select_related("home_region__parent")

    prepared = Prepared(queryset, str, date)
    (found,) = prepared("韦准备", date(1900, 1, 1))
    expected = queryset("韦准备", date(1900, 1, 1)).get()
    assert {field.attname: getattr(found, field.attname) for field in found._meta.concrete_fields} == {
        field.attname: getattr(expected, field.attname) for field in expected._meta.concrete_fields
    }
    assert found.home_region.parent == expected.home_region.parent
    assert prepared("韦准备", date(2999, 1, 1)) == []


def test_a_value_that_the_statement_changes_is_refused():
    """A look-up that rewrites its value (here to a pattern) cannot be prepared, and says so at once."""
    with pytest.raises(ValueError, match="prepared"):
        Prepared(lambda name: User.objects.filter(username__contains=name), str)("zhao")


def test_a_session_is_found_until_it_expires():
    """J7: the prepared look-up ends a session as Django's own does."""
    store = SessionStore()
    store["place"] = "450302001"
    store.save()
    assert SessionStore(store.session_key)["place"] == "450302001"
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    expired = SessionStore(store.session_key)
    assert expired.get("place") is None
    assert expired.session_key is None
    assert SessionStore("unknown").get("place") is None
