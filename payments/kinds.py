"""The kinds of notice, each a small module of its own: title, time limit, paper."""

from types import ModuleType

from payments import nontax, premium
from payments.models import Kind, Notice
from portal.documents.papers import Paper

MODULES: dict[str, ModuleType] = {Kind.PREMIUM: premium, Kind.NONTAX: nontax}


def paper_of(notice: Notice, language: str | None = None) -> Paper:
    """The paper of a notice as it stands now."""
    made: Paper = MODULES[notice.kind].paper(notice, language)
    return made
