"""What every test may rely on: plain static files, cheap password hashing, Chinese as the language."""

import os
import shutil
import threading
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connections
from django.utils import translation
from hypothesis import settings as hypothesis_settings

from tests.audit.flush import flush_past_triggers  # noqa: F401
from tests.harness.portals import migrated_file


def pytest_configure(config: pytest.Config) -> None:
    """Changes the few settings that only cost time in tests."""
    # How long an example takes says more about what else runs on the machine than about our code.
    hypothesis_settings.register_profile("canbao", deadline=None, print_blob=True)
    hypothesis_settings.load_profile("canbao")
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
    settings.DATABASE_CLOCK = False  # tests travel in time, and the clock of the database does not
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    # Playwright keeps an event loop running in this thread, and there asgiref would hand out a second connection, which
    # sees nothing of the test's transaction and which nobody closes.
    connections._connections = threading.local()
    if template := os.environ.get("CANBAO_TEST_TEMPLATE"):
        settings.DATABASES["default"].setdefault("TEST", {})["TEMPLATE"] = template


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb: bool, django_db_modify_db_settings: None) -> bool:
    """On SQLite each test process keeps a copy of the file that was migrated once for this run."""
    database = settings.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        shutil.copy(migrated_file(settings.VAR_DIR), database["TEST"]["NAME"])
        return True
    return django_db_keepdb


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    """Starts every test in Chinese, the language residents meet, whatever the test before it switched to."""
    with translation.override("zh-hans"):
        yield
