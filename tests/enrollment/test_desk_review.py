"""The case page: papers judged with reasons, previews, masked numbers, notes that stay, the end of the day."""

import csv
import io
import zipfile
from collections import Counter
from datetime import timedelta

import pytest
from django.urls import reverse

from enrollment import queueing, services
from enrollment.desk_forms import refusal_words
from enrollment.models import Application, CaseLease, CorrectionItem
from enrollment.states import State
from portal.audit.models import AuditEntry
from portal.outbox.models import Message
from portal.regions.models import PolicyRule, Region
from portal.workflow.errors import Unmet
from tests.access.addresses import key_of, patterns
from tests.access.matrix import TABLE
from tests.enrollment import journeys
from tests.enrollment.test_papers_of_a_case import pdf_text
from tests.people_cast import actor, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(monday, cast):
    return journeys.under_review(cast.zhang)


def judge(client, case, **told):
    return client.post(reverse("enrollment:judge", args=[case.pk]), {"version": case.version, **told})


def test_a_refused_paper_needs_a_reason_that_the_resident_can_read(case, cast, client):
    """UX-C4, UX-C8, B6: a reason from the list; "other" needs words; the form keeps what was typed."""
    paper = case.materials.filter(required=True).first()
    name = f"material-{paper.code}"
    sign_in(client, cast.clerk)
    answer = judge(client, case, **{name: "refused", f"words-{paper.code}": "请补盖章"})
    assert answer.status_code == 400
    assert "请补盖章" in answer.content.decode()
    assert judge(client, case, **{name: "refused", f"why-{paper.code}": "other"}).status_code == 400
    assert judge(client, case, **{name: "refused", f"why-{paper.code}": "nonsense"}).status_code == 400
    done = {name: "refused", f"why-{paper.code}": "incomplete", f"words-{paper.code}": "请补盖章"}
    assert judge(client, case, **done).status_code == 302
    paper.refresh_from_db()
    assert (paper.judged, paper.refusal_code, paper.refusal_text) == ("refused", "incomplete", "请补盖章")
    page = client.get(reverse("enrollment:ask_correction", args=[case.pk]))
    field = page.context["form"][f"reason-material-{paper.code}"]
    assert field.value() == refusal_words(paper)
    assert page.context["form"][f"ask-material-{paper.code}"].value()
    case.refresh_from_db()
    judge(client, case, **{name: "accepted"})
    paper.refresh_from_db()
    assert (paper.judged, paper.refusal_code, paper.refusal_text) == ("accepted", "", "")


def test_approval_is_the_server_s_business(case, cast, client):
    """B6, UX-C4: with one paper left open a forged post is refused, and says which requirement is missing."""
    required = list(case.materials.filter(required=True))
    left_open = required[0].group
    sign_in(client, cast.clerk)
    ticks = {f"material-{paper.code}": "accepted" for paper in required if paper.group != left_open}
    answer = judge(client, case, **ticks, then="approve_next")
    assert answer.status_code == 409
    case.refresh_from_db()
    assert case.state == State.UNDER_REVIEW
    assert case.materials.filter(judged="accepted").count() == len(ticks)  # what was seen is kept


def test_the_resident_s_view_is_shown_before_it_is_sent(case, cast, client):
    """UX-C8, B6: text message, page, reason, next step and appeal; nothing moves, everything typed travels on."""
    sign_in(client, cast.clerk)
    url = reverse("enrollment:ask_correction", args=[case.pk])
    told = {
        "version": case.version,
        "ask-field-contact.address": "on",
        "reason-field-contact.address": "请按户口簿填写门牌号",
        "then": "preview",
    }
    page = client.post(url, told)
    text = page.content.decode()
    assert page.status_code == 200
    assert "请按户口簿填写门牌号" in text
    assert case.grouped_number in page.context["message"]
    assert dict(page.context["carried"])["ask-field-contact.address"] == "on"
    back = client.post(url, told | {"then": "edit"})
    assert "请按户口簿填写门牌号" in back.content.decode()
    reject = reverse("enrollment:reject", args=[case.pk])
    told = {"reason_code": "not_in_area", "reason": "住址不在本区", "next_step_code": "visit", "next_step": ""}
    page = client.post(reject, told | {"version": case.version, "then": "preview"})
    assert "住址不在本区" in page.content.decode()
    assert str(page.context["appeal"]["days"]) in page.content.decode()
    assert Application.objects.get(pk=case.pk).version == case.version
    assert not CorrectionItem.objects.exists()
    assert client.post(reject, told | {"version": case.version, "then": "send"}).status_code == 302
    assert Application.objects.get(pk=case.pk).state == State.REJECTED


