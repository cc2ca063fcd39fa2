"""Rate limits as token buckets in the database, so that they hold over every process (ARCHITECTURE §8)."""

from portal.limits.buckets import RateLimited, forget_idle, give_back, take

__all__ = ["RateLimited", "forget_idle", "give_back", "take"]
