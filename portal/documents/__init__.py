"""Papers for people and pictures from people."""
