import io
import os
import re
import resource
import stat
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from portal.audit.models import AuditEntry
from portal.documents import storage, uploads
from portal.documents.bounded import ImageMaker, maker
from portal.documents.fields import PictureField
from portal.documents.imaging import CARD_PHOTO, MATERIAL, Rejected, remake
from portal.documents.models import Upload, UploadState
from portal.documents.uploads import MESSAGES, UploadRejected, store_image
from portal.limits.buckets import RateLimited
from tests.documents import corpus
from tests.people_cast import Cast, sign_in


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content), formats=("JPEG",))
    picture.load()
    return picture


@pytest.mark.parametrize("name", corpus.REFUSED)
def test_hostile_file_is_refused_with_a_reason_quickly(name: str) -> None:
    """REL-U1, U2, U3, J4: in under a second of work, with words for the person."""
    make, code = corpus.REFUSED[name]
    data = make()
    maker.make(corpus.jpeg(), MATERIAL)
    started = time.monotonic()
    with pytest.raises(Rejected) as caught:
        maker.make(data, MATERIAL)
    assert time.monotonic() - started < 1
    assert caught.value.code == code
    assert str(MESSAGES[code])


@pytest.mark.parametrize("name", corpus.ACCEPTED)
def test_picture_is_made_anew_with_nothing_carried_over(name: str) -> None:
    """REL-U4, J4."""
    data = corpus.ACCEPTED[name]()
    picture = maker.make(data, MATERIAL)
    content = picture.content
    made = opened(content)
    assert made.format == "JPEG"
    assert made.mode == "RGB"
    assert (made.width, made.height) == (picture.width, picture.height)
    assert not made.getexif()
    assert "comment" not in made.info
    assert b"GEHEIM" not in content
    assert b"<script" not in content
    assert content.endswith(b"\xff\xd9")
    assert b"PK\x03\x04" not in content


def test_photo_on_its_side_is_turned_upright() -> None:
    """J4: the camera's turn is applied, then forgotten."""
    picture = opened(maker.make(corpus.with_exif(), MATERIAL).content)
    assert (picture.width, picture.height) == (1200, 1600)


def test_large_photo_is_made_smaller_and_small_one_is_left() -> None:
    big = maker.make(corpus.jpeg(corpus.photo(3000, 4000)), MATERIAL)
    assert (big.width, big.height) == (1500, 2000)
    small = maker.make(corpus.jpeg(corpus.photo(500, 700)), MATERIAL)
    assert (small.width, small.height) == (500, 700)


@pytest.mark.parametrize("size", [(3000, 4000), (4000, 3000), (358, 441), (600, 900)])
def test_card_photo_has_exactly_the_size_of_the_standard(size: tuple[int, int]) -> None:
    """DOMAIN §4: 358 x 441 pixels, 350 dpi."""
    picture = maker.make(corpus.jpeg(corpus.photo(*size)), CARD_PHOTO)
    made = opened(picture.content)
    assert made.size == (358, 441)
    assert made.info["dpi"] == (350, 350)
    assert picture.warnings == []


def test_dark_background_is_pointed_out_and_small_photo_refused() -> None:
    """DOMAIN §4: warned, because a clerk decides."""
    assert maker.make(corpus.jpeg(corpus.photo(background=120)), CARD_PHOTO).warnings == ["background_not_white"]
    with pytest.raises(Rejected, match="too_small"):
        maker.make(corpus.jpeg(corpus.photo(300, 400)), CARD_PHOTO)


def test_transparent_ground_becomes_white() -> None:
    clear = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    assert opened(maker.make(corpus.png(clear), MATERIAL).content).getpixel((200, 200)) == (255, 255, 255)


