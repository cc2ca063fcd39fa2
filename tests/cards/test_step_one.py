"""Step 1: who may apply, receipts that do not count, pictures that are none, and steps that cannot be skipped."""

import itertools
import re
import resource
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import translation

from cards import batches, services
from cards.models import CardApplication, ReceiptClaim
from cards.states import State
from enrollment.models import Cover
from portal.documents.models import Upload
from portal.documents.uploads import MESSAGES
from portal.regions import calendar
from tests.cards import journeys
from tests.documents import corpus
from tests.people_cast import ResidentFactory, actor, sign_in

pytestmark = pytest.mark.django_db


def test_only_the_insured_may_begin(monday, client):
    """S4-01, D2: the page says what to do first."""
    resident = journeys.resident(insured=False)
    sign_in(client, resident)
    client.get(f"{reverse('cards:about')}?region={journeys.TOWN}")
    answer = client.post(reverse("cards:start"), {"who": "self"})
    assert answer.status_code == 409
    assert "尚未参加社会保险" in answer.content.decode()
    assert not CardApplication.objects.exists()


def test_only_the_first_card(monday):
    """S4-02, D2: whoever has a card or an application under way cannot begin another."""
    resident = journeys.resident()
    application = journeys.under_review(resident)
    with pytest.raises(services.NotEntitled) as refused:
        services.start(actor=actor(resident), applicant=resident, resident=resident, region=journeys.region())
    assert refused.value.reasons == ["has_application"]
    clerk = journeys.card_clerk()
    services.approve(application=application, actor=actor(clerk), version=application.version)
    batches.report_production(
        actor=actor(clerk), region=journeys.region("442000"), arrived=[application.number], failed=[]
    )
    application.refresh_from_db()
    services.hand_over(
        application=application, actor=actor(clerk), version=application.version, document="id_card", form_seen=True
    )
    assert services.obstacles(resident) == ["has_card"]


def covered(person, *, days: int, **ended):
    """Cover of a person to so many days from today."""
    today = calendar.today()
    return Cover.objects.create(
        person=person,
        region=journeys.region(),
        cover_year=today.year,
        benefits_from=today - timedelta(days=300),
        until=today + timedelta(days=days),
        **ended,
    )


@pytest.mark.parametrize(
    ("employee", "cover", "insured"),
    [
        (False, None, False),
        (True, None, True),
        (False, {"days": 0}, True),
        (False, {"days": -1}, False),
        (False, {"days": 30, "ended_on": "2026-11-01", "end_reason": Cover.EndReason.MOVED}, False),
        (True, {"days": -1}, True),
    ],
)
def test_either_insurance_opens_the_application_and_only_while_it_stands(employee, cover, insured, monday):
    """S4-01, D2: employees' or residents' cover to its last day; cover that has run out or was ended does not count."""
    resident = journeys.resident(insured=employee)
    if cover is not None:
        covered(resident, **cover)
    assert services.obstacles(resident) == ([] if insured else ["not_insured"])


def test_insurance_is_judged_again_when_the_application_is_sent(monday, client):
    """S4-01, D2: cover ended between the draft and the submission; nothing is issued, the draft stays as it is."""
    resident = journeys.resident(insured=False)
    cover = covered(resident, days=30)
    application = journeys.draft(resident)
    Cover.objects.filter(pk=cover.pk).update(ended_on=calendar.today(), end_reason=Cover.EndReason.EMPLOYED)
    sign_in(client, resident)
    body = {"truthful": "on", "token": application.submit_token, "version": application.version}
    answer = client.post(reverse("cards:check", args=[application.pk]), body)
    assert answer.status_code == 409
    assert "尚未参加社会保险" in answer.content.decode()
    application.refresh_from_db()
    assert (application.state, application.notice, application.number) == (State.DRAFT, None, None)


