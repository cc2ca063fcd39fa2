"""PostgreSQL as Django's own backend reaches it, but for how a kept connection is found to be alive."""
