"""Who may move a card application or a card from where: written by hand and compared with the declarations.

Each line names a transition, the states it leaves, the state it reaches and the roles that may fire it. Roles:
R resident, K card clerk, C clerk of a service point, H hotline, S the portal itself.
"""

R, K, C, H, S = "resident", "card_clerk", "clerk", "hotline", "system"
SAME = None

APPLICATION = {
    "submit": (["draft"], "awaiting_payment", [R]),
    "submit_free": (["draft"], "under_review", [R]),
    "settle": (["awaiting_payment", "lapsed"], "under_review", [S]),
    "lapse_unpaid": (["awaiting_payment"], "lapsed", [S]),
    "approve": (["under_review"], "in_production", [K]),
    "ask_correction": (["under_review"], "correction_required", [K]),
    "reject": (["under_review"], "rejected", [K]),
    "resubmit": (["correction_required"], "under_review", [R]),
    "production_failed": (["in_production"], SAME, [K, S]),
    "arrive": (["in_production"], "ready_for_pickup", [K, S]),
    "expect_arrival": (["in_production"], "ready_for_pickup", [S]),
    "collect": (["ready_for_pickup"], "collected", [K, C]),
    "turn_away": (["ready_for_pickup"], SAME, [K, C]),
    "seal": (["ready_for_pickup"], "sealed", [S]),
    "lapse": (["draft", "correction_required"], "lapsed", [S]),
    "withdraw": (["awaiting_payment", "under_review", "correction_required"], "withdrawn", [R]),
    "remind_resident": (["draft", "correction_required", "ready_for_pickup"], SAME, [S]),
    "alarm": (["under_review", "in_production"], SAME, [S]),
}

CARD = {
    "activate": (["inactive"], "active", [R, H, K, C]),
    "report_loss": (["active"], "loss_temporary", [R, H, K]),
    "lift_loss": (["loss_temporary"], "active", [R, H, K]),
    "end_loss": (["loss_temporary"], "active", [S]),
    "report_formal_loss": (["inactive", "active", "loss_temporary"], "loss_formal", [K]),
    "replace": (["inactive", "active", "loss_formal"], "replaced", [K]),
    "cancel": (["inactive", "active", "loss_formal"], "cancelled", [K]),
    "expire": (["inactive", "active"], "expired", [S]),
}
