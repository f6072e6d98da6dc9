"""The sample center, its sister centers and its generated experts."""
