"""Celery wrappers of the job services; safe to run twice."""

from celery import shared_task

from portal.jobs import retention, services


@shared_task(soft_time_limit=120, time_limit=180)
def run_job(job_id: str) -> None:
    """Runs one job; does nothing when another worker has it."""
    services.run(job_id)


@shared_task(soft_time_limit=120, time_limit=180)
def run_stalled() -> None:
    """Runs the oldest waiting or stalled job: what a lost nudge or a killed worker left behind."""
    services.run_stalled()


@shared_task
def erase_old() -> None:
    """Erases finished jobs and their files after their time."""
    retention.erase_old()
