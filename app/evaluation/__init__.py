"""Conducts one evaluation from booking to sealed recordings."""
