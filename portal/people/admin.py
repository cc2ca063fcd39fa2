"""Accounts and roles of staff in the Django admin; residents are not there (RELIABILITY §3)."""

from typing import Any

import allauth.account.admin
import allauth.mfa.admin  # noqa: F401 - registers what is taken away below
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal import audit
from portal.people.forms import IdentityNumberField
from portal.people.models import StaffGrant, User, identity_index
from portal.people.requests import acting

for model in (Group, EmailAddress, Authenticator):
    admin.site.unregister(model)


class StaffAccountForm(UserChangeForm):
    """An account; the identity number of its holder can be given, never read."""

    own_identity_number = IdentityNumberField(
        label=_("Identity number of the holder"),
        required=False,
        help_text=_("Keeps the holder from their own and their household's cases. Only a keyed index of it is stored."),
    )

    class Meta:
        model = User
        fields = ["username", "password", "display_name", "is_active", "is_superuser", "password_is_temporary"]

    def save(self, commit: bool = True) -> User:
        number = self.cleaned_data.get("own_identity_number")
        if number is not None:
            self.instance.own_id_index = identity_index(number.kind, number.normalized)
        return super().save(commit)


class NewAccountForm(AdminUserCreationForm):
    """A new account, with a password for the first sign-in."""

    class Meta:
        model = User
        fields = ["username", "display_name"]

    def save(self, commit: bool = True) -> User:
        self.instance.password_is_temporary = True
        return super().save(commit)


class PasswordResetForm(AdminPasswordChangeForm):
    """A password that an administrator sets, known to two people and therefore for the next sign-in only."""

    def save(self, commit: bool = True) -> User:
        self.user.password_is_temporary = True
        return super().save(commit)


class StaffGrantInline(admin.TabularInline):
    model = StaffGrant
    fk_name = "user"
    extra = 0
    raw_id_fields = ["region", "office"]
    readonly_fields = ["granted_by"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody grants themselves a role: a colleague does."""
        return obj is not None and obj != request.user

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return obj != request.user

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Grants are ended by a date, so that what was held when stays known."""
        return False


@admin.register(User)
class StaffAccountAdmin(UserAdmin):
    """Accounts of staff; those of residents do not appear."""

    form = StaffAccountForm
    add_form = NewAccountForm
    change_password_form = PasswordResetForm
    list_display = ["username", "display_name", "is_active", "is_superuser"]
    list_filter = ["is_active", "is_superuser", "grants__role"]
    search_fields = ["username", "display_name"]
    filter_horizontal = []
    inlines = [StaffGrantInline]
    fieldsets = [
        (None, {"fields": ["username", "password", "display_name", "own_identity_number"]}),
        (_("Access"), {"fields": ["is_active", "is_superuser", "password_is_temporary"]}),
    ]
    add_fieldsets = [(None, {"fields": ["username", "display_name", "password1", "password2"]})]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).filter(resident=None)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Accounts are switched off, never deleted: the timeline names them."""
        return False

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        details = {"fields": sorted(form.changed_data)}
        audit.record(
            "people.account_changed" if change else "people.account_made", acting(request), subject=obj, details=details
        )

    def save_formset(self, request: HttpRequest, form: forms.ModelForm, formset: Any, change: bool) -> None:
        for grant in formset.save(commit=False):
            if grant.granted_by_id is None:
                grant.granted_by = request.user
            grant.save()
            audit.record(
                "people.role_granted",
                acting(request),
                subject=grant,
                purpose=grant.reason,
                details={"role": grant.role},
            )
        formset.save_m2m()
