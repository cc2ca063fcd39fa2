"""The cast: named people, the places they belong to, and how they sign in.

Zhang San of Xiufeng lives with his wife Li Si and their child Xiao Bao; Abdurahman lives in Qixing and is a stranger to
them. Clerk Meng works at the service point where the Zhangs live, clerk Tan at the stranger's. Everybody's number is
synthetic: sequence 99x, right check digit, telephones 199 0000 00xx.

    def test_something(client, cast):
        sign_in(client, cast.zhang)
        sign_in(client, cast.clerk)
"""

import datetime
import itertools
from dataclasses import dataclass
from functools import cached_property

import factory
import pytest
from django.test import Client

from portal.people import sessions
from portal.people.actors import Actor, Role
from portal.people.backends import actor_of, load_user
from portal.people.identity import check_character
from portal.people.models import Basis, Level, Relation, Resident, StaffGrant, User
from portal.people.services import account_of, appoint_guardian, form_household, register_resident
from portal.regions.models import Office, OfficeKind, Region

PASSWORD = "correct horse battery staple"
FIRST_DAY = datetime.date(2020, 1, 1)


def identity_number(
    area: str = "450302", birth: datetime.date | str = "19900307", sex: str = "M", *, serial: int = 0
) -> str:
    """Makes a synthetic number: sequence 99x (odd for men, even for women), valid check character.

    There are five of each sex a day and area; `serial` 0 to 4 picks one.
    """
    day = birth.strftime("%Y%m%d") if isinstance(birth, datetime.date) else birth.replace("-", "")
    last = 2 * serial + (1 if sex == "M" else 0)
    body = f"{area}{day}99{last}"
    return body + check_character(body)


_BIRTHDAYS = itertools.count()


def next_identity_number(area: str = "450302", sex: str = "M", first_birthday: str = "1960-01-01") -> str:
    """Makes a number that no other call of this run has made."""
    count = next(_BIRTHDAYS)
    birth = datetime.date.fromisoformat(first_birthday) + datetime.timedelta(days=count // 5 % 14_000)
    return identity_number(area, birth, sex, serial=count % 5)


_PLACES = [
    ("450000", "province", None, "广西壮族自治区", "Guangxi"),
    ("450300", "city", "450000", "桂林市", "Guilin"),
    ("450302", "county", "450300", "秀峰区", "Xiufeng District"),
    ("450302001", "town", "450302", "秀峰街道", "Xiufeng Subdistrict"),
    ("450305", "county", "450300", "七星区", "Qixing District"),
    ("450305001", "town", "450305", "七星街道", "Qixing Subdistrict"),
]


def region(code: str) -> Region:
    """Returns a region of Guilin; makes it, with what stands above it, where fixtures are not loaded."""
    known = Region.objects.filter(code=code).first()
    if known is not None:
        return known
    level, parent, name_zh, name_en = next(place[1:] for place in _PLACES if place[0] == code)
    return Region.objects.create(
        code=code, level=level, parent=region(parent) if parent else None, name_zh=name_zh, name_en=name_en
    )


def office(kind: str, region_code: str, **fields: object) -> Office:
    """Returns the first office of a kind in a region, made where there is none."""
    place = region(region_code)
    known = Office.objects.filter(kind=kind, region=place, active=True).order_by("code").first()
    if known is not None:
        return known
    defaults = {
        "code": f"cast-{kind}-{region_code}",
        "name_zh": f"{place.name_zh}窗口（示例）",
        "name_en": f"{place.name_en} counter (sample)",
        "address_zh": "示例路1号",
        "address_en": "1 Sample Road",
        "hours_zh": "8:30–12:00，14:30–18:00",
        "hours_en": "8:30–12:00, 14:30–18:00",
        "phone": "0773-0000000",
        "bank_code": "ICBC" if kind == OfficeKind.BANK else "",
    }
    return Office.objects.create(kind=kind, region=place, **(defaults | fields))


class UserFactory(factory.django.DjangoModelFactory):
    """An account of staff, without a role."""

    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"staff{n}")
    display_name = factory.Sequence(lambda n: f"工作人员{n}")

    @classmethod
    def _create(cls, model_class: type[User], *args: object, **kwargs: object) -> User:
        return model_class.objects.create_user(*args, **kwargs)


