"""Writes docs/permissions.md from the table of permissions itself, so that the page cannot say anything else than the program does."""

from app.accounts import staff, staff_acts
from app.accounts.permissions import GRANTS, STEP_UP, Needed, Permission, Relation, Role
from app.evaluation.joint_acts import RULES
from tools.made_page import MadePage

OPENING = """# Who may do what (岗位与权限)

One table in the code (`app/accounts/permissions.py`) says which role may do which act, and how it has to stand to the thing the
act is about; this page is made from it by `make fix`. What is not here is refused. Every route and every WebSocket declares one
permission of this table, or that it is open to anyone, or the service does not start. Who lacks a permission altogether is told
so (403); where only a relation is lacking the thing does not exist (404), but whoever comes to supervise what they applied for is
told that (409). What of an evaluation is then shown is another table: [disclosure](disclosure.md).
"""
ROLES = {
    Role.administrator: ("adm", "administrator (系统管理员): keeps the service, comes near nothing it holds"),
    Role.agency: ("age", "agency (招标代理机构): books, and follows what it has booked"),
    Role.archivist: ("arc", "archivist (档案管理员): keeps what is over"),
    Role.auditor: ("aud", "auditor (审计人员): reads, replays and checks, when all is over"),
    Role.draw_supervisor: ("dsu", "draw supervisor (抽取监督人员): approves draws of the own center"),
    Role.expert: ("exp", "expert (评标专家), the chair too: signs in at a seat, for one evaluation"),
    Role.grid_officer: ("gri", "grid officer (网格员): nothing yet beyond the centers"),
    Role.guest_operator: ("gue", "guest operator (副场操作员): looks after seats and who comes to them"),
    Role.host_operator: ("hos", "host operator (主场操作员): books, draws, conducts"),
    Role.inspector: ("ins", "inspector (检查人员): reads and replays, when all is over"),
    Role.pool_administrator: ("poo", "pool administrator (专家库管理员): keeps the roster and nothing else"),
    Role.supervisor: ("sup", "supervisor (行政监督): sees all, decides with others"),
    Role.tenderee: ("ten", "tenderee's representative (招标人代表): comes by a link, speaks in the draw"),
    Role.witness: ("wit", "witness (见证人员): watches what the own center hosts"),
}
RELATIONS = {
    Relation.after_disclosure: ("D", "the evaluation is closed or sealed"),
    Relation.any: ("✓", "however they stand to it"),
    Relation.not_oneself: ("N", "they neither applied for it nor ran its draw; an account: not their own"),
    Relation.own_venue: ("V", "it stands in their own center, or seats somebody there"),
    Relation.same_center: ("C", "their own center hosts it"),
    Relation.same_evaluation: ("E", "they sit in it, are a party of it, or booked it"),
}
CLOSING = """## Two persons

What cannot be undone, or shows what was sealed, is asked for by one person and settled by another; both say why where the last
column says so. "Sides" means that the second speaks for another side, host or supervisor, than the first. Erasing a person from the
roster takes two accounts with `person:erase`, both with reasons. Nobody confirms what was asked 72 hours ago or more (an erasure: seven
days), nor on the word of somebody who could not ask for it now, with their account shut, in another role or another center: it
has lapsed, and may be asked anew.
"""
ALONE = " and ".join(sorted(role.replace("_", " ") for role in set(staff.ROLES) - staff_acts.GUARDED))
APART = f"""## Duties that stay apart

- Whoever booked an evaluation or ran its draw can never supervise it, whatever their role has become since: that is asked of the
  evaluation's own trail.
- Whoever keeps the roster neither books, draws nor supervises. An account that holds, or has ever held, one of these duties is
  never given the other; every change of a role is kept for good.
- Nobody changes their own role. Of all roles that have accounts one administrator alone lets somebody into {ALONE}; every other one
  takes a second person who confirms (`app/accounts/staff_acts.py`).
- Administrators decrypt nothing: no role can read a sealed name, see [disclosure](disclosure.md).
"""


def cell(needed: Needed | None) -> str:
    """The letters of what has to hold, in the order of the relations."""
    if needed is None:
        return ""
    return "".join(RELATIONS[relation][0] for relation in Relation if relation in needed)


def page() -> str:
    """The whole page."""
    parts = [OPENING, "## Roles\n"]
    parts += [f"- **{short}** {text}" for short, text in ROLES.values()]
    parts += ["", "## Relations\n", "All letters in a cell have to hold.\n"]
    parts += [f"- **{letter}** {text}" for letter, text in RELATIONS.values()]
    parts += ["", "## The table\n", "An act marked ² needs a second factor shown within the last minutes.\n"]
    parts.append("| Act | " + " | ".join(ROLES[role][0] for role in Role) + " |")
    parts.append("|---|" + "---|" * len(Role))
    parts += [
        f"| `{permission}`{'²' if permission in STEP_UP else ''} | "
        + " | ".join(cell(GRANTS[role].get(permission)) for role in Role)
        + " |"
        for permission in Permission
    ]
    parts += ["", CLOSING, "| Act | first person | second person | |", "|---|---|---|---|"]
    parts += [
        f"| {kind} | `{rule.asks}` | `{rule.settles}` | "
        + ", ".join(word for word, holds in (("sides", rule.sides), ("both reasons", rule.reasons)) if holds)
        + " |"
        for kind, rule in RULES.items()
    ]
    return "\n".join([*parts, "", APART]).rstrip() + "\n"


PAGE = MadePage("permissions.md", page)

if __name__ == "__main__":
    raise SystemExit(PAGE.main())
