"""Who may do what, and in which relation to the thing: one table, and nothing outside it is allowed."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType


class Permission(StrEnum):
    """Every guarded act, as `resource:action`."""

    account_confirm = "account:confirm"  # to be the second person for what is done to an account
    account_manage = "account:manage"
    account_self = "account:self"
    audit_export = "audit:export"
    audit_read = "audit:read"
    avoidance_read = "avoidance:read"  # how many a list of bidders struck from the committee
    board_read = "board:read"
    center_read = "center:read"
    device_enroll = "device:enroll"
    draw_attend = "draw:attend"  # to speak for the tenderee in a draw
    draw_read = "draw:read"
    draw_read_lists = "draw:read-lists"  # the record with its lists opened
    draw_run = "draw:run"
    draw_supervise = "draw:supervise"
    evaluation_book = "evaluation:book"
    evaluation_conduct = "evaluation:conduct"
    evaluation_read = "evaluation:read"
    evaluation_supervise = "evaluation:supervise"  # to be the supervisor's side of what takes two persons
    hotline_answer = "hotline:answer"
    identity_check = "identity:check"
    invitation_export = "invitation:export"
    invitation_read = "invitation:read"
    job_manage = "job:manage"
    key_rotate = "key:rotate"
    member_dismiss = "member:dismiss"
    name_read = "name:read"  # that was opened early
    name_unseal = "name:unseal"  # to ask for it, before its time
    name_unseal_approve = "name:unseal-approve"
    person_erase = "person:erase"
    person_unmask = "person:unmask"
    recording_dispose = "recording:dispose"
    recording_export = "recording:export"
    recording_hold = "recording:hold"
    recording_release = "recording:release"
    recording_replay = "recording:replay"
    recording_watch = "recording:watch"
    roster_import = "roster:import"
    roster_read = "roster:read"
    seat_sit = "seat:sit"
    session_manage = "session:manage"
    sheet_write = "sheet:write"
    simulator_use = "simulator:use"


class Role(StrEnum):
    """Who somebody is in the house. A chair is an expert, the public is nobody."""

    administrator = "administrator"
    agency = "agency"
    archivist = "archivist"
    auditor = "auditor"
    draw_supervisor = "draw_supervisor"
    expert = "expert"
    grid_officer = "grid_officer"
    guest_operator = "guest_operator"
    host_operator = "host_operator"
    inspector = "inspector"
    pool_administrator = "pool_administrator"
    supervisor = "supervisor"
    tenderee = "tenderee"
    witness = "witness"


class Relation(StrEnum):
    """How somebody stands to the thing that an act is about."""

    after_disclosure = "after_disclosure"  # the evaluation is closed or sealed
    any = "any"  # however they stand to it
    not_oneself = "not_oneself"  # they neither applied for it nor ran its draw, and it is not their own
    own_venue = "own_venue"  # it stands in their center
    same_center = "same_center"  # their center hosts it
    same_evaluation = (
        "same_evaluation"  # they belong to this evaluation: sit in it, are a party of it, or booked it
    )


Needed = frozenset[Relation]
"""Relations that must all hold."""

_P, _R = Permission, Relation
_ANY: Needed = frozenset({_R.any})
_APART: Needed = frozenset({_R.not_oneself})
_CENTER: Needed = frozenset({_R.same_center})
_EVALUATION: Needed = frozenset({_R.same_evaluation})
_OVER: Needed = frozenset({_R.after_disclosure})
_VENUE: Needed = frozenset({_R.own_venue})

_STAFF: Mapping[Permission, Needed] = {_P.account_self: _ANY, _P.center_read: _ANY}

_TABLE: Mapping[Role, Mapping[Permission, Needed]] = {
    # Keeps the service and its accounts, and is never let near what it holds.
    Role.administrator: {
        **_STAFF,
        _P.account_confirm: _APART,
        _P.account_manage: _APART,
        _P.board_read: _VENUE,
        _P.job_manage: _ANY,
        _P.key_rotate: _ANY,
        _P.session_manage: _ANY,
        _P.simulator_use: _ANY,
    },
    Role.agency: {**_STAFF, _P.evaluation_book: _CENTER, _P.evaluation_read: _EVALUATION},
    Role.archivist: {
        **_STAFF,
        _P.evaluation_read: _CENTER | _OVER,
        _P.recording_dispose: _CENTER | _OVER | _APART,
        _P.recording_export: _CENTER | _OVER | _APART,
        _P.recording_hold: _CENTER | _OVER | _APART,
        _P.recording_release: _CENTER | _OVER | _APART,
    },
    Role.auditor: {
        **_STAFF,
        _P.audit_export: _ANY,
        _P.audit_read: _ANY,
        _P.draw_read: _OVER,
        _P.draw_read_lists: _OVER,
        _P.evaluation_read: _OVER,
        _P.recording_replay: _OVER,
    },
    Role.draw_supervisor: {
        **_STAFF,
        _P.draw_read: _CENTER,
        _P.draw_read_lists: _CENTER | _OVER,
        _P.draw_supervise: _CENTER | _APART,
        _P.evaluation_read: _CENTER,
        _P.name_unseal_approve: _CENTER | _APART,
    },
    Role.expert: {_P.account_self: _ANY, _P.seat_sit: _EVALUATION, _P.sheet_write: _EVALUATION},
    Role.grid_officer: _STAFF,
    Role.guest_operator: {
        **_STAFF,
        _P.board_read: _VENUE,
        _P.device_enroll: _VENUE,
        _P.identity_check: _VENUE,
    },
    Role.host_operator: {
        **_STAFF,
        _P.board_read: _VENUE,
        _P.device_enroll: _VENUE,
        _P.draw_read: _CENTER,
        _P.draw_read_lists: _CENTER | _OVER,
        _P.draw_run: _CENTER,
        _P.evaluation_book: _CENTER,
        _P.evaluation_conduct: _CENTER,
        _P.evaluation_read: _CENTER,
        _P.hotline_answer: _ANY,
        _P.identity_check: _VENUE,
        _P.invitation_export: _CENTER,
        _P.invitation_read: _CENTER,
        _P.member_dismiss: _CENTER,
        _P.simulator_use: _ANY,
    },
    Role.inspector: {
        **_STAFF,
        _P.draw_read: _OVER,
        _P.evaluation_read: _OVER,
        _P.recording_replay: _OVER,
    },
    # Keeps the roster, and therefore neither books nor draws, nor sees who was drawn.
    Role.pool_administrator: {
        **_STAFF,
        _P.board_read: _VENUE,
        _P.person_erase: _ANY,
        _P.person_unmask: _ANY,
        _P.roster_import: _ANY,
        _P.roster_read: _ANY,
    },
    Role.supervisor: {
        **_STAFF,
        _P.account_confirm: _APART,
        _P.audit_export: _ANY,
        _P.audit_read: _ANY,
        _P.avoidance_read: _ANY,
        _P.board_read: _ANY,
        _P.draw_read: _ANY,
        _P.draw_read_lists: _ANY,
        _P.draw_supervise: _APART,
        _P.evaluation_read: _ANY,
        _P.evaluation_supervise: _APART,
        _P.invitation_export: _ANY,
        _P.invitation_read: _ANY,
        _P.job_manage: _ANY,
        _P.member_dismiss: _APART,
        _P.name_read: _ANY,
        _P.name_unseal: _APART,
        _P.name_unseal_approve: _APART,
        _P.recording_dispose: _OVER | _APART,
        _P.recording_export: _OVER | _APART,
        _P.recording_hold: _APART,
        _P.recording_release: _APART,
        _P.recording_replay: _ANY,
        _P.recording_watch: _ANY,
        _P.simulator_use: _ANY,
    },
    # The tenderee's representative comes by a link of their own; it opens this and nothing else.
    Role.tenderee: {_P.draw_attend: _EVALUATION},
    Role.witness: {**_STAFF, _P.recording_watch: _CENTER},
}

GRANTS: Mapping[Role, Mapping[Permission, Needed]] = MappingProxyType(
    {role: MappingProxyType(dict(granted)) for role, granted in _TABLE.items()}
)
"""Role × permission → the relations that must all hold. What is not here is refused."""

STEP_UP: frozenset[Permission] = frozenset(
    {
        Permission.audit_export,
        Permission.key_rotate,
        Permission.name_read,
        Permission.name_unseal,
        Permission.name_unseal_approve,
        Permission.person_erase,
        Permission.person_unmask,
        Permission.recording_dispose,
        Permission.recording_export,
        Permission.recording_release,
    }
)
"""Acts that need a second factor shown a moment ago."""


def may(role: Role, permission: Permission) -> bool:
    """Whether the role holds the permission at all, in whatever relation."""
    return permission in GRANTS[role]


def permitted(role: Role, permission: Permission, relations: Collection[Relation] = ()) -> bool:
    """Whether the role may do it where exactly these relations hold."""
    return not missing(role, permission, relations)


def missing(role: Role, permission: Permission, relations: Collection[Relation]) -> Needed:
    """What stands in the way: the needed relations that do not hold; `any` for a permission the role does not hold at all."""
    needed = GRANTS[role].get(permission)
    if needed is None:
        return _ANY
    return needed - {Relation.any, *relations}
