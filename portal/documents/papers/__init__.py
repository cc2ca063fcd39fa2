"""Papers: one plain structure, walked by three writers (web print, PDF, Word) that all carry the same fields."""

from portal.documents.papers.answers import paper_response, render_docx
from portal.documents.papers.output import render_html
from portal.documents.papers.pdf import UncoveredCharacters, render_pdf
from portal.documents.papers.retext import render_pdf_fast
from portal.documents.papers.structure import (
    Paper,
    PaperCode,
    PaperField,
    PaperTable,
    PaperTooLong,
    Slip,
    paper_fields,
    paper_texts,
)

__all__ = [
    "Paper",
    "PaperCode",
    "PaperField",
    "PaperTable",
    "PaperTooLong",
    "Slip",
    "UncoveredCharacters",
    "paper_fields",
    "paper_response",
    "paper_texts",
    "render_docx",
    "render_html",
    "render_pdf",
    "render_pdf_fast",
]
