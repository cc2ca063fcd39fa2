"""The tree, and which office answers for a place."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation

from portal.regions import loader
from portal.regions.models import Office, Region
from portal.regions.models.places import covers

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("code", "kind", "office"),
    [
        ("450302003", "service_point", "450302003-service"),
        ("450302003", "county_centre", "450302-centre"),
        ("450302003", "card_office", "450300-card"),
        ("450302003", "hrss_centre", "450302003-hrss"),
        ("450302003", "tax_bureau", "450302-tax"),
        ("450302", "county_centre", "450302-centre"),
        ("450302", "service_point", None),
        ("450300", "county_centre", "450300-centre"),
        ("442000100", "county_centre", "442000-centre"),
        ("442000100", "service_point", "442000100-service"),
        ("360113001", "service_point", "360113001-service"),
        ("360102001", "card_office", "360100-card"),
        ("000000", "county_centre", None),
    ],
)
def test_nearest_office_answers_for_a_place(
    place: Callable[[str], Region], code: str, kind: str, office: str | None
) -> None:
    """A7, S1-01, S1-02, S1-19: town, then county, then city; a city without counties answers for its towns."""
    found = Office.objects.responsible_for(place(code), kind)
    assert (found.code if found else None) == office


def test_closed_office_hands_over_to_the_next(place: Callable[[str], Region]) -> None:
    """A7"""
    Office.objects.filter(code="450302-centre").update(active=False)
    found = Office.objects.responsible_for(place("450302003"), "county_centre")
    assert found is not None
    assert found.code == "450300-centre"


def test_routing_asks_one_query(
    place: Callable[[str], Region], django_assert_num_queries: Callable[..., object]
) -> None:
    town = place("450302003")
    with django_assert_num_queries(1):
        office = Office.objects.responsible_for(town, "county_centre")
        assert office is not None
        assert office.region.code == "450302"


def test_tree_knows_above_and_below(place: Callable[[str], Region]) -> None:
    """H1: province, city, county, town; the nation stands in no path."""
    town = place("450302003")
    assert town.path == "450000/450300/450302/450302003/"
    assert [region.code for region in town.ancestors()] == ["450000", "450300", "450302"]
    assert town.codes == ["000000", "450000", "450300", "450302", "450302003"]
    assert {region.code for region in Region.objects.within(place("450302"))} == {
        "450302",
        "450302001",
        "450302002",
        "450302003",
    }
    assert Region.objects.within(place("000000")).count() == Region.objects.count()
    assert not Region.objects.within_path("").exists()


def test_scope_covers_its_subtree_and_nothing_else() -> None:
    """B10: an empty scope holds nothing."""
    assert covers("450000/450300/", "450000/450300/450302/")
    assert covers("000000/", "440000/442000/")
    assert not covers("450000/450300/", "450000/")
    assert not covers("", "450000/")


def test_names_follow_the_language(place: Callable[[str], Region]) -> None:
    town = place("450302003")
    assert town.full_name == "桂林市秀峰区甲山街道"
    assert str(place("450000")) == "广西壮族自治区"
    with translation.override("en"):
        assert town.full_name == "Jiashan Subdistrict, Xiufeng District, Guilin"
        assert Office.objects.get(code="450302-centre").name == "Xiufeng District Medical Insurance Centre (sample)"


def test_database_knows_levels_and_kinds(fixtures: loader.Loaded) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Region.objects.filter(code="450302").update(level="hamlet")
    with pytest.raises(IntegrityError), transaction.atomic():
        Office.objects.filter(code="450302-centre").update(kind="bank", bank_code="")
