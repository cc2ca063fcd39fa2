"""The front page of the portal."""
