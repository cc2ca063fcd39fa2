"""Files of materials: PDF pages, their order, what is measured and answered, scripts, the counter, agents, and the end
of their time.
"""

import io
import random
from datetime import date, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse
from PIL import Image, ImageEnhance

from enrollment import attorney, counter, discarding, picture_retention, pictures, services
from enrollment.models import Application, Cover, MaterialPicture, WalkIn
from enrollment.states import State
from enrollment.tasks import erase_old_pictures
from portal.audit.models import AuditEntry
from portal.documents import storage, uploads
from portal.documents.models import Upload
from portal.people.identity import parse_identity_number
from portal.regions.models import Office
from portal.workflow.errors import NotAvailable
from tests.documents import corpus, pdf_files
from tests.documents.test_pdf_pages import sheet
from tests.enrollment import journeys
from tests.enrollment.test_counter_mode import begun, registered
from tests.people_cast import actor, make_staff, next_identity_number, region, sign_in

pytestmark = pytest.mark.django_db

ID_CARD, REGISTER = "ID_CARD", "HOUSEHOLD_REGISTER"
FIELD = f"photos-{ID_CARD}"


def jpeg(picture=None):
    out = io.BytesIO()
    (picture or sheet(700, 900)).save(out, "JPEG")
    return out.getvalue()


def photo(name="a.jpg", content=None, kind="image/jpeg"):
    return SimpleUploadedFile(name, content or jpeg(), content_type=kind)


def pdf(pages=2, name="paper.pdf"):
    return photo(name, pdf_files.drawn(pages, (300, 400)), "application/pdf")


def dark():
    return jpeg(ImageEnhance.Brightness(sheet(700, 900)).enhance(0.3))


def url_of(case):
    return reverse("enrollment:pictures", args=[case.pk])


def staff_url(case):
    return reverse("enrollment:case_pictures", args=[case.pk])


def add(case, person, content=None, code=ID_CARD, **options):
    return pictures.add(case=case, actor=actor(person), code=code, file=io.BytesIO(content or jpeg()), **options)


def shown(case):
    return [sent for entry in pictures.asked(case) for one in entry for sent in one.files]


@pytest.fixture
def draft(monday, cast):
    return journeys.draft(cast.zhang)


def test_a_resident_sends_a_pdf_and_the_clerk_reads_its_pages_in_order(draft, cast, client):
    """UX-R9, UX-C4, J4: pages as pictures beside the judgement, in order and numbered; one file to its sender."""
    sign_in(client, cast.zhang)
    sent = client.post(url_of(draft), {FIELD: [pdf(3), photo("b.jpg")], "then": "stay"})
    assert sent.status_code == 302
    rows = list(draft.pictures.all())
    assert [row.page for row in rows] == [1, 2, 3, 1]
    assert len({row.file for row in rows}) == 2
    page = client.get(url_of(draft)).content.decode()
    assert "PDF，共3页" in page
    assert page.count('name="remove"') == 2
    assert "已上传4张" in client.get(reverse("enrollment:check_answers", args=[draft.pk])).content.decode()
    for row in rows:
        answer = client.get(reverse("documents:upload", args=[row.upload_id]))
        assert answer["Content-Type"] == "image/jpeg"
        assert answer["Content-Disposition"].startswith("inline; filename=")
        assert Image.open(io.BytesIO(answer.content)).format == "JPEG"
    services.submit(application=draft, actor=actor(cast.zhang), token=draft.submit_token, version=draft.version)
    journeys.sweep()
    sign_in(client, cast.clerk)
    found = client.get(reverse("enrollment:review", args=[draft.pk])).context["pictures"]
    assert [one["url"] for one in found] == [reverse("documents:upload", args=[row.upload_id]) for row in rows]
    assert ["共3页" in one["label"] for one in found] == [True, True, True, False]


