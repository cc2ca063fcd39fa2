"""The refusals of the workflow machine; the web layer turns the first kind into 409 and the second into 403."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied

if TYPE_CHECKING:
    from .core import Transition
    from .models import Subject


class Refused(Exception):
    """The transition did not happen because of the subject itself (409)."""

    def __init__(self, transition: Transition, subject: Subject) -> None:
        super().__init__(f"{transition} refused for {subject.pk}")
        self.transition = transition
        self.subject = subject


class NotAvailable(Refused):
    """The subject is in another state or version than the actor saw: somebody was first."""


class Unmet(Refused):
    """The state is right, and requirements are not met; `reasons` are the sentences to show."""

    def __init__(self, transition: Transition, subject: Subject, reasons: Sequence[str]) -> None:
        super().__init__(transition, subject)
        self.reasons = list(reasons)


class WrongRole(PermissionDenied):
    """The actor's role may never fire this transition (403)."""


class ConflictOfInterest(PermissionDenied):
    """The actor may fire this transition, but not on the case of their own household (403).

    `recorded` says whether the refusal already stands in the audit log; inside an open transaction the entry would be
    rolled back with it, so the middleware writes it after the view has unwound.
    """

    def __init__(self, transition: Transition, subject: Subject, actor: object, *, recorded: bool) -> None:
        super().__init__(f"{transition}: own or household case")
        self.transition = transition
        self.subject = subject
        self.actor = actor
        self.recorded = recorded
