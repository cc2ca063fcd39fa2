"""The guide pages: files that carry both languages, the date of the last change and the legal basis."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from portal.design.text import localized
from portal.help import markup

FOLDER = Path(__file__).parent / "pages"

GROUPS: dict[str, str | Promise] = {
    "join": _("Joining and paying"),
    "card": _("The social security card"),
    "rules": _("Law and rights"),
    "about": _("About this portal"),
}


@dataclass(frozen=True)
class Basis:
    """A rule that a page rests on; `says` is our summary of it, not its wording."""

    law: dict[str, str]
    article: dict[str, str]
    says: dict[str, str]


@dataclass(frozen=True)
class Guide:
    """A guide page in both languages."""

    slug: str
    group: str
    order: int
    updated_on: date
    titles: dict[str, str]
    summaries: dict[str, str]
    bodies: dict[str, str]
    basis: tuple[Basis, ...]

    @property
    def title(self) -> str:
        return localized(self.titles)

    @property
    def summary(self) -> str:
        return localized(self.summaries)

    @property
    def html(self) -> SafeString:
        return markup.number_headings(markup.render(localized(self.bodies)))

    @property
    def contents(self) -> list[tuple[str, str]]:
        return markup.headings(localized(self.bodies))


def load(path: Path) -> Guide:
    """Reads one page; raises KeyError when a part is missing."""
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    languages = ("zh", "en")
    return Guide(
        slug=path.stem,
        group=data["group"],
        order=data["order"],
        updated_on=data["updated_on"],
        titles={language: data[language]["title"] for language in languages},
        summaries={language: data[language]["summary"] for language in languages},
        bodies={language: data[language]["body"] for language in languages},
        basis=tuple(Basis(row["law"], row["article"], row["says"]) for row in data.get("basis", [])),
    )


@lru_cache(maxsize=1)
def all_guides() -> dict[str, Guide]:
    """Returns every page by its slug, in the order of the index."""
    found = sorted((load(path) for path in FOLDER.glob("*.toml")), key=lambda guide: (guide.order, guide.slug))
    return {guide.slug: guide for guide in found}


def grouped() -> list[tuple[str | Promise, list[Guide]]]:
    """Returns the pages under the headings of the index."""
    guides = all_guides().values()
    return [(label, [guide for guide in guides if guide.group == group]) for group, label in GROUPS.items()]
