"""Applications brought to a stage of the journey by the services that real people use."""

from django.utils import timezone

from enrollment import services, steps
from enrollment.desk_forms import Requested
from enrollment.models import Application, ApplicationMaterial
from enrollment.workflow import EnrollmentWorkflow
from payments.services import book_payment
from portal.people.actors import SYSTEM
from portal.regions.models import Office, Region
from tests.people_cast import actor

ANSWERS = {
    "person": {"birth_on": None, "sex": "M", "has_id_card": True},
    "contact": {"phone": "19900000001", "address": "甲山村8号", "in_area": True},
    "cover": {"status": "local_hukou", "other_cover": "none", "missed_years": 0},
    "assistance": {"assistance": "none"},
}


def draft(resident, *, town="450302001", year=2027, office_kind="service_point", answers=None, beneficiary=None):
    """A complete draft of a resident for themselves, or for somebody of the family.

    The sections are stored as the service stores them, but at once: hundreds of tests begin here.
    """
    region = Region.objects.get(code=town)
    person = beneficiary or resident
    application = services.start(
        actor=actor(resident),
        resident=resident,
        region=region,
        for_whom="child" if beneficiary else "self",
        cover_year=year,
        beneficiary=person,
    )
    told = {section: values | (answers or {}).get(section, {}) for section, values in ANSWERS.items()}
    told["person"]["birth_on"] = told["person"]["birth_on"] or person.birth_date
    application.answers = application.answers | {section: steps.stored(values) for section, values in told.items()}
    Application.objects.filter(pk=application.pk).update(answers_cipher=application.answers_cipher)
    office = Office.objects.responsible_for(region, office_kind)
    return services.save_section(application=application, section="office", values={"office": office}, office=office)


def submitted(resident, **options):
    """An application that waits for the automatic checks."""
    application = draft(resident, **options)
    return services.submit(
        application=application,
        actor=actor(resident),
        token=application.submit_token,
        version=application.version,
    )


def under_review(resident, **options):
    """An application that lies with its office."""
    application = submitted(resident, **options)
    sweep()
    application.refresh_from_db()
    return application


def seen(application, clerk):
    """The clerk has ticked every required paper."""
    required = ApplicationMaterial.objects.filter(application=application, required=True)
    return services.judge_materials(
        application=application,
        actor=actor(clerk),
        version=application.version,
        judgements={material.code: "accepted" for material in required},
    )


def ask(application, clerk):
    """The clerk asks for another address."""
    return services.ask_correction(
        application=application,
        actor=actor(clerk),
        version=application.version,
        items=[Requested("field", "contact.address", "请按户口簿填写门牌号")],
    )


def approved(resident, clerk, **options):
    """An approved application, billed when there is an amount."""
    application = seen(under_review(resident, **options), clerk)
    services.approve(application=application, actor=actor(clerk), version=application.version)
    application.refresh_from_db()
    return application


def pay(application, *, paid_on=None):
    """The premium is paid at a bank counter."""
    notice = application.notice
    payment = book_payment(
        channel=notice.channels[0].code,
        provider_txn=f"T{notice.number}",
        amount_fen=notice.amount_fen,
        paid_on=paid_on or notice.issued_on,
        actor=SYSTEM,
        notice_number=notice.number,
    )
    application.refresh_from_db()
    return payment


def sweep():
    """One pass of the worker over the enrolment."""
    moved = 0
    for transition in EnrollmentWorkflow.transitions.values():
        if transition.on_deadline or transition.on_reminder:
            moved += transition.sweep(at=timezone.now())
    return moved


def reload(application) -> Application:
    return Application.objects.for_pages().get(pk=application.pk)
