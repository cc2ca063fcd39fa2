"""The HTML of papers, for the web print and for the PDF."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import translation

from portal.documents.papers.codes import code_data_uri
from portal.documents.papers.structure import Paper, PaperCode, PaperField, check_length

CSS_PATH = Path(__file__).resolve().parent.parent / "static" / "documents" / "paper.css"
LANGUAGE_TAGS = {"zh-hans": "zh-Hans", "en": "en"}


def render_html(paper: Paper, request: HttpRequest | None = None) -> str:
    """The web print page: the paper as a sheet on the screen, with a hint that does not print."""
    context = paper_context(paper) | {"for_screen": True}
    with translation.override(paper.language):
        return render_to_string("documents/paper.html", context, request=request)


def paper_body(paper: Paper) -> str:
    """The same page without anything that is not on the paper, for the PDF."""
    with translation.override(paper.language):
        return render_to_string("documents/paper.html", paper_context(paper))


def paper_context(paper: Paper) -> dict[str, Any]:
    """What the template needs beside the paper: fields two in a row, codes as pictures; raises PaperTooLong."""
    check_length(paper)
    return {
        "paper": paper,
        "lang": LANGUAGE_TAGS.get(paper.language, "zh-Hans"),
        "rows": pair_fields([*paper.parties, *paper.fields]),
        "codes": _pictures(paper.codes),
        "slip_rows": pair_fields(paper.slip.fields) if paper.slip else [],
        "slip_codes": _pictures(paper.slip.codes) if paper.slip else [],
    }


@cache
def paper_css() -> str:
    """The one style sheet of web print and PDF."""
    return CSS_PATH.read_text(encoding="utf-8")


def fills_row(item: PaperField) -> bool:
    """Whether a field has a row of its own."""
    return item.wide or len(item.value) > 26 or len(item.label) > 14


def pair_fields(fields: Sequence[PaperField]) -> list[list[PaperField]]:
    """Puts fields two in a row; a wide one, or one too long for half a line, has a row of its own."""
    rows: list[list[PaperField]] = []
    open_row: list[PaperField] | None = None
    for item in fields:
        if fills_row(item):
            rows.append([item])
            open_row = None
        elif open_row is None:
            open_row = [item]
            rows.append(open_row)
        else:
            open_row.append(item)
            open_row = None
    return rows


def _pictures(codes: list[PaperCode]) -> list[dict[str, str]]:
    return [
        {"kind": code.kind, "uri": code_data_uri(code), "caption": code.caption, "payload": code.payload}
        for code in codes
    ]
