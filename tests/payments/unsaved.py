"""Notices that no database knows, with all that their papers need: for tests of papers in number and for benchmarks."""

import random
import uuid
from collections.abc import Iterator
from datetime import date, timedelta

from payments import nontax, numbers, premium
from payments.models import Line, Notice, lines_data
from payments.paper_parts import Printing
from payments.states import State
from portal.crypto import seal
from portal.documents.models import PaperRecord
from portal.documents.papers import Paper
from portal.documents.records import new_code
from portal.people.models import Resident
from portal.regions.models import PolicySnapshot, Region
from portal.regions.text import both
from tests.payments.rules import RULES, TODAY

MODULES = {"premium": premium, "nontax": nontax}
FAMILY_NAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢"
    "姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷黎史龙陶贺毛郝顾龚邵万覃武钱戴严莫孔向常"
    "汤康易乔文莫侬农蓝"
)
GIVEN_NAMES = (
    "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂玉萍红梅建国华文志军海燕春晓雪峰云飞鑫宇浩然子轩梓涵"
    "欣怡诗雨思远嘉豪俊熙瑞泽佳琪美玲凤珍淑贞德福贵祥永康宁安邦国栋振东少雄一诺婉婷可心"
)
RARE_NAMES = ("㛃𠮷", "覃䶮", "王喆堃", "李昺", "农㵆", "韦璟旻", "赵𫖯", "陈珺瑢")
LONG_NAMES = ("阿卜杜拉·买买提江·吐尔逊", "欧阳诸葛慧敏", "Anna Maria Schmidt", "司马 相如")
CATEGORIES = (both("普通居民", "Resident"), both("低保对象", "Allowance"), both("学生儿童", "Pupil"))
WAYS = {
    "zh-hans": [
        "银行柜台：农村信用合作联社秀峰支行 桂林市秀峰区中山中路 1 号",
        "村委会代收：甲山村民委员会 桂林市秀峰区甲山街道甲山村 8 号",
        "在线支付：网上缴费，全天可用",
    ],
    "en": [
        "Bank counter: Rural Credit Cooperative Xiufeng Branch, 1 Zhongshan Middle Road",
        "Village committee: Jiashan village committee, 8 Jiashan Village",
        "Online payment: Online, at any hour",
    ],
}


def random_name(rng: random.Random, odd: float = 0.0) -> str:
    """A name of two or three characters; now and then, with chance `odd`, a rare or a long one."""
    if rng.random() < odd:
        return rng.choice([*RARE_NAMES, *LONG_NAMES])
    return rng.choice(FAMILY_NAMES) + "".join(rng.choice(GIVEN_NAMES) for _index in range(rng.choice((1, 2, 2))))


def unsaved_paper(
    rng: random.Random,
    *,
    kind: str = "premium",
    language: str = "zh-hans",
    lines: int = 1,
    state: State = State.ISSUED,
    name: str = "",
    odd: float = 0.0,
) -> Paper:
    """The paper of a random person's notice in one village."""
    paid = state in (State.PAID, State.REFUNDING, State.REFUNDED)
    people = [name or random_name(rng, odd), *(random_name(rng, odd) for _index in range(lines - 1))]
    standard = rng.choice((38_000, 40_000, 42_500)) if kind == "premium" else 2_000
    rows = [
        Line(
            name=person,
            masked_number=f"450302********{rng.randrange(10_000):04d}",
            label=rng.choice(CATEGORIES[: 1 if lines > 1 else 3]) if kind == "premium" else both("工本费", "Card fee"),
            standard_fen=standard,
            assistance_fen=rng.choice((0, 0, 12_000, 24_000)) if kind == "premium" else 0,
        )
        for person in people
    ]
    serial = rng.randrange(10**9)
    policy = PolicySnapshot(pk=1, taken_on=TODAY, data={"region": "450302001", "rules": RULES, "sources": {}})
    notice = Notice(
        pk=uuid.UUID(int=rng.getrandbits(128)),
        number=numbers.notice_number(kind, 2026, serial),
        pay_code=numbers.pay_code(kind, "450302", serial),
        kind=kind,
        resident=Resident(pk=uuid.UUID(int=rng.getrandbits(128))),
        payer_name=people[0],
        payer_number=rows[0].masked_number,
        region=Region(pk=1, code="450302001", level="town", path="450302001/", name_zh="甲山街道", name_en="Jiashan"),
        policy=policy,
        cover_year=2027,
        title=both("桂林市城乡居民基本医疗保险缴费通知单", "Notice of Payment, Residents' Basic Medical Insurance"),
        lines_data=lines_data(rows),
        amount_fen=sum(row.payable_fen for row in rows),
        issued_on=TODAY - timedelta(days=rng.randrange(60)),
        due_on=date(2026, 12, 1) + timedelta(days=rng.randrange(30)),
        state=state,
        paid_on=TODAY if paid else None,
    )
    record = PaperRecord(subject_id=str(notice.pk))
    record.code_cipher = seal(new_code(), aad=f"documents.paperrecord:{record.pk}")
    printing = Printing(record, "桂林市秀峰区甲山街道", WAYS[language] if state == State.ISSUED else [])
    made: Paper = MODULES[kind].paper(notice, language, printing)
    return made


def many_papers(count: int, *, seed: int = 1, **fields: object) -> Iterator[Paper]:
    """Papers of so many random people of one village."""
    rng = random.Random(seed)
    for _index in range(count):
        yield unsaved_paper(rng, **fields)  # type: ignore[arg-type]
