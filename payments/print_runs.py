"""Prints the notices of a village, an office or a campaign as one file: resumable parts, sorted by village and name.

A part of at most 200 papers is written whole or not at all, and only then does the job remember where it ended, so a
worker that is killed leaves nothing half done and nothing is printed twice (REL-R2).
"""

import logging
import os
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import campaigns, kinds
from payments.models import Notice, PrintRun
from payments.models.print_runs import chosen_notices
from portal import audit
from portal.design.text import format_day
from portal.documents.papers import PaperTooLong, UncoveredCharacters
from portal.documents.papers.output import LANGUAGE_TAGS
from portal.documents.papers.print_file import FIRST_NUMBER, FORM, MAX_PAPERS, Part, PrintPart, assemble
from portal.jobs import services as jobs
from portal.jobs.progress import Progress, Stopped
from portal.jobs.registry import runner
from portal.people.actors import Actor
from portal.regions.models import Office, Region

logger = logging.getLogger(__name__)

JOB = "payments.print_run"
MAX_NOTICES = 20_000
"""Of one run: about 50 MiB, and a carton of paper."""

ORDER = ("region__code", "payer_name", "number")


class NothingToPrint(ValueError):
    """No notice fits the choice."""


class TooManyToPrint(ValueError):
    """More notices fit the choice than one run prints."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


def start_print_run(
    *,
    actor: Actor,
    region: Region,
    office: Office | None = None,
    campaign: UUID | None = None,
    kind: str = "",
    state: str = "",
    cover_year: int | None = None,
    issued_from: date | None = None,
    issued_until: date | None = None,
    language: str = "zh-hans",
) -> PrintRun:
    """Starts a run over the notices of a place within the actor's area; raises NothingToPrint or TooManyToPrint."""
    if actor.user_id is None or not Region.objects.within_path(actor.region_path).filter(pk=region.pk).exists():
        raise PermissionError("the place is outside of the actor's area")
    if campaign is not None and campaign not in {known.pk for known in campaigns.reaching(actor)}:
        raise PermissionError("the campaign does not reach into the actor's area")
    choice = {
        "region": region,
        "office": office,
        "campaign": campaign,
        "kind": kind,
        "state": state,
        "cover_year": cover_year,
        "issued_from": issued_from,
        "issued_until": issued_until,
    }
    count = chosen_notices(**choice).count()
    if not count:
        raise NothingToPrint
    if count > MAX_NOTICES:
        raise TooManyToPrint(count)
    with transaction.atomic():
        run = PrintRun.objects.create(created_by=actor.user_id, language=language, notice_count=count, **choice)
        run.job = jobs.start(JOB, owner_id=actor.user_id, params={"run": str(run.pk)}, total=count)
        run.save(update_fields=["job"])
        audit.record("print_run.started", actor, subject=run, details={"notices": count, "region": region.code})
    return run


def print_again(run: PrintRun, *, actor: Actor) -> PrintRun:
    """Makes the file of a run once more: one that was stopped or failed, or whose file is gone.

    It is about the same notices, as they stand now. A run that is at work is left alone.
    """
    if actor.user_id is None:
        raise PermissionError("a print run belongs to an account")
    with transaction.atomic():
        found = PrintRun.objects.select_for_update().get(pk=run.pk)
        if found.job is None or not found.job.is_live:
            found.job = jobs.start(JOB, owner_id=actor.user_id, params={"run": str(found.pk)}, total=found.notice_count)
            found.page_count, found.left_out = 0, []
            found.save(update_fields=["job", "page_count", "left_out"])
            audit.record("print_run.started", actor, subject=found, details={"notices": found.notice_count})
    return found


def _finished(params: dict[str, Any]) -> str:
    return reverse("payments:print_run", args=[params["run"]])


