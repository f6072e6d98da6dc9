"""The disclosure matrix: every field for every viewer at every moment, against the rules as the domain states them."""

from itertools import combinations

import pytest

from app.accounts.permissions import GRANTS, Permission, Role
from app.core.sealing import mask_identity
from app.evaluation import disclosing, disclosure
from app.evaluation.disclosing import NOBODY, Sight
from app.evaluation.disclosure import MATRIX, Field, Form, Moment, Viewer, form
from app.evaluation.models import CommitteeMember
from expert_draw.release import Cause

# For each field a line per viewer: what is shown from the beginning, and then from which moment what. A viewer without a
# line sees nothing of the field, ever.
EXPECTED = """
bidder_list
  agency: full
  expert: nothing, pledged full
  host_operator: sealed
  public: nothing, published full
  supervisor: full
draw_proof
  agency: commitment
  auditor: nothing, closed full
  draw_supervisor: lines, closed full
  expert: nothing, published full
  host_operator: lines, closed full
  inspector: nothing, closed lines
  public: commitment, drawn lines, published full
  supervisor: full
drawn_names
  agency: nothing, closed full
  draw_supervisor: codes
  expert: nothing, oneself full
  guest_operator: nothing, own_venue full
  host_operator: nothing, admitted full
  public: nothing, published full
  supervisor: codes, unsealed full
  witness: nothing, admitted full
guest_venue
  agency: nothing, closed full
  draw_supervisor: codes
  expert: nothing, oneself full
  guest_operator: nothing, own_venue full
  host_operator: nothing, admitted full
  public: nothing, published full
  supervisor: codes, admitted full, unsealed full
  witness: nothing, opened full
live_media
  expert: nothing, oneself full
  guest_operator: nothing, own_venue room_camera
  supervisor: full
  witness: nothing, opened full
personal_numbers
  guest_operator: nothing, own_venue masked, checked_in full
  supervisor: nothing, unsealed full
  witness: nothing, admitted masked
pool_statistics
  draw_supervisor: depth
  host_operator: depth
  public: bands
  supervisor: full
project_identity
  agency: full
  archivist: nothing, closed full
  auditor: nothing, closed full
  draw_supervisor: full
  expert: nothing, pledged full
  guest_operator: nothing, closed full
  host_operator: full
  inspector: nothing, closed full
  public: nothing, published full
  supervisor: full
  witness: nothing, opened full
recordings
  agency: nothing, closed clips
  archivist: nothing, closed listed
  auditor: nothing, closed full
  host_operator: listed
  inspector: nothing, closed full
  supervisor: full
"""
Row = tuple[Form, tuple[tuple[Moment, Form], ...]]


def expected() -> dict[tuple[Field, Viewer], Row]:
    rows: dict[tuple[Field, Viewer], Row] = {}
    field = None
    for line in EXPECTED.strip().splitlines():
        if not line.startswith(" "):
            field = Field(line)
            continue
        viewer, _, said = line.strip().partition(": ")
        first, *later = said.split(", ")
        steps = tuple((Moment(moment), Form(shown)) for moment, shown in (one.split() for one in later))
        assert field is not None
        rows[field, Viewer(viewer)] = (Form(first), steps)
    return rows


@pytest.mark.parametrize("field", list(Field))
def test_every_field_is_shown_as_the_domain_says_whatever_has_happened(field: Field) -> None:
    rows = expected()
    moments = [one for one in Moment if one is not Moment.always]
    for viewer in Viewer:
        first, steps = rows.get((field, viewer), (Form.nothing, ()))
        for size in range(len(moments) + 1):
            for facts in combinations(moments, size):
                shown = first
                for moment, then in steps:
                    shown = then if moment in facts else shown
                assert form(field, viewer, frozenset(facts)) is shown, (field, viewer, facts)


def test_whoever_the_matrix_does_not_know_sees_nothing() -> None:
    everything = frozenset(Moment)
    assert {form(field, None, everything) for field in Field} == {Form.nothing}
    assert not NOBODY.shows(Field.project_identity, *Moment)


def test_no_field_is_missing_and_each_list_of_words_is_in_order() -> None:
    assert set(MATRIX) == set(Field)
    for words in (Field, Form, Moment, Viewer):
        assert [one.value for one in words] == sorted(one.value for one in words)


def test_no_role_reads_a_name_from_the_beginning() -> None:
    for viewer in Viewer:
        assert form(Field.drawn_names, viewer, frozenset()) in {Form.nothing, Form.codes}
        assert form(Field.personal_numbers, viewer, frozenset()) is Form.nothing


def test_the_table_of_permissions_gives_nothing_that_the_matrix_withholds() -> None:
    """Where a permission opens a field whole, the matrix shows it whole to that role at some moment: names that were opened
    early, from that on."""
    sometime = frozenset(Moment)
    opens = {
        Permission.draw_read_lists: (Field.draw_proof, sometime),
        Permission.name_read: (Field.drawn_names, frozenset({Moment.unsealed})),
        Permission.recording_replay: (Field.recordings, sometime),
        Permission.recording_watch: (Field.live_media, sometime),
    }
    viewers = {role: one for role in Role for one in Viewer if one.value == role.value}
    for role, granted in GRANTS.items():
        for permission, (field, facts) in opens.items():
            if permission in granted:
                assert form(field, viewers.get(role), facts) is Form.full, (role, permission)


def test_whoever_the_matrix_shows_no_number_on_their_own_unmasks_nobody() -> None:
    """The roster is no part of an evaluation, and its keeper none of the matrix's readers."""
    keepers = {role for role, granted in GRANTS.items() if Permission.person_unmask in granted}
    assert keepers == {Role.pool_administrator}
    assert not {role.value for role in keepers} & {viewer.value for viewer in Viewer}


def test_an_identity_number_is_masked_and_for_the_desk_of_the_own_center_alone() -> None:
    number = "999999196001010012"
    member = CommitteeMember(
        id="member",
        evaluation_id="evaluation",
        seat_no=1,
        code_name="甲",
        invitation_id="invitation",
        center_id="here",
        seat_id="seat",
        state="expected",
    )
    shown = {
        (viewer, center, come): disclosing.number_of(
            Sight(viewer, center, None, frozenset(set(Moment) - {Moment.checked_in, Moment.own_venue})),
            member,
            frozenset({Cause.admitted} if come else ()),
            number,
        )
        for viewer in (Viewer.guest_operator, Viewer.host_operator, Viewer.draw_supervisor, None)
        for center in ("here", "there")
        for come in (True, False)
    }
    told = {key: said for key, said in shown.items() if said is not None}
    assert told == {(Viewer.guest_operator, "here", True): mask_identity(number)}
    assert number not in told.values()


def test_a_later_step_says_more_than_the_one_before() -> None:
    order = (
        Form.nothing,
        Form.commitment,
        Form.sealed,
        Form.codes,
        Form.lines,
        Form.listed,
        Form.masked,
        Form.full,
    )
    for cells in disclosure.MATRIX.values():
        for cell in cells.values():
            ranks = [order.index(step.form) for step in cell if step.form in order]
            assert ranks == sorted(ranks)
