"""Step 1: who may apply, receipts that do not count, pictures that are none, and steps that cannot be skipped."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from cards import batches, services
from cards.models import CardApplication, ReceiptClaim
from cards.states import State
from portal.regions import calendar
from tests.cards import journeys
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


def huge() -> bytes:
    """The head of a PNG that claims 13,000 × 13,000 pixels: 169 megapixels, a few bytes."""
    import struct
    import zlib

    ihdr = struct.pack(">IIBBBBB", 13_000, 13_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + ihdr
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"\0" * 64


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
BAD_PICTURES = {
    "empty": b"",
    "svg": SVG,
    "truncated": journeys.picture()[:300],
    "169 megapixels": huge(),
    "html with a jpeg head": b"\xff\xd8\xff" + SVG,
    "pdf": b"%PDF-1.7\n%",
    "too small": journeys.picture((60, 60)),
}


@pytest.mark.parametrize("name", list(BAD_PICTURES))
def test_a_file_that_is_no_photo_is_refused_and_nothing_is_lost(name, monday, client):
    """N14, RELIABILITY §4.7: a plain reason beside the field, the case as before, no picture kept."""
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
    file = SimpleUploadedFile("x.jpg", BAD_PICTURES[name], "image/jpeg")
    body = {"version": application.version, "photo": file, "address": "新地址1号"}
    answer = client.post(reverse("cards:correct", args=[application.pk]), body)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "govuk-error-message" in page
    assert "新地址1号" in page
    application.refresh_from_db()
    assert (application.state, application.photo_id) == (State.CORRECTION_REQUIRED, None)


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
