"""Who is told what: said before the submission, kept to afterwards, once for each fact (F5, UX-R12, UX-R20)."""

import pytest
from django.urls import reverse

from enrollment import services
from portal.outbox.models import Message
from tests.enrollment import journeys
from tests.people_cast import actor, sign_in

pytestmark = pytest.mark.django_db


def sent(resident):
    return [message.body for message in Message.objects.filter(resident=resident, urgent=False).order_by("pk")]


def test_the_check_page_names_everybody_who_will_be_told(monday, cast, client):
    """F5: the applicant on the typed telephone and the adult they apply for on their own, masked."""
    draft = journeys.draft(cast.zhang, beneficiary=cast.li)
    sign_in(client, cast.zhang)
    page = client.get(reverse("enrollment:check_answers", args=[draft.pk])).content.decode()
    assert "199****0001" in page
    assert cast.li.masked_phone in page
    assert cast.li.masked_name in page
    assert cast.li.phone not in page


def test_helper_and_resident_are_both_told_at_each_step(monday, cast):
    """F5, UX-R20: filed, to be corrected, decided; each says who entered it for whom."""
    application = journeys.under_review(cast.zhang, beneficiary=cast.li)
    journeys.ask(application, cast.clerk)
    application.refresh_from_db()
    services.resubmit(
        application=application,
        actor=actor(cast.zhang),
        version=application.version,
        values={"contact.address": "甲山村9号"},
        handed_in=[],
    )
    application.refresh_from_db()
    application = journeys.seen(application, cast.clerk)
    services.approve(application=application, actor=actor(cast.clerk), version=application.version)
    for person in (cast.zhang, cast.li):
        texts = sent(person)
        assert [word for word in ("已提交至", "需要补正", "已通过审核") if any(word in text for text in texts)] == [
            "已提交至",
            "需要补正",
            "已通过审核",
        ]
        assert all(f"由{cast.zhang.masked_name}代为填报" in text for text in texts)


def test_a_child_is_not_told_and_a_person_is_told_once(monday, cast):
    """F5: messages about a child go to the parent; who applies for themselves gets one and no remark on a helper."""
    journeys.submitted(cast.zhang, beneficiary=cast.child)
    assert sent(cast.child) == []
    journeys.submitted(cast.wang, town="450305001")
    assert len(sent(cast.wang)) == 1
    assert "代为填报" not in sent(cast.wang)[0]


def test_the_payer_gets_one_message_with_amount_number_and_day(monday, cast):
    """E12, UX-R23: the approval carries everything needed to pay; payments send no second message about the notice."""
    application = journeys.approved(cast.zhang, cast.clerk)
    journeys.sweep()
    application.refresh_from_db()
    about_money = [text for text in sent(cast.zhang) if "¥" in text]
    assert len(about_money) == 1
    assert application.notice.grouped_number in about_money[0]
    assert "前（含当日）" in about_money[0]
