"""The rules that notices of tests are issued by; it loads nothing but the portal, for benchmarks of memory."""

from datetime import date
from typing import Any

from portal.regions.text import both

TODAY = date(2026, 11, 23)

RULES: dict[str, dict[str, Any]] = {
    "time_limit": {"premium_notice": {"days": 5}, "card_notice": {"days": 5}},
    "channel": {
        "premium": [
            {"code": "coop", "name": both("农信社", "Credit cooperative"), "office_kind": "bank", "bank_code": "RCC"},
            {"code": "committee", "name": both("村委会", "Village committee"), "office_kind": "village_committee"},
            {"code": "online", "name": both("在线支付", "Online payment"), "online": True},
        ],
        "nontax": [
            {"code": code, "name": both(zh, code), "office_kind": "bank", "bank_code": code}
            for code, zh in (("ICBC", "工商银行"), ("ABC", "农业银行"), ("CCB", "建设银行"))
        ],
    },
    "setting": {
        "clearing_days": 3,
        "notice.remind_days": [7, 1],
        "notice.premium.title": both("示例缴费通知单", "Sample Notice of Payment"),
        "collection_period": {"from": "09-01", "until": "12-31"},
        "waiting_months": 3,
        "hotline": "12393",
    },
}
