"""Registrations with the employees' pooled scheme, brought to a stage by the services that real people use."""

from datetime import date

from enrollment import coordination_services as services
from portal.regions.models import Region
from tests.people_cast import actor

UNIT = {
    "employment": "unit",
    "employer": "示例机械有限公司",
    "hired_on": date(2026, 10, 12),
    "wage_fen": 650_000,
    "dependants": True,
    "medical_costs": False,
}
FLEXIBLE = UNIT | {"employment": "flexible", "employer": "", "hired_on": None, "dependants": False}


def handed_in(resident, **changes):
    """A registration that lies with the centre."""
    region = Region.objects.get(code="450302001")
    row = services.save(actor=actor(resident), region=region, values=UNIT | changes)
    return services.hand_in(registration=row, actor=actor(resident), version=row.version)


def accepted(resident, clerk, **changes):
    """A registration in force."""
    row = handed_in(resident, **changes)
    codes = set(row.materials.values_list("code", flat=True))
    row = services.see_papers(registration=row, actor=actor(clerk), version=row.version, seen=codes)
    return services.accept(registration=row, actor=actor(clerk), version=row.version)
