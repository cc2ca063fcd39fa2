"""What gunicorn serves for `benchmarks/pages.py`: the bare answer past all middleware, the rest by the whole portal."""

from typing import Any

import portal.wsgi  # noqa: F401  what production serves sets the process up
from benchmarks._pages_wsgi import OK, handlers

BARE, WHOLE = handlers()


def application(environ: dict[str, Any], start: Any) -> Any:
    """Chooses by the address."""
    return (BARE if environ["PATH_INFO"] == OK else WHOLE)(environ, start)
