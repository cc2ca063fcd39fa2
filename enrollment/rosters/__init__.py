"""Village and neighbourhood rosters: read a table, judge each line, submit the good ones, give the others back."""
