"""Draws photos of materials for the demo's desk, clearly no real papers, and hands two cases in with them."""

import io
from datetime import timedelta
from typing import Any

from django.utils import timezone
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from enrollment import pictures
from enrollment import services as enrolments
from enrollment.models import Application, CorrectionItem
from enrollment.workflow import EnrollmentWorkflow
from portal.demo.enrolments import MISSING_PAPER, Asked, Teller, actor_for, moment, open_day
from portal.demo.history import clock_at
from portal.documents import fonts
from portal.people.actors import SYSTEM
from portal.people.models import Resident, User
from portal.regions.models import Region

PLACE = "450302003"
SIMPLIFIED = 2
"""The face of simplified Chinese in the collection of the system's font."""
SIZE = (800, 500)
TINTS = {"ID_CARD": (214, 228, 240), "HOUSEHOLD_REGISTER": (240, 222, 208)}
OTHER_TINT = (228, 236, 220)


def seed_pictures(staff: dict[str, User], residents: tuple[Resident, Resident]) -> None:
    """One case that waits with its photos, and one whose blurred photo was taken again after a correction."""
    first, second = residents
    teller = Teller(clerks=[staff["clerk.jiashan"]], reviewer=staff["reviewer.xiufeng"])
    _handed_in(teller, first, days_ago=1, blurred=False)
    case = _handed_in(teller, second, days_ago=2, blurred=True)
    paper = _required(case)[0]
    clerk = teller.clerk_of(case)
    region = case.region
    with clock_at_day(region, 2, 15):
        asked = [Asked(CorrectionItem.Kind.MATERIAL, paper, MISSING_PAPER)]
        enrolments.ask_correction(application=case, actor=clerk, version=case.version, items=asked)
    with clock_at_day(region, 1, 9):
        case.refresh_from_db()
        _add(case, paper, blurred=False)
        enrolments.resubmit(
            application=case, actor=actor_for(second), version=case.version, values={}, handed_in=[paper]
        )


def clock_at_day(region: Region, days_ago: int, hour: int) -> Any:
    """The demo's clock at an hour of a day on which the region takes applications."""
    return clock_at(moment(open_day(region, days_ago), hour))


def _handed_in(teller: Teller, resident: Resident, *, days_ago: int, blurred: bool) -> Application:
    region = Region.objects.get(code=PLACE)
    with clock_at_day(region, days_ago, 9):
        case = teller.draft(resident, region, whole=True)
        required = [one for entry in pictures.asked(case) for one in entry if one.rule and one.rule.required]
        for number, one in enumerate(required[:2]):
            _add(case, one.code, blurred=blurred and number == 0)
        enrolments.submit(application=case, actor=actor_for(resident), token=case.submit_token, version=case.version)
        EnrollmentWorkflow.collect.move([case.pk], SYSTEM, at=timezone.now() + timedelta(seconds=1))
        EnrollmentWorkflow.accept.move([case.pk], SYSTEM, at=timezone.now() + timedelta(seconds=1))
    case.refresh_from_db()
    return case


def _required(case: Application) -> list[str]:
    """Codes of the materials of a case that have photos, in the order of the list."""
    sent = pictures.counts(case)
    return [material.code for material in case.materials.all() if material.code in sent]


def _add(case: Application, code: str, *, blurred: bool) -> None:
    drawn = io.BytesIO(drawing(code, blurred=blurred))
    pictures.add(application=case, actor=actor_for(case.resident), code=code, file=drawn)


def drawing(code: str, *, blurred: bool = False) -> bytes:
    """A JPEG of a card or sheet that nobody can take for a real one: tinted, without data, 示例 SAMPLE across it."""
    picture = Image.new("RGB", SIZE, (120, 110, 100))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((50, 40, 750, 460), 24, fill=TINTS.get(code, OTHER_TINT), outline=(90, 90, 90), width=3)
    draw.rectangle((560, 110, 700, 300), fill=(190, 190, 190))
    for top in (120, 170, 220, 270):
        draw.rectangle((90, top, 480, top + 18), fill=(170, 175, 180))
    draw.rectangle((90, 380, 620, 404), fill=(150, 155, 160))
    draw.text(
        (400, 330), "示例 SAMPLE" if _has_chinese() else "SAMPLE", font=_font(72), fill=(190, 40, 40), anchor="mm"
    )
    if blurred:
        picture = picture.filter(ImageFilter.GaussianBlur(9))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


def _has_chinese() -> bool:
    return fonts.SOURCES[700].is_file()


def _font(size: int) -> Any:
    if _has_chinese():
        return ImageFont.truetype(str(fonts.SOURCES[700]), size, index=SIMPLIFIED)
    return ImageFont.load_default(size)
