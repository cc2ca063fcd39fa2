from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    name = "payments"
    label = "payments"
    verbose_name = _("Payments")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from payments import collective, held_papers, orders, reactions, receipt_papers, receipts, records, refunds
        from payments import print_runs as print_runs  # registers its job
        from payments import statements as statements  # registers its job
        from payments.workflow import NoticeWorkflow
        from portal.design.desk import register_nav, register_resident_nav
        from portal.documents.records import register_facts
        from portal.people.actors import Role

        register_resident_nav(_("My payments"), "payments:notices", roles=[Role.RESIDENT], order=20)
        register_nav(_("Payments"), "payments:desk", [Role.CASHIER, Role.AUDITOR], order=40)
        register_nav(_("Cash you hold"), "payments:cash", [Role.COMMITTEE_AGENT], order=45)
        counters = [Role.CASHIER, Role.COUNTY_REVIEWER, Role.AUDITOR]
        register_nav(_("Cash held by villages"), "payments:remittances", counters, order=46)
        register_nav(_("Print runs"), "payments:print_runs", [Role.CASHIER, Role.COUNTY_REVIEWER], order=42)
        register_nav(_("Cashier's window"), "payments:cashier", [Role.CASHIER], order=5)
        readers = [Role.CLERK, Role.COUNTY_REVIEWER, Role.CASHIER, Role.AUDITOR]
        register_nav(_("Unpaid notices"), "payments:unpaid", readers, order=55)
        register_nav(_("Finance"), "payments:finance", [Role.COUNTY_REVIEWER], order=45)
        register_facts(records.SUBJECT_KIND, records.read_facts)
        register_facts(held_papers.SUBJECT, held_papers.read_facts)
        register_facts(receipts.SUBJECT_KIND, receipt_papers.read_facts)
        NoticeWorkflow.settle.reactions += [
            reactions.retire_papers,
            reactions.tell_payers_paid,
            collective.settle_members,
            collective.renew_left,
            receipts.on_settled,
        ]
        NoticeWorkflow.remind.reactions.append(reactions.remind_payers)
        for ending in (NoticeWorkflow.settle, NoticeWorkflow.expire, NoticeWorkflow.cancel, NoticeWorkflow.supersede):
            ending.reactions.append(orders.retire)
        NoticeWorkflow.expire.reactions.append(reactions.void_papers)
        NoticeWorkflow.cancel.reactions += [reactions.void_papers, collective.renew_left]
        NoticeWorkflow.supersede.reactions += [reactions.retire_papers, collective.renew_left]
        NoticeWorkflow.propose_refund.reactions.append(reactions.retire_papers)
        NoticeWorkflow.refuse_refund.reactions.append(reactions.retire_papers)
        NoticeWorkflow.confirm_refund.reactions += [
            refunds.book_refunds,
            receipts.on_refunded,
            reactions.retire_papers,
            reactions.tell_payers_refunded,
        ]