def test_corrections_are_asked_for_as_often_as_the_region_allows(case, monday, cast, client):
    """N20: three rounds by default, another number by policy; then the case is decided as it is."""
    PolicyRule.objects.filter(key="desk.correction_rounds").delete()
    for number in range(3):
        assert services.rounds_left(Application.objects.get(pk=case.pk)) == 3 - number
        journeys.ask(Application.objects.get(pk=case.pk), cast.clerk)
        now = Application.objects.get(pk=case.pk)
        services.resubmit(
            application=now,
            actor=actor(cast.zhang),
            version=now.version,
            values={"contact.address": f"{number}号"},
            handed_in=[],
        )
    now = Application.objects.get(pk=case.pk)
    with pytest.raises(Unmet):
        journeys.ask(now, cast.clerk)
    sign_in(client, cast.clerk)
    page = client.get(reverse("enrollment:review", args=[case.pk]))
    assert reverse("enrollment:ask_correction", args=[case.pk]) not in page.content.decode()
    rows = page.context["corrections"]
    assert [(row["before"], row["after"]) for row in rows][-1] == ("1号", "2号")
    told = {"version": now.version, "ask-field-contact.address": "on", "reason-field-contact.address": "再改"}
    assert client.post(reverse("enrollment:ask_correction", args=[case.pk]), told).status_code == 409
    assert Region.objects.filter(pk=now.region_id).exists()


def test_the_whole_number_is_shown_for_a_minute_after_a_reason(case, monday, cast, client):
    """UX-C11: masked everywhere else; who, when and why stand in the audit log."""
    number = cast.zhang.identity_number
    sign_in(client, cast.clerk)
    review = reverse("enrollment:review", args=[case.pk])
    url = reverse("enrollment:identity", args=[case.pk])
    for page in (review, reverse("enrollment:queue"), url):
        assert number not in client.get(page).content.decode()
    assert number not in client.post(url, {"purpose": ""}).content.decode()
    shown = client.post(url, {"purpose": "compare"}, follow=True)
    assert number in shown.content.decode()
    assert shown["Refresh"].startswith("60;")
    assert shown["Cache-Control"] == "no-store"
    assert number not in client.get(review).content.decode()
    entry = AuditEntry.objects.get(action="enrollment.identity_shown")
    assert (entry.purpose, entry.subject_id, entry.actor_user_id) == ("compare", str(case.pk), cast.clerk.pk)
    monday.shift(timedelta(seconds=61))
    assert number not in client.get(url).content.decode()
    other = journeys.under_review(cast.li)
    client.post(url, {"purpose": "compare"})
    assert cast.li.identity_number not in client.get(reverse("enrollment:identity", args=[other.pk])).content.decode()


def open_to(letter, case, *, lists):
    """Every address that a role may read about this case or its notice, with `lists` those about no row as well; taken
    from the resolver.
    """
    found = dict(patterns())
    keys = {"application": case.pk, "agent_case": case.pk, "notice": case.notice_id}
    for name, row in TABLE.items():
        if row.get == 405 or not (row.is_public or letter in row.roles):
            continue
        if name.startswith(("demo:", "payments:sandbox", "people:sign_out", "design:", "regions:")):
            continue
        if row.thing and keys.get(row.thing):
            formats = ["html", *(["pdf", "docx"] if letter == "R" and lists else [])] if "fmt" in row.more else [None]
            for fmt in formats:
                more = row.more | ({"fmt": fmt} if fmt else {})
                yield reverse(name, kwargs={key_of(found[name]): keys[row.thing]} | more)
        elif lists and not row.thing:
            yield reverse(name, kwargs=row.more)


