"""The form of a correction: built from the sections it takes its fields from."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from enrollment import pictures, steps
from enrollment.models import Application, CorrectionItem
from portal.design.fields import DeclarationField

BY_HAND = _("I have handed in “%(name)s” at the office as asked, or bring it within the time.")
BY_HAND_OR_PHOTO = _(
    "I have sent new photos of “%(name)s”, or handed it in at the office as asked, or bring it within the time."
)
ON_BEHALF = _("“%(name)s” was handed in as asked, or comes within the time.")


class CorrectionAnswersForm(forms.Form):
    """Exactly the answers and materials asked about, each with the clerk's reason beside it.

    Fields are named by `section.field` and `material.<code>`; anything else that is posted is ignored (N20).
    """

    def __init__(self, *args: Any, application: Application, items: Iterable[CorrectionItem], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.items = list(items)
        handed_in = self.by_hand(application)
        names = {material.code: material.name for material in application.materials.all()}
        for item in self.items:
            if item.kind == CorrectionItem.Kind.MATERIAL:
                name = names.get(item.code, item.code)
                self.fields[f"material.{item.code}"] = DeclarationField(
                    label=handed_in % {"name": name},
                    help_text=item.reason,
                    error_messages={"required": _("Confirm what is said about “%(name)s”") % {"name": name}},
                )
            else:
                self.fields[item.code] = self._field(application, item)

    def by_hand(self, application: Application) -> Any:
        """What is declared about a material, with a place for its name."""
        return BY_HAND if pictures.mode_of(application) == pictures.OFF else BY_HAND_OR_PHOTO

    @staticmethod
    def _field(application: Application, item: CorrectionItem) -> forms.Field:
        code, name = item.code.split(".")
        section = steps.BY_CODE[code]
        initial = steps.initial_answers(application, section)
        field = section.build(application, None, initial).fields[name]
        field.initial = initial.get(name)
        field.help_text = item.reason
        return field

    def answers(self) -> dict[str, Any]:
        """The corrected answers by `section.field`."""
        return {
            item.code: self.cleaned_data[item.code] for item in self.items if item.kind == CorrectionItem.Kind.FIELD
        }

    def handed_in(self) -> list[str]:
        """Codes of the materials the resident says to have handed in."""
        return [item.code for item in self.items if item.kind == CorrectionItem.Kind.MATERIAL]


class OnBehalfForm(CorrectionAnswersForm):
    """The same, entered at the counter or by the agent of the village for somebody who is not online."""

    word_given = DeclarationField(
        label=_("The resident, or whoever acts for them, gave me these corrections. I enter them in their name."),
        error_messages={"required": _("Confirm from whom you have the corrections")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields([*(name for name in self.fields if name != "word_given"), "word_given"])

    def by_hand(self, application: Application) -> Any:
        return ON_BEHALF
