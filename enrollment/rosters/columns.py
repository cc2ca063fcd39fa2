"""The columns of a roster: their headings in both languages, what a cell may hold, and how it is read.

Plain rules over text. A cell is data whatever it begins with; a formula is refused with words, never computed.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation

from enrollment.codes import OtherCover, Relation, School, Status
from enrollment.forms import GROUNDS, LONGEST_ADDRESS
from portal.design.fields import TrimmedCharField
from portal.people.identity import IdentityKind, IdentityNumber, InvalidIdentityNumber, age_on, parse_identity_number
from portal.people.models import AssistanceCategory, Sex
from portal.people.names import InvalidName, InvalidPhone, parse_name, parse_phone
from portal.people.texts import IDENTITY_KINDS
from portal.regions.text import both, pick

LONGEST_CELL = 200
MOST_MISSED_YEARS = 4
FORMULA_SIGNS = ("=", "＝")
EXAMPLE_SIGNS = ("示例", "（示例", "(示例", "example", "(example")
IDENTITY_CARD_AGE_YEARS = 16

_DATE = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{4})([0-9]{2})([0-9]{2})")

_SERIAL = re.compile(r"[0-9]{4,5}(\.0+)?")
"""How a spreadsheet writes a date in a cell that is no date: the days since 1900."""


class Unreadable(ValueError):
    """A cell that cannot mean anything in its column; `code` names the sentence."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Fault(NamedTuple):
    """What is wrong with one cell, or with the whole line when `column` is empty; `line` is another line it names."""

    column: str
    code: str
    line: int = 0


@dataclass(frozen=True)
class Column:
    """One column. `read` turns the text of a cell into a value and raises Unreadable; `default` stands for an empty
    cell.
    """

    code: str
    heading: Mapping[str, str]
    read: Callable[[str], Any]
    example: Mapping[str, str]
    required: bool = False
    default: Any = ""
    aliases: tuple[str, ...] = ()
    choices: Callable[[], Mapping[Any, Any]] | None = None
    as_text: bool = False
    width: int = 16

    @property
    def label(self) -> str:
        """The heading in the reader's language."""
        return pick(self.heading)

    @property
    def options(self) -> list[str]:
        """What may stand in a cell of a column of choices, in the reader's language."""
        return [str(label) for label in self.choices().values()] if self.choices else []


def folded(text: str) -> str:
    """The form in which two spellings of a heading or of a choice are equal."""
    return re.sub(r"[\s*＊:：()（）]", "", unicodedata.normalize("NFKC", text)).casefold()


def _sexes() -> dict[Any, Any]:
    return dict(Sex.choices)


def _kinds() -> dict[Any, Any]:
    return dict(IDENTITY_KINDS)


def _statuses() -> dict[Any, Any]:
    return {code: label for code, label in Status.choices if code != Status.NONE}


def _schools() -> dict[Any, Any]:
    return dict(School.choices)


def _other_covers() -> dict[Any, Any]:
    return dict(OtherCover.choices)


def _assistance() -> dict[Any, Any]:
    return {code or "none": label for code, label in AssistanceCategory.choices}


def _yes_no() -> dict[Any, Any]:
    return {True: translation.gettext("Yes"), False: translation.gettext("No")}


def _relations() -> dict[Any, Any]:
    wanted = (Relation.PARENT, Relation.GRANDPARENT, Relation.GUARDIAN, Relation.SIBLING, Relation.OTHER)
    return {code: code.label for code in wanted}


