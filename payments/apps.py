from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    name = "payments"
    label = "payments"
    verbose_name = _("Payments")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from payments import reactions, records
        from payments.workflow import NoticeWorkflow
        from portal.design.desk import register_nav, register_resident_nav
        from portal.documents.records import register_facts
        from portal.people.actors import Role

        register_resident_nav(_("My payments"), "payments:notices", roles=[Role.RESIDENT], order=40)
        register_nav(_("Payments"), "payments:desk", [Role.CASHIER, Role.AUDITOR], order=40)
        register_facts(records.SUBJECT_KIND, records.read_facts)
        NoticeWorkflow.settle.reactions += [reactions.retire_papers, reactions.tell_payers_paid]
        NoticeWorkflow.remind.reactions.append(reactions.remind_payers)
        NoticeWorkflow.expire.reactions.append(reactions.void_papers)
        NoticeWorkflow.cancel.reactions.append(reactions.void_papers)
        NoticeWorkflow.supersede.reactions.append(reactions.retire_papers)
        NoticeWorkflow.propose_refund.reactions.append(reactions.retire_papers)
        NoticeWorkflow.confirm_refund.reactions += [reactions.retire_papers, reactions.tell_payers_refunded]
