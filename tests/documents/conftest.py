"""People for the tests of papers and pictures."""

from tests.people_cast import cast  # noqa: F401
