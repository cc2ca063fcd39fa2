"""Card applications brought to a stage of the journey by the services that real people use."""

import io
from datetime import timedelta

from django.utils import timezone
from PIL import Image

from cards import batches, services
from cards.models import Card, CardApplication
from cards.workflow import CardApplicationWorkflow, CardWorkflow
from payments.services import book_payment
from portal.people.actors import SYSTEM, Role
from portal.regions import calendar
from portal.regions.models import Office, Region
from tests.people_cast import ResidentFactory, actor, make_staff

TOWN = "442000100"
RECEIPT = "A2B4C6D8E10"
ANSWERS = {"phone": "19900000021", "address": "小榄镇示例路8号"}


def region(code=TOWN):
    return Region.objects.get(code=code)


def resident(*, name="陈海珊", police_photo=True, insured=True, **fields):
    """Somebody of Xiaolan, insured through an employer unless told otherwise."""
    person = ResidentFactory(
        name=name,
        home_region=region(),
        hukou_region_code=fields.pop("hukou_region_code", "442000"),
        police_photo=police_photo,
        **fields,
    )
    type(person).objects.filter(pk=person.pk).update(employee_insured=insured)
    person.refresh_from_db()
    return person


def card_clerk(username="feng", code="442000"):
    return make_staff(username, Role.CARD_CLERK, code, office_kind="card_office")


def pickup_clerk(username="he.xiaolan"):
    return make_staff(username, Role.CLERK, TOWN, office_kind="service_point")


def hotline(username="ou"):
    return make_staff(username, Role.HOTLINE, "442000")


def picture(size=(400, 500), kind="JPEG"):
    """A grey picture with a white border, no face."""
    image = Image.new("RGB", size, "white")
    image.paste((120, 120, 120), (size[0] // 4, size[1] // 4, size[0] * 3 // 4, size[1]))
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def add_receipt(person, number=RECEIPT, days_ago=3):
    return services.add_receipt(
        number=number, resident=person, taken_on=calendar.today() - timedelta(days=days_ago), image=picture()
    )


def point(code=TOWN):
    return Office.objects.serving(region(code), ["pickup_point"])[0]


def draft(person, *, town=TOWN, applicant=None, receipt=""):
    """A draft with step 1 filled in."""
    applicant = applicant or person
    application = services.start(actor=actor(applicant), applicant=applicant, resident=person, region=region(town))
    return services.save_personal(
        application=application, answers=ANSWERS, pickup_point=point(town), receipt_number=receipt
    )


def submitted(person, **options):
    application = draft(person, **options)
    return services.submit(
        application=application,
        actor=actor(application.applicant),
        token=application.submit_token,
        version=application.version,
    )


def pay(application, on=None, txn=""):
    """The bank reports the fee."""
    application.refresh_from_db()
    notice = application.notice
    book_payment(
        channel=notice.channels[0].code,
        provider_txn=txn or f"T{notice.number}",
        amount_fen=notice.amount_fen,
        paid_on=on or calendar.today(),
        notice_number=notice.number,
        actor=SYSTEM,
    )
    application.refresh_from_db()
    return application


def under_review(person, **options):
    return pay(submitted(person, **options))


def in_production(person, clerk, **options):
    application = under_review(person, **options)
    return services.approve(application=application, actor=actor(clerk), version=application.version)


def ready(person, clerk, **options):
    application = in_production(person, clerk, **options)
    batches.make_batch(actor=actor(clerk), region=region("442000"))
    batches.report_production(actor=actor(clerk), region=region("442000"), arrived=[application.number], failed=[])
    application.refresh_from_db()
    return application


def collected(person, clerk, **options):
    """The card and the activation code of its letter."""
    application = ready(person, clerk, **options)
    return services.hand_over(
        application=application, actor=actor(clerk), version=application.version, document="id_card", form_seen=True
    )


def fresh(row: CardApplication | Card):
    return type(row).objects.get(pk=row.pk)


def sweep():
    """One pass of the worker over applications and cards."""
    moved = 0
    for workflow in (CardApplicationWorkflow, CardWorkflow):
        for transition in workflow.transitions.values():
            if transition.on_deadline or transition.on_reminder:
                moved += transition.sweep(at=timezone.now())
    return moved
