"""Progress jobs: long work as rows with pages, and nudges to the workers."""
