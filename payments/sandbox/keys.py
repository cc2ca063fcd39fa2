"""The keys of the sandbox bank and of its one merchant, made at first use and kept beside the demo's data."""

import json
import os
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

from payments.gateways.alipay import AlipayKeys
from payments.gateways.wechat import WeChatKeys

MCHID, APPID = "1900000109", "wxsandbox0000canbao"
ALIPAY_APP_ID, ALIPAY_SELLER_ID = "2021000000000001", "2088000000000001"
MERCHANT_SERIAL, PLATFORM_SERIAL = "5A4D424F58000001", "PUB_KEY_ID_5A4D424F580000000001"


@dataclass(frozen=True)
class BankKeys:
    """Both sides of every pair: the bank signs with its own private keys and verifies with the merchant's."""

    apiv3_key: str
    merchant: str
    merchant_public: str
    platform: str
    platform_public: str
    app: str
    app_public: str
    alipay: str
    alipay_public: str
    forger: str


def folder() -> Path:
    """Where the bank keeps keys and book."""
    return Path(settings.VAR_DIR) / "sandbox-bank"


def bank_keys() -> BankKeys:
    """The keys of this demo; several processes that ask at once get the same."""
    return _read(folder() / "keys.json")


@lru_cache(maxsize=4)
def _read(path: Path) -> BankKeys:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".keys.{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(_made(), file)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return BankKeys(**json.loads(path.read_text(encoding="utf-8")))


def _made() -> dict[str, str]:
    found = {"apiv3_key": secrets.token_hex(16)}
    for name in ("merchant", "platform", "app", "alipay", "forger"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        found[name] = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        if name != "forger":
            public = key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            found[f"{name}_public"] = public.decode()
    return found


def merchant_keys(provider: str) -> WeChatKeys | AlipayKeys:
    """What the bank would give the portal as its merchant."""
    keys = bank_keys()
    if provider == "wechat":
        return WeChatKeys(
            mchid=MCHID,
            appid=APPID,
            apiv3_key=keys.apiv3_key,
            merchant_key=keys.merchant,
            merchant_serial=MERCHANT_SERIAL,
            platform_keys=((PLATFORM_SERIAL, keys.platform_public),),
            address=f"{settings.SANDBOX_BANK_URL}/sandbox/wechat",
        )
    return AlipayKeys(
        app_id=ALIPAY_APP_ID,
        seller_id=ALIPAY_SELLER_ID,
        app_key=keys.app,
        public_key=keys.alipay_public,
        address=f"{settings.SANDBOX_BANK_URL}/sandbox/alipay/gateway.do",
    )
