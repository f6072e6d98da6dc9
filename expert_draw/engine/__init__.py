"""The draw itself, free of any database, clock or network: the same inputs give the same committee."""
