"""The three-step picker of a place, without scripts."""

import pytest
from django.test import Client

from portal.regions import loader, public

pytestmark = pytest.mark.django_db


def step(client: Client, url: str, place: str) -> str:
    response = client.post(url, {"place": place})
    assert response.status_code == 302
    return str(response.url)


def test_resident_picks_city_county_and_town(client: Client, fixtures: loader.Loaded) -> None:
    """UX-R2: one step a page, and back to the page that asked."""
    first = client.get("/regions/pick/?next=/check/")
    assert "桂林市" in first.content.decode()
    second = step(client, "/regions/pick/?next=/check/", "450300")
    assert "秀峰区" in client.get(second).content.decode()
    third = step(client, second, "450302")
    assert "甲山街道" in client.get(third).content.decode()
    assert step(client, third, "450302003") == "/check/"
    assert client.session[public.SESSION_KEY] == "450302003"


def test_city_without_counties_goes_straight_to_its_towns(client: Client, fixtures: loader.Loaded) -> None:
    """UX-R2: Zhongshan."""
    second = step(client, "/regions/pick/", "442000")
    assert "小榄镇" in client.get(second).content.decode()
    assert step(client, second, "442000100") == "/"


def test_resident_may_not_know_the_town(client: Client, fixtures: loader.Loaded) -> None:
    assert step(client, "/regions/pick/?within=450302&next=/check/", "450302") == "/check/"
    assert client.session[public.SESSION_KEY] == "450302"


def test_foreign_addresses_and_unknown_places_are_refused(client: Client, fixtures: loader.Loaded) -> None:
    assert step(client, "/regions/pick/?within=450302&next=https://example.org/", "450302") == "/"
    assert client.get("/regions/pick/?within=999999").status_code == 404
    response = client.post("/regions/pick/", {"place": "450302"})
    assert response.status_code == 200
    assert client.post("/regions/pick/", {}).status_code == 200
    assert public.SESSION_KEY in client.session


def test_picker_reads_in_english(client: Client, fixtures: loader.Loaded) -> None:
    client.cookies["django_language"] = "en"
    text = client.get("/regions/pick/?within=450300").content.decode()
    assert "Xiufeng District" in text
    assert "Not in the list" in text
