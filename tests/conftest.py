"""What every test may rely on: plain static files, cheap password hashing, Chinese as the language."""

import os
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.utils import translation
from hypothesis import settings as hypothesis_settings

from tests.audit.flush import flush_past_triggers  # noqa: F401


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
    if template := os.environ.get("CANBAO_TEST_TEMPLATE"):
        settings.DATABASES["default"].setdefault("TEST", {})["TEMPLATE"] = template


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    """Starts every test in Chinese, the language residents meet, whatever the test before it switched to."""
    with translation.override("zh-hans"):
        yield
