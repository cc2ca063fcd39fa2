"""Which drawing stands beside a material, and what it says: which side to photograph, where the number is (UX-R10).

The drawings are our own, in templates/enrollment/drawings; yellow is the number, or where the signature belongs.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Drawing:
    """A drawing by the name of its file, and how its paper is photographed; `caption` is empty where nothing is."""

    name: str
    caption: str | Promise = ""

    @property
    def template(self) -> str:
        return f"enrollment/drawings/{self.name}.svg"


BOTH_SIDES = _("Both sides, one photo each. The number (yellow) stands at the foot of the side with the portrait.")
BOTH_SIDES_OF_EACH = _("Both sides of every card, one photo each. The numbers are marked yellow.")
SIGNED = _("The whole page, signed where it is marked yellow.")
STAMPED = _("The whole page, with the stamp.")
WITH_NUMBER = _("The whole page. The number is marked yellow.")

SHEET = Drawing("sheet")
DRAWINGS = {
    "ID_CARD": Drawing("id-card", BOTH_SIDES),
    "GUARDIAN_ID": Drawing("guardian", BOTH_SIDES),
    "AGENT_ID": Drawing("agent", BOTH_SIDES),
    "HMT_PERMIT": Drawing("permit", BOTH_SIDES),
    "FOREIGN_PR_CARD": Drawing("permit", BOTH_SIDES),
    "RESIDENCE_PERMIT": Drawing("permit", BOTH_SIDES),
    "HOUSEHOLD_REGISTER": Drawing(
        "booklet", _("The first page and the person's own page, one photo each. The number is marked yellow.")
    ),
    "SPOUSE_CHILDREN_ID": Drawing("family", BOTH_SIDES_OF_EACH),
    "BIRTH_CERTIFICATE": Drawing("birth", _("The whole page. The number (yellow) stands at the top.")),
    "POWER_OF_ATTORNEY": Drawing("attorney", SIGNED),
    "FLEXIBLE_STATEMENT": Drawing("statement", SIGNED),
    "ENROLMENT_FORM": Drawing("form", SIGNED),
    "CARD_APPLICATION_FORM": Drawing("form", SIGNED),
    "BANK_FORM": Drawing("form", SIGNED),
    "FORMAL_LOSS": Drawing("proof", WITH_NUMBER),
    "PHOTO": Drawing("portrait", _("The face from the front, no hat, both ears, a white ground.")),
    "PHOTO_RECEIPT": Drawing("receipt", _("The whole slip. The number (yellow) stands under the bar code.")),
    "SCHOOL_LIST": Drawing("list", STAMPED),
    "STUDENT_PROOF": Drawing("student", _("The page with the portrait and the page with the stamps, one photo each.")),
    "ASSISTANCE_CERTIFICATE": Drawing(
        "certificate", _("The page with the name and the page with the dates of validity. The number is marked yellow.")
    ),
    "BANK_ACCOUNT": Drawing(
        "bank", _("The front of the card, or the first page of the passbook. The number is yellow.")
    ),
    "EMPLOYMENT_PROOF": Drawing("letter", STAMPED),
    "RESIDENCE_PROOF": Drawing("home", _("The whole page with name and address, and the stamp where there is one.")),
    "LABOUR_CONTRACT": Drawing(
        "contract", _("The first page, the page with the term, and the page with signature and stamp, one photo each.")
    ),
    "INSURANCE_PROOF": Drawing("proof", _("The whole page with the verification code (yellow).")),
    "SOCIAL_SECURITY_CARD": Drawing("social", _("The side with the portrait. The number is marked yellow.")),
    "OLD_CARD": Drawing("social", _("The side with the portrait. The number is marked yellow.")),
    "OUTPATIENT_RECORDS": Drawing("records", _("Every page with writing, and every receipt with its number (yellow).")),
    "HOSPITAL_RECORDS": Drawing(
        "hospital", _("Discharge summary, list of costs and receipts, one photo for each page.")
    ),
    "PAID_NOTICE": Drawing("receipt", WITH_NUMBER),
}
"""By the code of the material; what does not stand here is a sheet of paper without a caption."""


def drawing_of(code: str) -> Drawing:
    """The drawing that stands beside a material."""
    return DRAWINGS.get(code, SHEET)
