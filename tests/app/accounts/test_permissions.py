"""The whole table of permissions against a statement of it that is written down here, for every role, act and relation."""

from itertools import combinations

import pytest

from app.accounts.access import Actor
from app.accounts.permissions import GRANTS, STEP_UP, Permission, Relation, Role, may, missing, permitted

# A letter for each relation that has to hold; * however they stand to it; - never.
LETTERS = {
    "D": Relation.after_disclosure,
    "N": Relation.not_oneself,
    "V": Relation.own_venue,
    "C": Relation.same_center,
    "E": Relation.same_evaluation,
}
COLUMNS = {
    "adm": Role.administrator,
    "age": Role.agency,
    "arc": Role.archivist,
    "aud": Role.auditor,
    "dsu": Role.draw_supervisor,
    "exp": Role.expert,
    "gri": Role.grid_officer,
    "gue": Role.guest_operator,
    "hos": Role.host_operator,
    "ins": Role.inspector,
    "poo": Role.pool_administrator,
    "sup": Role.supervisor,
    "ten": Role.tenderee,
    "wit": Role.witness,
}
EXPECTED = """
                      adm age arc aud dsu exp gri gue hos ins poo sup ten wit
account:confirm        N   -   -   -   -   -   -   -   -   -   -   N   -   -
account:manage         N   -   -   -   -   -   -   -   -   -   -   -   -   -
account:self           *   *   *   *   *   *   *   *   *   *   *   *   -   *
audit:export           -   -   -   *   -   -   -   -   -   -   -   *   -   -
audit:read             -   -   -   *   -   -   -   -   -   -   -   *   -   -
avoidance:read         -   -   -   -   -   -   -   -   -   -   -   *   -   -
board:read             V   -   -   -   -   -   -   V   V   -   V   *   -   -
center:read            *   *   *   *   *   -   *   *   *   *   *   *   -   *
device:enroll          -   -   -   -   -   -   -   V   V   -   -   -   -   -
draw:attend            -   -   -   -   -   -   -   -   -   -   -   -   E   -
draw:read              -   -   -   D   C   -   -   -   C   D   -   *   -   -
draw:read-lists        -   -   -   D   CD  -   -   -   CD  -   -   *   -   -
draw:run               -   -   -   -   -   -   -   -   C   -   -   -   -   -
draw:supervise         -   -   -   -   CN  -   -   -   -   -   -   N   -   -
evaluation:book        -   C   -   -   -   -   -   -   C   -   -   -   -   -
evaluation:conduct     -   -   -   -   -   -   -   -   C   -   -   -   -   -
evaluation:read        -   E   CD  D   C   -   -   -   C   D   -   *   -   -
evaluation:supervise   -   -   -   -   -   -   -   -   -   -   -   N   -   -
hotline:answer         -   -   -   -   -   -   -   -   *   -   -   -   -   -
identity:check         -   -   -   -   -   -   -   V   V   -   -   -   -   -
invitation:export      -   -   -   -   -   -   -   -   C   -   -   *   -   -
invitation:read        -   -   -   -   -   -   -   -   C   -   -   *   -   -
job:manage             *   -   -   -   -   -   -   -   -   -   -   *   -   -
key:rotate             *   -   -   -   -   -   -   -   -   -   -   -   -   -
member:dismiss         -   -   -   -   -   -   -   -   C   -   -   N   -   -
name:read              -   -   -   -   -   -   -   -   -   -   -   *   -   -
name:unseal            -   -   -   -   -   -   -   -   -   -   -   N   -   -
name:unseal-approve    -   -   -   -   CN  -   -   -   -   -   -   N   -   -
person:erase           -   -   -   -   -   -   -   -   -   -   *   -   -   -
person:unmask          -   -   -   -   -   -   -   -   -   -   *   -   -   -
recording:dispose      -   -   CDN -   -   -   -   -   -   -   -   DN  -   -
recording:export       -   -   CDN -   -   -   -   -   -   -   -   DN  -   -
recording:hold         -   -   CDN -   -   -   -   -   -   -   -   N   -   -
recording:release      -   -   CDN -   -   -   -   -   -   -   -   N   -   -
recording:replay       -   -   -   D   -   -   -   -   -   D   -   *   -   -
recording:watch        -   -   -   -   -   -   -   -   -   -   -   *   -   C
roster:import          -   -   -   -   -   -   -   -   -   -   *   -   -   -
roster:read            -   -   -   -   -   -   -   -   -   -   *   -   -   -
seat:sit               -   -   -   -   -   E   -   -   -   -   -   -   -   -
session:manage         *   -   -   -   -   -   -   -   -   -   -   -   -   -
sheet:write            -   -   -   -   -   E   -   -   -   -   -   -   -   -
simulator:use          *   -   -   -   -   -   -   -   *   -   -   *   -   -
"""
COMBINATIONS = [
    frozenset(chosen) for count in range(len(Relation) + 1) for chosen in combinations(Relation, count)
]


