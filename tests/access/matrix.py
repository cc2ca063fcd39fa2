"""The one table of who gets which answer at which address (RELIABILITY §3, M1).

A row names the roles a page is for, in letters: R resident, V committee agent, S service-point clerk, C county
reviewer, K card clerk, M cashier, H hotline, A administrator, U auditor; `PUBLIC` is everybody, `SIGNED_IN` whoever has
signed in. `get` and `post` are the answers to them, for an empty form; 405 where the method is not offered. `thing` is
the row of the test world that the address names, `sees` the roles in whose scope it lies; other roles of the page
get 404. Everybody else gets 403, visitors the sign-in page. HEAD answers like GET; PUT and DELETE are offered nowhere.
"""

from dataclasses import dataclass, field
from typing import Any

from portal.people.actors import Role

LETTERS = {
    "R": Role.RESIDENT,
    "V": Role.COMMITTEE_AGENT,
    "S": Role.CLERK,
    "C": Role.COUNTY_REVIEWER,
    "K": Role.CARD_CLERK,
    "M": Role.CASHIER,
    "H": Role.HOTLINE,
    "A": Role.ADMIN,
    "U": Role.AUDITOR,
}
STAFF = "VSCKMHAU"
SIGNED_IN = "R" + STAFF
PUBLIC = "public"


@dataclass(frozen=True)
class Row:
    roles: str
    get: int = 405
    post: int = 405
    thing: str = ""
    sees: str = ""
    more: dict[str, Any] = field(default_factory=dict)
    differs: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_public(self) -> bool:
        return self.roles == PUBLIC

    def expected(self, role: Role | None, method: str) -> int:
        """The status that a role, or a visitor, gets for a method."""
        letter = next((letter for letter, one in LETTERS.items() if one == role), "")
        if not self.is_public and letter == "":
            return 302
        if not self.is_public and letter not in self.roles:
            return 403
        get, post = self.differs.get(letter, (self.get, self.post))
        status = {"GET": get, "HEAD": get, "POST": post}.get(method, 405)
        is_blind = self.thing and not self.is_public and letter not in (self.sees or self.roles)
        return 404 if is_blind and status != 405 else status


def own(thing: str, roles: str = "R", get: int = 405, post: int = 405, **fields: Any) -> Row:
    """A page about one row."""
    return Row(roles, get, post, thing=thing, **fields)


DESK, DECIDE = "SCU", "SC"
PICK_FIRST = {"": (302, 405)}  # a visitor without a place chooses one first