def test_a_pdf_is_replaced_deleted_and_taken_back_as_one_file(draft, cast, client):
    """UX-R9, UX-R17: all its pages go and come together."""
    sign_in(client, cast.zhang)
    first, second = add(draft, cast.zhang, pdf_files.drawn(2)), add(draft, cast.zhang)
    client.post(url_of(draft), {f"again-{first.pk}": pdf(3), "then": "stay"})
    assert [len(sent.pages) for sent in shown(draft)] == [3, 1]  # it keeps its place
    new = shown(draft)[0]
    client.post(url_of(draft), {"remove": new.pk})
    assert shown(draft)[0].pk == second.pk
    client.post(url_of(draft), {"restore": new.pk})
    assert [len(sent.pages) for sent in shown(draft)] == [3, 1]
    client.post(url_of(draft), {"restore": first.pk})
    assert [[one.page for one in sent.pages] for sent in shown(draft)] == [[1, 2], [1, 2, 3], [1]]


@pytest.mark.parametrize("seed", range(4))
def test_files_stay_in_the_order_in_which_they_were_chosen(draft, cast, monkeypatch, seed):
    """UX-R9, as a property: whatever is added, taken again, deleted and taken back, the rest keeps its order."""
    monkeypatch.setattr(uploads, "UPLOADS_PER_MINUTE", 10_000)
    monkeypatch.setattr(uploads, "PDFS_PER_MINUTE", 10_000)
    chance, zhang = random.Random(seed), actor(cast.zhang)
    kinds = [jpeg(Image.new("RGB", (120, 160), "white")), pdf_files.drawn(2, (60, 80))]
    expected, gone = [], []
    for _step in range(9):
        steps = ["add"] + (["again", "remove"] if expected else []) + (["restore"] if gone else [])
        step = chance.choice(steps)
        at = chance.randrange(len(expected)) if expected else 0
        if step == "add" and len(expected) < pictures.MOST_FILES:
            expected.append(add(draft, cast.zhang, chance.choice(kinds)).first)
        elif step == "again":
            expected[at] = add(draft, cast.zhang, chance.choice(kinds), replaces=expected[at]).first
        elif step == "remove":
            gone.append(expected.pop(at))
            pictures.remove(case=draft, actor=zhang, picture=gone[-1])
        elif step == "restore" and len(expected) < pictures.MOST_FILES:
            back = gone.pop()
            pictures.restore(case=draft, actor=zhang, picture=back)
            expected.append(back)
            expected.sort(key=lambda row: row.place)
        assert [sent.pk for sent in shown(draft)] == [row.pk for row in expected]
        assert all([one.page for one in sent.pages] == list(range(1, len(sent.pages) + 1)) for sent in shown(draft))


def test_a_dark_photo_is_kept_and_its_sender_decides(draft, cast, client):
    """UX-R9: which rule failed, again or as it is, said before the page is left; the clerk reads it too."""
    sign_in(client, cast.zhang)
    answer = client.post(url_of(draft), {FIELD: photo("d.jpg", dark()), "then": "on"})
    assert answer["Location"] == url_of(draft)
    page = client.get(url_of(draft)).content.decode()
    assert "偏暗" in page
    sent = shown(draft)[0]
    assert sent.warned == [(1, "dark")]
    client.post(url_of(draft), {"as_is": sent.pk})
    page = client.get(url_of(draft)).content.decode()
    assert "偏暗" not in page
    on = client.post(url_of(draft), {"then": "on"})
    assert on["Location"] == reverse("enrollment:check_answers", args=[draft.pk])
    services.submit(application=draft, actor=actor(cast.zhang), token=draft.submit_token, version=draft.version)
    journeys.sweep()
    sign_in(client, cast.clerk)
    assert "偏暗" in client.get(reverse("enrollment:review", args=[draft.pk])).context["pictures"][0]["label"]


def test_every_material_has_its_drawing_and_good_and_bad_photos_are_shown(draft, cast, client):
    """UX-R10, UX-R9: what it looks like, which side, where the number is, beside each material."""
    sign_in(client, cast.zhang)
    page = client.get(url_of(draft)).content.decode()
    asked = [one for entry in pictures.asked(draft) for one in entry]
    assert page.count("portal-material__picture") == len(asked) + 4
    assert "正反两面各拍一张。号码在有头像的一面下方（黄色处）。" in page
    for words in ("太暗", "模糊", "没有拍全", "10 MB", "20页"):
        assert words in page


