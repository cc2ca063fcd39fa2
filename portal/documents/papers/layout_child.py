"""The process that lays out pages with WeasyPrint: it ends by itself when nothing is asked of it for a while.

It is run as a file of its own, so it loads no Django and touches no database, and the workers that ask it never load
WeasyPrint, its fonts and its boxes. A request is JSON: the page, the style sheet, the fonts, and what is wanted. The
answer is a line of JSON and either the finished file or the description of its parts that `layouts` reads.
"""

import ctypes
import gc
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

IDLE_SECONDS = 10
"""A process that lays out a page takes about 45 MiB, and half a second to start."""

MAX_PAGES_ASKED = 200
"""After so many requests the process ends, and whatever it has gathered with it."""

MEMORY_BYTES = 2 << 30
FONT_SCHEME = "canbao-font"
LOSSLESS = "latin-1"
"""Bytes travel in JSON as texts of this encoding."""

HEAVY = {"fontTools.subset": "Subsetter", "fontTools.varLib.instancer": "instantiateVariableFont"}
"""What WeasyPrint loads for fonts that HarfBuzz does not cut or that are variable, 12 MiB; papers have none of them."""


class _Later(ModuleType):
    """Stands for a module until something of it is called."""

    def __init__(self, name: str, function: str) -> None:
        super().__init__(name)
        self.__dict__[function] = lambda *args, **options: getattr(self._real(), function)(*args, **options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._real(), name)

    def _real(self) -> ModuleType:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return import_module(self.__name__)


def travel_light() -> None:
    """Keeps out what papers never need, a third of this process: fonts of other kinds, and calls over the network."""
    for name in ("ssl", "_ssl", "_hashlib"):
        sys.modules[name] = None  # type: ignore[assignment]
    from urllib import request

    vars(request)["HTTPSHandler"] = lambda **_options: request.UnknownHandler()
    for name, function in HEAVY.items():
        sys.modules[name] = _Later(name, function)


def give_back() -> None:
    """Returns to the system what a page has left free."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class _LaidOut(Exception):
    """Ends WeasyPrint's work before it writes the file."""


def serve(connection: Connection) -> None:
    """Answers requests until none comes for a while or the asking process is gone."""
    for _number in range(MAX_PAGES_ASKED):
        if not connection.poll(IDLE_SECONDS):
            return
        request = json.loads(connection.recv_bytes())
        started = time.process_time()
        head: dict[str, Any] = {}
        body = b""
        try:
            body = answer(request)
        except Exception as error:
            head["error"] = f"{type(error).__name__}: {error}"[:500]
        head["cpu"] = time.process_time() - started
        connection.send_bytes(json.dumps(head).encode())
        connection.send_bytes(body)
        del request, body
        give_back()


def answer(request: dict[str, Any]) -> bytes:
    """The file of a page, or the description of its parts."""
    if request["want"] == "file":
        return bytes(_write(request))
    made: list[tuple[Any, Any]] = []

    def keep(document: Any, pdf: Any) -> None:
        made.append((document, pdf))
        raise _LaidOut

    with suppress(_LaidOut):
        _write(request, finisher=keep)
    return json.dumps(describe(*made[0])).encode()


def _write(request: dict[str, Any], finisher: Any = None) -> Any:
    from weasyprint import HTML

    fetcher, font_config, style = _kit(request["style"], request["folder"], tuple(request["fonts"]))
    document = HTML(string=request["page"], base_url=None, url_fetcher=fetcher)

    def finish(document: Any, pdf: Any) -> None:
        gather_structure(pdf)
        if finisher:
            finisher(document, pdf)

    return document.write_pdf(
        stylesheets=[style], font_config=font_config, pdf_variant="pdf/ua-1", pdf_tags=True, finisher=finish
    )


def gather_structure(pdf: Any) -> None:
    """Puts what stands in the margins, the page number, into the structure, where WeasyPrint forgets it."""
    root = pdf.objects[_number_of(pdf.catalog["StructTreeRoot"])]
    document = pdf.objects[_number_of(root["K"][0])]
    known = {_number_of(kid) for kid in document["K"]}
    for thing in pdf.objects:
        is_within = _is_dictionary(thing) and thing.get("S") and _number_of(thing["P"]) == document.number
        if is_within and thing.number not in known:
            document["K"].append(thing.reference)


@lru_cache(maxsize=1)
def _kit(style: str, folder: str, names: tuple[str, ...]) -> tuple[Any, Any, Any]:
    """Fetcher, fonts and style sheet, kept between pages."""
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

    fetcher = make_fetcher(Path(folder), names)
    font_config = FontConfiguration()
    return fetcher, font_config, CSS(string=style, font_config=font_config, url_fetcher=fetcher)


