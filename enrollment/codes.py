"""Code lists of the registration: who a person is, whom they register, which other cover they have."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class ForWhom(models.TextChoices):
    """Whom the applicant registers."""

    SELF = "self", _("Myself")
    CHILD = "child", _("My child or ward under 18")
    FAMILY = "family", _("An adult of my family, with their authority")


class Status(models.TextChoices):
    """Ground on which a person belongs to a region's scheme (DOMAIN §6); the last has none."""

    LOCAL_HUKOU = "local_hukou", _("Household register of this area")
    RESIDENCE_PERMIT = "residence_permit", _("Residence permit of this area")
    STUDENT = "student", _("Pupil or student at a school of this area")
    HMT_RESIDENT = "hmt_resident", _("Hong Kong, Macao or Taiwan resident with a residence permit")
    FOREIGN_PERMANENT = "foreign_permanent", _("Foreigner with a permanent residence card")
    NONE = "none", _("None of these")


class OtherCover(models.TextChoices):
    """Other social medical insurance a person may hold."""

    NONE = "none", pgettext_lazy("other cover", "None")
    EMPLOYEE = "employee", _("Employees' basic medical insurance")
    OTHER_REGION = "other_region", _("Residents' insurance in another region for the same year")


class School(models.TextChoices):
    """What a pupil or student attends; colleges have assistance of their own in some regions."""

    K12 = "k12", _("Kindergarten or school")
    TERTIARY = "tertiary", _("University, college or vocational school")


class RegisterEntry(models.TextChoices):
    """What the household register says of a child."""

    SHOWS_RELATION = "shows", _("Yes, and it shows that I am the parent or guardian")
    WITHOUT_RELATION = "listed", _("Yes, but it does not show the relation")
    NOT_YET = "not_yet", _("Not yet")


class Relation(models.TextChoices):
    """What the applicant is to the person registered."""

    PARENT = "parent", _("Father or mother")
    GRANDPARENT = "grandparent", _("Grandparent")
    GUARDIAN = "guardian", _("Appointed guardian")
    CHILD = "child", _("Son or daughter")
    SPOUSE = "spouse", _("Husband or wife")
    SIBLING = "sibling", _("Brother or sister")
    OTHER = "other", _("Another family member")
    AGENT = "agent", _("Not related: I act with a power of attorney")


class PaymentOrder(models.TextChoices):
    """Whether a region collects the premium after or before the review (S1-08, S0-08)."""

    REVIEW_FIRST = "review_first", _("Review first, then pay")
    PAY_FIRST = "pay_first", _("Pay first, then review")


REVIEW_OFFICE_KINDS = ("service_point", "county_centre", "hrss_centre", "tax_bureau")
GUARDIAN_RELATIONS = (Relation.PARENT, Relation.GRANDPARENT, Relation.GUARDIAN, Relation.SIBLING, Relation.OTHER)
FAMILY_RELATIONS = (
    Relation.CHILD,
    Relation.SPOUSE,
    Relation.PARENT,
    Relation.SIBLING,
    Relation.OTHER,
    Relation.AGENT,
)
