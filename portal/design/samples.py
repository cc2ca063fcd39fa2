"""Made-up content of the style guide: every component and every state of a form."""

from datetime import date, datetime, timedelta
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Div, Fieldset, Layout, Submit
from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.design.components import PageLinks, Progress, SummaryRow, Task, TimelineItem
from portal.design.fields import (
    DatePartsField,
    DeclarationField,
    IdentityNumberField,
    PersonNameField,
    PhoneField,
    TrimmedCharField,
)

REFUSED: dict[str, Any] = {
    "name": "张 3",
    "identity_number": "450302195603080011",
    "phone": "12345",
    "birth_date_year": "2025",
    "birth_date_month": "2",
    "birth_date_day": "30",
    "category": "",
    "channels": [],
    "town": "",
    "remark": "",
}


class SampleForm(forms.Form):
    """One field of each kind."""

    name = PersonNameField(label=_("Name"), help_text=_("As on the identity card, with the dot · if the name has one."))
    identity_number = IdentityNumberField(
        label=_("Identity number"),
        help_text=_("18 characters. Spaces and a small x are fine."),
        widget=forms.TextInput(attrs={"class": "govuk-input--width-20 govuk-input--extra-letter-spacing"}),
    )
    phone = PhoneField(label=_("Mobile number"), help_text=_("We send messages about this case to this number."))
    birth_date = DatePartsField(
        label=_("Date of birth"), help_text=_("For example 1956 3 8"), birthday=True, latest=timezone.localdate
    )
    category = forms.ChoiceField(
        label=_("Who is to be insured?"),
        widget=forms.RadioSelect,
        choices=[("self", _("Myself")), ("child", _("My child")), ("parent", _("A parent or another adult"))],
    )
    channels = forms.MultipleChoiceField(
        label=_("How may we reach you?"),
        widget=forms.CheckboxSelectMultiple,
        choices=[("sms", _("Text message")), ("call", _("Telephone call")), ("post", _("Letter"))],
    )
    town = forms.ChoiceField(
        label=_("Town or street"),
        choices=[
            ("", _("Please choose")),
            ("450302001", _("Jiashan Street (sample)")),
            ("450302002", _("Lijun Street (sample)")),
        ],
    )
    photo = forms.FileField(
        label=_("Photo of the identity card, front side"),
        help_text=_("A photo or a PDF, at most 10 MB. All four corners must be visible."),
        widget=forms.FileInput(attrs={"accept": "image/*,application/pdf"}),
    )
    remark = TrimmedCharField(label=_("Anything we should know"), multiline=True, required=False, max_length=500)
    truthful = DeclarationField(label=_("I confirm that what I have entered is true and complete."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        setattr(self.fields["category"], "option_hints", {"child": _("Under 16: you apply as the guardian.")})  # noqa: B010
        self.helper = FormHelper()
        self.helper.layout = Layout(
            Fieldset(_("Person"), "name", "identity_number", "phone", "birth_date"),
            Fieldset(_("Details"), "category", "channels", "town", "photo", "remark"),
            "truthful",
            Div(
                Submit("continue", _("Save and continue")),
                Submit("later", _("Save and finish later"), css_class="secondary"),
                HTML('<a class="govuk-link" href="#main">{{ cancel_label }}</a>'),
                css_class="govuk-button-group",
            ),
        )


def guide_context(*, refused: bool) -> dict[str, Any]:
    """Builds the context of the style guide; with `refused` the form shows its errors."""
    now = timezone.make_aware(datetime(2026, 11, 21, 9, 30))
    today = date(2026, 11, 21)
    return {
        "form": SampleForm(REFUSED if refused else None),
        "refused": refused,
        "cancel_label": _("Cancel"),
        "tasks": [
            Task(_("Personal information"), "#main", "completed"),
            Task(_("Address and contact"), "#main", "in_progress"),
            Task(_("Photos of papers"), "#main", "problem", _("The back of the identity card is too dark.")),
            Task(_("Check and submit"), "", "cannot_start", _("Possible when the parts above are complete.")),
        ],
        "rows": [
            SummaryRow(_("Name"), "韦𠮷", "#main"),
            SummaryRow(_("Identity number"), "4****************9", "#main"),
            SummaryRow(_("Address"), "", "#main", lines=["广西桂林市秀峰区", "甲山街道示例路 1 号"]),
            SummaryRow(_("Remark"), "", "#main"),
        ],
        "timeline_items": [
            TimelineItem(_("You submitted the application"), Progress.DONE, at=now - timedelta(days=1)),
            TimelineItem(_("Automatic checks passed"), Progress.DONE, at=now - timedelta(hours=23)),
            TimelineItem(
                _("The service point reviews your application"),
                Progress.NOW,
                due=today + timedelta(days=4),
                actor=_("Jiashan Street medical insurance service point (sample)"),
                text=_("1 of 3 working days used."),
            ),
            TimelineItem(_("You receive the payment notice"), Progress.NEXT),
            TimelineItem(_("You are insured"), Progress.NEXT),
        ],
        "page": PageLinks("#main", "#main", 50, 1234),
        "tab_items": [
            {"label": _("Mine and unassigned"), "url": "#main", "current": True, "count": 12},
            {"label": _("Returned"), "url": "#main", "current": False, "count": 3},
            {"label": _("Decided"), "url": "#main", "current": False, "count": 208},
        ],
        "today": today,
        "now": now,
        "fen": 40000,
        "colours": ["grey", "green", "turquoise", "blue", "light-blue", "purple", "pink", "red", "orange", "yellow"],
    }
