"""The online channels that have keys, by provider."""

from functools import lru_cache
from typing import Any

from django.conf import settings

from payments.gateways.alipay import AlipayGateway, AlipayKeys
from payments.gateways.base import Gateway
from payments.gateways.wechat import WeChatGateway, WeChatKeys

PROVIDERS = ("wechat", "alipay")


class NotOffered(LookupError):
    """This portal has no keys for the channel."""


def offered() -> dict[str, Gateway]:
    """The channels with keys, in the order they are offered; a demo without keys of its own pays at its sandbox
    bank.
    """
    found: dict[str, Gateway] = {}
    for provider in PROVIDERS:
        keys = _keys(provider)
        if keys is not None:
            found[provider] = _gateway(keys)
    return found


def gateway(provider: str) -> Gateway:
    """One channel; raises NotOffered."""
    try:
        return offered()[provider]
    except KeyError as error:
        raise NotOffered(provider) from error


def _keys(provider: str) -> WeChatKeys | AlipayKeys | None:
    given: dict[str, Any] = {"wechat": settings.WECHATPAY, "alipay": settings.ALIPAY}[provider]
    needed = {name: value for name, value in given.items() if name != "address"}
    if all(needed.values()):
        return WeChatKeys(**given) if provider == "wechat" else AlipayKeys(**given)
    if settings.DEMO and not any(needed.values()):
        from payments.sandbox.keys import merchant_keys

        return merchant_keys(provider)
    return None


@lru_cache(maxsize=8)
def _gateway(keys: WeChatKeys | AlipayKeys) -> Gateway:
    return WeChatGateway(keys) if isinstance(keys, WeChatKeys) else AlipayGateway(keys)
