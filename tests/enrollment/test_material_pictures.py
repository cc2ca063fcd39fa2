"""Photos of the materials: sent with the form and with a correction, shown to the office, erased with the draft."""

import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from enrollment import discarding, pictures, services
from enrollment.desk_forms import Requested
from enrollment.models import MaterialPicture
from enrollment.states import State
from enrollment.tasks import erase_removed_pictures
from portal.audit.models import AuditEntry
from portal.documents import storage
from portal.documents.models import Upload
from portal.people.actors import Role
from portal.regions.models import PolicyRule, versions
from portal.workflow.errors import NotAvailable
from tests.enrollment import journeys
from tests.people_cast import actor, make_staff, sign_in

pytestmark = pytest.mark.django_db

ID_CARD, REGISTER = "ID_CARD", "HOUSEHOLD_REGISTER"


def jpeg(size=(400, 300)):
    out = io.BytesIO()
    Image.new("RGB", size, (210, 225, 240)).save(out, "JPEG")
    return out.getvalue()


def photo(name="a.jpg", content=None):
    return SimpleUploadedFile(name, jpeg() if content is None else content, content_type="image/jpeg")


def url_of(application):
    return reverse("enrollment:pictures", args=[application.pk])


def add(application, person, code=ID_CARD, **options):
    sent = pictures.add(case=application, actor=actor(person), code=code, file=io.BytesIO(jpeg()), **options)
    return sent.first


def submit(application, person):
    return services.submit(
        application=application,
        actor=actor(person),
        token=application.submit_token,
        version=application.version,
    )


@pytest.fixture
def draft(monday, cast):
    return journeys.draft(cast.zhang)


def set_mode(mode):
    PolicyRule.objects.filter(key=pictures.SETTING).update(value=mode)
    versions.bump(versions.POLICY)


def test_a_resident_sends_photos_and_sees_them_without_scripts(draft, cast, client):
    """UX-R9, UX-R3, UX-R10, UX-E4: album or camera, several at once, thumbnails, task list and check page say so."""
    sign_in(client, cast.zhang)
    tasks = reverse("enrollment:tasks", args=[draft.pk])
    assert url_of(draft) in client.get(tasks).content.decode()
    page = client.get(url_of(draft)).content.decode()
    assert 'enctype="multipart/form-data"' in page
    assert 'accept="image/*,application/pdf"' in page
    assert "capture" not in page
    assert "portal-material__picture" in page
    assert "PDF" in page
    sent = client.post(url_of(draft), {f"photos-{ID_CARD}": [photo("a.jpg"), photo("b.jpg")], "then": "stay"})
    assert sent.status_code == 302
    rows = list(draft.pictures.all())
    assert [(row.code, row.round) for row in rows] == [(ID_CARD, 0), (ID_CARD, 0)]
    page = client.get(url_of(draft)).content.decode()
    for row in rows:
        address = reverse("documents:upload", args=[row.upload_id])
        assert f'{address}?small"' in page
        assert f'name="remove" value="{row.pk}"' in page
        small, whole = client.get(f"{address}?small"), client.get(address)
        assert small["Cache-Control"] == "no-store"
        assert max(Image.open(io.BytesIO(small.content)).size) == 320
        assert Image.open(io.BytesIO(whole.content)).size == (400, 300)
    assert "已上传2张" in client.get(reverse("enrollment:check_answers", args=[draft.pk])).content.decode()
    on = client.post(url_of(draft), {"then": "on"})
    assert on["Location"] == reverse("enrollment:check_answers", args=[draft.pk])
    assert AuditEntry.objects.filter(action="enrollment.picture_added").count() == 2


BAD = {
    "a.pdf": (b"%PDF-1.7\n%", "PDF文件已损坏"),
    "b.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "JPG"),
    "c.jpg": (b"", "空"),
    "d.jpg": (jpeg()[:300], "损坏"),
    "e.jpg": (jpeg((40, 40)), "太小"),
}


