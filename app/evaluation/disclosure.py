"""Who may see what of an evaluation, and from when (信息披露矩阵): one table, and what it does not say is not shown.

The answers that contain such a field ask this table (`disclosing`), and the page docs/disclosure.md is made from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Field(StrEnum):
    """What is disclosed step by step."""

    bidder_list = "bidder_list"  # the list of bidders
    draw_proof = "draw_proof"  # the record by which the draw can be checked
    drawn_names = "drawn_names"  # who was drawn
    guest_venue = "guest_venue"  # at which center an expert sits
    live_media = "live_media"  # picture and sound of the room
    personal_numbers = "personal_numbers"  # phone and identity number
    pool_statistics = "pool_statistics"  # how many experts could be drawn
    project_identity = "project_identity"  # which project it is
    recordings = "recordings"


class Viewer(StrEnum):
    """Who looks. Whoever is none of these sees nothing of an evaluation."""

    agency = "agency"
    archivist = "archivist"
    auditor = "auditor"
    draw_supervisor = "draw_supervisor"
    expert = "expert"
    guest_operator = "guest_operator"
    host_operator = "host_operator"
    inspector = "inspector"
    public = "public"
    supervisor = "supervisor"
    witness = "witness"


class Form(StrEnum):
    """In which form it is shown."""

    bands = "bands"  # how many, in coarse steps
    clips = "clips"  # single pieces, on request
    codes = "codes"  # by the codes of the draw record
    commitment = "commitment"  # the hash that binds it
    depth = "depth"  # how many, without numbers below five and without single grounds
    full = "full"
    lines = "lines"  # every line of the record, in codes, without its lists
    listed = "listed"  # that it is there, how long and how large
    masked = "masked"  # with most of it starred out
    nothing = "nothing"
    room_camera = "room_camera"  # the camera of the room, not of a seat
    sealed = "sealed"  # that it is there and since when


class Moment(StrEnum):
    """From when it is shown; each is a fact about the evaluation, the member or the viewer."""

    admitted = "admitted"  # the member has been let in to their seat
    always = "always"
    checked_in = "checked_in"  # the member stands at the desk and shows their papers
    closed = "closed"  # scoring is over
    drawn = "drawn"  # the draw is over
    oneself = "oneself"  # it is the viewer's own
    opened = "opened"  # the session has been opened
    own_venue = "own_venue"  # it happens in the viewer's center, and the member has been let in
    pledged = "pledged"  # the expert has taken the seat and signed the discipline
    published = "published"  # the result is published
    unsealed = "unsealed"  # two persons have opened it early, with reasons


@dataclass(frozen=True, slots=True)
class Step:
    """From `moment` on it is shown as `form`; a later step of a cell says more than an earlier one.

    built: False where nothing in the program shows it yet, though it would be allowed.
    """

    moment: Moment
    form: Form = Form.full
    built: bool = True


Cell = tuple[Step, ...]
_F, _V, _M = Field, Viewer, Moment
_ALWAYS = (Step(_M.always),)
_CLOSED = (Step(_M.closed),)
_PUBLISHED = (Step(_M.published),)
_LATER = (Step(_M.published, built=False),)
_CODES = (Step(_M.always, Form.codes),)
_DEPTH = (Step(_M.always, Form.depth),)

MATRIX: Mapping[Field, Mapping[Viewer, Cell]] = MappingProxyType(
    {
        _F.bidder_list: {
            _V.agency: _ALWAYS,
            _V.expert: (Step(_M.pledged),),
            _V.host_operator: (Step(_M.always, Form.sealed),),
            _V.public: _LATER,
            _V.supervisor: _ALWAYS,
        },
        _F.draw_proof: {
            _V.agency: (Step(_M.always, Form.commitment),),
            _V.auditor: _CLOSED,
            _V.draw_supervisor: (Step(_M.always, Form.lines), Step(_M.closed)),
            _V.expert: _PUBLISHED,
            _V.host_operator: (Step(_M.always, Form.lines), Step(_M.closed)),
            _V.inspector: (Step(_M.closed, Form.lines),),
            _V.public: (Step(_M.always, Form.commitment), Step(_M.drawn, Form.lines), Step(_M.published)),
            _V.supervisor: _ALWAYS,
        },
        _F.drawn_names: {
            _V.agency: _CLOSED,
            _V.draw_supervisor: _CODES,
            _V.expert: (Step(_M.oneself),),
            _V.guest_operator: (Step(_M.own_venue),),
            _V.host_operator: (Step(_M.admitted),),
            _V.public: _LATER,
            _V.supervisor: (Step(_M.always, Form.codes), Step(_M.unsealed)),
            _V.witness: (Step(_M.admitted, built=False),),
        },
        _F.guest_venue: {
            _V.agency: _CLOSED,
            _V.draw_supervisor: _CODES,
            _V.expert: (Step(_M.oneself),),
            _V.guest_operator: (Step(_M.own_venue),),
            _V.host_operator: (Step(_M.admitted),),
            _V.public: _LATER,
            _V.supervisor: (Step(_M.always, Form.codes), Step(_M.admitted), Step(_M.unsealed)),
            _V.witness: (Step(_M.opened, built=False),),
        },
        _F.live_media: {
            _V.expert: (Step(_M.oneself),),
            _V.guest_operator: (Step(_M.own_venue, Form.room_camera, built=False),),
            _V.supervisor: _ALWAYS,
            _V.witness: (Step(_M.opened),),
        },
        _F.personal_numbers: {
            _V.guest_operator: (Step(_M.own_venue, Form.masked), Step(_M.checked_in, built=False)),
            _V.supervisor: (Step(_M.unsealed, built=False),),
            _V.witness: (Step(_M.admitted, Form.masked, built=False),),
        },
        _F.pool_statistics: {
            _V.draw_supervisor: _DEPTH,
            _V.host_operator: _DEPTH,
            _V.public: (Step(_M.always, Form.bands, built=False),),
            _V.supervisor: _ALWAYS,
        },
        _F.project_identity: {
            _V.agency: _ALWAYS,
            _V.archivist: _CLOSED,
            _V.auditor: _CLOSED,
            _V.draw_supervisor: _ALWAYS,
            _V.expert: (Step(_M.pledged, built=False),),
            _V.guest_operator: (Step(_M.closed, built=False),),
            _V.host_operator: _ALWAYS,
            _V.inspector: _CLOSED,
            _V.public: _LATER,
            _V.supervisor: _ALWAYS,
            _V.witness: (Step(_M.opened),),
        },
        _F.recordings: {
            _V.agency: (Step(_M.closed, Form.clips, built=False),),
            _V.archivist: (Step(_M.closed, Form.listed),),
            _V.auditor: _CLOSED,
            _V.host_operator: (Step(_M.always, Form.listed),),
            _V.inspector: _CLOSED,
            _V.supervisor: _ALWAYS,
        },
    }
)


def form(field: Field, viewer: Viewer | None, facts: frozenset[Moment]) -> Form:
    """In which form this viewer is shown the field when these moments have come; `always` need not be among them."""
    shown = Form.nothing
    if viewer is not None:
        for step in MATRIX[field].get(viewer, ()):
            if step.moment is Moment.always or step.moment in facts:
                shown = step.form
    return shown
