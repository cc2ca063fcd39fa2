"""What residents stumbled over on a walk through every way in: dates, names, words, dead ends."""

import json
from datetime import date, timedelta

import pytest
from django import forms
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.loader import get_template, render_to_string
from django.test import Client
from django.urls import reverse

from cards import services as card_services
from cards.forms import ActivationForm, PersonalForm
from cards.forms import StartForm as CardStartForm
from enrollment import attorney, households, progress, services
from enrollment.attorney_forms import MandateForm
from enrollment.coordination_forms import RegistrationForm
from enrollment.drawings import DRAWINGS, drawing_of
from enrollment.forms import (
    AppealForm,
    AssistanceForm,
    ContactForm,
    CoverForm,
    EligibilityForm,
    OfficeForm,
    RelatedPersonForm,
    SimulatorForm,
    StartForm,
)
from enrollment.models import Mandate
from portal.design import controls
from portal.home.forms import LookupForm
from portal.people.forms import ChildForm, SignInForm
from portal.people.identity import parse_identity_number
from portal.people.models import Basis
from portal.people.preferences import ELDER_COOKIE
from portal.people.services import appoint_guardian
from portal.regions.models import Office, Region
from tests.cards import journeys as card_journeys
from tests.enrollment import journeys
from tests.enrollment.test_counter_mode import begun, registered
from tests.people_cast import (
    FIRST_DAY,
    ResidentFactory,
    actor,
    identity_number,
    make_staff,
    next_identity_number,
    sign_in,
)

pytestmark = pytest.mark.django_db

TOWN = "450302001"


@pytest.fixture
def newborn(monday, cast):
    """A child of the guardian, born on 1 September 2026: the window closes on 30 November."""
    child = ResidentFactory(name="莫宝宝", identity_number=identity_number("450302", "20260901", "M", serial=2))
    appoint_guardian(ward=child, guardian=cast.zhang, basis=Basis.PARENT, valid_from=FIRST_DAY)
    return child


def clerk():
    return make_staff("round.clerk", "clerk", TOWN, office_kind="service_point")


def page(client, name, *args):
    return client.get(reverse(f"enrollment:{name}", args=args)).content.decode()


def test_parents_read_until_when_to_pay_for_cover_from_birth(newborn, cast, client):
    """S1-22, N21, DOMAIN §6: before submission and beside a pay-by day that lies behind the newborn's window."""
    draft = journeys.draft(cast.zhang, beneficiary=newborn, year=2026, answers={"person": {"relation": "parent"}})
    sign_in(client, cast.zhang)
    assert "要从出生之日起享受待遇，须在2026年11月30日前（含当日）缴费" in page(client, "check_answers", draft.pk)
    office_clerk = clerk()
    services.submit(
        application=draft, actor=actor(cast.zhang), token=draft.submit_token, version=journeys.reload(draft).version
    )
    journeys.sweep()
    services.approve(
        application=journeys.seen(journeys.reload(draft), office_clerk),
        actor=actor(office_clerk),
        version=journeys.reload(draft).version,
    )
    billed = journeys.reload(draft)
    assert billed.notice.due_on > date(2026, 11, 30)
    assert "在2026年11月30日前（含当日）缴费的，自出生之日起享受待遇" in progress.step(billed).text


def test_an_adult_reads_about_waiting_only_when_the_pay_by_day_lies_behind_the_period(monday, cast):
    """S3-09, N21: nothing in November; in late December the last day without a waiting period."""
    office_clerk = clerk()
    early = journeys.approved(cast.zhang, office_clerk)
    assert "等待期" not in progress.step(journeys.reload(early)).text
    monday.shift(timedelta(days=36))  # 29 December
    late = journeys.approved(ResidentFactory(name="韦晚来"), office_clerk)
    assert "2026年12月31日之后缴费的有待遇等待期" in progress.step(journeys.reload(late)).text


def test_a_family_with_a_newborn_is_led_to_the_year_of_birth(newborn, cast, client):
    """N13, N21: the pack covers one year; the other, from birth, is offered until there is an application for it."""
    who, region = actor(cast.zhang), Region.objects.get(code=TOWN)
    pack = households.open_pack(actor=who, applicant=cast.zhang, region=region, cover_year=2027)
    households.add_members(pack=pack, actor=who, people=[cast.zhang, newborn])
    sign_in(client, cast.zhang)
    assert "为莫宝宝登记2026年度" in page(client, "household", pack.pk)
    services.submit(
        application=(row := journeys.draft(cast.zhang, beneficiary=newborn, year=2026)),
        actor=who,
        token=row.submit_token,
        version=row.version,
    )
    assert "为莫宝宝登记2026年度" not in page(client, "household", pack.pk)