def expected() -> dict[tuple[Role, Permission], str]:
    head, *rows = [line.split() for line in EXPECTED.strip().splitlines()]
    return {
        (COLUMNS[column], Permission(row[0])): cell
        for row in rows
        for column, cell in zip(head, row[1:], strict=True)
    }


def test_every_role_act_and_relation_is_allowed_exactly_where_it_is_written_down() -> None:
    table = expected()
    assert set(table) == {(role, permission) for role in Role for permission in Permission}
    wrong = [
        (role, permission, sorted(relations))
        for (role, permission), cell in table.items()
        for relations in COMBINATIONS
        if permitted(role, permission, relations)
        != (cell != "-" and (cell == "*" or all(LETTERS[letter] in relations for letter in cell)))
    ]
    assert not wrong, wrong[:5]


def test_a_permission_is_held_where_it_is_granted_in_any_relation() -> None:
    for (role, permission), cell in expected().items():
        assert may(role, permission) == (cell != "-")
        actor = Actor(id="account:1", role=role, name="")
        assert actor.may(permission) == (cell != "-")
        assert actor.reaches(permission) == (cell == "*")


def test_what_stands_in_the_way_is_named() -> None:
    assert missing(Role.expert, Permission.draw_run, list(Relation)) == {Relation.any}
    assert missing(Role.draw_supervisor, Permission.draw_supervise, ()) == {
        Relation.not_oneself,
        Relation.same_center,
    }
    assert missing(Role.draw_supervisor, Permission.draw_supervise, [Relation.same_center]) == {
        Relation.not_oneself
    }


@pytest.mark.parametrize("kind", [Permission, Relation, Role])
def test_members_stand_in_alphabetical_order(kind: type[Permission] | type[Relation] | type[Role]) -> None:
    names = [member.name for member in kind]
    assert names == sorted(names)
    values = [member.value for member in Permission]
    assert len(set(values)) == len(values)


def test_the_table_cannot_be_altered_while_the_service_runs() -> None:
    with pytest.raises(TypeError):
        GRANTS[Role.expert] = {}  # type: ignore[index]
    with pytest.raises(TypeError):
        GRANTS[Role.expert][Permission.draw_run] = frozenset()  # type: ignore[index]


def test_what_opens_hides_or_destroys_for_good_needs_a_second_factor() -> None:
    assert {
        Permission.audit_export,
        Permission.key_rotate,
        Permission.name_read,
        Permission.name_unseal,
        Permission.name_unseal_approve,
        Permission.person_unmask,
        Permission.recording_dispose,
        Permission.recording_export,
        Permission.recording_release,
    } <= STEP_UP
    assert not STEP_UP & {Permission.account_self, Permission.evaluation_read, Permission.seat_sit}


def test_a_center_is_ones_own_only_by_its_id() -> None:
    actor = Actor(id="account:1", role=Role.host_operator, name="", center_id="a")
    assert actor.at("a") == {Relation.own_venue, Relation.same_center}
    assert actor.at("b") == actor.at(None) == frozenset()
    nowhere = Actor(id="account:1", role=Role.host_operator, name="")
    assert nowhere.at(None) == nowhere.at("a") == frozenset()


def test_the_administrator_comes_near_nothing_that_the_service_holds() -> None:
    assert {permission.partition(":")[0] for permission in GRANTS[Role.administrator]} == {
        "account",
        "board",
        "center",
        "job",
        "key",
        "session",
        "simulator",
    }
