"""What other authorities have answered, so that no paper is asked for (N15, UX-R11; Handling Regulations, art. 31).

A region names in `sharing.answers` the papers for which its data sharing answers; a paper is waived only when the
answer fits what the person told. The sources here read what is on file: the population register and the lists of civil
affairs arrive with the file of residents.
"""

from collections.abc import Callable

from portal.people.models import Resident
from portal.regions.policy_values import Policy

Source = Callable[[Resident, str], bool]


def _in_household_register(person: Resident, category: str) -> bool:
    return person.is_verified and bool(person.hukou_region_code)


def _on_assistance_list(person: Resident, category: str) -> bool:
    return bool(category) and person.assistance_category == category


SOURCES: dict[str, Source] = {
    "HOUSEHOLD_REGISTER": _in_household_register,
    "ASSISTANCE_CERTIFICATE": _on_assistance_list,
}


def answered(person: Resident | None, category: str, policy: Policy) -> list[str]:
    """Codes of the papers that need not be shown, for a person who says to belong to an assisted group or to none."""
    if person is None:
        return []
    return [
        code for code in policy.setting("sharing.answers", []) if code in SOURCES and SOURCES[code](person, category)
    ]
