"""Celery tasks of the payments: no arguments, one service call, safe to run twice."""

from celery import shared_task

from payments import callbacks, held_cash, orders, payouts, retention


@shared_task(name="payments.tasks.ask_silent_orders", ignore_result=True)
def ask_silent_orders() -> int:
    """Asks the channels about online orders that were silent for too long."""
    return orders.ask_silent()


@shared_task(name=payouts.TASK, ignore_result=True)
def send_payouts() -> int:
    """Sends confirmed refunds to the payment services and asks about those under way."""
    return payouts.send_due()


@shared_task(name="payments.tasks.erase_statement_files", ignore_result=True)
def erase_statement_files() -> int:
    """Erases statement files after their region's time."""
    return retention.erase_old_files()


@shared_task(name="payments.tasks.forget_old_callbacks", ignore_result=True)
def forget_old_callbacks() -> int:
    """Removes the marks of callbacks after their time."""
    return callbacks.forget_old()


@shared_task(name="payments.tasks.remind_held_cash", ignore_result=True)
def remind_held_cash() -> int:
    """Reminds agents, once a day, of cash that should have been remitted."""
    return held_cash.remind_late()
