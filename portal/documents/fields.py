"""The form field for pictures: says size and kind beforehand, and judges size and first bytes before anything is
decoded.
"""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from portal.documents.imaging import Rejected, check_envelope
from portal.documents.uploads import MESSAGES


class PictureField(forms.FileField):
    """One photo. The view hands the cleaned file to `uploads.store_image` and shows its refusal beside this field."""

    default_error_messages = {"required": _("Choose a photo."), "empty": MESSAGES["empty"]}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", _("JPEG, PNG or HEIC, at most 5 MB. A photo taken with your phone is fine."))
        kwargs.setdefault("widget", forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/heic,image/heif"}))
        super().__init__(**kwargs)

    def clean(self, data: Any, initial: Any = None) -> UploadedFile | None:
        file: UploadedFile | None = super().clean(data, initial)
        if file:
            head = file.read(16)
            file.seek(0)
            try:
                check_envelope(file.size or 0, head)
            except Rejected as refusal:
                raise ValidationError(MESSAGES[refusal.code], code=refusal.code) from refusal
        return file
