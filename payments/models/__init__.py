"""What payments stores, a module per subject."""

from payments.models.notices import (
    LIVE_STATES,
    REGIONAL_READERS,
    STATE_COLOURS,
    Kind,
    Line,
    Notice,
    NoticeQuerySet,
    NoticeTimelineEntry,
    NumberSeries,
    Payment,
    PaymentException,
    PaymentExceptionQuerySet,
    Reason,
    lines_data,
)

__all__ = [
    "LIVE_STATES",
    "REGIONAL_READERS",
    "STATE_COLOURS",
    "Kind",
    "Line",
    "Notice",
    "NoticeQuerySet",
    "NoticeTimelineEntry",
    "NumberSeries",
    "Payment",
    "PaymentException",
    "PaymentExceptionQuerySet",
    "Reason",
    "lines_data",
]
