"""Runs one function in many processes at the same moment."""

import multiprocessing
from collections.abc import Callable
from typing import Any

from django.db import connections

START_SECONDS = 60


def at_once(jobs: list[Callable[[], Any]]) -> list[Any]:
    """Runs each job in a process of its own, all let go by one barrier, and returns what they returned.

    Where a job raised, a RuntimeError says what.
    Jobs are forked, so that they may be closures; each opens a database connection of its own.
    """
    connections.close_all()
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(len(jobs))
    pipes = [context.Pipe(duplex=False) for _job in jobs]

    def run(job: Callable[[], Any], pipe: Any) -> None:
        try:
            connections["default"].ensure_connection()
            barrier.wait(START_SECONDS)
            pipe.send(job())
        except Exception as error:
            pipe.send(RuntimeError(repr(error)))  # not every exception can be pickled
        finally:
            connections.close_all()

    processes = [
        context.Process(target=run, args=(job, sender)) for job, (_receiver, sender) in zip(jobs, pipes, strict=True)
    ]
    for process in processes:
        process.start()
    results = [receiver.recv() for receiver, _sender in pipes]
    for process in processes:
        process.join(START_SECONDS)
    return results
