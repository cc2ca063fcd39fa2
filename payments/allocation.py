"""Serials of the number series, given out without two alike whatever the number of processes."""

from django.db import connection, transaction
from django.db.models import F

from payments.models import Kind, NumberSeries

SEQUENCES = {kind.value: f"payments_{kind.value}_serial" for kind in Kind}


def next_serials(kind: str, count: int) -> list[int]:
    """`count` serials of a kind that nobody else gets; serials of a rolled back transaction may stay unused (R10).

    PostgreSQL has a sequence per kind, so that issuing takes no lock; SQLite has one writer anyway and counts in a row.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval(%s) FROM generate_series(1, %s)", [SEQUENCES[kind], count])
            return [row[0] for row in cursor.fetchall()]
    with transaction.atomic():
        NumberSeries.objects.get_or_create(kind=kind)
        NumberSeries.objects.filter(kind=kind).update(last=F("last") + count)
        last = NumberSeries.objects.values_list("last", flat=True).get(kind=kind)
    return list(range(last - count + 1, last + 1))
