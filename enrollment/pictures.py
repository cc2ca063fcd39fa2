"""Photos of the materials: which are asked for, taking them, deleting them and taking that back, erasing them (UX-R9).

A file is a photo, or a PDF whose pages were drawn as pictures. Residents send files with a draft and, in a round of
correction, for the materials the office asked about; at any other time they stand as they were handed in. Clerks add
what is laid on their desk, agents what they photograph in the village, until the case is decided.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F, Max, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enrollment import steps, terms
from enrollment.models import (
    Application,
    ApplicationMaterial,
    CorrectionItem,
    MaterialPicture,
    MaterialPictureQuerySet,
    WalkIn,
)
from enrollment.models.pictures import PURPOSE
from enrollment.states import DECIDABLE, State
from enrollment.workflow import EnrollmentWorkflow
from portal import audit
from portal.documents import models as documents
from portal.documents import uploads
from portal.documents.imaging import MOST_PDF_PAGES
from portal.people.actors import Actor, Role
from portal.regions import calendar, materials
from portal.regions import policy as policies
from portal.regions.materials import WAIVED, MaterialRule
from portal.regions.policy_values import Policy
from portal.workflow.core import Batch
from portal.workflow.errors import NotAvailable

SETTING = "materials.upload"
OFF, OPTIONAL, REQUIRED = "off", "optional", "required"
MOST_FILES = 6
MOST_AT_ONCE = 12
"""Files of one request: each is decoded in a child of its own, and the reader waits for all of them."""
KEPT_DELETED = 3
MADE_HERE = ("ENROLMENT_FORM",)
"""Papers the portal makes from the answers: no photo of them is asked for with the form."""
OPEN_TO_RESIDENTS = (State.DRAFT, State.CORRECTION_REQUIRED)
OPEN_TO_STAFF = (State.SUBMITTED, State.CORRECTION_REQUIRED, *DECIDABLE)

TOO_MANY = _("There are 6 files of this material already. Delete one first.")
TOO_MANY_AT_ONCE = _("More than 12 files were chosen at once. Those before this one are kept; choose this one again.")
MISSING = _("Add a photo of “%(name)s”. In this region it cannot be submitted without.")

Case = Application | WalkIn
"""What photos belong to: an application or, before it is submitted, what a clerk enters at the counter."""


class PictureRefused(Exception):
    """A file is not taken; `message` says why, in the words of its sender."""

    def __init__(self, message: str | Promise) -> None:
        super().__init__(str(message))
        self.message = message


class PicturesMissing(Exception):
    """The region wants photos of every required material, and some are not there."""


class RegisteredMeanwhile(Exception):
    """A colleague has submitted what was entered at the counter, or thrown it away."""


@dataclass
class Sent:
    """One file as its sender sees it: a photo, or the pages of a PDF in their order."""

    pages: list[MaterialPicture]

    @property
    def first(self) -> MaterialPicture:
        return self.pages[0]

    @property
    def pk(self) -> int:
        """The key by which forms name the file: that of its first page."""
        return int(self.first.pk)

    @property
    def warned(self) -> list[tuple[int, str]]:
        """Page and code of every warning that its sender has not answered yet."""
        if self.first.kept_as_is:
            return []
        return [(one.page, code) for one in self.pages if one.upload for code in one.upload.warnings]


@dataclass
class Asked:
    """One material of the page: its rule, or its name alone where the rule is no more; its files, older and new."""

    code: str
    name: str
    rule: MaterialRule | None = None
    reason: str = ""
    files: list[Sent] = field(default_factory=list)
    before: list[Sent] = field(default_factory=list)

    @property
    def is_waived(self) -> bool:
        return self.rule is not None and self.rule.level == WAIVED

    @property
    def room(self) -> int:
        """How many files can still be added."""
        return 0 if self.is_waived else max(0, MOST_FILES - len(self.files))


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
    """Whether its resident can add and delete photos now."""
    return application.state in OPEN_TO_RESIDENTS and not application.is_discarded


def may_change(case: Case, actor: Actor) -> bool:
    """Whether this actor, who sees the case, can add photos to it now (RELIABILITY §3)."""
    if isinstance(case, WalkIn):
        return case.finished_at is None and actor.role == Role.CLERK
    if actor.role in (Role.CLERK, Role.COMMITTEE_AGENT):
        return case.state in OPEN_TO_STAFF
    return is_open(case)


def asked(application: Application) -> list[list[Asked]]:
    """The materials whose photos can be sent now, as people read them: each entry is one, or several of which one is
    enough. A draft asks by its answers so far, and for nothing while they are too few; a correction for what the office
    asked about.
    """
    entries = _of_correction(application) if application.state == State.CORRECTION_REQUIRED else _of_draft(application)
    return _with_files(entries, application.pictures.standing(), application.correction_round)


def asked_at_counter(walk_in: WalkIn, rules: Iterable[MaterialRule]) -> list[list[Asked]]:
    """The materials of somebody who is being entered at the counter: every paper that lies on the desk."""
    return _with_files(_of_rules(rules), walk_in.pictures.standing(), 0)


def asked_of_case(application: Application, actor: Actor) -> list[list[Asked]]:
    """The materials of a submitted case, for those who add what was brought to them."""
    papers = [paper for paper in application.materials.all() if not paper.waived_by]
    reasons: dict[str, str] = {}
    if application.state == State.CORRECTION_REQUIRED:
        items = application.corrections.filter(round=application.correction_round, kind=CorrectionItem.Kind.MATERIAL)
        reasons = {item.code: item.reason for item in items}
    groups: dict[str, list[Asked]] = {}
    for paper in papers:
        groups.setdefault(paper.group, []).append(Asked(paper.code, paper.name, reason=reasons.get(paper.code, "")))
    rows = application.pictures.visible_to(actor)
    if actor.role == Role.COMMITTEE_AGENT:
        rows = rows.filter(upload__uploaded_by_id=actor.user_id)
    return _with_files(groups.values(), rows, application.correction_round, own=actor.user_id)


def _with_files(
    entries: Iterable[list[Asked]], rows: MaterialPictureQuerySet, current: int, own: int | None = None
) -> list[list[Asked]]:
    """The entries with their files; those that cannot be changed any more stand apart.

    `own` is the colleague who can change nothing but what they took themselves; None where the sender is the resident.
    """
    found = [list(entry) for entry in entries]
    by_code = {one.code: one for entry in found for one in entry}
    for sent in _files(rows):
        one = by_code.get(sent.first.code)
        if one is None:
            continue
        upload = sent.first.upload
        is_theirs = own is None or (upload is not None and upload.uploaded_by_id == own)
        (one.files if sent.first.round == current and is_theirs else one.before).append(sent)
    return found


def _files(rows: MaterialPictureQuerySet) -> list[Sent]:
    """Pages as the files they came with, in the order in which they were sent."""
    found: dict[UUID, Sent] = {}
    for row in rows.select_related("upload"):
        found.setdefault(row.file, Sent([])).pages.append(row)
    return list(found.values())


def _of_draft(application: Application) -> list[list[Asked]]:
    answers = application.answers
    if steps.PERSON not in answers or steps.COVER not in answers:
        return []
    policy = policies.for_region(application.region)
    facts = terms.facts_of(application, policy, calendar.today())
    rules = terms.terms_of(facts, policy, application.cover_year).materials
    return _of_rules(rule for rule in rules if rule.code not in MADE_HERE)


def _of_rules(rules: Iterable[MaterialRule]) -> list[list[Asked]]:
    return [[Asked(rule.code, rule.label, rule) for rule in entry] for entry in materials.groups(list(rules))]


def _of_correction(application: Application) -> list[list[Asked]]:
    items = application.corrections.filter(round=application.correction_round, kind=CorrectionItem.Kind.MATERIAL)
    names = {material.code: material.name for material in application.materials.all()}
    return [[Asked(item.code, names.get(item.code, item.code), reason=item.reason)] for item in items]


def surplus(case: Case, entries: Iterable[list[Asked]]) -> list[Sent]:
    """Files of materials that the answers no longer ask for; they are erased when the form is submitted (UX-R6)."""
    codes = [one.code for entry in entries for one in entry if not one.is_waived]
    if (isinstance(case, Application) and case.state != State.DRAFT) or not codes:
        return []
    return _files(case.pictures.standing().exclude(code__in=codes))


def counts(application: Application) -> dict[str, int]:
    """How many pictures stand, by material; each page of a file is one."""
    found: dict[str, int] = {}
    for code in application.pictures.standing().values_list("code", flat=True):
        found[code] = found.get(code, 0) + 1
    return found


def erased_on(application: Application) -> date | None:
    """The day on which the photos of a case were erased after their time; None where there are or were none."""
    at = application.pictures.aggregate(last=Max("erased_at"))["last"]
    return calendar.local_date(at) if at else None


def missing(entries: Iterable[list[Asked]]) -> list[Asked]:
    """One material of each required entry without any photo; a waived one answers its entry."""
    return [
        entry[0]
        for entry in entries
        if any(one.rule is not None and one.rule.required for one in entry)
        and not any(one.is_waived or one.files for one in entry)
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
    *,
    case: Case,
    actor: Actor,
    code: str,
    file: BinaryIO,
    replaces: MaterialPicture | None = None,
    file_id: UUID | None = None,
) -> Sent:
    """Takes one file of a material, in place of an earlier one where that is named.

    The same `file_id` again returns the file as it is kept, so that a sender who lost the answer can send it once more.
    Raises PictureRefused, RateLimited, and NotAvailable or RegisteredMeanwhile once the case is closed to the sender.
    Call it outside of `atomic()`.
    """
    _require_open(case, actor)
    if file_id and (kept := _files(case.pictures.filter(file=file_id))):
        return kept[0]
    _make_room(case, code)
    if replaces is None and _count(_current(case, code)) >= MOST_FILES:
        raise PictureRefused(TOO_MANY)
    try:
        stored = uploads.store_paper(
            file,
            owner=case.resident if isinstance(case, Application) else None,
            purpose=f"{PURPOSE}{_round(case)}.{code}"[:40],
            reference=str(case.pk),
            uploaded_by_id=actor.user_id,
            most=(MOST_FILES + KEPT_DELETED) * MOST_PDF_PAGES,
        )
    except uploads.UploadRejected as refusal:
        raise PictureRefused(refusal.message) from refusal
    sent = None
    try:
        sent = _keep(case, actor, code, stored, replaces, file_id or uuid4())
    finally:
        if sent is None or sent.first.upload_id != stored[0].pk:
            uploads.delete_all([upload.pk for upload in stored])
    return sent


def _keep(
    case: Case,
    actor: Actor,
    code: str,
    stored: list[documents.Upload],
    replaces: MaterialPicture | None,
    file_id: UUID,
) -> Sent:
    at = timezone.now()
    with transaction.atomic():
        row = _locked(case, actor)
        # Sent twice at once: the first is kept.
        if kept := _files(row.pictures.filter(file=file_id)):
            return kept[0]
        place = (row.pictures.aggregate(last=Max("place"))["last"] or 0) + 1
        if replaces is not None and _current(row, code).filter(file=replaces.file).update(removed_at=at):
            place = replaces.place
        if _count(_current(row, code)) >= MOST_FILES:
            raise PictureRefused(TOO_MANY)
        whose = {"application": row} if isinstance(row, Application) else {"walk_in": row}
        made = [
            MaterialPicture(
                **whose,
                code=code,
                round=_round(row),
                file=file_id,
                page=page,
                place=place,
                upload=upload,
                sent_at=at,
            )
            for page, upload in enumerate(stored, start=1)
        ]
        MaterialPicture.objects.bulk_create(made)
        _note(row, actor)
        audit.record("enrollment.picture_added", actor, subject=row, details={"material": code, "pages": len(stored)})
    return Sent(made)


def remove(*, case: Case, actor: Actor, picture: MaterialPicture) -> None:
    """Deletes the file of a picture; for ten minutes that can be taken back.

    Raises NotAvailable or RegisteredMeanwhile once the case is closed to the actor.
    """
    with transaction.atomic():
        row = _locked(case, actor)
        if _own(_current(row, picture.code), row, actor).filter(file=picture.file).update(removed_at=timezone.now()):
            _note(row, actor)
            audit.record("enrollment.picture_removed", actor, subject=row, details={"material": picture.code})


def restore(*, case: Case, actor: Actor, picture: MaterialPicture) -> None:
    """Takes the deletion of a file back; raises PictureRefused where its place is taken, and otherwise as `remove`."""
    with transaction.atomic():
        row = _locked(case, actor)
        if _count(_current(row, picture.code)) >= MOST_FILES:
            raise PictureRefused(TOO_MANY)
        gone = _own(row.pictures.can_come_back(timezone.now()), row, actor)
        if gone.filter(file=picture.file, round=_round(row)).update(removed_at=None):
            _note(row, actor)
            audit.record("enrollment.picture_restored", actor, subject=row, details={"material": picture.code})


def keep_as_is(*, case: Case, actor: Actor, picture: MaterialPicture) -> None:
    """Notes that the sender was warned about a file and wants it sent as it is; raises as `remove`."""
    with transaction.atomic():
        row = _locked(case, actor)
        _own(_current(row, picture.code), row, actor).filter(file=picture.file).update(kept_as_is=True)


def deleted(case: Case, actor: Actor) -> list[Sent]:
    """Files of this round whose deletion the actor can take back, the latest first."""
    rows = _own(case.pictures.can_come_back(timezone.now()), case, actor).filter(round=_round(case))
    return sorted(_files(rows), key=lambda sent: (sent.first.removed_at, sent.pk), reverse=True)


def hand_over(*, walk_in: WalkIn, application: Application) -> None:
    """Gives what a clerk took at the counter to the application that was made of it; belongs into its transaction."""
    rows = MaterialPicture.objects.filter(walk_in=walk_in)
    taken = documents.Upload.objects.filter(pk__in=list(rows.order_by().values_list("upload", flat=True)))
    taken.update(owner=application.resident, reference=str(application.pk))
    rows.update(application=application, walk_in=None)
    drop_surplus(application)


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
    upload_ids = [row.upload_id for row in rows if row.upload_id is not None]
    uploads.delete_all(upload_ids)
    return len(upload_ids)


def _require_open(case: Case, actor: Actor) -> None:
    if may_change(case, actor):
        return
    if isinstance(case, WalkIn):
        raise RegisteredMeanwhile
    raise NotAvailable(EnrollmentWorkflow.submit, case)


def _locked(case: Case, actor: Actor) -> Case:
    """The row of the case, held, if the actor can change its photos; raises as `add`."""
    if isinstance(case, WalkIn):
        entered = WalkIn.objects.select_for_update().filter(pk=case.pk).first()
        if entered is None:
            raise RegisteredMeanwhile
        _require_open(entered, actor)
        return entered
    row = Application.objects.select_for_update().get(pk=case.pk)
    if row.correction_round != case.correction_round:
        raise NotAvailable(EnrollmentWorkflow.submit, row)
    _require_open(row, actor)
    return row


def _note(row: Case, actor: Actor) -> None:
    """Raises the version of a case that somebody may be deciding, so that they decide about what they saw (REL-R2)."""
    if isinstance(row, WalkIn):
        WalkIn.objects.filter(pk=row.pk).update(saved_at=timezone.now())
    elif row.state in (State.SUBMITTED, *DECIDABLE):
        Application.objects.filter(pk=row.pk).update(version=F("version") + 1)


def _round(case: Case) -> int:
    return case.correction_round if isinstance(case, Application) else 0


def _current(case: Case, code: str) -> MaterialPictureQuerySet:
    """Photos of a material that can be replaced now."""
    return case.pictures.standing().filter(code=code, round=_round(case))


def _own(rows: MaterialPictureQuerySet, case: Case, actor: Actor) -> MaterialPictureQuerySet:
    """Those the actor may take away: in a submitted case colleagues and agents only what they took themselves."""
    if isinstance(case, WalkIn) or not actor.is_staff_role:
        return rows
    # A subquery, because a join cannot be updated.
    taken = documents.Upload.objects.filter(uploaded_by_id=actor.user_id).values("pk")
    return rows.filter(upload__in=taken) if actor.user_id else rows.none()


def _count(rows: MaterialPictureQuerySet) -> int:
    """How many files these pictures are."""
    return rows.order_by().values("file").distinct().count()


def _make_room(case: Case, code: str) -> None:
    """Erases the older of the deleted files, which count for the quota of files too."""
    rows = case.pictures.filter(code=code, round=_round(case), removed_at__isnull=False)
    gone = sorted(_files(rows), key=lambda sent: (sent.first.removed_at, sent.pk), reverse=True)
    erase(page for sent in gone[KEPT_DELETED:] for page in sent.pages)