def test_a_bad_file_says_why_and_costs_none_of_the_others(draft, cast, client):
    """UX-R9, UX-R7: each refused file is named with its rule, in the summary and beside the field; good ones stay."""
    sign_in(client, cast.zhang)
    files = [photo("gut.jpg"), *(photo(name, content) for name, (content, _words) in BAD.items())]
    answer = client.post(url_of(draft), {f"photos-{ID_CARD}": files, "then": "on"})
    assert answer.status_code == 400
    assert draft.pictures.count() == 1
    text = answer.content.decode()
    assert f"again-{draft.pictures.get().pk}" in text  # what was taken is shown beside what was refused
    errors = answer.context["form"].errors[f"photos-{ID_CARD}"]
    assert len(errors) == len(BAD)
    for error, (name, (_content, words)) in zip(errors, BAD.items(), strict=True):
        assert name in error
        assert words in error
        assert text.count(name) >= 2
    assert f'href="#id_photos-{ID_CARD}"' in text
    assert Upload.objects.count() == 1


def test_a_photo_is_replaced_and_deleted_and_that_is_taken_back(
    draft, cast, client, monday, django_capture_on_commit_callbacks
):
    """UX-R9, UX-R17: take again, delete, back within ten minutes; then row and file are erased."""
    first = add(draft, cast.zhang)
    sign_in(client, cast.zhang)
    client.post(url_of(draft), {f"again-{first.pk}": photo("neu.jpg"), "then": "stay"})
    second = draft.pictures.standing().get()
    assert second.pk != first.pk
    # A file chosen elsewhere on the page is not lost by pressing a button of a photo.
    client.post(url_of(draft), {"remove": second.pk, f"photos-{REGISTER}": photo()})
    assert [row.code for row in draft.pictures.standing()] == [REGISTER]
    assert client.get(reverse("documents:upload", args=[second.upload_id])).status_code == 404
    assert f'name="restore" value="{second.pk}"' in client.get(url_of(draft)).content.decode()
    client.post(url_of(draft), {"restore": second.pk})
    assert draft.pictures.standing().count() == 2
    client.post(url_of(draft), {"remove": second.pk})
    monday.shift(timedelta(minutes=11))
    client.post(url_of(draft), {"restore": second.pk})
    assert draft.pictures.standing().count() == 1
    with django_capture_on_commit_callbacks(execute=True):
        assert erase_removed_pictures() == 2
    assert not storage.path_of(second.upload_id).exists()
    assert not Upload.objects.filter(pk=second.upload_id).exists()


def test_a_material_takes_six_photos(draft, cast, client, monkeypatch):
    """UX-R9: the seventh is refused with the reason, the six stay, one can still be replaced."""
    monkeypatch.setattr(pictures, "MOST_FILES", 1)
    first = add(draft, cast.zhang)
    with pytest.raises(pictures.PictureRefused):
        add(draft, cast.zhang)
    again = add(draft, cast.zhang, replaces=first)
    assert list(draft.pictures.standing()) == [again]
    with pytest.raises(pictures.PictureRefused):
        pictures.restore(case=draft, actor=actor(cast.zhang), picture=first)


def test_nobody_else_reaches_the_photos_of_a_draft(draft, cast, client):
    """RELIABILITY §3: page and pictures are 404 for strangers, and for clerks before the form is handed in."""
    made = add(draft, cast.zhang)
    address = reverse("documents:upload", args=[made.upload_id])
    sign_in(client, cast.li)
    assert client.get(url_of(draft)).status_code == 404
    assert client.post(url_of(draft), {"remove": made.pk}).status_code == 404
    assert client.get(address).status_code == 404
    other = journeys.draft(cast.li)
    assert client.post(url_of(other), {"remove": made.pk}).status_code == 404  # a foreign key on the own page
    assert client.get(reverse("enrollment:pictures", args=[uuid4()])).status_code == 404
    sign_in(client, cast.clerk)
    assert client.get(address).status_code == 404
    assert draft.pictures.standing().count() == 1


