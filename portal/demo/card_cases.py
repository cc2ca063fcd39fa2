"""Makes the demo's card applications in Zhongshan: real commands, run on earlier days, over every state."""

import io
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

from django.utils import timezone
from PIL import Image, ImageDraw

from cards import batches, pictures
from cards import services as cards
from cards.models import Card, CardApplication
from cards.workflow import CardApplicationWorkflow, CardWorkflow
from portal.demo import people
from portal.demo.enrolments import SHANGHAI, actor_for, pay_at_first_bank
from portal.demo.history import clock_at
from portal.people.actors import SYSTEM
from portal.people.models import Resident, User
from portal.regions import calendar
from portal.regions.models import Office, Region

FIRST_POSITION = 60
# How far each application goes, and how many days ago it was handed in.
STORIES = (
    ("draft", 1),
    ("awaiting_payment", 1),
    ("awaiting_payment", 3),
    ("under_review", 1),
    ("under_review", 2),
    ("under_review", 4),
    ("under_review", 5),
    ("under_review", 40),
    ("correction_required", 6),
    ("resubmitted", 8),
    ("in_production", 3),
    ("in_production", 5),
    ("batch", 12),
    ("batch", 13),
    ("batch", 45),
    ("ready", 25),
    ("ready", 24),
    ("collected", 30),
    ("active", 35),
    ("active", 36),
    ("lost", 50),
    ("rejected", 9),
    ("withdrawn", 7),
    ("lapsed", 40),
)
PEOPLE = [people.further(FIRST_POSITION + count, "442000100", "442000") for count in range(len(STORIES))]
WRONG_PHOTO = "照片背景不是白色，请重新上传白底免冠照片。"
REJECTED = "您已在户籍地办理过社会保障卡，不符合首次申领条件。"
NEXT_STEP = "如旧卡遗失或损坏，请到制卡机构办理补换卡。"
SKIN = ((214, 178, 150), (196, 158, 128), (226, 194, 168))
SHIRTS = ((60, 84, 120), (110, 60, 70), (70, 100, 80), (90, 90, 100))


def draw_portrait(number: int) -> bytes:
    """A drawn head and shoulders on white in the size of the card; nobody's face."""
    image = Image.new("RGB", (358, 441), "white")
    pen = ImageDraw.Draw(image)
    skin, shirt = SKIN[number % len(SKIN)], SHIRTS[number % len(SHIRTS)]
    pen.rounded_rectangle((54, 320, 304, 520), radius=90, fill=shirt)
    pen.rectangle((149, 270, 209, 345), fill=skin)
    pen.ellipse((104, 70, 254, 300), fill=(50, 44, 40))
    pen.ellipse((114, 110, 244, 300), fill=skin)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88, dpi=(350, 350))
    return out.getvalue()


def seed_cards(staff: dict[str, User], residents: dict[str, Resident]) -> int:
    """Makes photos, receipts and applications for people who are registered already; returns how many applications."""
    for count, person in enumerate([*people.FEATURED, *PEOPLE]):
        if person.police_photo:
            pictures.put_on_file(residents[person.number], draw_portrait(count))
    newcomer = residents[people.LIN.number]
    Resident.objects.filter(pk__in=[newcomer.pk, *(residents[person.number].pk for person in PEOPLE)]).update(
        employee_insured=True
    )
    cards.add_receipt(
        number=people.RECEIPT,
        resident=newcomer,
        taken_on=calendar.today() - timedelta(days=3),
        image=draw_portrait(7),
    )
    teller = CardTeller(staff["card.zhongshan"])
    for count, ((ends, days_ago), person) in enumerate(zip(STORIES, PEOPLE, strict=True)):
        resident = Resident.objects.get(pk=residents[person.number].pk)
        teller.tell(resident, ends, days_ago=days_ago, hour=8 + count % 6)
    return len(STORIES)