def test_the_person_represented_reads_who_acted(monday, cast, client):
    """UX-R20, A10: the timeline names the agent; the agent reads “you”, a stranger's account is never named."""
    father = ResidentFactory(name="韦老汉", identity_number=identity_number("450302", "19480101", "M", serial=1))
    mandate = attorney.declare(
        actor=actor(cast.zhang),
        name=father.name,
        number=parse_identity_number(father.identity_number),
        relation="child",
        valid_from=date(2026, 11, 23),
        valid_until=date(2027, 1, 31),
        region=Region.objects.get(code=TOWN),
        office=Office.objects.responsible_for(Region.objects.get(code=TOWN), "service_point"),
    )
    attorney.confirm(mandate=Mandate.objects.get(pk=mandate.pk), actor=actor(clerk()))
    application = journeys.under_review(cast.zhang, beneficiary=father)
    sign_in(client, father)
    assert f"{cast.zhang.name}提交了申请" in page(client, "application", application.pk)
    assert application.name_of(None) == application.name_of(father.user_id) == ""
    agent = Client()
    sign_in(agent, cast.zhang)
    assert "您提交了申请" in page(agent, "application", application.pk)


def test_the_day_to_pay_by_has_one_name(monday, cast, client):
    """F1, F2: the progress page and the look-up call it as the notice does, and only while money is due."""
    sign_in(client, cast.zhang)
    waiting = journeys.under_review(cast.zhang)
    assert "最晚日期（含当日）" in page(client, "application", waiting.pk)
    office_clerk = clerk()
    services.approve(
        application=journeys.seen(waiting, office_clerk),
        actor=actor(office_clerk),
        version=journeys.reload(waiting).version,
    )
    billed = journeys.reload(waiting)
    for text in (
        page(client, "application", billed.pk),
        client.get(billed.notice.get_absolute_url()).content.decode(),
        Client()
        .post(reverse("lookup"), {"number": billed.number, "end": cast.zhang.identity_number[-4:]})
        .content.decode(),
    ):
        assert "缴费截止日" in text
        assert "最晚日期" not in text


def test_alternatives_are_required_together_and_not_each(monday, client):
    """N15, S1-03, UX-R11: “one of these is enough” stands once; no alternative is called required."""
    text = client.get(reverse("enrollment:materials"), {"region": TOWN}).content.decode()
    group = text[text.index("以下任选其一") :].split("</ul>")[0]
    assert group.count("必须提供") == 1
    assert group.index("必须提供") < group.index("<ul")
    assert "居民户口簿" in group


def test_the_portal_does_not_ask_where_somebody_on_file_lives(monday, cast, client):
    """UX-R2: the home on file is taken, shown, and can be changed; without one the picker comes first."""
    assert cast.zhang.home_region is not None
    sign_in(client, cast.zhang)
    answer = client.get(reverse("enrollment:start"))
    assert answer.context["region"] == cast.zhang.home_region
    assert reverse("regions:pick") in answer.content.decode()
    homeless = ResidentFactory(name="何处来", home_region=None)
    other = Client()
    sign_in(other, homeless)
    assert other.get(reverse("enrollment:start")).url.startswith(reverse("regions:pick"))


def every_form():
    """The forms of residents as they are sent empty."""
    office = Office.objects.none()
    return [
        EligibilityForm({}),
        SimulatorForm({}),
        StartForm({}, family=[], own_name="张三"),
        RelatedPersonForm({}, for_whom="child"),
        ContactForm({}),
        CoverForm({}),
        AssistanceForm({}),
        OfficeForm({}, offices=office, labels={}),
        AppealForm({}),
        MandateForm({}),
        RegistrationForm({}, employment="unit"),
        CardStartForm({}, family=[], own_name="张三"),
        PersonalForm({}, points=office, asks="receipt_number"),
        PersonalForm({}, points=office, asks="photo"),
        ActivationForm({}),
        LookupForm({}),
        SignInForm({}),
        ChildForm({}),
    ]


def test_every_empty_answer_is_asked_for_in_its_own_words(regions):
    """UX-R7: no message is made of the label; each says what to fill in."""
    bare = str(forms.Field.default_error_messages["required"])
    found = {
        f"{type(form).__name__}.{name}": controls.messages(form[name]) for form in every_form() for name in form.errors
    }
    assert len(found) > 30
    assert {key: words for key, words in found.items() if any("：" in word or bare in word for word in words)} == {}


def test_signing_in_again_at_a_button_is_no_dead_end(monday, cast, client):
    """UX-E10, UX-E12: the address of a button, opened by itself, explains what happened and leads on."""
    draft = journeys.draft(cast.zhang)
    sign_in(client, cast.zhang)
    answer = client.get(reverse("enrollment:restore", args=[draft.pk]))
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    text = answer.content.decode()
    assert "刚才的操作没有完成" in text
    assert reverse("enrollment:mine") in text


