"""What the enrolment stores, a module per subject."""

from enrollment.models.applications import (
    CASE_ROLES,
    Appeal,
    Application,
    ApplicationMaterial,
    ApplicationQuerySet,
    ApplicationTimelineEntry,
    CheckResult,
    CorrectionItem,
    Cover,
    CoverQuerySet,
    InternalNote,
    grouped_materials,
)

__all__ = [
    "CASE_ROLES",
    "Appeal",
    "Application",
    "ApplicationMaterial",
    "ApplicationQuerySet",
    "ApplicationTimelineEntry",
    "CheckResult",
    "CorrectionItem",
    "Cover",
    "CoverQuerySet",
    "InternalNote",
    "grouped_materials",
]
