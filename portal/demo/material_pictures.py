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
SIZE = (1600, 1000)
TINTS = {"ID_CARD": (214, 228, 240), "HOUSEHOLD_REGISTER": (240, 222, 208)}
OTHER_TINT = (228, 236, 220)
TITLES = {
    "ID_CARD": ("Resident identity card (sample)", "居民身份证（样张）"),
    "HOUSEHOLD_REGISTER": ("Household register (sample)", "居民户口簿（样张）"),
}
OTHER_TITLE = ("Paper (sample)", "证明材料（样张）")
LINES = (
    (("Name", "姓名"), ("Nobody", "无名氏")),
    (("Sex", "性别"), ("–", "—")),
    (("Born", "出生"), ("0000-00-00", "0000年00月00日")),
    (("Address", "住址"), ("0 Sample Village", "示例县示例村0号")),
    (("Number", "号码"), ("000000 00000000 000X", "000000 00000000 000X")),
    (("Valid until", "有效期至"), ("0000-00-00", "0000年00月00日")),
)
"""What a drawn paper says, without and with Chinese letters on the machine; nobody's data."""


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
    pictures.add(case=case, actor=actor_for(case.resident), code=code, file=drawn)


def drawing(code: str, *, blurred: bool = False) -> bytes:
    """A JPEG of a card or sheet that nobody can take for a real one: tinted, of nobody, 示例 SAMPLE across it.

    What stands on it can be read when it is enlarged, so that a clerk can try out comparing; a blurred one cannot.
    """
    picture = Image.new("RGB", SIZE, (120, 110, 100))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((100, 80, 1500, 920), 48, fill=TINTS.get(code, OTHER_TINT), outline=(90, 90, 90), width=5)
    draw.text((170, 130), TITLES.get(code, OTHER_TITLE)[_has_chinese()], font=_font(46), fill=(60, 60, 60))
    for number, (label, value) in enumerate(LINES):
        top = 240 + 88 * number
        draw.text((170, top), label[_has_chinese()], font=_font(34), fill=(90, 100, 110))
        draw.text((400, top), value[_has_chinese()], font=_font(38), fill=(30, 30, 30))
    if code == "ID_CARD":
        draw.rectangle((1130, 240, 1400, 580), fill=(190, 190, 190))
        draw.ellipse((1205, 290, 1325, 430), fill=(160, 160, 160))
        draw.pieslice((1160, 440, 1370, 720), 180, 360, fill=(160, 160, 160))
    picture = _stamped(picture)
    if blurred:
        picture = picture.filter(ImageFilter.GaussianBlur(18))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


def _stamped(picture: Image.Image) -> Image.Image:
    """The picture with its word across, so thin that what is under it can be read."""
    layer = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    word = "示例 SAMPLE" if _has_chinese() else "SAMPLE"
    ImageDraw.Draw(layer).text((800, 500), word, font=_font(200), fill=(200, 30, 30, 70), anchor="mm")
    return Image.alpha_composite(picture.convert("RGBA"), layer.rotate(18)).convert("RGB")


def _has_chinese() -> bool:
    return fonts.SOURCES[700].is_file()


def _font(size: int) -> Any:
    if _has_chinese():
        return ImageFont.truetype(str(fonts.SOURCES[700]), size, index=SIMPLIFIED)
    return ImageFont.load_default(size)
