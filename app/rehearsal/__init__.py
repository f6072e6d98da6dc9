"""A whole evaluation, played unattended against a running service."""
