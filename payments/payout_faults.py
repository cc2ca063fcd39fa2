"""What a payment service's word for a refund that failed means for the desk."""

from django.utils.translation import gettext as _


def explain(code: str) -> str:
    """The words for a fault; the code itself where nobody has words for it."""
    if not code:
        return ""
    empty = _("The account at the payment service is empty. It is tried again for a week.")
    words = {
        "ABNORMAL": _("The payer's bank card takes no money back. Ask the payer for another account."),
        "CLOSED": _("The payment service closed the refund without paying it."),
        "USER_ACCOUNT_ABNORMAL": _("The payer has closed the account. Ask the payer for another one."),
        "ACQ.BUYER_ERROR": _("The payer has closed the account. Ask the payer for another one."),
        "ACQ.BUYER_NOT_EXIST": _("The payer has closed the account. Ask the payer for another one."),
        "ACQ.TRADE_HAS_FINISHED": _("The payment is too old for the payment service to pay it back."),
        "ACQ.TRADE_NOT_ALLOW_REFUND": _("The payment service does not allow a refund of this payment."),
        "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": _("More would be paid back than was paid. Compare with earlier refunds."),
        "INVALID_REQUEST": _("More would be paid back than was paid. Compare with earlier refunds."),
        "RESOURCE_NOT_EXISTS": _("The payment service does not know this payment."),
        "ACQ.TRADE_NOT_EXIST": _("The payment service does not know this payment."),
        "NOT_ENOUGH": empty,
        "ACQ.SELLER_BALANCE_NOT_ENOUGH": empty,
        "not_offered": _("The keys of the payment service are missing. It is tried again when they are there."),
        "amount_differs": _("The payment service paid back another amount. Compare with its bill before paying more."),
        "paid_twice": _("Paid by hand and by the payment service too. Ask the payer for the second sum."),
    }
    return words.get(code) or _("The payment service refused: %(code)s.") % {"code": code}