class StaffGrantFactory(factory.django.DjangoModelFactory):
    """A role in Xiufeng, for ever."""

    class Meta:
        model = StaffGrant

    user = factory.SubFactory(UserFactory)
    role = Role.CLERK
    region = factory.LazyFunction(lambda: region("450302"))
    valid_from = FIRST_DAY
    reason = "test"


class ResidentFactory(factory.Factory):
    """A verified resident of Xiufeng with a number and a telephone of their own."""

    class Meta:
        model = Resident

    class Params:
        self_declared = factory.Trait(level=Level.SELF_DECLARED)

    name = "测试"
    identity_number = factory.LazyFunction(next_identity_number)
    phone = factory.Sequence(lambda n: f"199{n + 1000:08d}")
    home_region = factory.LazyFunction(lambda: region("450302001"))
    hukou_region_code = "450302"
    level = Level.VERIFIED
    has_id_card = True

    @classmethod
    def _create(cls, model_class: type[Resident], *args: object, **kwargs: object) -> Resident:
        return register_resident(*args, **kwargs)


def make_staff(
    username: str,
    role: Role,
    region_code: str,
    *,
    office_kind: str | None = None,
    display_name: str = "",
    **fields: object,
) -> User:
    """Makes an account that holds one role; it can sign in with `PASSWORD`."""
    place = region(region_code)
    user = User.objects.create_user(username, PASSWORD, display_name=display_name or username, **fields)
    StaffGrantFactory(
        user=user, role=role, region=place, office=office(office_kind, region_code) if office_kind else None
    )
    return user


def actor(person: Resident | User) -> Actor:
    """Returns who this person acts as today."""
    user = account_of(person) if isinstance(person, Resident) else person
    loaded = load_user(user.pk)
    assert loaded is not None
    return actor_of(loaded)


def sign_in(client: Client, person: Resident | User) -> Actor:
    """Signs a resident or a member of staff in without the pages, and returns who they act as."""
    user = account_of(person) if isinstance(person, Resident) else person
    user.refresh_from_db()
    client.force_login(user, backend=sessions.BACKEND)
    return actor(user)


