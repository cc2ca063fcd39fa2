"""Reads and cleans what clerks type; knows no workflow."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from enrollment.models import ApplicationMaterial, CorrectionItem
from enrollment.steps import Answer
from portal.design.fields import TrimmedCharField

LONGEST_REASON = 500

REJECTION_REASONS = [
    ("other_cover", _("Covered by another social medical insurance")),
    ("not_in_area", _("Does not live in the area")),
    ("no_ground", _("No household register, permit, school or card of this area")),
    ("materials", _("The required materials are missing or not genuine")),
    ("other", _("Another reason")),
]

NEXT_STEPS = [
    ("apply_later", _("Apply again when the reason no longer holds; nothing you gave is lost.")),
    ("other_region", _("Apply in the region where the household register is kept.")),
    ("end_other_cover", _("End the other insurance first, then apply again.")),
    ("visit", _("Come to the office with the original papers; the staff will help you.")),
]


REFUSALS = [
    ("unreadable", _("It cannot be read: blurred, cut off or too dark")),
    ("expired", _("It is no longer valid")),
    ("other_person", _("It belongs to somebody else, or the name differs")),
    ("incomplete", _("A page, a signature or a stamp is missing")),
    ("not_original", _("The original is needed, not a copy")),
    ("other", _("Another reason")),
]
"""Why a material is not accepted, in the words the resident reads."""

IDENTITY_PURPOSES = [
    ("compare", _("To compare it with the paper")),
    ("other_system", _("To look the person up in another system")),
    ("call", _("To answer the person on the telephone")),
    ("authority", _("An authority asked for it")),
]
"""Why a clerk needs the whole identity number; the audit log keeps the code."""

FIELD_REASONS = [
    _("Please write it exactly as in the household register."),
    _("Please write it exactly as on the identity card."),
    _("Something is missing here; please complete it."),
    _("This does not agree with your papers; please check it."),
]


class ViewForm(forms.Form):
    """The name of a saved view."""

    name = TrimmedCharField(label=_("Save this view as"), max_length=40)


class IdentityForm(forms.Form):
    """Why the whole identity number is needed."""

    purpose = forms.ChoiceField(label=_("Why do you need it?"), choices=[("", _("Choose")), *IDENTITY_PURPOSES])


class VersionForm(forms.Form):
    """The version of the case that the person saw; every decision carries it."""

    version = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)


class MaterialsForm(forms.Form):
    """How each paper was judged: `material-<code>`, and for those not accepted `why-<code>` and `words-<code>`."""

    def __init__(self, *args: Any, materials: Iterable[ApplicationMaterial], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.materials = [material for material in materials if not material.waived_by]
        for material in self.materials:
            self.fields[self.name_of(material)] = forms.ChoiceField(
                label=material.name,
                choices=ApplicationMaterial.Judgement.choices,
                required=False,
                initial=material.judged,
                widget=forms.RadioSelect,
            )
            self.fields[f"why-{material.code}"] = forms.ChoiceField(
                label=_("Why it is not accepted"),
                choices=[("", _("Choose")), *REFUSALS],
                required=False,
                initial=material.refusal_code,
            )
            self.fields[f"words-{material.code}"] = TrimmedCharField(
                label=_("In your words, for the resident"),
                required=False,
                max_length=LONGEST_REASON,
                initial=material.refusal_text,
            )

    @staticmethod
    def name_of(material: ApplicationMaterial) -> str:
        return f"material-{material.code}"

    def rows(self) -> list[tuple[ApplicationMaterial, Any, Any, Any]]:
        """Each material with its judgement, reason and words, for the template."""
        return [
            (material, self[self.name_of(material)], self[f"why-{material.code}"], self[f"words-{material.code}"])
            for material in self.materials
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for material in self.materials:
            if cleaned.get(self.name_of(material)) != ApplicationMaterial.Judgement.REFUSED:
                continue
            why = cleaned.get(f"why-{material.code}", "")
            if not why:
                self.add_error(f"why-{material.code}", _("Choose why it is not accepted; the resident reads it."))
            elif why == "other" and not cleaned.get(f"words-{material.code}", ""):
                self.add_error(f"words-{material.code}", _("Say in your words why it is not accepted."))
        return cleaned

    def reasons(self) -> dict[str, tuple[str, str]]:
        """Material code to reason and words, of those that were not accepted."""
        return {
            material.code: (self.cleaned_data[f"why-{material.code}"], self.cleaned_data[f"words-{material.code}"])
            for material in self.materials
        }

    def typed(self) -> list[str]:
        """What was judged, in words, for the page that says that it was not stored."""
        labels = dict(ApplicationMaterial.Judgement.choices)
        return [
            f"{material.name}{_(': ')}{labels[judged]} {self.cleaned_data[f'words-{material.code}']}".strip()
            for material in self.materials
            if (judged := self.cleaned_data[self.name_of(material)])
        ]

    def judgements(self) -> dict[str, str]:
        """Material code to judgement, of those that were sent."""
        return {material.code: self.cleaned_data[self.name_of(material)] for material in self.materials}


class RejectForm(VersionForm):
    """A rejection: the reason and what to do next, both as the resident will read them (B6)."""

    reason_code = forms.ChoiceField(label=_("Reason"), choices=[("", _("Choose")), *REJECTION_REASONS])
    reason = TrimmedCharField(
        label=_("Explain the reason to the resident"),
        help_text=_("In plain words. The resident, the helper and the decision paper show this text."),
        max_length=LONGEST_REASON,
        multiline=True,
    )
    next_step_code = forms.ChoiceField(
        label=_("What can the resident do next?"), choices=[("", _("Choose")), *NEXT_STEPS]
    )
    next_step = TrimmedCharField(
        label=_("Add to the next step"), max_length=LONGEST_REASON, required=False, multiline=True
    )


class NoteForm(forms.Form):
    """A remark for colleagues."""

    text = TrimmedCharField(
        label=_("Internal note"),
        help_text=_("Colleagues read it; residents never do."),
        max_length=1000,
        multiline=True,
    )


def refusal_words(material: ApplicationMaterial) -> str:
    """Why a material was not accepted, as the resident reads it."""
    label = str(dict(REFUSALS).get(material.refusal_code, "")) if material.refusal_code != "other" else ""
    return " ".join(part for part in (label, material.refusal_text) if part)[:LONGEST_REASON]


@dataclass(frozen=True)
class Requested:
    """One item of a correction as the clerk asks for it."""

    kind: str
    code: str
    reason: str


class CorrectionForm(VersionForm):
    """Everything that is to be put right, told once: a tick and a reason per answer and per material."""

    def __init__(
        self, *args: Any, answers: Iterable[Answer], materials: Iterable[ApplicationMaterial], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        Kind = CorrectionItem.Kind
        answers, materials = list(answers), [material for material in materials if not material.waived_by]
        self.items = [(Kind.FIELD, answer.key, answer.label) for answer in answers]
        self.items += [(Kind.MATERIAL, material.code, material.name) for material in materials]
        self.shown = [answer.value for answer in answers]
        self.shown += [material.get_judged_display() for material in materials]
        for kind, code, label in self.items:
            self.fields[f"ask-{kind}-{code}"] = forms.BooleanField(label=label, required=False)
            self.fields[f"reason-{kind}-{code}"] = TrimmedCharField(
                label=_("What is wrong, and how to put it right"),
                required=False,
                max_length=LONGEST_REASON,
                widget=forms.TextInput(
                    attrs={"aria-label": _("%(item)s: what is wrong") % {"item": label}, "list": "field-reasons"}
                ),
            )
        for material in materials:
            if material.judged == ApplicationMaterial.Judgement.REFUSED:
                self.initial[f"ask-{Kind.MATERIAL}-{material.code}"] = True
                self.initial[f"reason-{Kind.MATERIAL}-{material.code}"] = refusal_words(material)

    def rows(self) -> list[tuple[Any, Any, Any]]:
        """Tick, present value and reason of each item, for the template."""
        return [
            (self[f"ask-{kind}-{code}"], value, self[f"reason-{kind}-{code}"])
            for (kind, code, _label), value in zip(self.items, self.shown, strict=True)
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        ticked = [(kind, code) for kind, code, _label in self.items if cleaned.get(f"ask-{kind}-{code}")]
        for kind, code in ticked:
            if not cleaned.get(f"reason-{kind}-{code}", "").strip():
                self.add_error(f"reason-{kind}-{code}", _("Say what is wrong, so that the resident can put it right."))
        for kind, code, _label in self.items:
            if (kind, code) not in ticked and cleaned.get(f"reason-{kind}-{code}", "").strip():
                self.add_error(f"ask-{kind}-{code}", _("Tick the item as well, or clear its reason."))
        if not ticked and not self.errors:
            raise ValidationError(_("Choose at least one answer or material that is to be put right."))
        return cleaned

    def requested_rows(self) -> list[tuple[str, str]]:
        """Label and reason of the items asked for, as the resident's page shows them."""
        return [
            (str(label), self.cleaned_data[f"reason-{kind}-{code}"].strip())
            for kind, code, label in self.items
            if self.cleaned_data[f"ask-{kind}-{code}"]
        ]

    def requested(self) -> list[Requested]:
        """The items asked for, in the order of the page."""
        return [
            Requested(kind, code, self.cleaned_data[f"reason-{kind}-{code}"].strip())
            for kind, code, _label in self.items
            if self.cleaned_data[f"ask-{kind}-{code}"]
        ]