def test_a_script_sends_one_file_at_a_time_and_once_only(draft, cast, client):
    """UX-R9: kept, refused with the reason, and sent again after the answer was lost without being kept twice."""
    sign_in(client, cast.zhang)
    name, headers = str(uuid4()), {"accept": "application/json"}
    for _try in range(2):
        answer = client.post(url_of(draft), {FIELD: photo(), "file": name, "then": "stay"}, headers=headers)
        assert (answer.status_code, answer.json()["kept"]) == (200, 1)
        assert answer["Cache-Control"] == "no-store"
    assert draft.pictures.count() == Upload.objects.count() == 1
    bad = client.post(url_of(draft), {FIELD: photo("x.pdf", b"%PDF-1.7\n%")}, headers=headers)
    assert bad.status_code == 400
    assert "损坏" in bad.json()["why"][0]
    page = client.get(url_of(draft)).content.decode()
    assert "data-uploads" in page
    assert "uploads.js" in page
    assert "onchange" not in page
    row = draft.pictures.get()
    row.pk, row.upload = None, Upload.objects.create(owner=cast.zhang, sha256="0", size=1, width=1, height=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_the_same_file_sent_twice_at_once_is_kept_once(draft, cast, monkeypatch, django_capture_on_commit_callbacks):
    """UX-R9, REL-R: the second arrives while the first is drawn; its pictures go, rows and files."""
    name, store = uuid4(), pictures.uploads.store_paper

    def slow(*args, **options):
        made = store(*args, **options)
        monkeypatch.setattr(pictures.uploads, "store_paper", store)
        add(draft, cast.zhang, file_id=name)
        return made

    monkeypatch.setattr(pictures.uploads, "store_paper", slow)
    with django_capture_on_commit_callbacks(execute=True):
        sent = add(draft, cast.zhang, file_id=name)
    assert [sent.first] == list(draft.pictures.all())
    assert Upload.objects.get().pk == sent.first.upload_id
    assert [path.stem for path in storage.stored() if path.stem == str(sent.first.upload_id)]


def test_photos_of_telephones_are_taken_as_they_come(draft, cast, client):
    """UX-R9: HEIC, twelve megapixels, lying on its side; upright and small enough to be opened on a slow line."""
    sign_in(client, cast.zhang)
    large = corpus.jpeg(sheet(600, 800).resize((3000, 4000)))
    files = [photo("a.heic", corpus.heic()), photo("b.jpg", large), photo("c.jpg", corpus.with_exif())]
    assert client.post(url_of(draft), {FIELD: files, "then": "stay"}).status_code == 302
    sides = [(sent.first.upload.width, sent.first.upload.height) for sent in shown(draft)]
    assert sides == [(800, 1000), (1500, 2000), (1200, 1600)]


def test_a_clerk_photographs_the_papers_of_somebody_at_the_counter(client, monday, cast):
    """UX-C9, UX-R9: before anything is on file, by the same pipeline, on record; with the form they go to the case."""
    sign_in(client, cast.clerk)
    walk_in = begun(client, next_identity_number())
    url = reverse("enrollment:walk_in_pictures", args=[walk_in.pk])
    saved = client.post(
        reverse("enrollment:walk_in", args=[walk_in.pk]),
        {"name": "黄小丽", "version": walk_in.version, "then": "photos"},
    )
    assert saved["Location"] == url
    assert "城乡居民基本医疗保险参保登记表" in client.get(url).content.decode()
    client.post(url, {FIELD: [photo(), pdf(2)], "photos-HMT_PERMIT": photo(), "then": "stay"})
    stray = pictures.add(case=walk_in, actor=actor(cast.clerk), code="HMT_PERMIT", file=io.BytesIO(jpeg())).first
    rows = list(walk_in.pictures.filter(code=ID_CARD))
    assert [row.page for row in rows] == [1, 1, 2]
    assert {row.upload.owner for row in rows} == {None}
    address = reverse("documents:upload", args=[rows[0].upload_id])
    assert client.get(address).status_code == 200
    assert AuditEntry.objects.filter(action="enrollment.picture_added", actor_user_id=cast.clerk.pk).count() == 3
    sign_in(client, cast.second_clerk)
    assert client.get(address).status_code == 200  # the draft is the office's
    for stranger in (cast.other_clerk, cast.reviewer, cast.zhang):
        sign_in(client, stranger)
        assert client.get(address).status_code == 404
        assert client.get(url).status_code in (403, 404)
    sign_in(client, cast.clerk)
    case = registered(client, walk_in, "submit")
    assert list(case.pictures.all()) == rows
    assert not MaterialPicture.objects.filter(pk=stray.pk).exists()
    assert {row.upload.owner for row in case.pictures.all()} == {case.resident}
    assert len(client.get(reverse("enrollment:review", args=[case.pk])).context["pictures"]) == 3
    assert client.get(url)["Location"] == reverse("enrollment:walk_in_done", args=[walk_in.pk])
    sign_in(client, case.resident)
    assert client.get(address).status_code == 200


def test_photos_of_the_counter_go_with_a_draft_that_is_thrown_away(
    client, monday, cast, django_capture_on_commit_callbacks
):
    """UX-C9, ARCHITECTURE §8: discarded, or untouched for thirty days: rows and files are erased."""
    office = cast.clerk.grants.get().office
    paths = []
    for _number in range(2):
        number = parse_identity_number(next_identity_number())
        walk_in = counter.look_up(number=number, office=office, actor=actor(cast.clerk))
        sent = pictures.add(case=walk_in, actor=actor(cast.clerk), code=ID_CARD, file=io.BytesIO(jpeg()))
        paths.append(storage.path_of(sent.first.upload_id))
    assert all(path.exists() for path in paths)
    with django_capture_on_commit_callbacks(execute=True):
        counter.discard(walk_in)
    assert [path.exists() for path in paths] == [True, False]
    with pytest.raises(pictures.RegisteredMeanwhile):
        pictures.add(case=walk_in, actor=actor(cast.clerk), code=ID_CARD, file=io.BytesIO(jpeg()))
    monday.shift(timedelta(days=31))
    with django_capture_on_commit_callbacks(execute=True):
        assert counter.erase_old() == 1
    assert not WalkIn.objects.exists()
    assert not Upload.objects.exists()
    assert not any(path.exists() for path in paths)


def test_a_clerk_adds_what_was_brought_and_the_decision_is_about_what_was_seen(client, monday, cast):
    """RELIABILITY §3, REL-R2: own additions alone go again; the version of the case rises; not after a decision."""
    case = journeys.draft(cast.zhang)
    theirs = add(case, cast.zhang).first
    services.submit(application=case, actor=actor(cast.zhang), token=case.submit_token, version=case.version)
    journeys.sweep()
    case = journeys.reload(case)
    sign_in(client, cast.clerk)
    review = reverse("enrollment:review", args=[case.pk])
    assert staff_url(case) in client.get(review).content.decode()
    seen = case.version
    assert client.post(staff_url(case), {FIELD: pdf(2), "then": "on"})["Location"] == review
    own = case.pictures.filter(upload__uploaded_by_id=cast.clerk.pk).first()
    case = journeys.reload(case)
    assert case.version == seen + 1
    with pytest.raises(NotAvailable):
        services.judge_materials(application=case, actor=actor(cast.clerk), version=seen, judgements={})
    assert len(client.get(review).context["pictures"]) == 3
    page = client.get(staff_url(case)).content.decode()
    assert f'value="{own.pk}"' in page
    assert f'value="{theirs.pk}"' not in page
    client.post(staff_url(case), {"remove": theirs.pk})
    assert case.pictures.standing().filter(pk=theirs.pk).exists()
    elsewhere = add(journeys.draft(cast.wang), cast.wang).first
    assert client.post(staff_url(case), {"remove": elsewhere.pk}).status_code == 404
    client.post(staff_url(case), {"remove": own.pk})
    assert list(case.pictures.standing()) == [theirs]
    for stranger, status in ((cast.other_clerk, 404), (cast.reviewer, 403), (cast.auditor, 403), (cast.zhang, 403)):
        sign_in(client, stranger)
        assert client.get(staff_url(case)).status_code == status
    journeys.seen(journeys.reload(case), cast.clerk)
    case = journeys.reload(case)
    services.approve(application=case, actor=actor(cast.clerk), version=case.version)
    sign_in(client, cast.clerk)
    assert client.get(staff_url(case))["Location"] == review
    assert client.post(staff_url(case), {FIELD: photo()}).status_code == 409
    assert case.pictures.standing().count() == 1


def test_nobody_adds_photos_to_the_case_of_their_own_household(client, monday, cast):
    """N19: the clerk who lives with the Zhangs is refused, and nothing is kept."""
    case = journeys.under_review(cast.zhang)
    sign_in(client, cast.clerk_at_home)
    assert client.get(staff_url(case)).status_code in (403, 404)
    assert client.post(staff_url(case), {FIELD: photo()}).status_code in (403, 404)
    assert not case.pictures.exists()


def test_an_agent_photographs_the_papers_of_a_villager_they_entered(client, monday, cast):
    """RELIABILITY §3, G3: own entries and own photos alone, until the case is decided; the office sees them."""
    case = journeys.under_review(cast.zhang)
    Application.objects.filter(pk=case.pk).update(helper=cast.agent)
    sign_in(client, cast.agent)
    page = client.get(reverse("enrollment:committee_case", args=[case.pk])).content.decode()
    assert staff_url(case) in page
    client.post(staff_url(case), {FIELD: photo(), "then": "stay"})
    taken = case.pictures.get()
    address = reverse("documents:upload", args=[taken.upload_id])
    assert client.get(address).status_code == 200
    assert AuditEntry.objects.filter(action="enrollment.picture_added", actor_user_id=cast.agent.pk).count() == 1
    other = make_staff("agent-other", "committee_agent", "450302001")
    sign_in(client, other)
    assert client.get(staff_url(case)).status_code == 404
    assert client.get(address).status_code == 404
    sign_in(client, cast.clerk)
    assert len(client.get(reverse("enrollment:review", args=[case.pk])).context["pictures"]) == 1


def test_papers_brought_in_a_correction_are_seen_by_who_took_them_and_by_all_once_sent(client, monday, cast):
    """N20, UX-R16: the counter photographs what the office asked for, then answers in the resident's name."""
    case = journeys.ask(journeys.under_review(cast.zhang), cast.clerk)
    case = journeys.reload(case)
    assert case.state == State.CORRECTION_REQUIRED
    sign_in(client, cast.clerk)
    client.post(staff_url(case), {FIELD: photo(), "then": "stay"})
    taken = case.pictures.get()
    assert taken.round == case.correction_round
    address = reverse("documents:upload", args=[taken.upload_id])
    assert client.get(address).status_code == 200
    sign_in(client, cast.second_clerk)
    assert client.get(address).status_code == 404
    values = {"contact.address": "甲山村10号"}
    case = journeys.reload(case)
    services.resubmit(application=case, actor=actor(cast.clerk), version=case.version, values=values, handed_in=[])
    assert client.get(address).status_code == 200


def test_an_agent_by_power_of_attorney_sends_photos_and_the_principal_sees_them(client, monday, cast):
    """A10, F6: sent by the agent, on record as theirs, seen by both, by no third person."""
    number = parse_identity_number(cast.wang.identity_number)
    mandate = attorney.declare(
        actor=actor(cast.zhang),
        name=cast.wang.name,
        number=number,
        relation="agent",
        valid_from=date(2026, 11, 1),
        valid_until=date(2027, 6, 1),
        region=region("450302001"),
        office=Office.objects.responsible_for(region("450302001"), "service_point"),
    )
    attorney.confirm(mandate=mandate, actor=actor(cast.clerk))
    case = journeys.draft(cast.zhang, beneficiary=cast.wang)
    taken = add(case, cast.zhang).first
    address = reverse("documents:upload", args=[taken.upload_id])
    sign_in(client, cast.wang)
    assert client.get(address).status_code == 404  # a draft is its writer's alone
    services.submit(application=case, actor=actor(cast.zhang), token=case.submit_token, version=case.version)
    assert client.get(address).status_code == 200
    entry = AuditEntry.objects.get(action="enrollment.picture_added")
    assert entry.actor_user_id == cast.zhang.user_id
    sign_in(client, cast.newcomer)
    assert client.get(address).status_code == 404


def with_photo(person):
    case = journeys.draft(person)
    taken = add(case, person, pdf_files.drawn(2)).first
    services.submit(application=case, actor=actor(person), token=case.submit_token, version=case.version)
    journeys.sweep()
    return journeys.reload(case), storage.path_of(taken.upload_id)


def test_photos_of_a_withdrawn_case_go_after_a_year_and_the_case_stays(
    client, monday, cast, django_capture_on_commit_callbacks
):
    """DOMAIN §10, RELIABILITY §4.5: not a day earlier; files and uploads gone, timeline and rows stay, on record."""
    case, path = with_photo(cast.zhang)
    services.withdraw(application=case, actor=actor(cast.zhang), version=case.version, reason="不办了")
    entries = case.timeline.count()
    monday.shift(timedelta(days=364))
    assert erase_old_pictures() == 0
    assert path.exists()
    monday.shift(timedelta(days=2))
    with django_capture_on_commit_callbacks(execute=True):
        assert erase_old_pictures() == 2
    assert not path.exists()
    assert not Upload.objects.exists()
    assert [row.page for row in case.pictures.all()] == [1, 2]
    assert not case.pictures.standing().exists()
    assert case.timeline.count() == entries
    record = AuditEntry.objects.get(action="enrollment.pictures_erased")
    assert record.details == {"count": 2, "days": 365}
    assert erase_old_pictures() == 0
    sign_in(client, cast.clerk)
    assert "已于" in client.get(reverse("enrollment:review", args=[case.pk])).content.decode()


def test_photos_of_a_case_that_led_to_cover_are_kept_ten_years_after_it_ended(
    monday, cast, django_capture_on_commit_callbacks
):
    """DOMAIN §10: counted from the last day of cover, or from the day it ended early; the region may say otherwise."""
    case, path = with_photo(cast.zhang)
    case = journeys.seen(case, cast.clerk)
    services.approve(application=case, actor=actor(cast.clerk), version=case.version)
    case.refresh_from_db()
    journeys.pay(case)
    journeys.sweep()
    cover = Cover.objects.get(application=case)
    last = cover.until
    with time_machine.travel(f"{last + timedelta(days=3_653)}T12:00:00+08:00", tick=False):
        assert picture_retention.erase_old() == 0
    Cover.objects.filter(pk=cover.pk).update(ended_on=last - timedelta(days=100), end_reason="moved")
    moment = f"{last - timedelta(days=100) + timedelta(days=3_654)}T12:00:00+08:00"
    with time_machine.travel(moment, tick=False), django_capture_on_commit_callbacks(execute=True):
        assert picture_retention.erase_old() == 2
    assert not path.exists()


def test_a_discarded_draft_loses_the_pages_of_its_pdf_too(draft, cast, monday, django_capture_on_commit_callbacks):
    """UX-R17, ARCHITECTURE §8."""
    add(draft, cast.zhang, pdf_files.drawn(3))
    discarding.discard(application=draft, actor=actor(cast.zhang), version=draft.version)
    monday.shift(timedelta(minutes=11))
    with django_capture_on_commit_callbacks(execute=True):
        journeys.sweep()
    assert not MaterialPicture.objects.exists()
    assert not Upload.objects.exists()


def test_the_database_refuses_photos_of_no_case_of_two_and_erased_ones_that_are_there(draft, cast):
    """ARCHITECTURE: database teeth."""
    row = add(draft, cast.zhang).first
    office = cast.clerk.grants.get().office
    number = parse_identity_number(next_identity_number())
    walk_in = counter.look_up(number=number, office=office, actor=actor(cast.clerk))
    for change in (
        {"application": None},
        {"walk_in": walk_in},
        {"upload": None},
        {"erased_at": row.sent_at},
        {"page": 0},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            MaterialPicture.objects.filter(pk=row.pk).update(**change)
