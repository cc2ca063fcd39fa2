"""Where a request comes from, for limits per address and per network."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

NETWORK_BITS = {4: 24, 6: 48}


def client_address(request: HttpRequest) -> str:
    """Returns the address of the browser; behind a proxy of ours, the last one that the proxy itself has added."""
    if getattr(settings, "BEHIND_PROXY", False):
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if forwarded:
            return forwarded
    return request.META.get("REMOTE_ADDR", "")


def client_network(request: HttpRequest) -> str:
    """Returns the network of the browser, /24 or /48, under which a village hall or a bot farm shares one allowance."""
    try:
        address = ipaddress.ip_address(client_address(request))
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((address, NETWORK_BITS[address.version]), strict=False))
