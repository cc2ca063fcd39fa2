"""How long finished jobs and their files are kept."""

import shutil
from datetime import timedelta

from django.utils import timezone

from portal.jobs.models import Job

KEEP_DAYS = 30
KEEP_FILES_DAYS = 7


def erase_old(limit: int = 500) -> int:
    """Removes result files after 7 days and rows after 30; returns the number of rows removed."""
    now = timezone.now()
    with_files = Job.objects.filter(finished_at__lt=now - timedelta(days=KEEP_FILES_DAYS)).exclude(result_file="")
    for job in with_files[:limit]:
        shutil.rmtree(job.folder, ignore_errors=True)
        Job.objects.filter(pk=job.pk).update(result_file="")
    old = list(Job.objects.filter(finished_at__lt=now - timedelta(days=KEEP_DAYS))[:limit])
    for job in old:
        shutil.rmtree(job.folder, ignore_errors=True)
    return Job.objects.filter(pk__in=[job.pk for job in old]).delete()[0]
