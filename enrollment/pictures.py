"""Photos of the materials: which are asked for, taking them, deleting them and taking that back, erasing them (UX-R9).

Photos can be sent with a draft and, in a round of correction, for the materials the office asked about; at any other
time they stand as they were handed in.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enrollment import steps, terms
from enrollment.models import Application, ApplicationMaterial, CorrectionItem, MaterialPicture, MaterialPictureQuerySet
from enrollment.models.pictures import PURPOSE
from enrollment.states import State
from enrollment.workflow import EnrollmentWorkflow
from portal import audit
from portal.documents import models as documents
from portal.documents import uploads
from portal.people.actors import Actor
from portal.regions import calendar, materials
from portal.regions import policy as policies
from portal.regions.materials import WAIVED, MaterialRule
from portal.regions.policy_values import Policy
from portal.workflow.core import Batch
from portal.workflow.errors import NotAvailable

SETTING = "materials.upload"
OFF, OPTIONAL, REQUIRED = "off", "optional", "required"
MOST_PAGES = 6
MOST_AT_ONCE = 12
"""Photos of one request: each is decoded in a child of its own, and the reader waits for all of them."""
KEPT_DELETED = 3
MADE_HERE = ("ENROLMENT_FORM",)
"""Papers the portal makes from the answers: no photo of them is asked for with the form."""
PDF_START = b"%PDF-"

TOO_MANY = _("There are 6 photos of this material already. Delete one first.")
TOO_MANY_AT_ONCE = _("More than 12 photos were chosen at once. Those before this one are kept; choose this one again.")
NO_PDF = _("This is a PDF file. Only photos can be taken: photograph the paper, or send a screenshot of the file.")
MISSING = _("Add a photo of “%(name)s”. In this region it cannot be submitted without.")


class PictureRefused(Exception):
    """A file is not taken; `message` says why, in the words of its sender."""

    def __init__(self, message: str | Promise) -> None:
        super().__init__(str(message))
        self.message = message


class PicturesMissing(Exception):
    """The region wants photos of every required material, and some are not there."""


@dataclass
class Asked:
    """One material of the page: its rule, or its name alone where the rule is no more; its photos, older and new."""

    code: str
    name: str
    rule: MaterialRule | None = None
    reason: str = ""
    pictures: list[MaterialPicture] = field(default_factory=list)
    before: list[MaterialPicture] = field(default_factory=list)

    @property
    def is_waived(self) -> bool:
        return self.rule is not None and self.rule.level == WAIVED

    @property
    def room(self) -> int:
        """How many photos can still be added."""
        return 0 if self.is_waived else max(0, MOST_PAGES - len(self.pictures))


def register() -> None:
    """Opens photos of materials to those who may see the application, and erases those of lapsed drafts."""
    documents.scoped_purposes.append(PURPOSE)
    documents.upload_scopes.append(
        lambda actor: Q(pk__in=MaterialPicture.objects.visible_to(actor).order_by().values("upload"))
    )
    EnrollmentWorkflow.lapse.reactions.append(erase_with_drafts)


def mode(policy: Policy) -> str:
    """Whether the region takes photos: `off`, `optional` (the default) or `required`."""
    found = policy.setting(SETTING, OPTIONAL)
    return found if found in (OFF, REQUIRED) else OPTIONAL


def mode_of(application: Application) -> str:
    """The same for one application: a draft by the rules of today, a submitted one by its own."""
    if application.state == State.DRAFT or application.policy is None:
        return mode(policies.for_region(application.region))
    return mode(application.policy.policy)


def is_open(application: Application) -> bool:
    """Whether photos can be added and deleted now."""
    return application.state in (State.DRAFT, State.CORRECTION_REQUIRED) and not application.is_discarded


def asked(application: Application) -> list[list[Asked]]:
    """The materials whose photos can be sent now, as people read them: each entry is one, or several of which one is
    enough. A draft asks by its answers so far, and for nothing while they are too few; a correction for what the office
    asked about.
    """
    entries = _of_correction(application) if application.state == State.CORRECTION_REQUIRED else _of_draft(application)
    by_code = {one.code: one for entry in entries for one in entry}
    for row in application.pictures.standing().select_related("upload"):
        if row.code in by_code:
            one = by_code[row.code]
            (one.pictures if row.round == application.correction_round else one.before).append(row)
    return entries


def _of_draft(application: Application) -> list[list[Asked]]:
    answers = application.answers
    if steps.PERSON not in answers or steps.COVER not in answers:
        return []
    policy = policies.for_region(application.region)
    facts = terms.facts_of(application, policy, calendar.today())
    rules = terms.terms_of(facts, policy, application.cover_year).materials
    sent = [rule for rule in rules if rule.code not in MADE_HERE]
    return [[Asked(rule.code, rule.label, rule) for rule in entry] for entry in materials.groups(sent)]


def _of_correction(application: Application) -> list[list[Asked]]:
    items = application.corrections.filter(round=application.correction_round, kind=CorrectionItem.Kind.MATERIAL)
    names = {material.code: material.name for material in application.materials.all()}
    return [[Asked(item.code, names.get(item.code, item.code), reason=item.reason)] for item in items]


def surplus(application: Application, entries: Iterable[list[Asked]]) -> list[MaterialPicture]:
    """Photos of materials that the answers no longer ask for; they are erased when the form is submitted (UX-R6)."""
    codes = [one.code for entry in entries for one in entry if not one.is_waived]
    if application.state != State.DRAFT or not codes:
        return []
    return list(application.pictures.standing().exclude(code__in=codes).select_related("upload"))


def counts(application: Application) -> dict[str, int]:
    """How many photos stand, by material."""
    found: dict[str, int] = {}
    for code in application.pictures.standing().values_list("code", flat=True):
        found[code] = found.get(code, 0) + 1
    return found


def missing(entries: Iterable[list[Asked]]) -> list[Asked]:
    """One material of each required entry without any photo; a waived one answers its entry."""
    return [
        entry[0]
        for entry in entries
        if any(one.rule is not None and one.rule.required for one in entry)
        and not any(one.is_waived or one.pictures for one in entry)
    ]


def require(application: Application, policy: Policy, papers: Iterable[ApplicationMaterial]) -> None:
    """Raises PicturesMissing where the region wants photos and a required material has none.

    Forms that somebody else enters at a counter, and those of a family, come with the papers themselves.
    """
    if mode(policy) != REQUIRED or application.helper_id is not None or application.pack_id is not None:
        return
    sent = counts(application)
    groups: dict[str, list[ApplicationMaterial]] = {}
    for paper in papers:
        if paper.code in MADE_HERE:
            continue
        groups.setdefault(paper.group, []).append(paper)
    for entry in groups.values():
        if any(paper.required for paper in entry) and not any(
            paper.waived_by or sent.get(paper.code) for paper in entry
        ):
            raise PicturesMissing


def add(
    *, application: Application, actor: Actor, code: str, file: BinaryIO, replaces: MaterialPicture | None = None
) -> MaterialPicture:
    """Takes one photo of a material, in place of an earlier one where that is named.

    Raises PictureRefused, RateLimited, and NotAvailable once the form is submitted. Call it outside of `atomic()`.
    """
    if not is_open(application):
        raise NotAvailable(EnrollmentWorkflow.submit, application)
    _make_room(application, code)
    if replaces is None and _current(application, code).count() >= MOST_PAGES:
        raise PictureRefused(TOO_MANY)
    head = file.read(len(PDF_START))
    file.seek(0)
    if head == PDF_START:
        raise PictureRefused(NO_PDF)
    try:
        upload = uploads.store_image(
            file,
            owner=application.resident,
            purpose=f"{PURPOSE}{application.correction_round}.{code}"[:40],
            reference=str(application.pk),
            uploaded_by_id=actor.user_id,
        )
    except uploads.UploadRejected as refusal:
        raise PictureRefused(refusal.message) from refusal
    try:
        return _keep(application, actor, code, upload, replaces)
    except BaseException:
        uploads.delete(upload)
        raise


def _keep(
    application: Application, actor: Actor, code: str, upload: documents.Upload, replaces: MaterialPicture | None
) -> MaterialPicture:
    at = timezone.now()
    with transaction.atomic():
        row = _locked(application)
        if replaces is not None:
            _current(row, code).filter(pk=replaces.pk).update(removed_at=at)
        if _current(row, code).count() >= MOST_PAGES:
            raise PictureRefused(TOO_MANY)
        made = MaterialPicture.objects.create(
            application=row, code=code, round=row.correction_round, upload=upload, sent_at=at
        )
        audit.record("enrollment.picture_added", actor, subject=row, details={"material": code})
    return made


def remove(*, application: Application, actor: Actor, picture: MaterialPicture) -> None:
    """Deletes a photo; for ten minutes that can be taken back. Raises NotAvailable once the form is submitted."""
    with transaction.atomic():
        row = _locked(application)
        if _current(row, picture.code).filter(pk=picture.pk).update(removed_at=timezone.now()):
            audit.record("enrollment.picture_removed", actor, subject=row, details={"material": picture.code})


def restore(*, application: Application, actor: Actor, picture: MaterialPicture) -> None:
    """Takes the deletion of a photo back; raises PictureRefused where its place is taken, NotAvailable as `remove`."""
    with transaction.atomic():
        row = _locked(application)
        if _current(row, picture.code).count() >= MOST_PAGES:
            raise PictureRefused(TOO_MANY)
        deleted = row.pictures.can_come_back(timezone.now()).filter(pk=picture.pk, round=row.correction_round)
        if deleted.update(removed_at=None):
            audit.record("enrollment.picture_restored", actor, subject=row, details={"material": picture.code})


def deleted(application: Application) -> list[MaterialPicture]:
    """Photos of this round whose deletion can be taken back, the latest first."""
    rows = application.pictures.can_come_back(timezone.now()).filter(round=application.correction_round)
    return list(rows.select_related("upload").order_by("-removed_at", "-pk"))


def drop_surplus(application: Application) -> None:
    """Erases photos of a submitted form that belong to none of its materials, and deleted ones."""
    codes = application.materials.filter(waived_by={}).values("code")
    erase(application.pictures.filter(~Q(code__in=codes) | Q(removed_at__isnull=False)))


def erase_with_drafts(batch: Batch) -> None:
    """Erases the photos of drafts that were never submitted (ARCHITECTURE §8)."""
    drafts = [entry.subject_id for entry in batch.entries if entry.source == State.DRAFT]
    erase(MaterialPicture.objects.filter(application__in=drafts))


def erase_removed(*, limit: int = 500) -> int:
    """Erases deleted photos whose ten minutes are over; returns how many."""
    with transaction.atomic():
        rows = MaterialPicture.objects.gone(timezone.now()).select_for_update(skip_locked=True)
        return erase(rows.order_by("removed_at")[:limit])


def erase(rows: Iterable[MaterialPicture]) -> int:
    """Erases photos with their files for good; returns how many."""
    upload_ids = [row.upload_id for row in rows]
    uploads.delete_all(upload_ids)
    return len(upload_ids)


def _locked(application: Application) -> Application:
    row = Application.objects.select_for_update().get(pk=application.pk)
    if not is_open(row) or row.correction_round != application.correction_round:
        raise NotAvailable(EnrollmentWorkflow.submit, row)
    return row


def _current(application: Application, code: str) -> MaterialPictureQuerySet:
    """Photos of a material that can be replaced now."""
    return application.pictures.standing().filter(code=code, round=application.correction_round)


def _make_room(application: Application, code: str) -> None:
    """Erases the older of the deleted photos, which count for the quota of files too."""
    rows = application.pictures.filter(code=code, round=application.correction_round, removed_at__isnull=False)
    erase(rows.order_by("-removed_at", "-pk")[KEPT_DELETED:])