_SHORT: dict[str, dict[str, Any]] = {
    "sex": {"男性": Sex.MALE, "女性": Sex.FEMALE, "m": Sex.MALE, "f": Sex.FEMALE},
    "id_kind": {"身份证": IdentityKind.RESIDENT_ID, "居民身份证": IdentityKind.RESIDENT_ID},
    "yes_no": {"有": True, "无": False, "y": True, "n": False, "1": True, "0": False},
    "relation": {"父母": Relation.PARENT, "父亲": Relation.PARENT, "母亲": Relation.PARENT},
    "other_cover": {
        "否": OtherCover.NONE,
        "无": OtherCover.NONE,
        "没有": OtherCover.NONE,
        "职工医保": OtherCover.EMPLOYEE,
    },
    "assistance": {"否": "none", "没有": "none", "无": "none", "低保": AssistanceCategory.DIBAO},
    "status": {"本地户籍居民": Status.LOCAL_HUKOU, "户籍": Status.LOCAL_HUKOU, "学生": Status.STUDENT},
}


@cache
def _readings(name: str) -> dict[str, Any]:
    """Every accepted spelling of a list of choices, in all languages of the portal."""
    source = _CHOICES[name]
    found: dict[str, Any] = {}
    for language, _label in settings.LANGUAGES:
        with translation.override(language):
            for value, label in source().items():
                found[folded(str(label))] = value
                found[folded(str(value))] = value
    return found | {folded(text): value for text, value in _SHORT.get(name, {}).items()}


_CHOICES: dict[str, Callable[[], Mapping[Any, Any]]] = {
    "sex": _sexes,
    "id_kind": _kinds,
    "status": _statuses,
    "school": _schools,
    "other_cover": _other_covers,
    "assistance": _assistance,
    "yes_no": _yes_no,
    "relation": _relations,
}