TABLE: dict[str, Row] = {
    "healthz": Row(PUBLIC, 200),
    "readyz": Row(PUBLIC, 503),  # no sweep runs in the test world
    "home": Row(PUBLIC, 200),
    "lookup": Row(PUBLIC, 200, 200),
    "lookup_case": own("application", PUBLIC, 200, differs={"R": (302, 405)}),
    # people
    "people:sign_in": Row(PUBLIC, 200, 200, differs={"R": (302, 302)}),
    "people:sign_in_code": Row(PUBLIC, 302, 302),
    "people:sign_out": Row(PUBLIC, 200, 302),
    "people:staff_sign_out": Row(PUBLIC, 200, 302),
    "people:sign_out_everywhere": Row("R", post=302),
    "people:signed_out": Row(PUBLIC, 200),
    "people:keep": Row(SIGNED_IN, post=204),
    "people:staff_sign_in": Row(PUBLIC, 200, 200, differs=dict.fromkeys(STAFF, (302, 302))),
    "people:staff_role": Row(STAFF, 200, 404),
    "people:staff_password": Row(STAFF, 200, 200),
    "people:second_factor": Row(STAFF, 302, 302),
    "people:second_factor_set_up": Row(STAFF, 200, 200),
    "people:second_factor_codes": Row(STAFF, 302, 302),
    "people:family": Row("R", 200),
    "people:child": Row("R", 200, 200),
    "people:desk_find": Row(DECIDE, 200, 200),
    "people:desk_person": own("person", DECIDE, 200),
    "people:desk_confirm_identity": own("person", DECIDE, post=200),
    "people:desk_bind_phone": own("person", DECIDE, post=200),
    # regions
    "regions:pick": Row(PUBLIC, 200, 200),
    "regions:rules": Row("AU", 200),
    "regions:calculator": Row("AU", 404),
    "regions:calendar": Row("AU", 200),
    "regions:calendar_import": Row("A", post=422),
    "regions:change": own("rule", "AU", 200),
    "regions:publish": own("rule", "A", post=409),
    "regions:withdraw": own("rule", "A", post=302),
    "regions:roll_back": own("rule", "A", post=404),
    "regions:edit_fee": Row("A", 200, 200, more={"code": "450302", "key": "premium.2027"}),
    "regions:edit_material": Row("A", 404, 404, more={"code": "450302", "key": "nothing"}),
    # design, help, demo
    "design:language": Row(PUBLIC, 302, more={"code": "en"}),
    "design:display": Row(PUBLIC, 302, more={"mode": "elder"}),
    "design:guide": Row(PUBLIC, 200),
    "help:index": Row(PUBLIC, 200),
    "help:offices": Row(PUBLIC, 200),
    "help:page": Row(PUBLIC, 404, more={"slug": "nothing"}),
    "help:feedback": Row(PUBLIC, 200, 200),
    "help:feedback_thanks": Row(PUBLIC, 200),
    "help:feedback_counts": Row("AU", 200),
    "demo:index": Row(PUBLIC, 200),
    # jobs, messages, papers, pictures
    "jobs:show": own("job", SIGNED_IN, 200, sees="S"),
    "jobs:stop": own("job", SIGNED_IN, post=302, sees="S"),
    "jobs:download": own("job", SIGNED_IN, 404, sees="S"),
    "outbox:messages": Row("R", 200),
    "outbox:unsent": Row("A", 200),
    "outbox:send_again": own("message", "A", post=302),
    "outbox:delivery_report": Row(PUBLIC, post=403),
    "outbox:demo_phone": Row(PUBLIC, 200),
    "documents:paper_check_form": Row(PUBLIC, 200),
    "documents:paper_check": Row(PUBLIC, 404, more={"code": "NOTHING"}),
    "documents:upload": own("upload", SIGNED_IN, 200, sees="RSCU"),
    # payments
    "payments:notices": Row("R", 200),
    "payments:notice": own("notice", "RVSCKMU", 200, sees="RSCMU"),
    "payments:paper": own("notice", "RVSCKMU", 200, sees="RSCMU", more={"form": "print"}),
    "payments:cash": Row("V", 200),
    "payments:cash_take": own("agent_notice", "V", 200, 200),
    "payments:cash_held": own("held", "V", 200, 200),
    "payments:cash_slip": own("held", "RVMCU", 200, more={"fmt": "html"}),
    "payments:remittances": Row("MCU", 200),
    "payments:remittance": own("agent", "MCU", 200, 200, differs={"C": (200, 404), "U": (200, 404)}),
    "payments:desk": Row("MU", 200),
    "payments:desk_notice": own("notice", "MU", 200),
    "payments:propose_refund": own("notice", "M", post=302),
    "payments:confirm_refund": own("notice", "M", post=409),
    "payments:refuse_refund": own("notice", "M", post=409),
    "payments:payouts": Row("MU", 200),
    "payments:payout": own("payout", "MU", 200, 200, differs={"U": (200, 403)}),
    "payments:receipt": own("receipt", "RVSCKMU", 200, sees="RSCMU"),
    "payments:receipt_paper": own("receipt", "RVSCKMU", 200, sees="RSCMU", more={"form": "print"}),
    "payments:void_receipt": own("receipt", "M", post=200),
    "payments:exceptions": Row("MU", 200),
    "payments:exception": own("exception", "MU", 200, 200, differs={"U": (200, 403)}),
    "payments:confirm_decision": own("exception", "M", post=302),
    "payments:statements": Row("MU", 200, 200, differs={"U": (200, 403)}),
    "payments:statement": own("statement", "MU", 200),
    "payments:days": Row("MCU", 200),
    "payments:day": Row("MCU", 404, 404, more={"on": "never", "channel": "coop"}),
    "payments:finance": Row("MCU", 200),
    "payments:finance_table": Row("MCU", 200, more={"table": "funnel"}),
    "payments:pay": own("notice", "R", 200, 302),
    "payments:order": own("order", "R", 200),
    "payments:callback": Row(PUBLIC, post=400, more={"provider": "wechat"}),
    "payments:unpaid": Row("SCMU", 200),
    "payments:cashier": Row("M", 200),
    "payments:cashier_day": Row("M", 200, 200),
    "payments:cashier_notice": own("notice", "M", 200, 200),
    "payments:cashier_done": own("taken", "M", 200, more={"given": "x"}),
    "payments:sandbox": Row(PUBLIC, 200),
    "payments:sandbox_send": Row(PUBLIC, post=302),
    "payments:sandbox_statement": Row(PUBLIC, 200, more={"kind": "wechat"}),
    "payments:sandbox_cashier": Row(PUBLIC, 404, 404, more={"token": "nothing"}),
    "payments:sandbox_native": Row(PUBLIC, post=401),
    "payments:sandbox_h5": Row(PUBLIC, post=401),
    "payments:sandbox_refund_query": Row(PUBLIC, 401, more={"number": "nothing"}),
    "payments:sandbox_query": Row(PUBLIC, 401, more={"number": "nothing"}),
    "payments:sandbox_close": Row(PUBLIC, post=401, more={"number": "nothing"}),
    "payments:sandbox_refund": Row(PUBLIC, post=401),
    "payments:sandbox_alipay": Row(PUBLIC, 200, 200),
    "payments:print_runs": Row("CM", 200, 200),
    "payments:print_run": own("print_run", "CM", 200, sees="M"),
    "payments:print_run_again": own("print_run", "CM", post=302, sees="M"),
    "payments:print_run_file": own("print_run", "CM", 404),  # a finished run whose file is gone
    "payments:counter": Row(PUBLIC, 200, 200),
    "payments:counter_proof": Row(PUBLIC, 404, more={"token": "nothing"}),
    # enrolment
    "enrollment:check": Row(PUBLIC, 200, 200, differs={"": (302, 302)}),
    "enrollment:materials": Row(PUBLIC, 200, differs=PICK_FIRST),
    "enrollment:blank_form": Row(PUBLIC, 200, more={"fmt": "html"}, differs=PICK_FIRST),
    "enrollment:materials_paper": Row(PUBLIC, 200, more={"fmt": "html"}, differs=PICK_FIRST),
    "enrollment:simulator": Row(PUBLIC, 200, 200, differs={"": (302, 302)}),
    "enrollment:attorney_blank": Row(PUBLIC, 200, more={"fmt": "html"}, differs=PICK_FIRST),
    "enrollment:attorney": Row("R", 200),
    "enrollment:attorney_new": Row("R", 200, 200),
    "enrollment:mandate": own("mandate", "R", 200),
    "enrollment:mandate_paper": own("mandate", "R", 200, more={"fmt": "html"}),
    "enrollment:mandate_end": own("mandate", "R", post=302),
    "enrollment:desk_attorney": Row(DESK, 200),
    "enrollment:desk_mandate": own("mandate", DESK, 200),
    "enrollment:mandate_confirm": own("mandate", DECIDE, post=200),
    "enrollment:mandate_refuse": own("mandate", DECIDE, post=200),
    "enrollment:coordination": Row(PUBLIC, 200, differs=PICK_FIRST),
    "enrollment:my_coordination": Row("R", 302),
    "enrollment:coordination_register": Row("R", 302, 302, more={"employment": "unit"}),
    "enrollment:registration": own("registration", "R", 200, 200),
    "enrollment:registration_give_up": own("registration", "R", post=409),
    "enrollment:desk_coordination": Row(DESK, 200),
    "enrollment:desk_registration": own("registration", DESK, 200, sees="CU"),
    "enrollment:registration_act": own("registration", DECIDE, post=409, sees="C", more={"verb": "accept"}),
    "enrollment:resume": Row(PUBLIC, 404, more={"token": "nothing"}),
    "enrollment:resume_send": own("draft", "R", post=302),
    "enrollment:mine": Row("R", 200),
    "enrollment:start": Row("R", 200, 200),
    "enrollment:application": own("application", "R", 200),
    "enrollment:tasks": own("draft", "R", 200),
    "enrollment:check_answers": own("draft", "R", 200, 200),
    "enrollment:section": own("draft", "R", 200, 200, more={"code": "contact"}),
    "enrollment:pictures": own("draft", "R", 200, 302),
    "enrollment:receipt": own("application", "R", 200),
    "enrollment:receipt_paper": own("application", "RVSCU", 200, sees="RSCU", more={"fmt": "html"}),
    "enrollment:form_paper": own("application", "RVSCU", 200, sees="RSCU", more={"fmt": "html"}),
    "enrollment:request_paper": own("application", "RVSCU", 404, sees="RSCU", more={"fmt": "html"}),
    "enrollment:decision_paper": own("application", "RVSCU", 404, sees="RSCU", more={"fmt": "html"}),
    "enrollment:appeal": own("application", "R", 302, 302),
    "enrollment:correct": own("application", "R", 302, 302),
    "enrollment:withdraw": own("application", "R", 200, 409),
    "enrollment:discard": own("draft", "R", 200, 409),
    "enrollment:restore": own("draft", "R", post=302),
    "enrollment:case_pictures": own("application", "VS", 200, 302, sees="S"),
    "enrollment:answer": own("application", "VS", 302, 409, sees="S"),
    "enrollment:desk": Row(STAFF, 200, differs=dict.fromkeys(DESK + "V", (302, 405))),
    "enrollment:committee": Row("V", 200),
    "enrollment:committee_register": Row("V", 200, 200),
    "enrollment:committee_cases": Row("V", 200),
    "enrollment:committee_case": own("agent_case", "V", 200),
    "enrollment:rosters": Row("VSCU", 200),
    "enrollment:roster_upload": Row("V", 200, 200),
    "enrollment:roster_template": Row("V", 200, more={"fmt": "csv"}),
    "enrollment:roster": own("roster", "VSCU", 200, sees="VCU"),
    "enrollment:roster_submit": own("roster", "V", post=200),
    "enrollment:roster_go_on": own("roster", "V", post=302),
    "enrollment:roster_corrections": own("roster", "V", 302, 302),
    "enrollment:roster_list": own("roster", "VSCU", 200, sees="VCU"),
    "enrollment:roster_cover": own("roster", "VSCU", 200, sees="VCU", more={"fmt": "html"}),
    "enrollment:roster_notices": own("roster", "V", post=200),
    "enrollment:renewals": Row("CAU", 200, 200),
    "enrollment:renewal": own("campaign", "CAU", 200),
    "enrollment:renewal_stop": own("campaign", "CA", post=302),
    "enrollment:renewal_resume": own("campaign", "CA", post=302),
    "enrollment:queue": Row(DESK, 200),
    "enrollment:review": own("application", DESK, 200),
    "enrollment:queue_new": Row(DESK, 200),
    "enrollment:save_view": Row(DESK, post=302),
    "enrollment:drop_view": own("saved_view", DESK, post=302, sees="S"),
    "enrollment:shortcuts": Row(DESK, post=302),
    "enrollment:day": Row(DECIDE, 200),
    "enrollment:workload": Row(DESK, 200),
    "enrollment:bulk_select": Row(DECIDE, post=302),
    "enrollment:bulk": own("bulk", DECIDE, 200, sees="S"),
    "enrollment:bulk_start": own("bulk", DECIDE, post=302, sees="S"),
    "enrollment:bulk_file": own("bulk", DECIDE, 200, sees="S"),
    "enrollment:undo": own("application", DECIDE, post=409),
    "enrollment:take_over": own("application", DECIDE, post=302),
    "enrollment:give_back": own("application", DECIDE, post=302),
    "enrollment:identity": own("application", DECIDE, 200, 200),
    "enrollment:next_case": own("application", DECIDE, 302),
    "workflow:operations": Row("AU", 200),
    "workflow:retry_case": own("application", "A", post=404, more={"workflow": "enrollment"}),
    "workflow:retry_reaction": own("reaction", "A", post=302),
    "workflow:retry_job": own("failed_job", "A", post=302),
    "enrollment:judge": own("application", DECIDE, post=409),
    "enrollment:approve": own("application", DECIDE, post=409),
    "enrollment:ask_correction": own("application", DECIDE, 200, 200),
    "enrollment:reject": own("application", DECIDE, 200, 200),
    "enrollment:note": own("application", DECIDE, post=302),
    "enrollment:household_start": Row("R", 200, 200),
    "enrollment:household": own("pack", "R", 200),
    "enrollment:household_people": own("pack", "R", 200, 200),
    "enrollment:household_shared": own("pack", "R", 200, 200, more={"code": "contact"}),
    "enrollment:household_check": own("pack", "R", 302, 302),
    "enrollment:household_receipt": own("pack", "R", 302),
    "enrollment:household_pay": own("pack", "R", post=302),
    "enrollment:household_section": own("pack_member", "R", 200, 200, more={"code": "cover"}),
    "enrollment:household_leave_out": own("pack_member", "R", post=302),
    "enrollment:walk_in_look_up": Row("S", 200, 200),
    "enrollment:walk_in": own("walk_in", "S", 200, 409),
    "enrollment:walk_in_pictures": own("walk_in", "S", 200, 302),
    "enrollment:walk_in_discard": own("walk_in", "S", post=302),
    "enrollment:walk_in_done": own("walk_in", "S", 302),
    "enrollment:walk_in_next": own("walk_in", "S", post=302),
    "enrollment:walk_in_finish": own("walk_in", "S", post=302),
    # cards
    "cards:about": Row(PUBLIC, 200, differs=PICK_FIRST),
    "cards:entry": Row(PUBLIC, 200, 200),
    "cards:service": Row(PUBLIC, 200, more={"kind": "lost"}, differs=PICK_FIRST),
    "cards:start": Row("R", 200, 200),
    "cards:mine": Row("R", 200),
    "cards:application": own("card_review", "R", 200),
    "cards:personal": own("card_draft", "R", 200, 200),
    "cards:check": own("card_draft", "R", 200, 200),
    "cards:form": own("card_review", "R", 200),
    "cards:form_paper": own("card_review", "R", 200, more={"fmt": "html"}),
    "cards:pay": own("card_review", "R", 200),
    "cards:correct": own("card_review", "R", 302, 302),
    "cards:withdraw": own("card_review", "R", 200, 409),
    "cards:agent_code": own("card_ready", "R", post=200),
    "cards:card": own("card", "R", 200),
    "cards:activate": own("card", "R", 200, 200),
    "cards:loss": own("card", "R", post=409),
    "cards:queue": Row("KU", 200),
    "cards:review": own("card_review", "KU", 200),
    "cards:photo": own("card_review", "KSU", 200, sees="KU"),
    "cards:approve": own("card_review", "K", post=409),
    "cards:ask_correction": own("card_review", "K", 200, 200),
    "cards:reject": own("card_review", "K", 200, 200),
    "cards:hand_over": own("card_ready", "KS", 200, 200),
    "cards:turn_away": own("card_ready", "KS", 200, 200),
    "cards:production": Row("KU", 200),
    "cards:make_batch": Row("K", post=302),
    "cards:report": Row("K", 200, 200),
    "cards:batch": own("batch", "KU", 200),
    "cards:batch_file": own("batch", "K", 200),
    "cards:batch_pictures": own("batch", "K", 200),
    "cards:pickup": Row("KS", 200),
    "cards:telephone": Row("H", 200, 200),
    "cards:desk_card": own("card", "KSHU", 200),
    "cards:activate_on_site": own("card", "KS", post=200),
    "cards:move_card": own("card", "KH", post=409, more={"name": "report_loss"}),
}
