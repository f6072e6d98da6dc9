"""What each kind of line in the record of a draw says, found by its type."""

from collections.abc import Mapping

from expert_draw.engine.fixed_entries import Agree, Approve, Declare, Exclude, Lock, Open
from expert_draw.engine.lists import Terms
from expert_draw.engine.pool import DrawKind
from expert_draw.engine.round_entries import Beacon, Call, Close, Outcome, Redraw, Reveal, Round, Void
from expert_draw.engine.wording import RecordBroken

Entry = (
    Open | Agree | Lock | Approve | Declare | Exclude
    | Call | Reveal | Beacon | Round | Outcome | Redraw | Close | Void
)  # fmt: skip
_ALL: tuple[type[Entry], ...] = (
    Open, Agree, Lock, Approve, Declare, Exclude, Call, Reveal, Beacon, Round, Outcome, Redraw, Close, Void,
)  # fmt: skip
_TYPES: Mapping[str, type[Entry]] = {entry.TYPE: entry for entry in _ALL}


def read_entry(type_: str, body: object) -> Entry:
    """The entry that a line's type and body say; RecordBroken unless they are written in the one permitted way."""
    if type_ not in _TYPES:
        raise RecordBroken("record.unknown_type", type=type_[:64])
    return _TYPES[type_].read(body)


def terms_in(entry: Entry, line: int) -> Mapping[tuple[int, DrawKind], Terms]:
    """The lists that a line pins, in the order in which their openings stand."""
    pools = entry.pools if isinstance(entry, Open) else (entry.pool,) if isinstance(entry, Declare) else ()
    return {(line, terms.kind): terms for terms in pools}
