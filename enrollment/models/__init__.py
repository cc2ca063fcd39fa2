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
from enrollment.models.attorney import Mandate, MandateQuerySet, MandateState
from enrollment.models.coordination import Employment, Period, Registration, RegistrationMaterial, RegistrationQuerySet
from enrollment.models.desk import (
    BulkDecision,
    BulkDecisionQuerySet,
    BulkItem,
    CaseLease,
    DeskPreference,
    SavedView,
)
from enrollment.models.households import HouseholdPack, HouseholdPackQuerySet, PackState, WalkIn, WalkInQuerySet
from enrollment.models.pictures import MaterialPicture, MaterialPictureQuerySet
from enrollment.models.renewal import (
    CAMPAIGN_READERS,
    CAMPAIGN_ROLES,
    RenewalCampaign,
    RenewalCampaignQuerySet,
    RenewalEntry,
)
from enrollment.models.resume import ResumeLink
from enrollment.models.rosters import Outcome, Roster, RosterFile, RosterQuerySet, RosterRow, RosterState

__all__ = [
    "CAMPAIGN_READERS",
    "CAMPAIGN_ROLES",
    "CASE_ROLES",
    "Appeal",
    "Application",
    "ApplicationMaterial",
    "ApplicationQuerySet",
    "ApplicationTimelineEntry",
    "BulkDecision",
    "BulkDecisionQuerySet",
    "BulkItem",
    "CaseLease",
    "CheckResult",
    "CorrectionItem",
    "Cover",
    "CoverQuerySet",
    "DeskPreference",
    "Employment",
    "HouseholdPack",
    "HouseholdPackQuerySet",
    "InternalNote",
    "Mandate",
    "MandateQuerySet",
    "MandateState",
    "MaterialPicture",
    "MaterialPictureQuerySet",
    "Outcome",
    "PackState",
    "Period",
    "Registration",
    "RegistrationMaterial",
    "RegistrationQuerySet",
    "RenewalCampaign",
    "RenewalCampaignQuerySet",
    "RenewalEntry",
    "ResumeLink",
    "Roster",
    "RosterFile",
    "RosterQuerySet",
    "RosterRow",
    "RosterState",
    "SavedView",
    "WalkIn",
    "WalkInQuerySet",
    "grouped_materials",
]
