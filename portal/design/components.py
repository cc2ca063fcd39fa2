"""The values that page components show; templates read them by name, so dictionaries with the same keys do as well."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class Progress(StrEnum):
    """Where a step of a timeline stands."""

    DONE = "done"
    NOW = "now"
    NEXT = "next"


@dataclass(frozen=True)
class TimelineItem:
    """One step of a timeline: `at` an exact time, `on` a date, `due` the promised date of a step not yet done."""

    title: Text
    state: str = Progress.DONE
    at: datetime | None = None
    on: date | None = None
    due: date | None = None
    actor: Text = ""
    text: Text = ""
    url: str = ""
    url_label: Text = ""


@dataclass(frozen=True)
class Task:
    """One line of a task list; `state` is a key of `TASK_STATES`."""

    title: Text
    url: str = ""
    state: str = "not_started"
    hint: Text = ""


TASK_STATES: dict[str, tuple[Text, str]] = {
    "not_started": (_("Not started"), "blue"),
    "in_progress": (_("In progress"), "light-blue"),
    "completed": (_("Completed"), ""),
    "cannot_start": (_("Cannot start yet"), "grey"),
    "problem": (_("Needs your attention"), "red"),
}


@dataclass(frozen=True)
class SummaryRow:
    """One answer on a check-your-answers page, in one or several lines; `change_url` gives it a change link."""

    label: Text
    value: object
    change_url: str = ""
    lines: Sequence[object] = field(default_factory=tuple)
    note: Text = ""


@dataclass(frozen=True)
class PageLinks:
    """The neighbours of a page of rows found by key, not by number."""

    previous_url: str = ""
    next_url: str = ""
    shown: int | None = None
    total: int | None = None
