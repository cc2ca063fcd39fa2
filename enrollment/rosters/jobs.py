"""The jobs of rosters: checking a file and submitting its good lines, with progress, stop and resume."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from enrollment.models import Roster, RosterState
from enrollment.rosters import files, services
from portal.jobs.progress import Progress
from portal.jobs.registry import runner


def _roster_url(params: dict[str, Any]) -> str:
    return reverse("enrollment:roster", args=[params["roster"]])


def _roster(progress: Progress) -> Roster:
    rows = Roster.objects.select_related("region", "office", "created_by")
    return rows.get(pk=progress.params["roster"])


@runner(services.CHECK_JOB, label=gettext_lazy("Check the roster"), finished_url=_roster_url)
def check(progress: Progress) -> None:
    """Reads and judges every line; a second run goes on behind the last stored one."""
    services.check(_roster(progress), lambda done, total: progress.step(done, total))


@runner(services.SUBMIT_JOB, label=gettext_lazy("Submit the roster"), finished_url=_roster_url)
def submit(progress: Progress) -> None:
    """Submits the good lines; a second run goes on with those that are left."""
    roster = _roster(progress)
    try:
        services.submit_good(roster, lambda done, total: progress.step(done, total))
    except services.NoLongerAgent:
        Roster.objects.filter(pk=roster.pk, state=RosterState.SUBMITTING).update(state=RosterState.CHECKED)
        progress.step(
            progress.job.done,
            message=_("Not submitted: you are no agent of this village any more. What was submitted before stays."),
        )


@runner(files.CORRECTIONS_JOB, label=gettext_lazy("Write the file with the lines to correct"), finished_url=_roster_url)
def write_corrections(progress: Progress) -> None:
    """Writes the lines to correct with their reasons into a file for download."""
    roster = _roster(progress)
    path = progress.result_path(files.corrections_name(roster))
    total = services.counts(roster)["bad"]
    with path.open("wb") as stream:
        files.write_corrections(roster, stream, lambda done: progress.step(done, total))
    progress.finish_with(path)
