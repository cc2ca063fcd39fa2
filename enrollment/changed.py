"""What happened to a case after a page of it was made: the conflict page names it, so that nobody has to guess."""

from collections.abc import Mapping
from datetime import datetime

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from enrollment import steps
from enrollment.models import Application
from portal.people.actors import Actor
from portal.workflow import stories
from portal.workflow.models import Subject


def since(subject: Subject, posted: Mapping[str, str], viewer: Actor) -> list[str]:
    """One sentence per move, judged paper and corrected answer since the version and instant a form carries."""
    application = Application.objects.for_pages().filter(pk=subject.pk).first()
    version = posted.get("version", "")
    if application is None or not (version.isascii() and version.isdigit() and len(version) < 10):
        return []
    seen = int(version)
    if application.version <= seen:
        return []
    found = [
        _("The page showed version %(seen)d of the case; it is at version %(now)d now.")
        % {"seen": seen, "now": application.version}
    ]
    entries = list(application.timeline.filter(version__gt=seen))
    found += [stories.sentence(stories.workflow_of(application), one, application, viewer, {}) for one in entries]
    opened = instant(posted.get("opened", ""))
    if opened is not None:
        found += _judged(application, opened, viewer) + _corrected(application, opened)
    return found


def instant(text: str) -> datetime | None:
    """The aware instant in a field or an address, or None when it is none."""
    try:
        value = parse_datetime(text.replace(" ", "+")[:40])
    except ValueError:
        return None
    return value if value is not None and timezone.is_aware(value) else None


def _judged(application: Application, opened: datetime, viewer: Actor) -> list[str]:
    rows = application.materials.filter(seen_at__gt=opened).select_related("seen_by")
    return [
        _("%(material)s: “%(judgement)s”, by %(name)s.")
        % {
            "material": row.name,
            "judgement": row.get_judged_display(),
            "name": _("You") if row.seen_by_id == viewer.user_id else str(row.seen_by),
        }
        for row in rows
    ]


def _corrected(application: Application, opened: datetime) -> list[str]:
    labels = {answer.key: answer.label for answer in steps.answers_shown(application)}
    return [
        _("The resident corrected “%(answer)s”.") % {"answer": labels.get(item.code, item.code)}
        for item in application.corrections.filter(resolved_at__gt=opened, kind="field")
    ]
