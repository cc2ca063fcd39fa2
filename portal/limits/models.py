"""One row per limited thing."""

from django.db import models


class TokenBucket(models.Model):
    """What is left of one allowance; it fills up again with time."""

    key_digest = models.CharField(primary_key=True, max_length=64)
    tokens = models.FloatField()
    refilled_at_epoch = models.FloatField(db_index=True)

    def __str__(self) -> str:
        return self.key_digest[:8]
