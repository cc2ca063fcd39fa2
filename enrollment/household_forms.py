"""Reads what is typed on the pages of a family; knows no workflow."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from enrollment.forms import YearForm
from portal.people.models import Resident


class PeopleForm(forms.Form):
    """Whom of the family to register: the boxes of oneself and of everybody one may act for."""

    who = forms.MultipleChoiceField(
        label=_("Who is to be insured?"),
        help_text=_("Choose everybody whom you register today. Each of them is decided on their own."),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one person.")},
    )

    def __init__(self, *args: Any, people: Iterable[tuple[Resident, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = {str(person.pk): person for person, _label in people}
        self.fields["who"].choices = [(str(person.pk), label) for person, label in people]

    def chosen(self) -> list[Resident]:
        """The people in the order of the page."""
        return [person for key, person in self.people.items() if key in self.cleaned_data["who"]]


class FamilyYearForm(YearForm):
    """The year for which the family registers, on the page on which its members are chosen."""
