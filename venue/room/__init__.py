"""The online room of one evaluation: who is in it and what may be said to whom."""
