"""Making a new picture from one that a stranger sent; plain functions over bytes, no Django.

Order (RELIABILITY §4.7, PERFORMANCE §6): size, first bytes, header with its sides, then a decode at no more detail
than needed, turned upright, as a new RGB JPEG that carries nothing over: no EXIF, no trailer, no second frame. The
pages of a PDF file are drawn by `pdf_pages` and finished here.
"""

import io
import json
import warnings
from dataclasses import asdict, dataclass, field
from typing import Any

from PIL import Image, ImageOps, ImageStat, UnidentifiedImageError
from pillow_heif import register_heif_opener

from portal.documents import legibility

register_heif_opener(thumbnails=False)
Image.MAX_IMAGE_PIXELS = 25_000_000

MAX_BYTES = 5 * 1024 * 1024
MAX_PDF_BYTES = 10 * 1024 * 1024
MOST_PDF_PAGES = 20
MIN_SIDE, MAX_SIDE = 100, 8000
FORMATS = ("JPEG", "PNG", "HEIF")
JPEG_MAGIC = b"\xff\xd8\xff"
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
PDF_MAGIC = b"%PDF-"
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
BORDER_MEAN = 240
SMALL_SIDE = 320
ORIENTATION_TAG = 0x0112
SIDEWAYS = {5, 6, 7, 8}
PLAIN = legibility.PLAIN