@runner(JOB, label=gettext_lazy("Print run"), finished_url=_finished, hands_out_file=False)
def print_notices(progress: Progress) -> None:
    """Writes the parts that are not there yet, then joins them."""
    run = PrintRun.objects.select_related("region", "office").get(pk=progress.params["run"])
    if progress.cursor and progress.cursor.get("form") != FORM:
        # Parts of an older version cannot be joined with new ones; the run begins again.
        _remove_parts(progress)
        progress.step(0, cursor={})
        progress.save()
    try:
        while _print_part(run, progress):
            pass
        _join(run, progress)
    except Stopped:
        _remove_parts(progress)
        raise


def _print_part(run: PrintRun, progress: Progress) -> bool:
    """Prints the next papers; returns False when none are left."""
    cursor = progress.cursor
    notices = list(_after(run, cursor.get("after")))
    if not notices:
        return False
    part = PrintPart(first=cursor.get("next", FIRST_NUMBER))
    village = cursor.get("village")
    left_out = []
    for notice, paper in zip(notices, kinds.papers_of(notices, run.language), strict=True):
        mark = notice.region.name if notice.region_id != village else ""
        try:
            part.add(paper, mark)
        except (UncoveredCharacters, PaperTooLong):
            left_out.append(notice.number)
        else:
            village = notice.region_id
    closed = part.close()
    number = cursor.get("parts", 0) + 1
    closed.write(progress.result_path(_part_name(number)))
    last = notices[-1]
    done = cursor.get("done", 0) + len(notices)
    progress.step(
        min(done, run.notice_count),
        cursor={
            "form": FORM,
            "parts": number,
            "next": closed.next_number,
            "after": [last.region.code, last.payer_name, last.number],
            "village": village,
            "done": done,
            "left_out": cursor.get("left_out", []) + left_out,
        },
    )
    progress.save()
    return True


def _after(run: PrintRun, after: list[str] | None) -> Any:
    """The next notices in the order of the file."""
    rows = run.notices().select_related("region", "office", "policy", "superseded_by").order_by(*ORDER)
    if after:
        code, name, number = after
        rows = rows.filter(
            Q(region__code__gt=code)
            | Q(region__code=code, payer_name__gt=name)
            | Q(region__code=code, payer_name=name, number__gt=number)
        )
    return rows[:MAX_PAPERS]


def _join(run: PrintRun, progress: Progress) -> None:
    """Makes the file from its parts, which are removed then; a file that is there already was made whole."""
    path = progress.result_path(f"notices-{run.region.code}-{timezone.localdate(run.created_at):%Y%m%d}.pdf")
    left_out = progress.cursor.get("left_out", [])
    if not path.exists():
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            os.chmod(fresh, 0o600)
            parts = (Part.read(progress.result_path(_part_name(number))) for number in _part_numbers(progress))
            pages = assemble(parts, file, title=_title(run), language=LANGUAGE_TAGS.get(run.language, "zh-Hans"))
            file.flush()
            os.fsync(file.fileno())
        PrintRun.objects.filter(pk=run.pk).update(page_count=pages, left_out=left_out)
        if not pages:
            fresh.unlink()
            return
        fresh.replace(path)
        logger.info("print_run_done run=%s pages=%s", run.pk, pages)
    progress.finish_with(path)
    _remove_parts(progress)


def _title(run: PrintRun) -> str:
    return _("Payment notices, %(place)s, %(day)s") % {
        "place": run.region.full_name,
        "day": format_day(timezone.localdate(run.created_at)),
    }


def _remove_parts(progress: Progress) -> None:
    for number in _part_numbers(progress):
        progress.result_path(_part_name(number)).unlink(missing_ok=True)


def _part_numbers(progress: Progress) -> range:
    return range(1, progress.cursor.get("parts", 0) + 1)


def _part_name(number: int) -> str:
    return f"part-{number:04d}"


def left_out_notices(run: PrintRun) -> list[Notice]:
    """The notices whose paper could not be printed, for printing from the screen."""
    return list(Notice.objects.filter(number__in=run.left_out).order_by("number"))
