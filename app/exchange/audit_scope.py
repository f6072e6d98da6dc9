"""Whose acts somebody may look up."""

from dataclasses import replace

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.audit.browsing import Chosen


def within_reach(actor: Actor, chosen: Chosen) -> Chosen:
    """What is asked for, as far as this actor may read it: everything where the table asks for no relation, else nothing."""
    return chosen if actor.reaches(Permission.audit_read) else replace(chosen, cases=())
