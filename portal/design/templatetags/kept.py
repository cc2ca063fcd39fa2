"""`{% kept %}` and `{% once %}`: parts of a page that are drawn once for their values."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token, token_kwargs
from django.utils.safestring import SafeString, mark_safe

from portal.design import kept

register = template.Library()


def _plain(value: Any) -> Any:
    """Lazy texts are one object in every language, and safe texts compare like plain ones."""
    return value if isinstance(value, int | bool | tuple | None) else str(value)


class KeptNode(template.Node):
    """Draws its content when nothing is kept under its name and values."""

    def __init__(self, nodelist: NodeList, values: list[FilterExpression]) -> None:
        self.nodelist = nodelist
        self.values = values

    def render(self, context: template.Context) -> SafeString:
        key = tuple([_plain(value.resolve(context)) for value in self.values])
        return mark_safe(kept.kept(key, lambda: str(self.nodelist.render(context))))


@register.tag("kept")
def do_kept(parser: Parser, token: Token) -> KeptNode:
    """Reads `{% kept name value … %}`; the first value names the part."""
    _tag, *words = token.split_contents()
    if not words:
        raise template.TemplateSyntaxError("kept needs the name of the part")
    nodelist = parser.parse(("endkept",))
    parser.delete_first_token()
    return KeptNode(nodelist, [parser.compile_filter(word) for word in words])


class OnceNode(template.Node):
    """Draws its content once for each set of key values, and puts the hole values in at each visit.

    The content sees the named values and nothing else of the page, so that it cannot keep what it was not given.
    """

    child_nodelists = ()  # a template that extends the page cannot put a block of its own into a kept part

    def __init__(
        self, nodelist: NodeList, name: str, keys: dict[str, FilterExpression], holes: dict[str, FilterExpression]
    ) -> None:
        self.nodelist = nodelist
        self.name = name
        self.key_names, self.keys = tuple(keys), tuple(keys.values())
        self.hole_names, self.holes = tuple(holes), tuple(holes.values())

    def render(self, context: template.Context) -> SafeString:
        keys = [value.resolve(context) for value in self.keys]
        values = [_text(value.resolve(context)) for value in self.holes]

        def draw(shown: Sequence[str]) -> str:
            seen = dict(zip(self.key_names, keys, strict=True)) | dict(zip(self.hole_names, shown, strict=True))
            return str(self.nodelist.render(context.new(seen)))

        key = (self.name, *[_plain(value) for value in keys])
        return mark_safe(kept.spliced(key, values, draw, context.get("kept_at")))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


@register.tag("once")
def do_once(parser: Parser, token: Token) -> OnceNode:
    """Reads `{% once "name" key=value … with hole=value … %}`; hole values are texts and are shown as they are.

    Numbers, tuples and truth values in the key are compared as they are, everything else as its text.
    """
    _tag, *words = token.split_contents()
    if not words or words[0][0] not in "\"'":
        raise template.TemplateSyntaxError("once needs the name of the part in quotes")
    name, words = words[0][1:-1], words[1:]
    keys = token_kwargs(words, parser)
    holes = {}
    if words and words[0] == "with":
        del words[0]
        holes = token_kwargs(words, parser)
    if words:
        raise template.TemplateSyntaxError(f"once: unexpected {words[0]!r}")
    if len(holes) > len(kept.HOLES):
        raise template.TemplateSyntaxError("once: too many holes")
    nodelist = parser.parse(("endonce",))
    parser.delete_first_token()
    return OnceNode(nodelist, name, keys, holes)
