"""The pinyin initials of a name, by which clerks find people while they type (UX-C10)."""

import os
import unicodedata
from functools import cache
from typing import Any

from django.db import models

LONGEST = 24

SURNAMES = {
    "单": "s",
    "曾": "z",
    "解": "x",
    "仇": "q",
    "区": "o",
    "查": "z",
    "盖": "g",
    "翟": "z",
    "乐": "y",
    "朴": "p",
    "缪": "m",
    "佴": "n",
    "员": "y",
    "召": "s",
    "洗": "x",
    "冼": "x",
    "黑": "h",
    "秘": "b",
    "尉": "y",
    "万": "w",
    "折": "s",
    "种": "c",
    "宓": "m",
    "郗": "x",
    "覃": "q",
}
"""Family names that are read otherwise than the character alone."""
TWO_PART = {"尉迟": "yc", "万俟": "mq", "单于": "cy", "长孙": "zs", "令狐": "lh"}


@cache
def _readings() -> dict[int, str]:
    # The dictionary of phrases would cost 30 MB in every process, and names are no phrases.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    from pypinyin.constants import PINYIN_DICT

    return PINYIN_DICT


@cache
def _letter(sign: str) -> str:
    """The first letter of a character's most common reading, of a Latin letter itself; nothing for other signs."""
    if sign.isascii():
        return sign.lower() if sign.isalpha() else ""
    reading = _readings().get(ord(sign), sign).split(",")[0]
    plain = unicodedata.normalize("NFD", reading)[:1].lower()
    return plain if "a" <= plain <= "z" else ""


def initials(name: str) -> str:
    """One letter per Han character or per Latin word, at most 24: "zs" for 张三, "js" for John Smith."""
    front = TWO_PART.get(name[:2])
    if front:
        return (front + _rest(name[2:]))[:LONGEST]
    if name[:1] in SURNAMES:
        return (SURNAMES[name[0]] + _rest(name[1:]))[:LONGEST]
    if name.isascii() or all(unicodedata.name(sign, "").startswith("LATIN") for sign in name if sign.isalpha()):
        return "".join(_letter(unicodedata.normalize("NFD", word)[:1]) for word in name.split())[:LONGEST]
    return _rest(name)[:LONGEST]


def _rest(text: str) -> str:
    return "".join(_letter(sign) for sign in text)


class NameInitialsField(models.CharField):
    """Follows the column `name` of its row whenever the row is stored whole."""

    def pre_save(self, model_instance: Any, add: bool) -> str:
        value = initials(model_instance.name)
        setattr(model_instance, self.attname, value)
        return value
