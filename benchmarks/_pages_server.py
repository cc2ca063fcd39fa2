"""What gunicorn serves for `benchmarks/pages.py`: the bare answer past all middleware, the rest by the whole portal."""

from typing import Any

import django

django.setup()

from benchmarks._pages_wsgi import OK, handlers  # noqa: E402

BARE, WHOLE = handlers()


def application(environ: dict[str, Any], start: Any) -> Any:
    """Chooses by the address."""
    return (BARE if environ["PATH_INFO"] == OK else WHOLE)(environ, start)
