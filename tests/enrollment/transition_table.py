"""Who may move an application from where: written by hand and compared with the declaration (B3).

Each line names a transition, the states it leaves, the state it reaches and the roles that may fire it. Roles:
R resident, A committee agent, C clerk, V county reviewer, S the portal itself.
"""

R, A, C, V, S = "resident", "committee_agent", "clerk", "county_reviewer", "system"

SAME = None

TABLE = {
    "submit": (["draft"], "submitted", [R, A, C]),
    "collect": (["submitted"], "awaiting_payment", [S]),
    "accept": (["submitted"], "under_review", [S]),
    "approve": (["under_review"], "approved", [C]),
    "reject": (["under_review"], "rejected", [C]),
    "ask_correction": (["under_review"], "correction_required", [C]),
    "deem_approved": (["under_review"], "approved", [S]),
    "escalate": (["under_review"], "escalated", [S]),
    "county_approve": (["escalated"], "approved", [V]),
    "county_reject": (["escalated"], "rejected", [V]),
    "county_ask_correction": (["escalated"], "correction_required", [V]),
    "reopen": (["approved", "rejected", "correction_required"], "under_review", [C]),
    "county_reopen": (["approved", "rejected", "correction_required"], "escalated", [V]),
    "resubmit": (["correction_required"], "under_review", [R, A, C]),
    "renew": (["draft"], "approved", [S]),
    "renew_for_review": (["draft"], "submitted", [S]),
    "enrol": (["approved"], "enrolled", [S]),
    "bill": (["approved"], "awaiting_payment", [S]),
    "price": (["submitted", "under_review", "correction_required", "escalated", "approved"], SAME, [S]),
    "settle": (["awaiting_payment"], "enrolled", [S]),
    "settle_to_review": (["awaiting_payment"], "under_review", [S]),
    "reinstate": (["lapsed"], "enrolled", [S]),
    "reinstate_to_review": (["lapsed"], "under_review", [S]),
    "lapse": (["draft", "correction_required"], "lapsed", [S]),
    "lapse_unpaid": (["awaiting_payment"], "lapsed", [S]),
    "withdraw": (
        ["submitted", "under_review", "correction_required", "escalated", "approved", "awaiting_payment"],
        "withdrawn",
        [R],
    ),
    "remind_resident": (["draft", "correction_required"], SAME, [S]),
    "remind_office": (["under_review", "escalated"], SAME, [S]),
    "open_refund": (["rejected"], SAME, [S]),
}

# What a POST to a page answers to a role that may open it and sees the case: done (302) in these states, "not now"
# (409) in the others. Every other role gets 403, and whoever does not see the case 404.
DONE, WRONG_ROLE, HIDDEN, NOT_NOW = 302, 403, 404, 409
DECISION = {C: ["under_review"], V: ["escalated"]}
PAGES = {
    "approve": DECISION,
    "reject": DECISION,
    "ask_correction": DECISION,
    "undo": {C: [], V: []},
    "withdraw": {R: TABLE["withdraw"][0]},
    "correct": {R: TABLE["resubmit"][0]},
    "answer": {C: TABLE["resubmit"][0], A: None},
}
"""For whom no state is named here, the case of the test is somebody else's."""
LEADS_BACK = {"correct"}
"""Pages that lead back to the case (302) and change nothing where others say "not now"."""
