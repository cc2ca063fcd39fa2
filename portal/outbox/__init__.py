"""Messages to people: stored with the change they tell of, sent after commit, retried, never doubled."""
