"""PDF by WeasyPrint: tagged PDF/UA-1 from the same HTML as the web print."""

from portal.documents import fonts
from portal.documents.papers import layouts
from portal.documents.papers.layouts import Layout
from portal.documents.papers.output import paper_body
from portal.documents.papers.structure import Paper, check_length, paper_texts


class UncoveredCharacters(ValueError):
    """No configured font has these characters: the paper is to be printed by hand, not with empty boxes."""

    def __init__(self, characters: list[str]) -> None:
        super().__init__(" ".join(f"U+{ord(char):04X}" for char in characters))
        self.characters = characters


def render_pdf(paper: Paper) -> bytes:
    """The paper as tagged PDF in full layout; raises PaperTooLong, UncoveredCharacters or LayoutFailed."""
    return layouts.full_file(_page_of(paper))


def lay_out(paper: Paper, *, is_kept: bool = False) -> Layout:
    """WeasyPrint's layout of a paper; that of a paper of marks may be kept for all workers.

    Raises PaperTooLong, UncoveredCharacters or LayoutFailed.
    """
    return layouts.laid_out(_page_of(paper), is_kept=is_kept)


def _page_of(paper: Paper) -> str:
    check_length(paper)
    missing = fonts.uncovered("".join(paper_texts(paper)))
    if missing:
        raise UncoveredCharacters(missing)
    return paper_body(paper)