def test_internal_notes_never_leave(case, cast, client):
    """UX-C13: no address of the resolver open to residents, visitors or agents, no paper in any form, no message
    and no file has them, in a correction and in a rejection; on the desk they look different.
    """
    Application.objects.filter(pk=case.pk).update(helper=cast.agent)
    services.add_note(application=case, actor=actor(cast.clerk), text="CANARY 已电话核实")
    sign_in(client, cast.clerk)
    page = client.get(reverse("enrollment:review", args=[case.pk])).content.decode()
    assert "CANARY" in page
    assert "portal-internal" in page
    journeys.ask(case, cast.clerk)
    seen = Counter()

    def look(readers, *, lists):
        for letter, reader in readers.items():
            client.logout()
            if reader is not None:
                sign_in(client, reader)
            for url in open_to(letter, case, lists=lists):
                answer = client.get(url)
                content = b"".join(answer) if answer.streaming else answer.content
                assert "CANARY" not in text_of(content), (letter, url)
                seen[letter, answer.status_code] += 1

    village = {"R": cast.zhang, "V": cast.agent}
    look(village, lists=False)
    case = reconsidered(case, cast)
    look(village | {"": None}, lists=True)
    assert seen["R", 200] > 40
    assert seen["V", 200] > 10
    assert not any("CANARY" in message.body for message in Message.objects.all())
    sign_in(client, cast.clerk)
    day = reverse("enrollment:day")
    for url in (day, f"{day}?as=csv", reverse("enrollment:workload")):
        assert "CANARY" not in client.get(url).content.decode()


def reconsidered(case, cast):
    """The case corrected by the resident and rejected."""
    now = Application.objects.get(pk=case.pk)
    told = {"values": {"contact.address": "新址1号"}, "handed_in": []}
    services.resubmit(application=now, actor=actor(cast.zhang), version=now.version, **told)
    told = {"reason_code": "other", "reason": "不符合条件", "next_step": "请咨询"}
    services.reject(application=now, actor=actor(cast.clerk), version=now.version, **told)
    return now


def text_of(content):
    """What a reader gets to see of an answer, whatever its form."""
    if content.startswith(b"%PDF"):
        return pdf_text(content)
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "".join(archive.read(name).decode(errors="replace") for name in archive.namelist())
    return content.decode(errors="replace")


def test_the_day_lists_and_exports_what_this_clerk_decided(monday, cast, client):
    """UX-C14: sums, taken-back decisions, other people's left out; the file holds no formula."""
    first, second = (journeys.seen(journeys.under_review(who), cast.clerk) for who in (cast.zhang, cast.li))
    third = journeys.seen(journeys.under_review(cast.wang), cast.second_clerk)
    services.approve(application=first, actor=actor(cast.clerk), version=first.version)
    services.approve(application=third, actor=actor(cast.second_clerk), version=third.version)
    sign_in(client, cast.clerk)
    told = {"reason_code": "other", "reason": "x", "next_step_code": "visit", "next_step": ""}
    client.post(reverse("enrollment:reject", args=[second.pk]), told | {"version": second.version})
    version = Application.objects.get(pk=second.pk).version
    client.post(reverse("enrollment:undo", args=[second.pk]), {"version": version})
    url = reverse("enrollment:day")
    page = client.get(url)
    assert page.context["total"] == 3
    assert third.grouped_number not in page.content.decode()
    assert client.get(url, {"on": "2026-11-22"}).context["total"] == 0
    assert client.get(url, {"on": "2026-99-99"}).context["total"] == 3
    lines = list(csv.reader(io.StringIO(client.get(url, {"as": "csv"}).content.decode("utf-8-sig"))))
    assert len(lines) == 4
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line)
    assert AuditEntry.objects.filter(action="enrollment.day_file").count() == 1


def test_pictures_of_a_case_stand_beside_its_data(case, cast, client):
    """UX-C4: with scripts zoom, turn and next; without them each is a link to the picture."""
    from portal.documents.uploads import store_image
    from tests.cards import journeys as cards

    for _number in range(2):
        store_image(io.BytesIO(cards.picture()), owner=cast.zhang, purpose="material", reference=str(case.pk))
    sign_in(client, cast.clerk)
    page = client.get(reverse("enrollment:review", args=[case.pk]))
    assert len(page.context["pictures"]) == 2
    for picture in page.context["pictures"]:
        assert f'href="{picture["url"]}" data-picture' in page.content.decode()
        assert client.get(picture["url"]).status_code == 200


