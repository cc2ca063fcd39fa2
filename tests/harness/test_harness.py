"""The harness itself: processes on a database of their own, a browser that tells what went wrong, servers that stop."""

import os
import signal

import psycopg2
import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from tests.harness import services
from tests.harness.browser import PHONE, Pages
from tests.harness.portals import LivePortal


@pytest.mark.processes
@pytest.mark.both_databases
def test_a_fresh_portal_serves_from_its_own_database(fresh_portal: LivePortal) -> None:
    """Harness: rows written through `orm()` are the rows of the portal and of nobody else."""
    with fresh_portal.orm():
        get_user_model().objects.create(username="harness", display_name="张三")
        assert connection.settings_dict["NAME"] != "canbao"
    fresh_portal.start("web")
    assert fresh_portal.status("/healthz") == 200
    assert fresh_portal.status("/no-such-page/") == 404
    code = "from django.contrib.auth import get_user_model as g; print(g().objects.filter(username='harness').count())"
    assert fresh_portal.manage("shell", "--no-imports", "--verbosity=0", "--command", code).split()[-1] == "1"
    fresh_portal.kill("web")
    assert fresh_portal.status("/healthz") == 0


@pytest.mark.processes
@pytest.mark.both_databases
def test_a_worker_that_is_killed_and_started_works_on(fresh_portal: LivePortal) -> None:
    """K1 in small: the sweep worker is killed; a new one sweeps, and the portal is ready again."""
    fresh_portal.start()
    fresh_portal.wait_for_web(ready=True)
    fresh_portal.kill("sweep", "beat")
    fresh_portal.start("sweep", "beat")
    fresh_portal.wait_for_web(ready=True)


@pytest.mark.browser
def test_a_page_opens_in_the_browser_with_and_without_scripts(fresh_portal: LivePortal, pages: Pages) -> None:
    """Harness: pages of a size, a language and with or without scripts, each with cookies of its own."""
    fresh_portal.start("web")
    for scripts in (True, False):
        page = pages.open(base_url=fresh_portal.url, scripts=scripts, size=PHONE)
        page.goto("/")
        assert page.locator("html").get_attribute("lang") == "zh-Hans"
        assert page.viewport_size == {"width": 375, "height": 812}


@pytest.mark.browser
def test_faults_in_a_page_are_seen(fresh_portal: LivePortal, pages: Pages) -> None:
    """Harness: inline script refused by the policy and a missing file are faults of the test that saw them."""
    fresh_portal.start("web")
    page = pages.open(base_url=fresh_portal.url)
    page.goto("/")
    page.evaluate(
        "() => new Promise(done => { const image = new Image(); image.onerror = done; image.src = '/static/no.png';"
        " const script = document.createElement('script'); script.text = '1'; document.body.append(script); })"
    )
    assert any("404" in fault and "/static/no.png" in fault for fault in pages.faults)
    assert any("Content Security Policy" in fault for fault in pages.faults)
    pages.faults.clear()


@pytest.mark.processes
def test_a_cluster_survives_a_crash_of_its_own() -> None:
    """K7: the cluster of a crash test is its own, and a committed row is there after an immediate stop."""
    with services.postgresql(durable=True) as cluster:
        with psycopg2.connect(f"{cluster.url}/postgres") as session, session.cursor() as cursor:
            cursor.execute("CREATE TABLE kept AS SELECT 1 AS one")
        session.close()
        cluster.stop(signal.SIGQUIT)
        cluster.start()
        session = psycopg2.connect(f"{cluster.url}/postgres")
        with session.cursor() as cursor:
            cursor.execute("SELECT one FROM kept")
            assert cursor.fetchone() == (1,)
        session.close()


def test_a_missing_component_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set-up: what is not installed fails the run and says its name."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(services.ComponentMissing, match="no-such-server is not installed"):
        services.program("no-such-server", "/nowhere/*/no-such-server")


def test_each_run_has_a_folder_of_its_own() -> None:
    """Harness: a test never writes to the data of a portal that somebody uses."""
    assert "canbao-tests-" in os.environ["CANBAO_VAR_DIR"]
