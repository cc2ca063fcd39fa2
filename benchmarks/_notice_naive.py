"""The notice by WeasyPrint as its front page shows it; nothing else is loaded here, so that its memory is its own."""

from collections.abc import Sequence

from weasyprint import HTML

from portal.documents.papers import Paper
from portal.documents.papers.output import paper_body, paper_css

NAIVE_STYLE = ':root { font-family: "Noto Sans CJK SC"; }'


def naive_pdf(papers: Sequence[Paper]) -> bytes:
    """Everything anew for each paper: style in the page, packaged fonts, no shared configuration."""
    [paper] = papers
    page = paper_body(paper).replace("</head>", f"<style>{paper_css()}{NAIVE_STYLE}</style></head>")
    return bytes(HTML(string=page).write_pdf())
