"""People for the tests of progress pages."""

from tests.people_cast import cast  # noqa: F401
