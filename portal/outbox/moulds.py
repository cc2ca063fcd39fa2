"""Texts of many messages: a template that only puts words into a sentence is rendered once and then filled.

A template with a condition, a filter or a part of its own is rendered anew for every reader, and so are values that are
not plain words; the text is the same either way.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.template import Engine
from django.template.base import TextNode, TokenType
from django.template.defaulttags import LoadNode
from django.templatetags.i18n import BlockTranslateNode

OPEN, CLOSE = "\ue100", "\ue101"
_PLACE = re.compile(f"{OPEN}([a-z_]+){CLOSE}")

Render = Callable[[str, Mapping[str, Any], str], str]
"""Template, parameters and language to the body of a message."""


class Moulds:
    """The moulds of one batch; `render` makes a body the long way."""

    def __init__(self, render: Render) -> None:
        self._render = render
        self._made: dict[tuple[str, str, tuple[str, ...]], list[str] | None] = {}

    def body(self, template: str, params: Mapping[str, Any], language: str) -> str:
        """The body of one message, filled where its template allows it, else rendered."""
        key = (template, language, tuple(params))
        if key not in self._made:
            self._made[key] = self._mould(template, params, language)
        mould = self._made[key]
        if mould is None or not all(type(value) is str for value in params.values()):
            return self._render(template, params, language)
        # Words and names of places take turns: the first, third, fifth piece are words.
        filled = [params[piece] if place % 2 else piece for place, piece in enumerate(mould)]
        return " ".join("".join(filled).split())

    def _mould(self, template: str, params: Mapping[str, Any], language: str) -> list[str] | None:
        if not _only_fills_in(template):
            return None
        return _PLACE.split(self._render(template, {name: f"{OPEN}{name}{CLOSE}" for name in params}, language))


def _only_fills_in(template: str) -> bool:
    """Whether a message template is nothing but one translated sentence with values in it."""
    nodes = Engine.get_default().get_template(f"messages/{template}.txt").nodelist
    return all(isinstance(node, TextNode | LoadNode) or _is_plain(node) for node in nodes)


def _is_plain(node: Any) -> bool:
    if not isinstance(node, BlockTranslateNode) or node.extra_context or node.countervar or node.asvar:
        return False
    return all(token.token_type != TokenType.VAR or token.contents.isidentifier() for token in node.singular)
