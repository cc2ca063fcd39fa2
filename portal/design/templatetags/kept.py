"""`{% kept "name" value … %}…{% endkept %}`: a part of a page that is drawn once for its values."""

from typing import Any

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.utils.safestring import SafeString, mark_safe

from portal.design import kept

register = template.Library()


class KeptNode(template.Node):
    """Draws its content when nothing is kept under its name and values."""

    def __init__(self, nodelist: NodeList, values: list[FilterExpression]) -> None:
        self.nodelist = nodelist
        self.values = values

    def render(self, context: template.Context) -> SafeString:
        key = tuple(self._plain(value.resolve(context)) for value in self.values)
        return mark_safe(kept.kept(key, lambda: str(self.nodelist.render(context))))

    @staticmethod
    def _plain(value: Any) -> Any:
        """Lazy texts are one object in every language, and safe texts compare like plain ones."""
        return value if isinstance(value, int | bool | None) else str(value)


@register.tag("kept")
def do_kept(parser: Parser, token: Token) -> KeptNode:
    """Reads `{% kept name value … %}`; the first value names the part."""
    _tag, *words = token.split_contents()
    if not words:
        raise template.TemplateSyntaxError("kept needs the name of the part")
    nodelist = parser.parse(("endkept",))
    parser.delete_first_token()
    return KeptNode(nodelist, [parser.compile_filter(word) for word in words])
