"""What the machine must have before papers can be made."""

import ctypes
from typing import Any

from django.core.checks import CheckMessage, Error, Warning

from portal.documents import fonts

SUBSET_LIBRARIES = ("libharfbuzz-subset.so.0", "libharfbuzz-subset.0.dylib", "libharfbuzz-subset-0.dll")


def check_font_cutter(**kwargs: Any) -> list[CheckMessage]:
    """Refuses to start without libharfbuzz-subset: every PDF would take 44 times as long."""
    for name in SUBSET_LIBRARIES:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return []
    return [
        Error(
            "libharfbuzz-subset is missing: PDF papers would take seconds each.",
            hint="Install the Debian package libharfbuzz-subset0.",
            id="documents.E001",
        )
    ]


def check_fonts(**kwargs: Any) -> list[CheckMessage]:
    """Warns when papers have to do without the cut fonts."""
    if fonts.is_built() or fonts.SOURCES[400].is_file():
        return []
    return [
        Warning(
            "No Chinese font for papers was found.",
            hint="Install the Debian package fonts-noto-cjk and run: python manage.py build_fonts",
            id="documents.W001",
        )
    ]
