"""Pictures, good and hostile, made on the spot."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo


def photo(width: int = 1200, height: int = 1600, *, background: int = 252) -> Image.Image:
    """A head on a plain ground, with enough detail to tell up from down."""
    picture = Image.new("RGB", (width, height), (background,) * 3)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((width // 3, height // 4, width * 2 // 3, height * 2 // 3), fill=(215, 170, 140))
    draw.rectangle((width // 4, height * 2 // 3, width * 3 // 4, height), fill=(40, 60, 110))
    return picture


def jpeg(picture: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (picture or photo()).save(out, "JPEG", **{"quality": 85, **options})
    return out.getvalue()


def png(picture: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (picture or photo(600, 800)).save(out, "PNG", **options)
    return out.getvalue()


def saved_as(kind: str, picture: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (picture or photo(600, 800)).save(out, kind, **options)
    return out.getvalue()


def heic() -> bytes:
    from pillow_heif import from_pillow

    out = io.BytesIO()
    from_pillow(photo(800, 1000)).save(out, quality=60)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(width: int, height: int, *, colour: int = 2, rows: int | None = None) -> bytes:
    """A small file that claims many pixels; with `rows` as many are really there."""
    pixel = {0: 1, 2: 3, 6: 4}[colour]
    packer = zlib.compressobj(9)
    line = b"\0" * (1 + width * pixel)
    body = b"".join(packer.compress(line) for _row in range(height if rows is None else rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def with_exif() -> bytes:
    """A picture lying on its side, with place, owner and a thumbnail of somebody else."""
    picture = photo(1600, 1200)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "GEHEIM-BESCHREIBUNG"
    exif[0x8298] = "GEHEIM-OWNER"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (25.0, 16.0, 24.0)
    return jpeg(picture, exif=exif, comment=b"GEHEIM-COMMENT")


def polyglot(trailer: bytes) -> bytes:
    return jpeg() + trailer


def zip_trailer() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("GEHEIM.txt", "GEHEIM")
    return out.getvalue()


def animation(kind: str) -> bytes:
    frames = [photo(300, 400, background=ground) for ground in (250, 200, 150)]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def iccp_bomb() -> bytes:
    """A PNG whose text chunk unpacks to 200 MB."""
    info = PngInfo()
    info.add_text("bomb", "x" * 60_000_000, zip=True)
    return png(photo(300, 300), pnginfo=info)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>" * 10
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n%%EOF"
EXE = b"MZ\x90\x00" + b"\0" * 2000
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 300 300\n(x) run\n"

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "empty"),
    "one byte": (lambda: b"\xff", "not_a_picture"),
    "three bytes of JPEG": (lambda: b"\xff\xd8\xff", "not_a_picture"),
    "cut JPEG": (lambda: jpeg()[: len(jpeg()) // 2], "broken"),
    "JPEG without a picture": (lambda: jpeg()[:200], "broken"),
    "cut PNG": (lambda: png()[: len(png()) // 2], "broken"),
    "cut HEIC": (lambda: heic()[:400], "broken"),
    "JPEG of noise": (lambda: b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20, "not_a_picture"),
    "over 5 MB": (lambda: jpeg() + b"\0" * (5 * 1024 * 1024), "too_big"),
    "GIF": (lambda: saved_as("GIF"), "not_a_picture"),
    "animated GIF": (lambda: animation("GIF"), "not_a_picture"),
    "animated PNG": (lambda: animation("PNG"), "animated"),
    "TIFF": (lambda: saved_as("TIFF"), "not_a_picture"),
    "WebP": (lambda: saved_as("WEBP"), "not_a_picture"),
    "AVIF": (lambda: saved_as("AVIF"), "not_a_picture"),
    "BMP": (lambda: saved_as("BMP"), "not_a_picture"),
    "SVG": (lambda: SVG, "not_a_picture"),
    "HTML": (lambda: HTML, "not_a_picture"),
    "PDF": (lambda: PDF, "not_a_picture"),
    "EPS": (lambda: EPS, "not_a_picture"),
    "EXE": (lambda: EXE, "not_a_picture"),
    "ZIP": (zip_trailer, "not_a_picture"),
    "HTML behind the first bytes of JPEG": (lambda: b"\xff\xd8\xff" + HTML, "not_a_picture"),
    "81 megapixels": (lambda: png_bomb(9000, 9000), "too_many_pixels"),
    "169 megapixels with alpha": (lambda: png_bomb(13_000, 13_000, colour=6, rows=100), "too_many_pixels"),
    "60000 x 60000": (lambda: png_bomb(60_000, 60_000, colour=0, rows=1), "too_many_pixels"),
    "9000 x 10": (lambda: png(Image.new("RGB", (9000, 10))), "too_small"),
    "9000 x 200": (lambda: png(Image.new("RGB", (9000, 200))), "too_many_pixels"),
    "60 x 80": (lambda: png(Image.new("RGB", (60, 80))), "too_small"),
    "zero wide": (lambda: png_bomb(0, 500, rows=0), "not_a_picture"),
    "text that unpacks to 60 MB": (iccp_bomb, "broken"),
}

ACCEPTED: dict[str, Callable[[], bytes]] = {
    "JPEG": jpeg,
    "progressive JPEG": lambda: jpeg(progressive=True),
    "grey JPEG": lambda: jpeg(photo().convert("L")),
    "CMYK JPEG": lambda: jpeg(photo().convert("CMYK")),
    "PNG": png,
    "PNG with palette": lambda: png(photo(600, 800).convert("P")),
    "PNG with alpha": lambda: png(photo(600, 800).convert("RGBA")),
    "PNG with 16 bits": lambda: png(Image.new("I;16", (600, 800), 40_000)),
    "HEIC": heic,
    "JPEG with a second picture": lambda: saved_as("MPO", save_all=True, append_images=[photo(300, 400)]),
    "JPEG with EXIF": with_exif,
    "JPEG and HTML": lambda: polyglot(b"<script>GEHEIM</script>"),
    "JPEG and ZIP": lambda: polyglot(zip_trailer()),
    "JPEG and PDF": lambda: polyglot(PDF + b"GEHEIM"),
    "PNG with a secret": lambda: png(pnginfo=secret_text()),
}


def secret_text() -> PngInfo:
    info = PngInfo()
    info.add_text("Author", "GEHEIM")
    return info
