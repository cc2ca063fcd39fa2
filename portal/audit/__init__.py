"""The append-only log of who changed configuration, who saw personal data and what was refused.

    from portal.audit import record
    record("policy.published", request.actor, subject=rule, purpose="yearly amount")

Entries hold ids and codes only; `details` must never carry names, numbers or free text about a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps as installed

if TYPE_CHECKING:
    from django.db.models import Model

    from .models import AuditEntry


def record(
    action: str,
    actor: Any,
    *,
    subject: Model | None = None,
    purpose: str = "",
    outcome: str = "ok",
    details: dict[str, Any] | None = None,
) -> AuditEntry:
    """Write one audit entry in the caller's transaction (RELIABILITY §4.5)."""
    entries = installed.get_model("audit", "AuditEntry").objects
    return entries.create(
        action=action,
        actor_role=str(actor.role),
        actor_user_id=actor.user_id,
        actor_office_id=actor.office_id,
        acting_for_id=actor.acting_for_id,
        subject_label=subject._meta.label if subject is not None else "",
        subject_id=str(subject.pk) if subject is not None else "",
        purpose=purpose,
        outcome=outcome,
        details=details or {},
    )
