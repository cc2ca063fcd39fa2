"""Reads a remark about a page."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Layout, Submit
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.design.fields import TrimmedCharField
from portal.help.models import Rating


class FeedbackForm(forms.Form):
    """A grade, a remark, or both; no name, no number."""

    page = TrimmedCharField(max_length=200, widget=forms.HiddenInput, required=False)
    rating = forms.TypedChoiceField(
        label=gettext_lazy("How satisfied are you with this page or service?"),
        choices=Rating.choices,
        coerce=int,
        empty_value=None,
        required=False,
        widget=forms.RadioSelect,
    )
    text = TrimmedCharField(
        label=gettext_lazy("What went well, what was hard?"),
        help_text=gettext_lazy("Please write no names, identity numbers or telephone numbers."),
        multiline=True,
        required=False,
        max_length=1000,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = FormHelper()
        self.helper.layout = Layout("page", "rating", "text", Submit("send", gettext_lazy("Send feedback")))

    def clean_page(self) -> str:
        """Keeps the path only: queries may hold numbers."""
        return str(self.cleaned_data["page"]).split("?")[0] or "/"

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and data.get("rating") is None and not data.get("text"):
            raise forms.ValidationError(_("Choose a grade or write a remark"), code="empty")
        return data