def test_who_is_not_online_answers_at_the_counter_or_through_the_village(case, cast, client):
    """N20, B5, F5, G3: only what was asked for is open, to clerks of the office and the agent who entered the case; the
    paper is open for judgement again, the clock goes on, the timeline names the role, the resident is told by whom.
    """
    paper = case.materials.filter(required=True).first()
    sign_in(client, cast.clerk)
    asked = {f"ask-material-{paper.code}": "on", f"reason-material-{paper.code}": "请补交原件"}
    asked |= {"ask-field-contact.address": "on", "reason-field-contact.address": "请填门牌号"}
    url = reverse("enrollment:ask_correction", args=[case.pk])
    client.post(url, asked | {"version": case.version, "then": "send"})
    case.refresh_from_db()
    Application.objects.filter(pk=case.pk).update(helper=cast.agent, undo_until=None)
    url = reverse("enrollment:answer", args=[case.pk])
    told = {"version": case.version, "contact.address": "甲山村88号", f"material.{paper.code}": "on"}
    told |= {"contact.phone": "19911111111", "word_given": "on"}
    for reader in (cast.clerk, cast.agent):
        sign_in(client, reader)
        page = "review" if reader == cast.clerk else "committee_case"
        assert url in client.get(reverse(f"enrollment:{page}", args=[case.pk])).content.decode()
        shown = client.get(url).content.decode()
        assert "请填门牌号" in shown
        assert 'name="contact.phone"' not in shown
    half = client.post(url, told | {"word_given": ""})
    assert half.status_code == 200
    assert "甲山村88号" in half.content.decode()
    stale = client.post(url, told | {"version": case.version - 1})
    assert stale.status_code == 409
    assert "住址：甲山村88号" in stale.content.decode()
    done = client.post(url, told)
    assert done.url == reverse("enrollment:committee_case", args=[case.pk])
    case.refresh_from_db()
    assert (case.state, case.answers["contact"]["address"]) == (State.UNDER_REVIEW, "甲山村88号")
    assert case.answers["contact"]["phone"] != "19911111111"
    paper.refresh_from_db()
    assert paper.judged == ""
    entry = case.timeline.get(transition="resubmit")
    assert (entry.actor_role, entry.actor_user_id) == ("committee_agent", cast.agent.pk)
    (message,) = Message.objects.filter(template="enrollment_corrected")
    assert (message.resident_id, "梁秀" in message.body) == (cast.zhang.pk, True)
    assert client.get(url).status_code == 302
    assert client.post(url, told).status_code == 409


def test_nobody_answers_for_their_own_household_or_for_another_office(case, cast, client):
    """N19, B10: 403 with a row in the log, 404; who corrects in person gets no message about it."""
    journeys.ask(case, cast.clerk)
    url = reverse("enrollment:answer", args=[case.pk])
    for reader, status in ((cast.clerk_at_home, 403), (cast.other_clerk, 404), (cast.agent, 404), (cast.reviewer, 403)):
        sign_in(client, reader)
        assert client.get(url).status_code == status
        assert client.post(url, {"version": case.version, "word_given": "on"}).status_code == status
    case.refresh_from_db()
    assert case.state == State.CORRECTION_REQUIRED
    assert AuditEntry.objects.filter(action="workflow.conflict", subject_id=str(case.pk)).count() == 2
    told = {"values": {"contact.address": "新址1号"}, "handed_in": []}
    services.resubmit(application=case, actor=actor(cast.zhang), version=case.version, **told)
    assert not Message.objects.filter(template="enrollment_corrected").exists()


def test_an_own_case_is_shown_without_buttons_and_never_taken(case, cast, client):
    """N19, B8: the page says why, takes no lease that would keep colleagues away, and "next" passes it by."""
    sign_in(client, cast.clerk_at_home)
    page = client.get(reverse("enrollment:review", args=[case.pk]))
    text = page.content.decode()
    assert "由其他同事" in text or "同事" in text
    assert page.context["is_own"]
    for name in ("judge", "ask_correction", "reject"):
        assert reverse(f"enrollment:{name}", args=[case.pk]) not in text
    assert not CaseLease.objects.exists()
    other = journeys.under_review(cast.wang)
    view = queueing.read({}, actor(cast.clerk_at_home))
    assert queueing.next_case(actor(cast.clerk_at_home), view) == other
    assert queueing.next_case(actor(cast.clerk), view) in (case, other)
    own = queueing.claim_next(actor(cast.clerk_at_home), view, other)
    assert own is None or own == other