class CardTeller:
    """Carries the stories out with the card office of Zhongshan."""

    def __init__(self, clerk: User) -> None:
        self.clerk = actor_for(clerk)
        self.region = Region.objects.get(code="442000")
        self.ends: dict[str, Callable[[CardApplication], Any]] = {
            "correction_required": self.ask_correction,
            "resubmitted": self.resubmit,
            "in_production": self.approve,
            "batch": self.produce,
            "ready": self.arrive,
            "collected": self.collect,
            "active": self.activate,
            "lost": self.lose,
            "rejected": self.reject,
            "withdrawn": self.withdraw,
            "lapsed": self.lapse,
        }

    def tell(self, resident: Resident, ends: str, *, days_ago: int, hour: int) -> CardApplication:
        """Runs one application to its end and returns it."""
        day = calendar.today() - timedelta(days=days_ago)
        start = datetime.combine(day, time(hour, 12), SHANGHAI)
        with clock_at(start):
            application = self.draft(resident)
            if ends == "draft":
                return application
            application = cards.submit(
                application=application,
                actor=actor_for(resident),
                token=application.submit_token,
                version=application.version,
            )
        if ends == "awaiting_payment":
            return application
        with clock_at(start + timedelta(hours=2)):
            self.pay(application)
        later = min(start + timedelta(days=min(3, days_ago)), timezone.now())
        with clock_at(later):
            self.ends.get(ends, lambda application: None)(application)
        application.refresh_from_db()
        return application

    def draft(self, resident: Resident) -> CardApplication:
        """Fills in step 1."""
        region = resident.home_region
        if region is None:
            raise LookupError("a demo resident lives somewhere")
        application = cards.start(actor=actor_for(resident), applicant=resident, resident=resident, region=region)
        return cards.save_personal(
            application=application,
            answers={"phone": resident.phone, "address": f"{region.name_zh}示例路8号"},
            pickup_point=Office.objects.serving(region, ["pickup_point"])[0],
        )

    def pay(self, application: CardApplication) -> None:
        """Pays the notice at the region's first bank."""
        notice = application.notice
        if notice is None:
            return
        pay_at_first_bank(notice)
        application.refresh_from_db()

    def ask_correction(self, application: CardApplication) -> None:
        """Asks for another photo and a full address."""
        cards.ask_correction(
            application=application,
            actor=self.clerk,
            version=application.version,
            fields=["address", "photo"],
            reason=WRONG_PHOTO,
        )
        application.refresh_from_db()

    def resubmit(self, application: CardApplication) -> None:
        """Asks for the address alone, and gets it."""
        cards.ask_correction(
            application=application,
            actor=self.clerk,
            version=application.version,
            fields=["address"],
            reason="地址缺少门牌号，请补充。",
        )
        application.refresh_from_db()
        cards.resubmit(
            application=application,
            actor=actor_for(application.applicant),
            version=application.version,
            answers={"address": "小榄镇示例路8号2单元301室"},
        )

    def approve(self, application: CardApplication) -> None:
        """The card office finds nothing wrong."""
        cards.approve(application=application, actor=self.clerk, version=application.version)
        application.refresh_from_db()

    def produce(self, application: CardApplication) -> None:
        """Approved and with the producer."""
        self.approve(application)
        batches.make_batch(actor=self.clerk, region=self.region)

    def arrive(self, application: CardApplication) -> None:
        """Made and at the pickup point."""
        self.produce(application)
        batches.report_production(actor=self.clerk, region=self.region, arrived=[application.number or ""], failed=[])
        application.refresh_from_db()

    def collect(self, application: CardApplication) -> tuple[Card, str]:
        """In the holder's hand."""
        self.arrive(application)
        return cards.hand_over(
            application=application,
            actor=self.clerk,
            version=application.version,
            document="id_card",
            form_seen=True,
        )

    def activate(self, application: CardApplication) -> Card:
        """Activated online with the code of the letter."""
        card, code = self.collect(application)
        return cards.activate(card=card, actor=actor_for(application.resident), channel="online", code=code)

    def lose(self, application: CardApplication) -> None:
        """Formally reported lost."""
        card = self.activate(application)
        card.refresh_from_db()
        CardWorkflow.report_formal_loss.fire(card, self.clerk, card.version)

    def reject(self, application: CardApplication) -> None:
        """Rejected with reason and next step; the fee is proposed for refund."""
        cards.reject(
            application=application,
            actor=self.clerk,
            version=application.version,
            reason=REJECTED,
            next_step=NEXT_STEP,
        )

    def withdraw(self, application: CardApplication) -> None:
        """The resident takes it back."""
        cards.withdraw(application=application, actor=actor_for(application.applicant), version=application.version)

    def lapse(self, application: CardApplication) -> None:
        """The resident was asked for a correction and never answered."""
        self.ask_correction(application)
        if application.due_at is not None:
            CardApplicationWorkflow.lapse.move([application.pk], SYSTEM, at=application.due_at)
