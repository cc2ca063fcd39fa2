"""Loading the fixtures, again and again, and the check of what regions need."""

import io
import json
import shutil
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from portal.regions import completeness, loader, policy, publishing
from portal.regions.models import Office, OfficeKind, PolicyRule, Region
from tests.people_cast import actor
from tests.regions.conftest import Admins

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the fixture files to change."""
    copy = tmp_path / "regions"
    shutil.copytree(loader.FIXTURES, copy)
    return copy


def edit(folder: Path, name: str, change: Callable[[dict[str, object]], object]) -> None:
    path = folder / name
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def test_loading_twice_changes_nothing_and_is_quick() -> None:
    assert loader.load().changed
    start = time.perf_counter()
    assert not loader.load().changed
    assert time.perf_counter() - start < 2
    out = io.StringIO()
    call_command("load_regions", stdout=out)
    assert "up to date" in out.getvalue()


def test_three_regions_have_their_tree_and_offices(fixtures: loader.Loaded) -> None:
    """DOMAIN §9: Guilin with 17 counties, Zhongshan with towns right below the city, Nanchang with 9 counties."""
    city = {code: Region.objects.get(code=code) for code in ("450300", "442000", "360100")}
    assert city["450300"].children.filter(level="county").count() == 17
    assert set(city["442000"].children.values_list("level", flat=True)) == {"town"}
    assert city["360100"].children.filter(level="county").count() == 9
    for region in city.values():
        kinds = set(Office.objects.within(region).values_list("kind", flat=True))
        assert kinds == set(OfficeKind.values)


def test_every_office_is_bilingual_reachable_and_marked_as_a_sample(fixtures: loader.Loaded) -> None:
    """S0-13, F1: address, hours and telephone of every office; nothing looks like a real one."""
    for office in Office.objects.all():
        assert office.name_zh.endswith("（示例）"), office.code
        assert office.name_en.endswith("(sample)"), office.code
        assert all((office.address_zh, office.address_en, office.hours_zh, office.hours_en)), office.code
        assert "-000 " in office.phone, office.code


def test_loader_leaves_what_admins_published_alone(
    place: Callable[[str], Region], admins: Admins, folder: Path
) -> None:
    """Safe on a running system: an admin's rule, and the past before it, stay as they were."""
    guilin, start = place("450300"), date.today() + timedelta(days=30)
    rule = publishing.draft_rule(
        region=guilin,
        kind="fee",
        key="premium.2027",
        value={"standard_fen": 41000},
        valid_from=start,
        actor=actor(admins.first),
    )
    publishing.publish(rule, actor(admins.second))
    edit(folder, "10-guilin.json", lambda doc: doc["policy"][0]["fee"]["premium.2027"].update(standard_fen=1))
    loader.load(folder)
    assert policy.for_region(guilin, start).fee("premium", cover_year=2027).amount_fen == 41000
    assert policy.for_region(guilin, start - timedelta(days=1)).fee("premium", cover_year=2027).amount_fen == 40000


def test_changed_fixture_reaches_a_running_system(place: Callable[[str], Region], folder: Path) -> None:
    guilin = place("450300")
    edit(folder, "10-guilin.json", lambda doc: doc["policy"][0]["time_limit"].update({"card.promise": 9}))
    edit(folder, "10-guilin.json", lambda doc: doc["policy"][0]["setting"].pop("apps"))
    assert loader.load(folder).rules == 2
    assert policy.for_region(guilin).days("card.promise") == 9
    assert policy.for_region(guilin).setting("apps", None) is None
    assert loader.load().rules == 2
    assert policy.for_region(guilin).setting("apps")


def test_office_edited_by_an_admin_keeps_the_edit(fixtures: loader.Loaded) -> None:
    Office.objects.filter(code="450300-centre").update(phone="0773-000 7777")
    loader.load()
    assert Office.objects.get(code="450300-centre").phone == "0773-000 7777"


def test_delivered_regions_are_complete(fixtures: loader.Loaded) -> None:
    """H5"""
    out = io.StringIO()
    call_command("check_regions", stdout=out)
    assert "3 cities are complete" in out.getvalue()


@pytest.mark.parametrize(
    ("kind", "key", "words"),
    [
        ("fee", "premium.2027", "no fee premium.2027"),
        ("fee", "card_first", "no fee card_first"),
        ("channel", "premium", "no bank"),
        ("setting", "appeal", "no setting appeal"),
        ("time_limit", "card.promise", "no time limit card.promise"),
    ],
)
def test_check_names_each_gap_of_a_region(fixtures: loader.Loaded, kind: str, key: str, words: str) -> None:
    """H5: a region lacking a fee, a bank or a setting fails the check."""
    PolicyRule.objects.filter(kind=kind, key=key).update(state="withdrawn")
    err = io.StringIO()
    loader.versions.bump(loader.versions.POLICY)
    with pytest.raises(CommandError, match="gaps"):
        call_command("check_regions", stderr=err)
    assert words in err.getvalue()


def test_check_names_missing_papers_and_offices(fixtures: loader.Loaded) -> None:
    """H5: papers and offices."""
    PolicyRule.objects.filter(kind="material", key__startswith="newborn.").update(state="withdrawn")
    Office.objects.filter(region__code="442000", kind="bank", bank_code="ICBC").update(active=False)
    Office.objects.filter(region__code="442000100", kind="bank").update(active=False)
    Office.objects.filter(region__code__startswith="3601", kind="card_office").update(active=False)
    loader.versions.bump(loader.versions.POLICY)
    found = {str(finding) for finding in completeness.findings()}
    assert "442000 Zhongshan: no papers for newborn" in found
    assert "442000 Zhongshan: no outlet of bank ICBC for nontax" in found
    assert "360100 Nanchang: no office of kind card_office" in found


def test_check_fails_without_regions(db: None) -> None:
    """H5"""
    with pytest.raises(CommandError, match="load_regions"):
        call_command("check_regions")