@pytest.mark.parametrize(
    ("related", "action", "leads_to"),
    [
        ("first_card", "apply", "/cards/apply/?region=442000100"),
        ("first_card", "query", "/cards/mine/"),
        ("activation", "apply", "/cards/mine/"),
        ("activation", "query", "/cards/mine/"),
        ("loss", "apply", "/cards/services/lost/"),
        ("loss", "query", "/cards/services/lost/"),
    ],
)
def test_the_window_asks_four_things_and_leads_on_through_the_sign_in(related, action, leads_to, monday, client):
    """S4-05, S4-06, D1: type, object, related business, query or apply; then name and identity number are asked for."""
    client.get(f"{reverse('cards:about')}?region={journeys.TOWN}")
    window = client.get(reverse("cards:entry"))
    assert list(window.context["form"].fields) == ["business_type", "business_object", "related", "action"]
    chosen = {"business_type": "card", "business_object": "person", "related": related, "action": action}
    for missing in chosen:
        rest = {name: value for name, value in chosen.items() if name != missing}
        assert missing in client.post(reverse("cards:entry"), rest).context["form"].errors
    answer = client.post(reverse("cards:entry"), chosen)
    assert answer.url == leads_to
    if related != "loss":
        asked = client.get(leads_to)
        assert asked.url.startswith(f"{reverse('people:sign_in')}?next=")
        sign_in_page = client.get(asked.url).content.decode()
        assert all(f'name="{name}"' in sign_in_page for name in ("name", "identity_number"))


def test_step_one_is_checked_before_it_is_sent_and_leads_to_step_two_by_itself(monday, client):
    """S4-07, S4-08, S4-11, S4-12: numbered steps, stars, everything typed shown again, then submit and step 2."""
    resident = journeys.resident(police_photo=False)
    journeys.add_receipt(resident)
    application = services.start(actor=actor(resident), applicant=resident, resident=resident, region=journeys.region())
    sign_in(client, resident)
    url = reverse("cards:personal", args=[application.pk])
    page = client.get(url).content.decode()
    steps = page.split("portal-steplist")[1].split("</ol>")[0]
    assert re.findall("个人信息|打印申领登记表|打印缴款通知书", steps) == [
        "个人信息",
        "打印申领登记表",
        "打印缴款通知书",
    ]
    assert "<a " not in steps  # nothing is open but step 1
    assert 'aria-current="step">个人信息' in steps
    labels = re.findall(r"<(?:label|legend)[^>]*>(.*?)</(?:label|legend)>", page.split('id="page-form"')[1], re.DOTALL)
    mandatory = [label for label in labels if "*" in label]
    assert len(mandatory) == 4, labels
    told = journeys.ANSWERS | {"pickup_point": journeys.point().pk, "receipt_number": journeys.RECEIPT}
    assert client.post(url, told).url == reverse("cards:check", args=[application.pk])
    check = client.get(reverse("cards:check", args=[application.pk])).content.decode()
    point = journeys.point()
    for words in (*journeys.ANSWERS.values(), point.name, point.hours, journeys.RECEIPT, resident.name, "¥20.00"):
        assert words in check, words
    application.refresh_from_db()
    body = {"token": application.submit_token, "version": application.version}
    undeclared = client.post(reverse("cards:check", args=[application.pk]), body)
    assert "truthful" in undeclared.context["form"].errors
    sent = client.post(reverse("cards:check", args=[application.pk]), body | {"truthful": "on"}, follow=True)
    assert sent.redirect_chain[0][0] == reverse("cards:form", args=[application.pk])
    assert "登记表" in sent.content.decode()


def test_step_one_asks_as_the_truth_table_says(monday, client):
    """S4-04, S4-09, S4-10, D3, N14: photo on file, local, identity card, receipt given: sixteen people at the page."""
    reasons = {
        (True, True): "照片库中没有照片",
        (True, False): "没有身份证，照片库中没有照片",
        (False, True): "非本市户籍，照片库中没有照片",
        (False, False): "非本市户籍，照片库中没有照片",
    }
    for count, case in enumerate(itertools.product([True, False], repeat=4)):
        on_file, local, has_id_card, given = case
        number = f"TABLE{count:06d}"
        resident = journeys.resident(
            police_photo=on_file, hukou_region_code="442000" if local else "441900", has_id_card=has_id_card
        )
        journeys.add_receipt(resident, number)
        application = services.start(
            actor=actor(resident), applicant=resident, resident=resident, region=journeys.region()
        )
        sign_in(client, resident)
        url = reverse("cards:personal", args=[application.pk])
        page = client.get(url).content.decode()
        assert ('name="receipt_number"' in page) == (not on_file), case
        assert ("公安照片库中有照片" if on_file else reasons[local, has_id_card]) in page, case
        told = journeys.ANSWERS | {"pickup_point": journeys.point().pk}
        answer = client.post(url, told | ({"receipt_number": number} if given else {}))
        assert answer.status_code == (302 if on_file or given else 200), case
        application.refresh_from_db()
        assert bool(application.answers) == (on_file or given), case
        if application.answers:
            services.submit(
                application=application,
                actor=actor(resident),
                token=application.submit_token,
                version=application.version,
            )
        source = ("on_file" if on_file else "receipt") if on_file or given else ""
        assert journeys.fresh(application).photo_source == source, case
        assert ReceiptClaim.objects.filter(receipt__number=number).exists() == (not on_file and given), case


