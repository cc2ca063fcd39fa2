"""PDF files, good and hostile, made on the spot by WeasyPrint, ReportLab and pypdf, or by hand where none does."""

import io
import zlib
from collections.abc import Callable

from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen import canvas
from weasyprint import HTML

SECRET = "GEHEIM"


def printed(pages: int = 2) -> bytes:
    """A paper as an office prints it, in Chinese, with a link."""
    leaf = "<h1>居民户口簿</h1><p>公民身份号码 450302199003079919 <a href='https://example.invalid/'>GEHEIM</a></p>"
    turned = "<div style='page-break-after: always'></div>"
    return bytes(HTML(string=turned.join([leaf] * pages)).write_pdf())


def drawn(pages: int = 1, size: tuple[float, float] = (595, 842), text: str = "Contract") -> bytes:
    """Pages of any size with a word on each."""
    out = io.BytesIO()
    paper = canvas.Canvas(out, pagesize=size)
    for number in range(pages):
        paper.setFont("Helvetica", 24)
        paper.drawString(60, size[1] - 80, f"{text} {number + 1}")
        paper.showPage()
    paper.save()
    return out.getvalue()


def locked(*, user: str, owner: str = "owner") -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(drawn())))
    writer.encrypt(user_password=user, owner_password=owner, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def with_script() -> bytes:
    """What a reader would run when it opens the file."""
    action = b"/OpenAction<</S/JavaScript/JS(app.launchURL\\('https://example.invalid/GEHEIM'\\))>>"
    return by_hand(WORDS, resources=FONT, catalog=action)


def with_attachment() -> bytes:
    """A program inside of the file."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(drawn())))
    writer.add_attachment(f"{SECRET}.exe", b"MZ" + SECRET.encode())
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<<" + entries + b"/Length %d>>stream\n" % len(data) + data + b"\nendstream "


def by_hand(
    content: bytes, *more: bytes, box: bytes = b"0 0 500 700", resources: bytes = b"", catalog: bytes = b""
) -> bytes:
    """One page with this content; `more` are objects numbered from 5."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[%b]/Contents 4 0 R/Resources<<%b>>>>" % (box, resources)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R%b>>" % catalog,
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        page,
        content,
        *more,
    ]
    out, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj" % number + one + b"endobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    tail = b"xref\n0 %d\n0000000000 65535 f \n" % size + table + b"trailer<</Root 1 0 R/Size %d>>\n" % size
    return out + tail + b"startxref\n%d\n%%%%EOF" % len(out)


def nested(depth: int = 10) -> bytes:
    """Ten forms in each of ten forms in each of ten: more strokes than anybody can draw."""
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 500 700]"
    levels = [
        stream(b"/F Do " * 10, form + b"/Resources<</XObject<</F %d 0 R>>>>" % (6 + level)) for level in range(depth)
    ]
    last = stream(b"0 0 m 500 700 l S", form)
    return by_hand(stream(b"/F Do"), *levels, last, resources=b"/XObject<</F 5 0 R>>")


def unpacking() -> bytes:
    """200 KB of content that unpack to 80 MB of strokes."""
    return by_hand(stream(zlib.compress(b"0 0 m 500 700 l S\n" * 4_500_000, 1), b"/Filter/FlateDecode"))


def huge_picture() -> bytes:
    """A page whose picture claims 60,000 x 60,000 pixels."""
    entries = b"/Type/XObject/Subtype/Image/Width 60000/Height 60000/ColorSpace/DeviceRGB/BitsPerComponent 8"
    body = stream(zlib.compress(b"\0" * 100_000), entries + b"/Filter/FlateDecode")
    return by_hand(stream(b"500 0 0 700 0 0 cm /I Do"), body, resources=b"/XObject<</I 5 0 R>>")


WORDS = stream(b"BT /F 40 Tf 40 300 Td (Readable 12345) Tj ET")
FONT = b"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "empty"),
    "over 10 MB": (lambda: drawn() + b"\n" * (10 * 1024 * 1024), "pdf_too_big"),
    "heading alone": (lambda: b"%PDF-1.7\n%", "pdf_broken"),
    "noise": (lambda: b"%PDF-1.7\n" + bytes(range(256)) * 40, "pdf_broken"),
    "cut in the middle": (lambda: printed()[:4000], "pdf_broken"),
    "no pages": (lambda: by_hand(WORDS).replace(b"/Kids[3 0 R]/Count 1", b"/Kids[     ]/Count 0"), "pdf_broken"),
    "page that is not there": (lambda: by_hand(WORDS).replace(b"/Kids[3 0 R]", b"/Kids[9 0 R]"), "pdf_broken"),
    "password": (lambda: locked(user="secret"), "pdf_locked"),
    "21 pages": (lambda: drawn(21, (100, 140)), "pdf_too_many_pages"),
    "a ribbon": (lambda: drawn(1, (1_000_000, 40)), "pdf_strange_page"),
    "a stamp": (lambda: drawn(1, (8, 9)), "pdf_strange_page"),
    "Word file": (lambda: b"PK\x03\x04" + b"word/document.xml" * 20, "not_a_paper"),
    "HTML": (lambda: b"<!doctype html><script>alert(1)</script>", "not_a_paper"),
}

HEAVY: dict[str, Callable[[], bytes]] = {"forms in forms": nested, "content that unpacks": unpacking}

ACCEPTED: dict[str, tuple[Callable[[], bytes], int]] = {
    "printed": (printed, 2),
    "a page of 350 metres": (lambda: drawn(1, (1_000_000, 900_000)), 1),
    "printing not allowed": (lambda: locked(user=""), 1),
    "script": (with_script, 1),
    "attachment": (with_attachment, 1),
    "huge picture": (huge_picture, 1),
    "no size": (lambda: by_hand(WORDS, box=b"0 0 0 0", resources=FONT), 1),
    "size beyond numbers": (lambda: by_hand(WORDS, box=b"0 0 1e38 1e38", resources=FONT), 1),
    "something behind the end": (lambda: drawn() + b"<script>GEHEIM</script>", 1),
}