@dataclass
class Cast:
    """Everybody, made at first mention, so that a test pays only for whom it names."""

    @cached_property
    def zhang(self) -> Resident:
        """Head of a household in Xiufeng."""
        return ResidentFactory(name="张三", identity_number="450302199003079919", phone="19900000001")

    @cached_property
    def li(self) -> Resident:
        """Zhang's wife, registered in the same household."""
        resident = ResidentFactory(
            name="李四", identity_number=identity_number("450302", "19910412", "F", serial=0), phone="19900000002"
        )
        form_household([(self.zhang, Relation.HEAD), (resident, Relation.SPOUSE)], region=resident.home_region)
        return resident

    @cached_property
    def child(self) -> Resident:
        """Zhang's and Li's child, a minor without telephone or identity card, whose guardian is Zhang."""
        resident = ResidentFactory(name="张小宝", identity_number="450381201907019914", phone="", has_id_card=False)
        appoint_guardian(guardian=self.zhang, ward=resident, basis=Basis.PARENT, valid_from=FIRST_DAY)
        return resident

    @property
    def guardian(self) -> Resident:
        """Zhang, once the child is there."""
        assert self.child
        return self.zhang

    @cached_property
    def wang(self) -> Resident:
        """A stranger who lives in the next district."""
        return ResidentFactory(
            name="阿卜杜热合曼·买买提",
            identity_number="45030419780815991X",
            phone="19900000003",
            home_region=region("450305001"),
            hukou_region_code="450304",
        )

    @cached_property
    def newcomer(self) -> Resident:
        """Somebody with a self-declared account in Xiufeng."""
        return ResidentFactory(
            name="韦𠮷", identity_number="450321201205309937", phone="19900000004", level=Level.SELF_DECLARED
        )

    @cached_property
    def clerk(self) -> User:
        """Clerk of the service point where the Zhangs live."""
        return make_staff("meng", Role.CLERK, "450302001", office_kind=OfficeKind.SERVICE_POINT, display_name="孟文")

    @cached_property
    def second_clerk(self) -> User:
        """Another clerk of the same service point."""
        return make_staff("su", Role.CLERK, "450302001", office_kind=OfficeKind.SERVICE_POINT, display_name="苏敏")

    @cached_property
    def other_clerk(self) -> User:
        """Clerk of the service point in the next district."""
        return make_staff("tan", Role.CLERK, "450305001", office_kind=OfficeKind.SERVICE_POINT, display_name="谭丽")

    @cached_property
    def clerk_at_home(self) -> User:
        """Clerk of the Zhangs' service point who is Li Si at home."""
        return make_staff(
            "lisi",
            Role.CLERK,
            "450302001",
            office_kind=OfficeKind.SERVICE_POINT,
            display_name="李四",
            own_id_index=self.li.id_index,
        )

    @cached_property
    def reviewer(self) -> User:
        """County reviewer of Xiufeng."""
        return make_staff(
            "qin", Role.COUNTY_REVIEWER, "450302", office_kind=OfficeKind.COUNTY_CENTRE, display_name="秦刚"
        )

    @cached_property
    def other_reviewer(self) -> User:
        """County reviewer of Qixing."""
        return make_staff(
            "pan", Role.COUNTY_REVIEWER, "450305", office_kind=OfficeKind.COUNTY_CENTRE, display_name="潘静"
        )

    @cached_property
    def agent(self) -> User:
        """Committee agent of the Zhangs' subdistrict."""
        return make_staff(
            "liang", Role.COMMITTEE_AGENT, "450302001", office_kind=OfficeKind.VILLAGE_COMMITTEE, display_name="梁秀"
        )

    @cached_property
    def card_clerk(self) -> User:
        return make_staff("luo", Role.CARD_CLERK, "450300", office_kind=OfficeKind.CARD_OFFICE, display_name="罗勇")

    @cached_property
    def cashier(self) -> User:
        return make_staff("chen", Role.CASHIER, "450302", office_kind=OfficeKind.COUNTY_CENTRE, display_name="陈晨")

    @cached_property
    def second_cashier(self) -> User:
        return make_staff("deng", Role.CASHIER, "450302", office_kind=OfficeKind.COUNTY_CENTRE, display_name="邓海")

    @cached_property
    def hotline(self) -> User:
        return make_staff("he", Role.HOTLINE, "450300", display_name="何平")

    @cached_property
    def admin(self) -> User:
        """Administrator of Guilin, who may open the Django admin."""
        return make_staff("zhao", Role.ADMIN, "450300", display_name="赵雅", is_superuser=True)

    @cached_property
    def second_admin(self) -> User:
        """The other administrator of Guilin, who publishes what the first one drafts."""
        return make_staff("qian", Role.ADMIN, "450300", display_name="钱伟")

    @cached_property
    def auditor(self) -> User:
        return make_staff("sun", Role.AUDITOR, "450300", display_name="孙明")

    def staff(self) -> dict[Role, User]:
        """Returns one member of staff for each role."""
        return {
            Role.COMMITTEE_AGENT: self.agent,
            Role.CLERK: self.clerk,
            Role.COUNTY_REVIEWER: self.reviewer,
            Role.CARD_CLERK: self.card_clerk,
            Role.CASHIER: self.cashier,
            Role.HOTLINE: self.hotline,
            Role.ADMIN: self.admin,
            Role.AUDITOR: self.auditor,
        }


@pytest.fixture
def cast(db: None) -> Cast:
    """Gives a test its people."""
    return Cast()
