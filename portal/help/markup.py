"""Turns the plain markup of guide pages into HTML: headings, paragraphs, lists, tables, bold and links."""

import re
from collections.abc import Iterable, Iterator

from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString, mark_safe

_INLINE = re.compile(r"\*\*(?P<bold>[^*]+)\*\*|\[(?P<label>[^\]]+)\]\((?P<url>(?:/|tel:|https://)[^)\s]*)\)")


def render(source: str) -> SafeString:
    """Renders a page; a blank line ends a block."""
    blocks = re.split(r"\n\s*\n", source.strip())
    parts = [part for block in blocks for part in _block(block.splitlines())]
    return mark_safe("\n".join(parts))  # every part is escaped


def headings(source: str) -> list[tuple[str, str]]:
    """Returns anchor and text of each second-level heading, for the contents of a long page."""
    found = [line[3:].strip() for line in source.splitlines() if line.startswith("## ")]
    return [(f"part-{number}", text) for number, text in enumerate(found, start=1)]


def number_headings(html: str) -> SafeString:
    """Gives the second-level headings of a rendered page the anchors that `headings` lists."""
    counter = iter(range(1, 1000))
    return mark_safe(re.sub(r"<h2 ", lambda _found: f'<h2 id="part-{next(counter)}" ', html))


def _block(lines: list[str]) -> Iterator[str]:
    first = lines[0]
    if first.startswith("## "):
        yield format_html('<h2 class="govuk-heading-m">{}</h2>', _inline(first[3:]))
        if lines[1:]:
            yield from _block(lines[1:])
    elif first.startswith("### "):
        yield format_html('<h3 class="govuk-heading-s">{}</h3>', _inline(first[4:]))
        if lines[1:]:
            yield from _block(lines[1:])
    elif first.startswith("- "):
        yield _list("ul", "bullet", (line[2:] for line in lines))
    elif re.match(r"\d+\. ", first):
        yield _list("ol", "number", (line.split(". ", 1)[1] for line in lines))
    elif first.startswith("|"):
        yield _table(lines)
    elif first.startswith("> "):
        yield format_html('<div class="govuk-inset-text">{}</div>', _inline(" ".join(line[2:] for line in lines)))
    else:
        yield format_html('<p class="govuk-body">{}</p>', _inline("\n".join(lines)))


def _list(tag: str, kind: str, items: Iterable[str]) -> SafeString:
    rows = mark_safe("".join(format_html("<li>{}</li>", _inline(item)) for item in items))
    return format_html('<{} class="govuk-list govuk-list--{}">{}</{}>', mark_safe(tag), kind, rows, mark_safe(tag))


def _table(lines: list[str]) -> SafeString:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    head = mark_safe(
        "".join(format_html('<th class="govuk-table__header" scope="col">{}</th>', _inline(cell)) for cell in rows[0])
    )
    body = mark_safe(
        "".join(
            format_html(
                "<tr>{}</tr>",
                mark_safe("".join(format_html('<td class="govuk-table__cell">{}</td>', _inline(cell)) for cell in row)),
            )
            for row in rows[2:]
        )
    )
    return format_html(
        '<div class="portal-table-scroll" role="region" tabindex="0" aria-label="{}"><table class="govuk-table">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        " · ".join(rows[0]),
        head,
        body,
    )


def _inline(text: str) -> SafeString:
    parts: list[str] = []
    end = 0
    for found in _INLINE.finditer(text):
        parts.append(escape(text[end : found.start()]))
        if found["bold"]:
            parts.append(format_html("<strong>{}</strong>", found["bold"]))
        else:
            parts.append(format_html('<a class="govuk-link" href="{}">{}</a>', found["url"], found["label"]))
        end = found.end()
    parts.append(escape(text[end:]))
    return mark_safe("".join(conditional_escape(part) for part in parts))
