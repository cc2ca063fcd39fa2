"""PDF by WeasyPrint: tagged PDF/UA-1 from the same HTML as the web print.

What can be kept is kept for the life of the process: fonts, style sheet, and the fetcher, which answers data addresses
and the cut fonts by name and nothing else, so that no value on a paper can make it read a file or call an address.
"""

import atexit
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from portal.documents import fonts
from portal.documents.papers.output import paper_body, paper_css
from portal.documents.papers.structure import Paper, check_length, paper_texts

if TYPE_CHECKING:
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

FONT_SCHEME = "canbao-font"


class UncoveredCharacters(ValueError):
    """No configured font has these characters: the paper is to be printed by hand, not with empty boxes."""

    def __init__(self, characters: list[str]) -> None:
        super().__init__(" ".join(f"U+{ord(char):04X}" for char in characters))
        self.characters = characters


@dataclass(frozen=True, slots=True)
class _Kit:
    """What one process keeps between papers."""

    fetcher: Any
    font_config: "FontConfiguration"
    style: "CSS"


class _LaidOut(Exception):
    """Ends WeasyPrint's work before it writes the file."""


def render_pdf(paper: Paper) -> bytes:
    """The paper as tagged PDF in full layout; raises PaperTooLong or UncoveredCharacters."""
    return bytes(_write(paper))


def lay_out(paper: Paper, *, tagged: bool = True) -> tuple[Any, Any]:
    """WeasyPrint's document and PDF objects of a paper; raises PaperTooLong or UncoveredCharacters."""
    made: list[tuple[Any, Any]] = []

    def keep(document: Any, pdf: Any) -> None:
        made.append((document, pdf))
        raise _LaidOut

    with suppress(_LaidOut):
        _write(paper, tagged=tagged, finisher=keep)
    return made[0]


def _write(paper: Paper, *, tagged: bool = True, finisher: Any = None) -> Any:
    from weasyprint import HTML

    check_length(paper)
    missing = fonts.uncovered("".join(paper_texts(paper)))
    if missing:
        raise UncoveredCharacters(missing)
    kit = _kit(fonts.is_built())
    document = HTML(string=paper_body(paper), base_url=None, url_fetcher=kit.fetcher)
    return document.write_pdf(
        stylesheets=[kit.style],
        font_config=kit.font_config,
        pdf_variant="pdf/ua-1" if tagged else None,
        pdf_tags=tagged,
        finisher=finisher,
    )


@cache
def _kit(with_cut_fonts: bool) -> _Kit:
    """Fetcher, fonts and style sheet of this process; made anew when the fonts are cut meanwhile."""
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

    fetcher = _fetcher()
    font_config = FontConfiguration()
    faces = "".join(
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; src: url("{FONT_SCHEME}:{path.name}"); }}\n'
        for family, weight, path in (fonts.faces() if with_cut_fonts else ())
    )
    text = f"{faces}{paper_css()}\n:root {{ font-family: {fonts.stack()}; }}"
    return _Kit(fetcher, font_config, CSS(string=text, font_config=font_config, url_fetcher=fetcher))


# At exit the interpreter has already taken away what WeasyPrint removes its temporary fonts with.
atexit.register(_kit.cache_clear)


def _fetcher() -> Any:
    """A fetcher for data addresses and for the cut fonts by their file names."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class PackagedFetcher(URLFetcher):
        def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
            scheme, _colon, name = url.partition(":")
            if scheme != FONT_SCHEME:
                return super().fetch(url, headers)
            known = {path.name: path for _family, _weight, path in fonts.faces()}
            if name not in known:
                raise ValueError(f"not a packaged font: {name}")
            return URLFetcherResponse(url, known[name].read_bytes(), {"Content-Type": "font/ttf"})

    return PackagedFetcher(allowed_protocols=["data"])