def make_fetcher(folder: Path, names: tuple[str, ...]) -> Any:
    """A fetcher for data addresses and for these fonts of a folder, so that no value on a paper can make it read
    another file or call an address.
    """
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class PackagedFetcher(URLFetcher):
        def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
            scheme, _colon, name = url.partition(":")
            if scheme != FONT_SCHEME:
                return super().fetch(url, headers)
            if name not in names:
                raise ValueError(f"not a packaged font: {name}")
            return URLFetcherResponse(url, (folder / name).read_bytes(), {"Content-Type": "font/ttf"})

    return PackagedFetcher(allowed_protocols=["data"])


def describe(document: Any, pdf: Any) -> dict[str, Any]:
    """A laid-out document as plain data: its fonts, the lines and pictures of its pages, and its numbered objects."""
    resources = pdf.objects[_number_of(pdf.objects[pdf.pages["Kids"][0]]["Resources"])]
    return {
        "title": str(document.metadata.title),
        "info": {str(key): getattr(value, "string", "") for key, value in pdf.info.items()},
        "catalog": pdf.catalog.number,
        "metadata": _number_of(pdf.catalog["Metadata"]),
        "structure": _number_of(pdf.catalog["StructTreeRoot"]),
        "fonts": [
            [font.hash, font.family, int(font.weight), font.to_unicode, font.widths] for font in document.fonts.values()
        ],
        "font_dictionary": _number_of(resources["Font"]),
        "states": {key: _text(value) for key, value in resources.get("ExtGState", {}).items()},
        "images": {key: _number_of(value) for key, value in resources.get("XObject", {}).items()},
        "words": {
            thing.number: thing["Alt"].string
            for thing in pdf.objects
            if _is_dictionary(thing) and hasattr(thing.get("Alt", ""), "string") and thing["Alt"].string
        },
        "pages": [
            {
                "number": number,
                "content": _number_of(pdf.objects[number]["Contents"]),
                "box": " ".join(_text(edge) for edge in pdf.objects[number]["MediaBox"]),
                "lines": list(_lines(page._page_box)),
                "pictures": [[box.replacement.id, box.element.get("alt", "")] for box in _replaced(page._page_box)],
            }
            for page, number in zip(document.pages, pdf.pages["Kids"][::3], strict=True)
        ],
        "objects": [_described(thing) for thing in pdf.objects[1:]],
    }


def _described(thing: Any) -> dict[str, Any]:
    """A numbered object: the entries of a dictionary, the items of a stream, or else its text."""
    if hasattr(thing, "stream"):
        return {
            "number": thing.number,
            "entries": {_text(key): _text(value) for key, value in thing.extra.items()},
            "items": [_text(item) for item in thing.stream],
            "packed": bool(thing.compress),
        }
    if _is_dictionary(thing):
        return {"number": thing.number, "entries": {_text(key): _text(value) for key, value in thing.items()}}
    return {"number": thing.number, "body": _text(thing)}


def _lines(box: Any, room: float = 0) -> Iterator[dict[str, Any]]:
    """The lines of a box and of those within it, in order, each with its texts and the width of its block in pixels."""
    if type(box).__name__ == "LineBox":
        texts = [
            {
                "text": text.text,
                "x": float(text.position_x),
                "y": float(text.position_y + text.baseline),
                "width": float(text.width),
                "spacing": 0.0 if text.style["letter_spacing"] == "normal" else float(text.style["letter_spacing"]),
            }
            for text in _texts(box)
        ]
        yield {
            "room": float(room),
            "align": box.style["text_align_all"],
            "direction": box.style["direction"],
            "texts": texts,
        }
        return
    for child in getattr(box, "children", ()):
        yield from _lines(child, box.width)


def _texts(box: Any) -> Iterator[Any]:
    for child in getattr(box, "children", ()):
        if type(child).__name__ == "TextBox":
            yield child
        else:
            yield from _texts(child)


def _replaced(box: Any) -> Iterator[Any]:
    if hasattr(box, "replacement"):
        yield box
        return
    for child in getattr(box, "children", ()):
        yield from _replaced(child)


def _is_dictionary(thing: Any) -> bool:
    return isinstance(thing, dict)


def _number_of(reference: Any) -> int:
    """The number of the object that a reference names."""
    return int(_text(reference).split()[0])


def _text(item: Any) -> str:
    """An item of a file as it is written."""
    if isinstance(item, bytes):
        return item.decode(LOSSLESS)
    if hasattr(item, "data"):
        return bytes(item.data).decode(LOSSLESS)
    return f"{item:f}".rstrip("0").rstrip(".") if isinstance(item, float) else str(item)


def main(descriptor: int) -> None:
    """Serves on an inherited socket."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    travel_light()
    with Connection(descriptor) as connection, suppress(EOFError, ConnectionError):
        serve(connection)
    # The fonts lie in a temporary folder that the kit removes when it goes.
    _kit.cache_clear()


if __name__ == "__main__":
    main(int(sys.argv[1]))
