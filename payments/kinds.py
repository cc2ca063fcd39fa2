"""The kinds of notice, each a small module of its own: title, time limit, paper."""

from collections.abc import Sequence
from types import ModuleType

from payments import nontax, paper_parts, premium
from payments.models import Kind, Notice
from portal.documents.papers import Paper

MODULES: dict[str, ModuleType] = {Kind.PREMIUM: premium, Kind.NONTAX: nontax}


def paper_of(notice: Notice, language: str | None = None) -> Paper:
    """The paper of a notice as it stands now."""
    made: Paper = MODULES[notice.kind].paper(notice, language)
    return made


def papers_of(notices: Sequence[Notice], language: str | None = None) -> list[Paper]:
    """The papers of many notices as they stand now, with a number of queries that does not grow with them."""
    with paper_parts.paper_language(language) as chosen:
        printings = paper_parts.printings_of(notices)
        return [
            MODULES[notice.kind].paper(notice, chosen, printing)
            for notice, printing in zip(notices, printings, strict=True)
        ]
