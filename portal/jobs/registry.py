"""Which function does which kind of job."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from portal.jobs.progress import Progress


@dataclass(frozen=True, slots=True)
class Runner:
    """A function that does one kind of job and the words residents and clerks read for it."""

    run: "Callable[[Progress], None]"
    label: "str | _StrPromise"
    finished_url: Callable[[dict[str, Any]], str] | None = None
    hands_out_file: bool = True


runners: dict[str, Runner] = {}


def runner(
    kind: str,
    *,
    label: "str | _StrPromise" = "",
    finished_url: Callable[[dict[str, Any]], str] | None = None,
    hands_out_file: bool = True,
) -> "Callable[[Callable[[Progress], None]], Callable[[Progress], None]]":
    """Registers the decorated function as the runner of `kind`; `finished_url(params)` leads on from the finished
    job's page. A kind whose file is handed out by a page of its own, which writes an audit entry, says so.
    """

    def register(function: "Callable[[Progress], None]") -> "Callable[[Progress], None]":
        runners[kind] = Runner(function, label or kind, finished_url, hands_out_file)
        return function

    return register
