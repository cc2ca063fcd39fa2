"""Answers that carry a paper in one of its forms."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header

from portal.documents.papers.output import render_html
from portal.documents.papers.pdf import UncoveredCharacters, render_pdf
from portal.documents.papers.retext import render_pdf_fast
from portal.documents.papers.structure import Paper

MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def render_docx(paper: Paper) -> bytes:
    """The paper as a Word file; raises PaperTooLong."""
    # What writes Word files takes some 8 MiB of every process that loads it.
    from portal.documents.papers import word

    return word.render_docx(paper)


def paper_response(
    request: HttpRequest, paper: Paper, fmt: str, filename: str, *, is_frequent: bool = False
) -> HttpResponse:
    """Answers with the paper as "html", "pdf" or "docx"; `filename` is without extension.

    A PDF opens in the browser unless the address asks for `?download=1`; a Word file is always kept.

    A PDF with characters that no font has is not made: a page says which, and how to get the paper (status 422).
    `is_frequent` says that many people get papers of this shape, whose page is worth keeping. Raises KeyError for
    another form, PaperTooLong.
    """
    media_type = MEDIA_TYPES[fmt]
    if fmt == "html":
        response = HttpResponse(render_html(paper, request), content_type=media_type)
    else:
        try:
            if fmt == "pdf":
                content = render_pdf_fast(paper) if is_frequent else render_pdf(paper)
            else:
                content = render_docx(paper)
        except UncoveredCharacters as error:
            context = {"paper": paper, "characters": error.characters}
            response = render(request, "documents/paper_by_hand.html", context, status=422)
            response["Cache-Control"] = "no-store"
            return response
        response = HttpResponse(content, content_type=media_type)
        is_kept = fmt == "docx" or "download" in request.GET
        response["Content-Disposition"] = content_disposition_header(is_kept, f"{filename}.{fmt}") or "inline"
        response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    return response
