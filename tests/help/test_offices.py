"""Addresses, hours and telephones of offices."""

from django.core.management import call_command
from django.test import Client
from django.urls import reverse


def test_offices_are_listed_with_what_one_needs_to_go_there(client: Client, db: None) -> None:
    """S0-13, S2-02: choose a city, find addresses, hours and telephones of its offices."""
    call_command("load_regions", verbosity=0)
    page = client.get(reverse("help:offices")).content.decode()
    assert 'value="450300"' in page
    page = client.get(reverse("help:offices"), {"region": "450300"}).content.decode()
    assert "桂林市的办理点" in page
    assert [word for word in ("地址", "时间", "电话", "（示例）", "0773-") if word not in page] == []


def test_unknown_places_do_not_exist(client: Client, db: None) -> None:
    """REL-CO: a code that is no city is answered like any other missing page."""
    for code in ("999999", "abc", "450302' OR 1=1"):
        assert client.get(reverse("help:offices"), {"region": code}).status_code == 404


def test_listing_costs_few_queries(client: Client, db: None, django_assert_max_num_queries: object) -> None:
    """J9: the number of queries does not grow with the number of offices."""
    call_command("load_regions", verbosity=0)
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        client.get(reverse("help:offices"), {"region": "450300"})
