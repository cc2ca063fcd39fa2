"""What a payer holds in hand, as far as the browser tells: a telephone can open an app, a desktop shows a code."""

import re

_PHONE = re.compile(r"Mobile|Android|iPhone|iPod|HarmonyOS|Windows Phone", re.IGNORECASE)
_IN_AN_APP = re.compile(r"MicroMessenger|AlipayClient", re.IGNORECASE)


def opens_apps(agent: str) -> bool:
    """Whether this is the browser of a telephone; not one inside an app, where WeChat Pay refuses H5."""
    return bool(_PHONE.search(agent)) and not _IN_AN_APP.search(agent)
