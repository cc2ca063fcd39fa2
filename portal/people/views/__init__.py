"""Pages of signing in and out, of a resident's family, and of the counter."""
