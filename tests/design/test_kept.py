"""Parts of pages that are drawn once for their values."""

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.utils import translation
from django.utils.translation import gettext_lazy

from portal.design import kept

PART = Template('{% load kept i18n %}{% kept "row" number version %}{% translate "Yes" %} {{ name }}{% endkept %}')


@pytest.fixture(autouse=True)
def nothing_kept():
    kept.forget()
    yield
    kept.forget()


def draw(**values):
    return PART.render(Context(values))


def test_a_part_is_drawn_once_for_its_values():
    """PERFORMANCE goal 9: the second time the content is not looked at; another version is another part."""
    assert draw(number=1, version=1, name="甲") == "是 甲"
    assert draw(number=1, version=1, name="乙") == "是 甲"
    assert draw(number=1, version=2, name="乙") == "是 乙"
    assert draw(number=2, version=1, name="丙") == "是 丙"


def test_each_language_has_its_own_part():
    """UX-R21: a page in English shows nothing that was drawn for a page in Chinese, lazy values included."""
    assert draw(number=1, version=gettext_lazy("No"), name="甲") == "是 甲"
    with translation.override("en"):
        assert draw(number=1, version=gettext_lazy("No"), name="A") == "Yes A"


def test_what_is_shown_is_escaped():
    """The content is escaped when it is drawn and not again."""
    assert draw(number=1, version=1, name="<b>") == "是 &lt;b&gt;"
    assert draw(number=1, version=1, name="") == "是 &lt;b&gt;"


def test_memory_is_bounded(monkeypatch):
    """Parts of many rows start anew at the limit."""
    monkeypatch.setattr(kept, "LIMIT", 10)
    for number in range(25):
        draw(number=number, version=1, name="甲")
    assert len(kept._parts) <= 10


def test_a_part_without_a_name_is_a_mistake():
    """A tag without values would keep one part for every reader."""
    with pytest.raises(TemplateSyntaxError):
        Template("{% load kept %}{% kept %}x{% endkept %}")