@pytest.fixture
def receipts(monday, client):
    """A resident without photo at step 1, and receipts of every kind."""
    resident = journeys.resident(police_photo=False, name="林小梅", hukou_region_code="441900")
    other = ResidentFactory()
    journeys.add_receipt(resident, "GOOD0000001")
    journeys.add_receipt(resident, "OLD00000001", days_ago=181)
    journeys.add_receipt(other, "OTHER000001")
    journeys.add_receipt(resident, "USED0000001")
    first = journeys.submitted(resident, receipt="USED0000001")
    services.withdraw(application=first, actor=actor(resident), version=first.version)
    application = services.start(actor=actor(resident), applicant=resident, resident=resident, region=journeys.region())
    sign_in(client, resident)
    return application


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("", "请填写照相回执号"),
        ("GOOD", "11位字母和数字"),
        ("' OR 1=1 --", "11位字母和数字"),
        ("UNKNOWN0001", "没有找到"),
        ("OTHER000001", "没有找到"),
        ("OLD00000001", "已过期"),
        ("USED0000001", "已使用过"),
    ],
)
def test_a_receipt_that_does_not_count_is_refused_with_the_reason(number, words, receipts, client):
    """S4-09, D4, UX-E9: a plain reason at the field, everything typed is kept, nothing is stored."""
    told = journeys.ANSWERS | {"pickup_point": journeys.point().pk, "receipt_number": number}
    answer = client.post(reverse("cards:personal", args=[receipts.pk]), told)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert words in page or (not number and "回执号" in page)
    assert journeys.ANSWERS["address"] in page
    receipts.refresh_from_db()
    assert receipts.answers == {}


def test_a_good_receipt_is_used_up_at_submission(receipts, client):
    """S4-09, N14: the claim is one row, made with the submission."""
    told = journeys.ANSWERS | {"pickup_point": journeys.point().pk, "receipt_number": "good 0000 001"}
    assert client.post(reverse("cards:personal", args=[receipts.pk]), told).status_code == 302
    receipts.refresh_from_db()
    assert not ReceiptClaim.objects.filter(application=receipts).exists()
    body = {"truthful": "on", "token": receipts.submit_token, "version": receipts.version}
    assert client.post(reverse("cards:check", args=[receipts.pk]), body).status_code == 302
    claim = ReceiptClaim.objects.get(application=receipts)
    assert claim.receipt.number == "GOOD0000001"


def test_a_receipt_that_grew_old_in_the_draft_is_refused_at_submission(receipts, client, monday):
    """D4: the receipt is judged again when the application is sent."""
    told = journeys.ANSWERS | {"pickup_point": journeys.point().pk, "receipt_number": "GOOD0000001"}
    client.post(reverse("cards:personal", args=[receipts.pk]), told)
    receipts.refresh_from_db()
    receipt = services.usable_receipt(receipts, "GOOD0000001")
    receipt.taken_on = calendar.today() - timedelta(days=181)
    receipt.save()
    body = {"truthful": "on", "token": receipts.submit_token, "version": receipts.version}
    answer = client.post(reverse("cards:check", args=[receipts.pk]), body)
    assert answer.url == reverse("cards:personal", args=[receipts.pk])
    receipts.refresh_from_db()
    assert receipts.state == State.DRAFT


