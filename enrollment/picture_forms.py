"""The page for photos of the materials: a field for every material, and one for every file that can be taken again."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from enrollment.pictures import MOST_AT_ONCE, TOO_MANY_AT_ONCE, Asked, PictureRefused, Sent

ANY_PAPER = {"accept": "image/*,application/pdf"}
"""Without `capture`, so that telephones offer the album and the camera (UX-R9)."""


class SeveralFiles(forms.FileInput):
    """A file control that takes several files at once."""

    allow_multiple_selected = True


class PhotosField(forms.Field):
    """The files chosen for one material; each is judged on its own when it is taken, so that none spoils another."""

    widget: type[forms.Widget] = SeveralFiles
    button_label = gettext_lazy("Choose photos or a PDF")

    def clean(self, value: Any) -> list[UploadedFile]:
        """Returns the files as they came; nothing for none."""
        return [file for file in value or [] if file is not None]


class OnePhotoField(PhotosField):
    """The file that takes the place of another."""

    widget = forms.FileInput
    button_label = gettext_lazy("Choose the new photo or PDF")

    def clean(self, value: Any) -> list[UploadedFile]:
        """Returns the one file; nothing for none."""
        return [value] if value is not None else []


class PicturesForm(forms.Form):
    """All photos of one request, by material."""

    def __init__(self, *args: Any, entries: list[list[Asked]], must: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entries = entries
        self.reasons: list[str] = []
        # Only the words "(optional)" hang on it: what is missing is said when the reader wants to go on.
        self.needed = {
            entry[0].code for entry in entries if must and len(entry) == 1 and entry[0].rule and entry[0].rule.required
        }
        self.targets: dict[str, tuple[Asked, Sent | None]] = {}
        for one in (one for entry in entries for one in entry if not one.is_waived):
            if one.room:
                self._ask(f"photos-{one.code}", PhotosField, _("Add photos of “%(name)s”") % {"name": one.name}, one)
            for number, sent in enumerate(one.files, start=1):
                label = _("Take photo %(number)d of “%(name)s” again") % {"number": number, "name": one.name}
                self._ask(f"again-{sent.pk}", OnePhotoField, label, one, sent)

    def _ask(self, name: str, kind: type[PhotosField], label: str, one: Asked, replaced: Sent | None = None) -> None:
        needed = replaced is None and one.code in self.needed and not one.files
        self.fields[name] = kind(label=label, required=needed, widget=kind.widget(attrs=self._attrs(kind)))
        self.targets[name] = (one, replaced)

    @staticmethod
    def _attrs(kind: type[PhotosField]) -> dict[str, Any]:
        return ANY_PAPER | ({"multiple": True} if kind is PhotosField else {})

    def chosen(self) -> Iterator[tuple[str, Asked, Sent | None, UploadedFile]]:
        """Every chosen file with its field, its material and the file it replaces; those over the number of one
        request are refused beside their field.
        """
        files = [(name, file) for name in self.targets for file in self.cleaned_data.get(name, [])]
        for number, (name, file) in enumerate(files):
            if number < MOST_AT_ONCE:
                yield (name, *self.targets[name], file)
            else:
                self.refuse(name, file, PictureRefused(TOO_MANY_AT_ONCE))

    def refuse(self, name: str, file: UploadedFile, refusal: PictureRefused) -> None:
        """Says beside the field which file was not taken and why."""
        self.reasons.append(str(refusal.message))
        self.add_error(name, _("“%(file)s”: %(why)s") % {"file": _short(file.name or ""), "why": refusal.message})

    def want(self, one: Asked, message: str) -> None:
        """Says beside the field of a material that a photo of it is needed."""
        name = f"photos-{one.code}"
        if name in self.fields and name not in self.errors:
            self.add_error(name, message)

    def rows(self) -> list[list["Row"]]:
        """The entries with their fields, for the template."""
        return [[Row(self, one) for one in entry] for entry in self.entries]


class Row:
    """One material as the template draws it: the field for more files, and every file with its own field."""

    def __init__(self, form: PicturesForm, one: Asked) -> None:
        self.asked = one
        self.field: BoundField | None = _bound(form, f"photos-{one.code}")
        self.files = [(sent, _bound(form, f"again-{sent.pk}")) for sent in one.files]


def _bound(form: PicturesForm, name: str) -> BoundField | None:
    return form[name] if name in form.fields else None


def _short(name: str, longest: int = 40) -> str:
    """The name of a file as people recognise it, cut in the middle where it is long."""
    return name if len(name) <= longest else f"{name[: longest // 2]}…{name[-longest // 2 :]}"
