"""The look-up is tried on real cases: the regions and Monday of the enrolment's tests."""

from tests.enrollment.conftest import monday, regions  # noqa: F401
from tests.people_cast import cast  # noqa: F401