def test_photos_stand_once_the_form_is_submitted(draft, cast, client):
    """UX-R16: no adding, no deleting; photos of what is not asked for are erased."""
    made = add(draft, cast.zhang)
    surplus = add(draft, cast.zhang, code="FOREIGN_PR_CARD")
    sign_in(client, cast.zhang)
    assert [sent.first for sent in client.get(url_of(draft)).context["surplus"]] == [surplus]
    form = {"token": draft.submit_token, "version": draft.version, "truthful": "on"}
    assert client.post(reverse("enrollment:check_answers", args=[draft.pk]), form).status_code == 302
    draft.refresh_from_db()
    assert draft.state != State.DRAFT
    assert list(draft.pictures.all()) == [made]
    answer = client.post(url_of(draft), {f"photos-{ID_CARD}": photo(), "remove": made.pk})
    assert answer["Location"] == reverse("enrollment:application", args=[draft.pk])
    assert list(draft.pictures.standing()) == [made]
    with pytest.raises(NotAvailable):
        add(draft, cast.zhang)
    with pytest.raises(NotAvailable):
        pictures.remove(case=draft, actor=actor(cast.zhang), picture=made)
    assert Upload.objects.count() == 1
    assert "已上传1张" in client.get(reverse("enrollment:application", args=[draft.pk])).content.decode()


def test_a_submission_meanwhile_leaves_no_photo_behind(draft, cast, monkeypatch):
    """REL-R: the form is submitted in another tab while the photo is decoded; neither row nor file stays."""
    store = pictures.uploads.store_paper

    def slow(*args, **options):
        made = store(*args, **options)
        submit(draft, cast.zhang)
        return made

    monkeypatch.setattr(pictures.uploads, "store_paper", slow)
    with pytest.raises(NotAvailable):
        add(draft, cast.zhang)
    assert not Upload.objects.exists()


def ask(case, clerk, code):
    return services.ask_correction(
        application=case,
        actor=actor(clerk),
        version=case.version,
        items=[Requested("material", code, "照片模糊，请重拍")],
    )


def test_a_correction_opens_the_photos_of_what_was_asked_for(draft, cast, client):
    """UX-R16, N20, UX-C4: others stay shut; the clerk sees the new photos after they are sent, and the old ones."""
    old, shut = add(draft, cast.zhang), add(draft, cast.zhang, code=REGISTER)
    submit(draft, cast.zhang)
    journeys.sweep()
    case = journeys.reload(draft)
    ask(case, cast.clerk, ID_CARD)
    case = journeys.reload(draft)
    sign_in(client, cast.zhang)
    correct = reverse("enrollment:correct", args=[case.pk])
    assert url_of(case) in client.get(correct).content.decode()
    page = client.get(url_of(case)).content.decode()
    assert "照片模糊，请重拍" in page
    assert f"photos-{REGISTER}" not in page
    assert f'value="{old.pk}"' not in page
    client.post(url_of(case), {f"photos-{REGISTER}": photo(), f"photos-{ID_CARD}": photo(), "remove": shut.pk})
    client.post(url_of(case), {"remove": old.pk})
    new = case.pictures.get(round=1)
    assert new.code == ID_CARD
    assert case.pictures.standing().count() == 3
    assert client.post(url_of(case), {"then": "on"})["Location"] == correct
    sign_in(client, cast.clerk)
    review = reverse("enrollment:review", args=[case.pk])
    assert len(client.get(review).context["pictures"]) == 2  # nothing half done reaches the desk
    assert client.get(reverse("documents:upload", args=[new.upload_id])).status_code == 404
    services.resubmit(application=case, actor=actor(cast.zhang), version=case.version, values={}, handed_in=[ID_CARD])
    labels = {row["url"]: row["label"] for row in client.get(review).context["pictures"]}
    assert "第1次补正" in labels[reverse("documents:upload", args=[new.upload_id])]
    assert "第1次补正之前" in labels[reverse("documents:upload", args=[old.upload_id])]
    assert "补正" not in labels[reverse("documents:upload", args=[shut.upload_id])]


