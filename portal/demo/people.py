"""The invented people of the demo: who they are, where they belong, and how they sign in."""

from dataclasses import dataclass
from datetime import date

from portal.people.actors import Role
from portal.people.identity import check_character
from portal.people.models import AssistanceCategory

PASSWORD = "canbao-demo-2026"  # noqa: S105  printed at start; accounts with it exist in the demo alone


def identity_number(area: str, birth: date, sex: str, serial: int) -> str:
    """A synthetic number: sequence 99x, odd for men, with the right check character; serial is 0 to 4."""
    body = f"{area}{birth:%Y%m%d}99{2 * serial + (sex == 'M')}"
    return body + check_character(body)


@dataclass(frozen=True)
class Colleague:
    """A member of staff with one role."""

    username: str
    name: str
    role: Role
    region: str
    office: str = ""


@dataclass(frozen=True)
class Person:
    """A resident who can sign in by name, number and the code on the demo phone."""

    name: str
    number: str
    phone: str
    home: str
    hukou: str
    about: tuple[str, str]
    assistance: str = AssistanceCategory.NONE
    police_photo: bool = True


STAFF = (
    Colleague("clerk.jiashan", "韦窗口", Role.CLERK, "450302003", "450302003-service"),
    Colleague("clerk.xiufeng", "莫窗口", Role.CLERK, "450302001", "450302001-service"),
    Colleague("clerk.centre", "覃中心", Role.CLERK, "450302", "450302-centre"),
    Colleague("reviewer.xiufeng", "蒙复核", Role.COUNTY_REVIEWER, "450302", "450302-centre"),
    Colleague("agent.jiashan", "黄协办", Role.COMMITTEE_AGENT, "450302003", "450302003-jiashan-committee"),
    Colleague("cashier.guilin", "廖收款", Role.CASHIER, "450300", "450300-centre"),
    Colleague("cashier2.guilin", "阳复点", Role.CASHIER, "450300", "450300-centre"),
    Colleague("card.guilin", "龙制卡", Role.CARD_CLERK, "450300", "450300-card"),
    Colleague("admin.guilin", "梁管理", Role.ADMIN, "450300"),
    Colleague("admin2.guilin", "陆管理", Role.ADMIN, "450300"),
    Colleague("auditor.guilin", "卢审计", Role.AUDITOR, "450300"),
    Colleague("clerk.xiaolan", "何窗口", Role.CLERK, "442000100", "442000100-service"),
    Colleague("card.zhongshan", "冯制卡", Role.CARD_CLERK, "442000", "442000-card"),
    Colleague("cashier.zhongshan", "梅收款", Role.CASHIER, "442000", "442000-centre"),
    Colleague("cashier2.zhongshan", "林复点", Role.CASHIER, "442000", "442000-centre"),
    Colleague("hotline.zhongshan", "欧热线", Role.HOTLINE, "442000", "442000-card"),
    Colleague("reviewer.zhongshan", "区复核", Role.COUNTY_REVIEWER, "442000", "442000-centre"),
    Colleague("admin.zhongshan", "萧管理", Role.ADMIN, "442000"),
    Colleague("admin2.zhongshan", "缪管理", Role.ADMIN, "442000"),
    Colleague("clerk.shajing", "熊窗口", Role.CLERK, "360113001", "360113001-service"),
    Colleague("reviewer.nanchang", "万复核", Role.COUNTY_REVIEWER, "360113", "360113-centre"),
)

ZHANG = Person(
    "张三",
    identity_number("450302", date(1990, 3, 7), "M", 0),
    "19900000001",
    "450302003",
    "450302",
    ("桂林市秀峰区甲山街道居民，尚未申请", "Resident of Jiashan, Guilin; has not applied yet"),
)
LI = Person(
    "李秀英",
    identity_number("450302", date(1956, 5, 20), "F", 0),
    "19900000002",
    "450302003",
    "450302",
    ("桂林市，70岁，申请在办", "Guilin, aged 70, application in progress"),
)
CHEN = Person(
    "陈海珊",
    identity_number("442000", date(1992, 8, 15), "F", 0),
    "19900000003",
    "442000100",
    "442000",
    ("中山市小榄镇居民，已参保，可申领社保卡", "Resident of Xiaolan, Zhongshan; insured, may apply for a card"),
)
WAN = Person(
    "万小林",
    identity_number("360113", date(1985, 1, 9), "M", 0),
    "19900000004",
    "360113001",
    "360113",
    ("南昌市，2027年缴费标准尚未公布", "Nanchang, where the premium for 2027 is not published yet"),
)
MEMET = Person(
    "阿卜杜热合曼·买买提",
    identity_number("450302", date(1978, 8, 15), "M", 0),
    "19900000005",
    "450302001",
    "450302",
    ("桂林市，长姓名", "Guilin, with a long name"),
)
WEI = Person(
    "韦𠮷",
    identity_number("450302", date(1999, 12, 1), "M", 0),
    "19900000006",
    "450302003",
    "450302",
    ("桂林市，姓名含生僻字", "Guilin, with a rare character in the name"),
)
RECEIPT = "A2B4C6D8E10"
LIN = Person(
    "林小梅",
    identity_number("441900", date(1998, 4, 26), "F", 0),
    "19900000007",
    "442000100",
    "441900",
    (
        f"中山市，非本市户籍，照片库无照片，申领社保卡用照相回执号 {RECEIPT}",
        f"Zhongshan, registered elsewhere, no photo on file; applies for a card with photo receipt {RECEIPT}",
    ),
    police_photo=False,
)
AGENT_AT_HOME = Person(
    "黄协办",
    identity_number("450302", date(1975, 6, 6), "F", 0),
    "19900000090",
    "450302003",
    "450302",
    ("甲山村代办员本人", "The agent of Jiashan, as a resident"),
)
AT_HOME = {"agent.jiashan": AGENT_AT_HOME}
"""Members of staff who are on file as residents: a village's agent answers for its batch notices."""

FEATURED = (ZHANG, LI, CHEN, LIN, WAN, MEMET, WEI)

FAMILY_NAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡林郭何高罗"
GIVEN_NAMES = [
    "建国",
    "桂英",
    "志强",
    "秀兰",
    "小龙",
    "丽娟",
    "文博",
    "玉珍",
    "明辉",
    "晓燕",
    "家豪",
    "雨桐",
    "春梅",
    "俊杰",
    "美玲",
]


def further(position: int, home: str, area: str) -> Person:
    """One of the many further residents who fill the queues; the same position gives the same person."""
    sex = "FM"[position % 2]
    birth = date(1948 + position * 7 % 55, 1 + position % 12, 1 + position * 5 % 28)
    name = FAMILY_NAMES[position % len(FAMILY_NAMES)] + GIVEN_NAMES[position * 4 % len(GIVEN_NAMES)]
    number = identity_number(area, birth, sex, position % 5)
    return Person(name, number, f"199{position + 10_000:08d}", home, area, ("", ""))


def sign_ins() -> list[str]:
    """A line for each person who can sign in, for the greeting at start."""
    lines = [f"Staff password: {PASSWORD}   Residents' codes appear on /demo/phone/"]
    lines += [f"{person.name}  {person.number}  {person.phone}  {person.about[1]}" for person in FEATURED]
    lines += [f"{colleague.username:20} {colleague.role.label}" for colleague in STAFF]
    return lines