def test_steps_two_and_three_cannot_be_reached_by_address(monday, client):
    """D5, S4-12, S4-15: a draft leads back to step 1; without the declaration nothing is sent."""
    resident = journeys.resident()
    application = journeys.draft(resident)
    sign_in(client, resident)
    personal = reverse("cards:personal", args=[application.pk])
    for name in ("form", "pay"):
        assert client.get(reverse(f"cards:{name}", args=[application.pk])).url == personal
    assert client.get(reverse("cards:form_paper", args=[application.pk, "pdf"])).status_code == 404
    body = {"token": application.submit_token, "version": application.version}
    assert client.post(reverse("cards:check", args=[application.pk]), body).status_code == 200
    application.refresh_from_db()
    assert application.state == State.DRAFT


def test_the_same_form_sent_twice_is_one_application(monday, client):
    """REL-I4, A9: the second post of the same page finds the first one done."""
    resident = journeys.resident()
    application = journeys.draft(resident)
    sign_in(client, resident)
    body = {"truthful": "on", "token": application.submit_token, "version": application.version}
    url = reverse("cards:check", args=[application.pk])
    assert client.post(url, body).status_code == 302
    assert client.post(url, body).status_code == 302
    application.refresh_from_db()
    assert application.timeline.filter(transition="submit").count() == 1


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
BAD_PICTURES = {
    "empty": (b"", "empty"),
    "svg": (SVG, "not_a_picture"),
    "truncated": (journeys.picture()[:300], "broken"),
    "169 megapixels": (corpus.REFUSED["169 megapixels with alpha"][0](), "too_many_pixels"),
    "html with a jpeg head": (b"\xff\xd8\xff" + SVG, "not_a_picture"),
    "pdf": (b"%PDF-1.7\n%", "not_a_picture"),
    "too small": (journeys.picture((60, 60)), "too_small"),
    "over 5 MB": (journeys.picture() + bytes(5 * 1024 * 1024), "too_big"),
}


@pytest.mark.parametrize("name", list(BAD_PICTURES))
def test_a_file_that_is_no_photo_is_refused_and_nothing_is_lost(name, monday, client):
    """N14, RELIABILITY §4.7: the reason of this file beside the field, the case as before, no picture kept, and little
    memory taken.
    """
    content, reason = BAD_PICTURES[name]
    resident = journeys.resident()
    clerk = journeys.card_clerk()
    application = journeys.under_review(resident)
    services.ask_correction(
        application=application,
        actor=actor(clerk),
        version=application.version,
        fields=["photo", "address"],
        reason="请重新上传照片",
    )
    application.refresh_from_db()
    sign_in(client, resident)
    file = SimpleUploadedFile("x.jpg", content, "image/jpeg")
    body = {"version": application.version, "photo": file, "address": "新地址1号"}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = client.post(reverse("cards:correct", args=[application.pk]), body)
    # KiB: a picture of 169 megapixels would take 676 MB here; it is judged in a child with a limit of its own.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
    assert answer.status_code == 200
    with translation.override("zh-hans"):
        assert answer.context["form"].errors["photo"] == [str(MESSAGES[reason])]
        assert str(MESSAGES[reason]) in answer.content.decode()
    assert "新地址1号" in answer.content.decode()
    application.refresh_from_db()
    assert (application.state, application.photo_id) == (State.CORRECTION_REQUIRED, None)
    assert not Upload.objects.exists()


def test_a_polyglot_and_a_heic_become_a_plain_picture(monday, client):
    """N14: what hides behind a picture is gone after it is made anew; a telephone's HEIC is understood."""
    import io

    from PIL import Image

    from cards.pictures import picture_of

    resident = journeys.resident(police_photo=False, name="韦𠮷")
    heic = io.BytesIO()
    Image.open(io.BytesIO(journeys.picture())).save(heic, "HEIF")
    application = services.start(
        actor=actor(resident), applicant=resident, resident=resident, region=journeys.region("450302001")
    )
    sign_in(client, resident)
    told = journeys.ANSWERS | {"pickup_point": journeys.point("450302001").pk}
    for content in (journeys.picture() + SVG, heic.getvalue()):
        file = SimpleUploadedFile("x.jpg", content, "image/jpeg")
        answer = client.post(reverse("cards:personal", args=[application.pk]), told | {"photo": file})
        assert answer.status_code == 302
        application.refresh_from_db()
        application.photo_source = "upload"
        made = picture_of(application)
        assert made is not None
        assert b"<svg" not in made
        assert Image.open(io.BytesIO(made)).size == (358, 441)
        CardApplication.objects.filter(pk=application.pk).update(photo_id=None)


