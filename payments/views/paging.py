"""What the pages of lists of money share."""

from collections.abc import Iterable

from payments.channels import channel_names
from payments.models import Payment


def give_channel_names(payments: Iterable[Payment]) -> None:
    """Tells payments the names of their channels; policies and areas are read once each, whatever the rows."""
    by_policy: dict[tuple[int, str], dict[str, str]] = {}
    by_region: dict[int, dict[str, str]] = {}
    for payment in payments:
        found, notice = "", payment.notice
        if notice is not None:
            key = (notice.policy_id, notice.kind)
            if key not in by_policy:
                by_policy[key] = {channel.code: channel.name for channel in notice.channels}
            found = by_policy[key].get(payment.channel, "")
        place = payment.region
        if not found and place is not None:
            if place.pk not in by_region:
                by_region[place.pk] = channel_names(place)
            found = by_region[place.pk].get(payment.channel, "")
        payment.known_channel_name = found or payment.channel