def test_time_overrun_is_said_as_such(monday, cast):
    """N2, UX-C2: more days used than promised are not written as “4 of 3”."""
    application = journeys.under_review(cast.zhang)
    monday.shift(timedelta(days=4))
    assert progress.used_words(progress.used(application)) == "已用3个工作日，共3个工作日"
    monday.shift(timedelta(days=3))
    assert progress.used_words(progress.used(application)) == "已用4个工作日，超出承诺的3个工作日"


def test_one_question_a_page_until_the_last_then_the_file(monday, card_world, client):
    """J3, D3: in the large edition step 1 of a card asks in turn; what takes a file comes last."""
    holder = card_world
    draft = card_journeys.draft(holder)
    sign_in(client, holder)
    client.cookies[ELDER_COOKIE] = "1"
    url = reverse("cards:personal", args=[draft.pk])
    form = client.get(url).context["form"]
    assert (form.question, form.more_questions) == (1, True)
    told = {"phone": "19900000021"}
    second = client.post(url, told | {"_question": "0"})
    assert second.context["form"].question == 2
    assert 'name="phone" value="19900000021"' in second.content.decode()


def test_an_uploaded_photo_is_shown_and_can_be_replaced(monday, client):
    """UX-R9: a thumbnail stands on the page and on the check page; another photo takes its place, none keeps it."""
    town = "450302003"
    holder = card_journeys.resident(police_photo=False, hukou_region_code="450302")
    draft = card_services.start(
        actor=actor(holder), applicant=holder, resident=holder, region=Region.objects.get(code=town)
    )
    sign_in(client, holder)
    url = reverse("cards:personal", args=[draft.pk])
    point = client.get(url).context["form"].fields["pickup_point"].queryset.first()
    told = card_journeys.ANSWERS | {"pickup_point": point.pk}
    assert "photo" in client.post(url, told).context["form"].errors
    stored = []
    for size in ((716, 882), None, (800, 1000)):
        photo = {} if size is None else {"photo": SimpleUploadedFile("a.jpg", card_journeys.picture(size))}
        answer = client.post(url, told | photo)
        assert answer.status_code == 302, answer.context["form"].errors
        draft.refresh_from_db()
        stored.append(draft.photo_id)
        thumbnail = f'src="{reverse("documents:upload", args=[draft.photo_id])}"'
        assert thumbnail in client.get(url).content.decode()
        assert thumbnail in client.get(answer.url).content.decode()
    assert stored[0] == stored[1] != stored[2]


def test_every_material_has_a_drawing(monday, client):
    """UX-R10: a picture beside each, hidden from screen readers, which get the words."""
    text = client.get(reverse("enrollment:materials"), {"region": TOWN}).content.decode()
    assert text.count("portal-material__picture") == text.count("样子：") > 3
    known = json.loads((settings.BASE_DIR / "fixtures/regions/00-nation.json").read_text(encoding="utf-8"))
    codes = {key.rsplit(".", 1)[-1] for key in known["policy"][0]["material"]}
    assert codes <= set(DRAWINGS)
    for code in codes:
        drawing = drawing_of(code)
        assert drawing.caption, code
        assert 'aria-hidden="true"' in get_template(drawing.template).render()
    assert drawing_of("ANYTHING_NEW").name == "sheet"


def test_the_hub_names_what_comes_after_the_form(monday, cast, client):
    """UX-R3: payment and card stand on the list, not to be started yet, each with the reason."""
    draft = journeys.draft(cast.zhang)
    sign_in(client, cast.zhang)
    text = page(client, "tasks", draft.pk)
    for words in ("缴纳保险费", "系统会自动出具缴费通知", "领取社会保障卡", "参保后可另行申领"):
        assert words in text


def test_a_township_centre_keys_the_data_in(monday, client):
    """S1-04, S1-05, S1-06: its clerk registers a resident; the centre has three working days."""
    sign_in(client, make_staff("round.hrss", "clerk", TOWN, office_kind="hrss_centre"))
    draft = begun(client, number := next_identity_number("450302", "M", "1990-03-07"))
    birth = f"{number[6:10]}-{number[10:12]}-{number[12:14]}"
    application = registered(client, draft, "submit", birth=birth)
    journeys.sweep()
    application = journeys.reload(application)
    assert application.office.kind == "hrss_centre"
    assert application.last_day == date(2026, 11, 26)
    assert application.helper.username == "round.hrss"


@pytest.fixture
def card_world(regions):
    """Somebody of Xiaolan who may apply for a card."""
    return card_journeys.resident()


def test_an_own_form_of_several_questions_says_where_it_stands():
    """J3: the number of the question, and nothing outside the large edition."""
    form = SignInForm()
    assert render_to_string("components/question.html", {"form": form}).strip() == ""
    vars(form).update(questions=3, question=2)
    assert "第 2 题，共 3 题" in render_to_string("components/question.html", {"form": form})