def test_a_region_may_want_photos_before_submission(draft, cast, client):
    """UX-R9, UX-R7: `required` stops the form with a message in the summary and beside each material."""
    set_mode("required")
    sign_in(client, cast.zhang)
    check = reverse("enrollment:check_answers", args=[draft.pk])
    form = {"token": draft.submit_token, "version": draft.version, "truthful": "on"}
    page = client.post(check, form, follow=True)
    draft.refresh_from_db()
    assert draft.state == State.DRAFT
    wanted = page.context["form"].errors
    assert f"photos-{ID_CARD}" in wanted
    assert page.content.decode().count(wanted[f"photos-{ID_CARD}"][0]) == 2
    assert client.post(url_of(draft), {"then": "on"}).status_code == 400
    for name in wanted:
        add(draft, cast.zhang, code=name.removeprefix("photos-"))
    assert client.post(url_of(draft), {"then": "on"})["Location"] == check
    client.post(check, form)
    draft.refresh_from_db()
    assert draft.state != State.DRAFT


def test_a_region_without_photos_does_not_ask_for_any(draft, cast, client):
    """UX-R3: `off` shows no task, no link and no page."""
    set_mode("off")
    sign_in(client, cast.zhang)
    for name in ("tasks", "check_answers"):
        assert url_of(draft) not in client.get(reverse(f"enrollment:{name}", args=[draft.pk])).content.decode()
    assert client.get(url_of(draft)).status_code == 302


def test_the_clerk_sees_them_beside_the_judgement_and_another_office_does_not(draft, cast, client):
    """UX-C4, I1: captions by material, links beside each judgement, every opening recorded, one query for all."""
    made = [add(draft, cast.zhang), add(draft, cast.zhang, code=REGISTER)]
    submit(draft, cast.zhang)
    journeys.sweep()
    address = reverse("documents:upload", args=[made[0].upload_id])
    review = reverse("enrollment:review", args=[draft.pk])
    sign_in(client, cast.clerk)
    page = client.get(review)
    names = {material.code: material.name for material in draft.materials.all()}
    assert {row["label"].split(" · ")[0] for row in page.context["pictures"]} == {names[ID_CARD], names[REGISTER]}
    assert page.content.decode().count(f'href="{address}"') == 2
    assert client.get(address).status_code == 200
    viewed = AuditEntry.objects.filter(action="upload.viewed", actor_user_id=cast.clerk.pk)
    assert viewed.filter(subject_id=str(made[0].upload_id)).count() == 1
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(review)
    for _number in range(3):
        upload = Upload.objects.create(
            owner=cast.zhang,
            purpose="material.0.ID_CARD",
            reference=str(draft.pk),
            sha256="0",
            size=1,
            width=9,
            height=9,
        )
        MaterialPicture.objects.create(application=draft, code=ID_CARD, upload=upload)
    with CaptureQueriesContext(connection) as many:
        assert len(client.get(review).context["pictures"]) == 5
    assert len(many) == len(few)
    hrss = make_staff("clerk-hrss", Role.CLERK, "450302", office_kind="hrss_centre")
    for stranger in (cast.other_clerk, hrss):
        sign_in(client, stranger)
        assert client.get(address).status_code == 404


def test_photos_go_with_the_draft(draft, cast, monday, django_capture_on_commit_callbacks):
    """UX-R17, ARCHITECTURE §8: a deleted draft is erased with its photos, file and row."""
    made = add(draft, cast.zhang)
    path = storage.path_of(made.upload_id)
    assert path.exists()
    discarding.discard(application=draft, actor=actor(cast.zhang), version=draft.version)
    draft.refresh_from_db()
    with pytest.raises(NotAvailable):
        add(draft, cast.zhang)
    monday.shift(timedelta(minutes=11))
    with django_capture_on_commit_callbacks(execute=True):
        journeys.sweep()
    draft.refresh_from_db()
    assert draft.state == State.LAPSED
    assert not MaterialPicture.objects.exists()
    assert not Upload.objects.exists()
    assert not path.exists()


def test_the_database_refuses_photos_of_nothing(draft, cast):
    """ARCHITECTURE: a photo belongs to a material, and is deleted after it came."""
    made = add(draft, cast.zhang)
    for change in ({"code": ""}, {"removed_at": made.sent_at - timedelta(seconds=1)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            MaterialPicture.objects.filter(pk=made.pk).update(**change)