def test_memory_of_this_process_does_not_grow_with_hostile_pictures() -> None:
    """REL-U2: less than 150 MB more, whatever is sent."""
    maker.make(corpus.jpeg(), MATERIAL)
    bombs = [corpus.REFUSED[name][0]() for name in ("81 megapixels", "169 megapixels with alpha", "60000 x 60000")]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data in bombs:
        with pytest.raises(Rejected):
            maker.make(data, MATERIAL)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024
    for data in bombs:
        with pytest.raises(Rejected):
            remake(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024


def test_picture_maker_is_started_again_after_a_crash() -> None:
    own = ImageMaker()
    assert own.make(corpus.jpeg()).width
    own._process.kill()
    own._process.wait()
    assert own.make(corpus.jpeg()).width
    own.close()


def test_child_that_takes_too_much_is_ended_and_the_next_picture_is_made() -> None:
    """RLIMIT_AS: a decoder that wants more than its share costs one picture."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        from portal.documents import imaging_child

        imaging_child.MEMORY_BYTES = 1
        answer = imaging_child._in_child(b'{"max_side": 8000}', corpus.jpeg(corpus.photo(5000, 4000)))
        os.write(writer, answer[0])
        os._exit(0)
    os.close(writer)
    answer = os.read(reader, 1000)
    os.waitpid(child, 0)
    assert b"reason" in answer
    assert maker.make(corpus.jpeg()).width


def upload(cast: Cast, data: bytes | None = None, **values: Any) -> Upload:
    return store_image(io.BytesIO(data or corpus.jpeg()), **{"owner": cast.zhang, "purpose": "photo"} | values)


@pytest.mark.django_db
def test_stored_picture_is_sealed_and_private(cast: Cast) -> None:
    """REL-S9, U5: no plain JPEG on disk, random name, mode 0600."""
    row = upload(cast)
    path = storage.path_of(row.pk)
    raw = path.read_bytes()
    assert b"\xff\xd8\xff" not in raw[:200]
    assert b"JFIF" not in raw
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(storage.folder().stat().st_mode) == 0o700
    assert opened(uploads.read(row)).size == (row.width, row.height)
    assert (row.size, len(row.sha256), row.state) == (len(uploads.read(row)), 64, UploadState.READY)


@pytest.mark.django_db
def test_sealed_file_moved_to_another_row_does_not_open(cast: Cast) -> None:
    from portal.crypto import SealBroken

    one, other = upload(cast), upload(cast)
    storage.path_of(other.pk).write_bytes(storage.path_of(one.pk).read_bytes())
    with pytest.raises(SealBroken):
        uploads.read(other)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["nothing", "SVG", "81 megapixels", "cut JPEG", "over 5 MB"])
def test_refused_file_leaves_nothing_behind(cast: Cast, name: str) -> None:
    make, code = corpus.REFUSED[name]
    with pytest.raises(UploadRejected) as caught:
        store_image(io.BytesIO(make()), owner=cast.zhang, purpose="photo")
    assert caught.value.code == code
    assert not Upload.objects.exists()
    assert [path for path in storage.stored() if path.suffix == ".part"] == []


@pytest.mark.django_db
def test_number_and_size_of_pictures_are_bounded(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """REL-U6."""
    for _number in range(uploads.MOST_PER_PURPOSE):
        upload(cast, reference="a1")
    with pytest.raises(UploadRejected, match="too_many"):
        upload(cast, reference="a1")
    assert upload(cast, reference="a1", purpose="household_register")
    monkeypatch.setattr(uploads, "MOST_BYTES_PER_REFERENCE", 1000)
    with pytest.raises(UploadRejected, match="too_much"):
        upload(cast, reference="a1", purpose="residence_proof")
    monkeypatch.setattr(uploads, "UPLOADS_PER_MINUTE", 1)
    upload(cast, owner=cast.wang)
    with pytest.raises(RateLimited):
        upload(cast, owner=cast.wang)


@pytest.mark.django_db
def test_picture_is_shown_to_its_household_and_its_clerks_only(client: Client, cast: Cast) -> None:
    """REL-M2, RELIABILITY §3: others get the answer of a picture that never was."""
    row = upload(cast)
    missing = client.get("/uploads/00000000-0000-4000-8000-000000000000/")
    assert missing.status_code == 302
    for person, status in (
        (cast.zhang, 200),
        (cast.wang, 404),
        (cast.clerk, 200),
        (cast.other_clerk, 404),
        (cast.admin, 404),
        (cast.card_clerk, 404),
    ):
        sign_in(client, person)
        assert client.get(f"/uploads/{row.pk}/").status_code == status, person


@pytest.mark.django_db
def test_answer_with_a_picture_is_harmless_and_on_record(client: Client, cast: Cast) -> None:
    """RELIABILITY §4.7."""
    row = upload(cast)
    sign_in(client, cast.clerk)
    response = client.get(f"/uploads/{row.pk}/")
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert "no-store" in response["Cache-Control"]
    assert re.fullmatch(r'inline; filename="photo-[0-9a-f]{8}\.jpg"', response["Content-Disposition"])
    assert client.get(f"/uploads/{row.pk}/?download")["Content-Disposition"].startswith("attachment")
    assert AuditEntry.objects.filter(action="upload.viewed", subject_id=str(row.pk)).count() == 2


@pytest.mark.django_db
def test_picture_whose_file_is_gone_is_not_found(client: Client, cast: Cast) -> None:
    row = upload(cast)
    storage.remove(row.pk)
    sign_in(client, cast.zhang)
    assert client.get(f"/uploads/{row.pk}/").status_code == 404


@pytest.mark.django_db
def test_role_without_residents_sees_what_its_app_opens(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card clerk sees the photos of the queue, which only the cards app knows."""
    from django.db.models import Q

    from portal.documents import models
    from tests.people_cast import actor

    row = upload(cast)
    clerk = actor(cast.card_clerk)
    assert not Upload.objects.visible_to(clerk).exists()
    monkeypatch.setattr(models, "upload_scopes", [lambda who: Q(purpose="photo") if who == clerk else Q(pk=None)])
    assert list(Upload.objects.visible_to(clerk)) == [row]


@pytest.mark.django_db
def test_files_nobody_owns_are_swept_after_a_day(cast: Cast) -> None:
    """REL-K11."""
    row = upload(cast)
    lost, fresh_one = upload(cast), upload(cast)
    Upload.objects.filter(pk__in=[lost.pk, fresh_one.pk]).delete()
    part = storage.path_of(row.pk).with_suffix(".part")
    part.write_bytes(b"half")
    old = (timezone.now() - timedelta(hours=25)).timestamp()
    for path in (storage.path_of(row.pk), storage.path_of(lost.pk), part):
        os.utime(path, (old, old))
    assert uploads.sweep_orphans() == 2
    assert storage.path_of(row.pk).exists()
    assert storage.path_of(fresh_one.pk).exists()
    path = storage.path_of(row.pk)
    uploads.delete(row)
    assert not path.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_upload_leaves_no_row_without_a_file(cast: Cast, moment: str) -> None:
    """REL-K11: kill -9 in the fsync hook, before and after the file is there."""
    before = set(storage.stored())
    child = os.fork()
    if child == 0:
        real = os.fsync

        def die(descriptor: int) -> None:
            if moment == "after":
                real(descriptor)
            os.kill(os.getpid(), 9)

        os.fsync = die
        import uuid

        storage.write(uuid.uuid4(), b"x" * 1000)
        os._exit(0)
    os.waitpid(child, 0)
    left = set(storage.stored()) - before
    assert all(path.suffix == ".part" for path in left)
    assert not Upload.objects.exists()
    for path in left:
        old = (timezone.now() - timedelta(hours=25)).timestamp()
        os.utime(path, (old, old))
    uploads.sweep_orphans()
    assert not left & set(storage.stored())


@pytest.mark.parametrize(
    "name", ["../../x.jpg", "a\0.jpg", "x" * 300 + ".jpg", ".htaccess", "x.jpg.html", "a\r\nb.jpg", "照片𠮷.jpg"]
)
def test_name_given_by_the_sender_is_never_used(name: str, cast: Cast) -> None:
    """REL-U5."""
    file = SimpleUploadedFile("x.jpg", corpus.jpeg(), content_type="text/html")
    file._name = name
    row = store_image(file, owner=cast.zhang, purpose="photo")
    assert storage.path_of(row.pk).name == f"{row.pk}.sealed"


def test_field_says_size_and_kind_beforehand_and_refuses_beside_itself() -> None:
    """J4, REL-U1."""
    field = PictureField()
    assert "5 MB" in str(field.help_text)
    assert "image/jpeg" in field.widget.attrs["accept"]
    assert field.clean(SimpleUploadedFile("a.jpg", corpus.jpeg())).size
    for content, code in (
        (b"", "empty"),
        (corpus.PDF, "not_a_picture"),
        (b"\xff\xd8\xff" + b"x" * 5_300_000, "too_big"),
    ):
        with pytest.raises(ValidationError) as caught:
            field.clean(SimpleUploadedFile("a.jpg", content))
        assert caught.value.messages == [str(MESSAGES[code])]
    assert PictureField(required=False).clean(None) is None