class Rejected(Exception):
    """The picture is refused; `code` names the reason, whose words are the caller's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Target:
    """What to make: at most `max_side` pixels long, or exactly `width` x `height` cut from the middle.

    `pages` is how many pages a PDF may have; 0 takes pictures alone. `legible` measures whether a paper can be read.
    """

    max_side: int = 2000
    width: int = 0
    height: int = 0
    quality: int = 82
    dpi: int = 0
    min_side: int = MIN_SIDE
    white_border: bool = False
    pages: int = 0
    legible: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """The new JPEG with its sides and what a clerk should look at."""

    content: bytes
    width: int
    height: int
    warnings: list[str] = field(default_factory=list)


MATERIAL = Target()
PAPER = Target(pages=MOST_PDF_PAGES, legible=True)
CARD_PHOTO = Target(width=358, height=441, quality=85, dpi=350, min_side=358, white_border=True)


def is_pdf(head: bytes) -> bool:
    """Whether a file begins as a PDF does."""
    return head.startswith(PDF_MAGIC)


def check_envelope(size: int, head: bytes, *, takes_pdf: bool = False) -> None:
    """Judges a file by its size and first bytes alone; raises Rejected."""
    if size == 0:
        raise Rejected("empty")
    if takes_pdf and is_pdf(head):
        if size > MAX_PDF_BYTES:
            raise Rejected("pdf_too_big")
        return
    is_heif = head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS
    is_picture = is_heif or head.startswith((JPEG_MAGIC, PNG_MAGIC))
    if takes_pdf and not is_picture:
        raise Rejected("not_a_paper")
    if size > MAX_BYTES:
        raise Rejected("too_big")
    if not is_picture:
        raise Rejected("not_a_picture")


def remake(data: bytes, target: Target = MATERIAL) -> Picture:
    """Makes the new picture; raises Rejected. The caller bounds memory and time (`portal.documents.bounded`)."""
    check_envelope(len(data), data[:16], takes_pdf=target.pages > 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return _remake(data, target)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise Rejected("too_many_pixels") from error
        except UnidentifiedImageError as error:
            raise Rejected("not_a_picture") from error
        except Rejected:
            raise
        except MemoryError as error:
            raise Rejected("too_many_pixels") from error
        except Exception as error:  # decoders fail in their own ways on bytes made to break them
            raise Rejected("broken") from error


def reduced(content: bytes, max_side: int = SMALL_SIDE) -> bytes:
    """A small copy of a picture that `remake` made, for a list of several; decoded at no more detail than needed."""
    with Image.open(io.BytesIO(content), formats=("JPEG",)) as source:
        source.draft("RGB", (max_side, max_side))
        source.thumbnail((max_side, max_side), Image.Resampling.BICUBIC)
        out = io.BytesIO()
        source.save(out, "JPEG", quality=75)
    return out.getvalue()


def _remake(data: bytes, target: Target) -> Picture:
    with Image.open(io.BytesIO(data), formats=FORMATS) as source:
        _check_header(source, target)
        if target.width:
            wanted = (target.width, target.height)
            # The picture may lie on its side, so both sides must reach the longer one wanted.
            source.draft("RGB", (max(wanted), max(wanted)))
        else:
            source.draft("RGB", (target.max_side, target.max_side))
        source.load()
        # Palettes and transparent grounds must be gone before pixels are mixed; turning comes last, when little is
        # left.
        whole = source if source.format == "JPEG" else _on_white(source)
        picture = ImageOps.exif_transpose(_on_white(_fitted(whole, target)))
    return finished(picture, target)


def finished(picture: Image.Image, target: Target) -> Picture:
    """An upright RGB picture as the JPEG that is kept, with what a person should look at."""
    found = legibility.findings(picture) if target.legible else []
    if target.white_border and _border_mean(picture) < BORDER_MEAN:
        found.append("background_not_white")
    out = io.BytesIO()
    clean = Image.frombytes("RGB", picture.size, picture.tobytes())
    clean.save(out, "JPEG", quality=target.quality, **({"dpi": (target.dpi, target.dpi)} if target.dpi else {}))
    return Picture(out.getvalue(), clean.width, clean.height, found)


def _fitted(source: Image.Image, target: Target) -> Image.Image:
    """The picture in the size wanted, still as it lies."""
    if not target.width:
        source.thumbnail((target.max_side, target.max_side), Image.Resampling.BICUBIC)
        return source
    lies_on_its_side = source.getexif().get(ORIENTATION_TAG, 1) in SIDEWAYS
    size = (target.height, target.width) if lies_on_its_side else (target.width, target.height)
    return ImageOps.fit(source, size, Image.Resampling.BICUBIC)


def _check_header(source: Image.Image, target: Target) -> None:
    width, height = source.size
    if min(width, height) < target.min_side:
        raise Rejected("too_small")
    if max(width, height) > MAX_SIDE:
        raise Rejected("too_many_pixels")
    if width * height > (Image.MAX_IMAGE_PIXELS or 0):
        raise Rejected("too_many_pixels")
    # Telephones put a second frame (depth, a small view) behind a JPEG or into a HEIC; only the first is read. A PNG
    # with frames is an animation.
    if source.format == "PNG" and getattr(source, "n_frames", 1) != 1:
        raise Rejected("animated")


def _on_white(picture: Image.Image) -> Image.Image:
    """The picture as RGB; what was transparent becomes white."""
    if picture.mode == "RGB":
        return picture
    if "A" in picture.getbands() or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        ground = Image.new("RGB", layered.size, (255, 255, 255))
        ground.paste(layered, mask=layered.getchannel("A"))
        return ground
    return picture.convert("RGB")


def _border_mean(picture: Image.Image) -> float:
    """The mean brightness of the top and upper side borders, 0 to 255 (DOMAIN §4: white background)."""
    width, height = picture.size
    band = max(4, width // 30)
    grey = picture.convert("L")
    parts = [(0, 0, width, band), (0, 0, band, height // 2), (width - band, 0, width, height // 2)]
    return min(ImageStat.Stat(grey.crop(part)).mean[0] for part in parts)


def encode_target(target: Target) -> bytes:
    """A target as bytes for the bounded child."""
    return json.dumps(asdict(target)).encode()


def decode_target(raw: bytes) -> Target:
    """The target that `encode_target` wrote."""
    values: dict[str, Any] = json.loads(raw)
    return Target(**values)
