"""Links between the pages of numbered rows."""

from typing import Any

from django.core.paginator import Page

from portal.design.components import PageLinks


def links(page: "Page[Any]", query: str = "") -> PageLinks:
    """The neighbours of a page, with the rest of the query kept."""
    more = f"&{query}" if query else ""
    return PageLinks(
        previous_url=f"?page={page.previous_page_number()}{more}" if page.has_previous() else "",
        next_url=f"?page={page.next_page_number()}{more}" if page.has_next() else "",
        shown=page.end_index(),
        total=page.paginator.count,
    )