def test_a_form_that_needs_a_photo_does_not_go_on_without_one(monday, client):
    """N14: where the region takes no receipts, the photo is mandatory."""
    resident = journeys.resident(police_photo=False, name="韦𠮷")
    application = services.start(
        actor=actor(resident), applicant=resident, resident=resident, region=journeys.region("450302001")
    )
    sign_in(client, resident)
    told = journeys.ANSWERS | {"pickup_point": journeys.point("450302001").pk}
    answer = client.post(reverse("cards:personal", args=[application.pk]), told)
    assert answer.status_code == 200
    with pytest.raises(services.Incomplete):
        services.save_personal(
            application=application, answers=journeys.ANSWERS, pickup_point=journeys.point("450302001")
        )


def refused_receipt(client):
    """Somebody whose receipt was taken and whose picture the card office then refused; signed in."""
    resident = journeys.resident(police_photo=False)
    journeys.add_receipt(resident, "FIRST000001")
    application = journeys.under_review(resident, receipt="FIRST000001")
    services.ask_correction(
        application=application,
        actor=actor(journeys.card_clerk()),
        version=application.version,
        fields=["photo"],
        reason="照片模糊",
    )
    application.refresh_from_db()
    sign_in(client, resident)
    return application


def test_the_receipt_of_a_refused_photo_does_not_correct_it(monday, client):
    """S4-09, N14, N20: the same receipt is the same picture; a new one is taken, and both are used up."""
    application = refused_receipt(client)
    url = reverse("cards:correct", args=[application.pk])
    page = client.get(url)
    assert "二选一" in page.content.decode()
    answer = client.post(url, {"version": application.version, "receipt_number": "first 0000 01"})
    assert "已使用过" in answer.content.decode()
    assert client.post(url, {"version": application.version}).context["form"].errors
    assert journeys.fresh(application).state == State.CORRECTION_REQUIRED
    journeys.add_receipt(application.resident, "SECOND00001")
    assert client.post(url, {"version": application.version, "receipt_number": "SECOND00001"}).status_code == 302
    row = journeys.fresh(application)
    assert (row.state, row.answers["receipt_number"]) == (State.UNDER_REVIEW, "SECOND00001")
    assert ReceiptClaim.objects.filter(application=row).count() == 2


def test_an_uploaded_photo_takes_the_place_of_the_receipt_everywhere(monday, client):
    """N14: after the correction no page and no paper names the receipt whose picture was refused."""
    application = refused_receipt(client)
    file = SimpleUploadedFile("me.jpg", journeys.picture(), "image/jpeg")
    body = {"version": application.version, "photo": file}
    assert client.post(reverse("cards:correct", args=[application.pk]), body).status_code == 302
    assert journeys.fresh(application).photo_source == "upload"
    for name, more in (("personal", []), ("form_paper", ["html"])):
        page = client.get(reverse(f"cards:{name}", args=[application.pk, *more])).content.decode()
        assert "FIRST000001" not in page, name
    sign_in(client, journeys.card_clerk("other.feng"))
    assert "FIRST000001" not in client.get(reverse("cards:review", args=[application.pk])).content.decode()


def test_where_no_receipts_are_taken_a_correction_asks_for_a_photo_alone(monday, client):
    """N14 by region: Guilin's page does not offer what Guilin does not take."""
    resident = journeys.resident(name="韦𠮷")
    application = journeys.submitted(resident, town="450302001")
    services.ask_correction(
        application=application,
        actor=actor(journeys.card_clerk("long", "450300")),
        version=application.version,
        fields=["photo"],
        reason="照片模糊",
    )
    sign_in(client, resident)
    url = reverse("cards:correct", args=[application.pk])
    form = client.get(url).context["form"]
    assert list(form.fields) == ["photo"]
    assert "photo" in client.post(url, {"version": journeys.fresh(application).version}).context["form"].errors
