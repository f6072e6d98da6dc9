"""Calls and text messages: queued with the act that causes them, delivered, answered."""