def _choice(name: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return _readings(name)[folded(text)]
        except KeyError as error:
            raise Unreadable("choice") from error

    return read


def read_name(text: str) -> str:
    """A name in its stored spelling."""
    try:
        return parse_name(text)
    except InvalidName as error:
        raise Unreadable(f"name.{error.reason}") from error


def read_phone(text: str) -> str:
    """A mobile number in its stored spelling."""
    try:
        return parse_phone(text)
    except InvalidPhone as error:
        raise Unreadable("phone") from error


def read_date(text: str) -> date:
    """A date as people write it in tables: 1956-03-08, 1956/3/8, 1956年3月8日, 19560308."""
    plain = unicodedata.normalize("NFKC", text).replace(" ", "").removesuffix("T00:00:00")
    found = _DATE.fullmatch(plain)
    if found is None:
        raise Unreadable("serial" if _SERIAL.fullmatch(plain) else "date")
    try:
        day = date(*(int(part) for part in found.groups() if part))
    except ValueError as error:
        raise Unreadable("date") from error
    if day.year < 1880:
        raise Unreadable("date")
    return day


def read_missed_years(text: str) -> int:
    """Years without insurance; four stands for more."""
    plain = unicodedata.normalize("NFKC", text).strip().removesuffix("年")
    if not re.fullmatch(r"[0-9]{1,2}", plain):
        raise Unreadable("years")
    return min(int(plain), MOST_MISSED_YEARS)


_ADDRESS = TrimmedCharField(max_length=LONGEST_ADDRESS, fold=True)


def read_address(text: str) -> str:
    """An address, judged by the field of the registration form."""
    try:
        return str(_ADDRESS.clean(text))
    except ValidationError as error:
        raise Unreadable("control" if error.error_list[0].code == "control" else "too_long") from error


def _as_typed(text: str) -> str:
    return text


COLUMNS = (
    Column(
        "name",
        both("姓名", "Name"),
        read_name,
        both("示例 张三", "Example Zhang San"),
        required=True,
        aliases=("参保人姓名", "full name"),
        width=12,
    ),
    Column(
        "id_number",
        both("证件号码", "Identity number"),
        _as_typed,
        both("450302199003079919", "450302199003079919"),
        required=True,
        aliases=("身份证号", "身份证号码", "公民身份号码", "身份证件号码", "居民身份证号码", "id number"),
        as_text=True,
        width=24,
    ),
    Column(
        "id_kind",
        both("证件类型", "Kind of document"),
        _choice("id_kind"),
        both("居民身份证", "Resident identity card"),
        choices=_kinds,
        width=18,
    ),
    Column("birth_on", both("出生日期", "Date of birth"), read_date, both("1990-03-07", "1990-03-07"), default=None),
    Column("sex", both("性别", "Sex"), _choice("sex"), both("男", "Male"), choices=_sexes, width=8),
    Column(
        "phone",
        both("手机号码", "Mobile number"),
        read_phone,
        both("19900000001", "19900000001"),
        aliases=("手机号", "手机", "联系电话", "电话", "phone"),
        as_text=True,
    ),
    Column(
        "address",
        both("住址", "Address"),
        read_address,
        both("甲山村8号", "8 Jiashan Village"),
        required=True,
        aliases=("家庭住址", "地址", "居住地址", "现住址"),
        width=30,
    ),
    Column(
        "in_area",
        both("居住在本村（社区）", "Lives in this village"),
        _choice("yes_no"),
        both("是", "Yes"),
        default=True,
        aliases=("居住在本地", "是否居住在本村"),
        choices=_yes_no,
    ),
    Column(
        "status",
        both("参保身份", "Ground"),
        _choice("status"),
        both("本地户籍", "Household register of this area"),
        default=Status.LOCAL_HUKOU,
        aliases=("人员身份", "户籍情况"),
        choices=_statuses,
        width=20,
    ),
    Column(
        "school",
        both("就读学校类型", "Kind of school"),
        _choice("school"),
        both("", ""),
        aliases=("学校类型",),
        choices=_schools,
    ),
    Column(
        "other_cover",
        both("其他医疗保险", "Other medical insurance"),
        _choice("other_cover"),
        both("无", "None"),
        default=OtherCover.NONE,
        aliases=("其他医保",),
        choices=_other_covers,
    ),
    Column(
        "missed_years",
        both("断保年数", "Years without insurance"),
        read_missed_years,
        both("0", "0"),
        default=0,
        aliases=("中断年数",),
    ),
    Column(
        "assistance",
        both("医疗救助身份", "Help with the premium"),
        _choice("assistance"),
        both("无", "No assistance"),
        default="none",
        aliases=("救助身份", "资助类别"),
        choices=_assistance,
        width=20,
    ),
    Column(
        "has_id_card",
        both("是否领取身份证", "Has an identity card"),
        _choice("yes_no"),
        both("是", "Yes"),
        default=None,
        choices=_yes_no,
    ),
    Column(
        "guardian_name",
        both("监护人姓名", "Name of the guardian"),
        read_name,
        both("", ""),
        aliases=("家长姓名",),
    ),
    Column(
        "guardian_number",
        both("监护人证件号码", "Identity number of the guardian"),
        _as_typed,
        both("", ""),
        aliases=("监护人身份证号", "监护人身份证号码", "家长身份证号"),
        as_text=True,
        width=24,
    ),
    Column(
        "relation",
        both("监护人与本人关系", "The guardian is the person's"),
        _choice("relation"),
        both("", ""),
        aliases=("与本人关系",),
        choices=_relations,
    ),
)
BY_CODE = {column.code: column for column in COLUMNS}


@cache
def by_heading() -> dict[str, str]:
    """The code of a column by every accepted spelling of its heading."""
    return {
        folded(text): column.code
        for column in COLUMNS
        for text in (*column.heading.values(), *column.aliases, column.code)
    }


@dataclass(frozen=True)
class Person:
    """What one line says, read; identity numbers are parsed ones."""

    name: str
    number: IdentityNumber
    birth_on: date
    sex: str
    phone: str
    address: str
    in_area: bool
    status: str
    school: str
    other_cover: str
    missed_years: int
    assistance: str
    has_id_card: bool
    guardian_name: str = ""
    guardian_number: IdentityNumber | None = None
    relation: str = ""


@dataclass
class Read:
    """The outcome of reading one line: a person, or what stands in the way. `number` may be known all the same."""

    person: Person | None
    faults: list[Fault] = field(default_factory=list)
    number: IdentityNumber | None = None
    name: str = ""


def read_line(cells: Mapping[str, str], marks: Mapping[str, str], on: date) -> Read:
    """Reads the cells of one line by column code; `marks` are columns the reader of the file already refused.

    Every cell is judged, so that the agent is told of everything at once.
    """
    values: dict[str, Any] = {}
    faults = [Fault(code if code in BY_CODE else "", mark) for code, mark in marks.items()]
    for column in COLUMNS:
        if column.code in marks:
            continue
        try:
            values[column.code] = _cell(column, cells.get(column.code, ""))
        except Unreadable as refusal:
            faults.append(Fault(column.code, refusal.code))
    number = _number(values, "id_number", values.get("id_kind") or None, on, faults)
    guardian = _number(values, "guardian_number", None, on, faults) if values.get("guardian_number") else None
    birth_on = values.get("birth_on") or (number.birth_date if number else None)
    sex = values.get("sex") or (number.sex if number else "")
    if number and not birth_on and "birth_on" in values:
        faults.append(Fault("birth_on", "required"))
    if number and not sex and "sex" in values:
        faults.append(Fault("sex", "required"))
    if birth_on and birth_on > on:
        faults.append(Fault("birth_on", "future"))
    elif number and number.birth_date and birth_on != number.birth_date:
        faults.append(Fault("birth_on", "number_birth"))
    if number and number.sex and sex != number.sex:
        faults.append(Fault("sex", "number_sex"))
    read = Read(None, faults, number, values.get("name", ""))
    _check_ground(values, number, faults)
    if faults or number is None or birth_on is None:
        return read
    has_card = values["has_id_card"]
    known = ("name", "phone", "address", "in_area", "status", "school", "other_cover")
    read.person = Person(
        **{name: values[name] for name in known},
        number=number,
        birth_on=birth_on,
        sex=sex,
        missed_years=values["missed_years"],
        assistance=values["assistance"],
        has_id_card=age_on(birth_on, on) >= IDENTITY_CARD_AGE_YEARS if has_card is None else has_card,
        guardian_name=values["guardian_name"],
        guardian_number=guardian,
        relation=values["relation"],
    )
    return read


def _check_ground(values: dict[str, Any], number: IdentityNumber | None, faults: list[Fault]) -> None:
    """The ground must fit the document, and pupils and students name the kind of school, as on the form."""
    status = values.get("status")
    grounds = GROUNDS.get(number.kind) if number else None
    if status and grounds is not None and status not in grounds:
        faults.append(Fault("status", "ground"))
    if "school" in values and status == Status.STUDENT and not values["school"]:
        faults.append(Fault("school", "school"))
    elif status != Status.STUDENT:
        values["school"] = ""


def _cell(column: Column, text: str) -> Any:
    text = text.strip()
    if not text:
        if column.required:
            raise Unreadable({"name": "name.empty", "id_number": "identity.empty"}.get(column.code, "required"))
        return column.default
    if text.startswith(FORMULA_SIGNS):
        raise Unreadable("formula")
    if len(text) > LONGEST_CELL:
        raise Unreadable("too_long")
    return column.read(text)


def _number(
    values: Mapping[str, Any], code: str, kind: str | None, on: date, faults: list[Fault]
) -> IdentityNumber | None:
    text = values.get(code)
    if not text:
        return None
    try:
        return parse_identity_number(text, kind, on)
    except InvalidIdentityNumber as refusal:
        faults.append(Fault(code, f"identity.{refusal.reason}"))
        return None


def is_example(cells: Mapping[str, str]) -> bool:
    """Whether a line is the example of the template, left in by mistake."""
    return folded(cells.get("name", "")).startswith(tuple(folded(sign) for sign in EXAMPLE_SIGNS))
