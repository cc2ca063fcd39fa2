"""PDF files people send: each page drawn anew as a picture, nothing else kept, a bad one refused with its reason."""

import io
import resource
import subprocess
import sys
import time

import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont
from pypdf import PdfReader, PdfWriter

from portal.documents import imaging, legibility
from portal.documents.bounded import maker
from portal.documents.imaging import CARD_PHOTO, PAPER, Rejected
from portal.documents.legibility import BLURRED, DARK, PLAIN, SMALL
from portal.documents.uploads import MESSAGES
from tests.documents import corpus, pdf_files


@pytest.mark.parametrize("name", pdf_files.REFUSED)
def test_bad_pdf_is_refused_with_its_reason(name: str) -> None:
    """UX-R9, J4, REL-U3: by content, whatever it is called; each reason has words for the person."""
    make, code = pdf_files.REFUSED[name]
    with pytest.raises(Rejected) as caught:
        maker.make_all(make(), PAPER)
    assert caught.value.code == code
    assert str(MESSAGES[code])


@pytest.mark.parametrize("name", pdf_files.HEAVY)
def test_pdf_that_asks_for_too_much_costs_itself_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """J4, REL-U2: bounded in the child; this process neither grows nor waits, and the next file is drawn."""
    data = pdf_files.HEAVY[name]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    with pytest.raises(Rejected, match="pdf_too_heavy"):
        maker.make_all(data, PAPER)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - used < 30
    assert len(maker.make_all(pdf_files.drawn(), PAPER)) == 1


@pytest.mark.parametrize("name", pdf_files.ACCEPTED)
def test_pages_become_pictures_with_nothing_carried_over(name: str) -> None:
    """REL-U4, J4: scripts, attachments, links and what lies behind the end are gone; no page is larger than a photo."""
    make, count = pdf_files.ACCEPTED[name]
    pages = maker.make_all(make(), PAPER)
    assert len(pages) == count
    for page in pages:
        made = Image.open(io.BytesIO(page.content), formats=("JPEG",))
        assert made.size == (page.width, page.height)
        assert max(made.size) <= PAPER.max_side
        assert pdf_files.SECRET.encode() not in page.content
        assert b"javascript" not in page.content.lower()
        assert page.content.endswith(b"\xff\xd9")


def test_pages_stay_in_their_order_and_can_be_read() -> None:
    """UX-R9: page n of the file is picture n, upright, with its print on it."""
    sides = [(300, 600), (600, 300), (450, 450), (300, 900)]
    writer = PdfWriter()
    for size in sides:
        writer.append(PdfReader(io.BytesIO(pdf_files.drawn(1, size))))
    out = io.BytesIO()
    writer.write(out)
    pages = maker.make_all(out.getvalue(), PAPER)
    ratios = [round(page.width / page.height, 1) for page in pages]
    assert ratios == [round(width / height, 1) for width, height in sides]
    assert all(page.warnings == [] for page in pages)


def test_empty_backs_are_usual_and_an_empty_file_is_pointed_out() -> None:
    """UX-R9: a scan of both sides has empty pages; a file of nothing else shows nothing."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_files.drawn())))
    writer.add_blank_page(500, 700)
    out = io.BytesIO()
    writer.write(out)
    assert [page.warnings for page in maker.make_all(out.getvalue(), PAPER)] == [[], []]
    empty = PdfWriter()
    empty.add_blank_page(500, 700)
    out = io.BytesIO()
    empty.write(out)
    assert [page.warnings for page in maker.make_all(out.getvalue(), PAPER)] == [[PLAIN]]


def test_the_card_photo_takes_no_pdf() -> None:
    """DOMAIN §4, REL-U3: where a face is asked for, a PDF is refused as before."""
    with pytest.raises(Rejected, match="not_a_picture"):
        maker.make(pdf_files.drawn(), CARD_PHOTO)


def test_the_process_that_waits_for_files_loads_no_pdf_library() -> None:
    """REL-U2: what parses a stranger's file lives in the child that ends with it."""
    code = "import sys, portal.documents.imaging_child; sys.exit('pypdfium2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def sheet(width: int = 1200, height: int = 1600) -> Image.Image:
    """White paper with print on a dark desk."""
    picture = Image.new("RGB", (width, height), (60, 60, 64))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((width // 12, height // 12, width * 11 // 12, height * 11 // 12), fill=(235, 235, 232))
    font = ImageFont.load_default(width // 40)
    for line in range(18):
        draw.text((width // 7, height // 8 + line * height // 24), "Number 450302199003079919", (40, 40, 40), font)
    return picture


def faults() -> dict[str, tuple[Image.Image, list[str]]]:
    good = sheet()
    one_line = Image.new("RGB", (1200, 1600), (240, 240, 240))
    one_line.paste(good.crop((150, 190, 1000, 260)), (150, 190))
    return {
        "good": (good, []),
        "evening lamp": (ImageEnhance.Brightness(good).enhance(0.6), []),
        "one line on a sheet": (one_line, []),
        "a little smeared": (good.filter(ImageFilter.GaussianBlur(1)), []),
        "in the dark": (ImageEnhance.Brightness(good).enhance(0.3), [DARK]),
        "out of focus": (good.filter(ImageFilter.GaussianBlur(5)), [BLURRED]),
        "thumbnail": (good.resize((450, 600)), [SMALL]),
        "dark thumbnail": (ImageEnhance.Brightness(good.resize((450, 600))).enhance(0.3), [DARK, SMALL]),
        "covered lens": (Image.effect_noise((1200, 1600), 6).point(lambda grey: grey // 10).convert("RGB"), [PLAIN]),
        "white wall": (Image.new("RGB", (1200, 1600), (246, 244, 240)), [PLAIN]),
    }


@pytest.mark.parametrize("name", sorted(faults()))
def test_what_is_wrong_with_a_photo_is_measured_on_the_picture_that_is_kept(name: str) -> None:
    """UX-R9: dark, blurred, few pixels, nothing there; as a warning, so that it is kept all the same."""
    picture, expected = faults()[name]
    made = maker.make(corpus.jpeg(picture), PAPER)
    assert made.warnings == expected
    assert made.content


def test_measuring_costs_no_more_than_making_the_picture_twice() -> None:
    """PERFORMANCE §6: CPU of both over the same photo, the least of three rounds."""
    data = corpus.jpeg(sheet(1500, 2000))
    made, measured = [], []
    for _round in range(3):
        started = time.process_time()
        picture = imaging.remake(data, imaging.MATERIAL)
        made.append(time.process_time() - started)
        shown = Image.open(io.BytesIO(picture.content))
        shown.load()
        started = time.process_time()
        legibility.findings(shown)
        measured.append(time.process_time() - started)
    assert min(measured) < 2 * min(made)
