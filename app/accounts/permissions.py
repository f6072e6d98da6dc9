"""What may be done, and which role may do it."""

from enum import StrEnum


class Permission(StrEnum):
    """Every guarded act, as `resource:action`."""

    account_self = "account:self"
    audit_read = "audit:read"
    center_read = "center:read"
    draw_read = "draw:read"
    draw_run = "draw:run"
    draw_supervise = "draw:supervise"
    evaluation_book = "evaluation:book"
    evaluation_conduct = "evaluation:conduct"
    evaluation_read = "evaluation:read"
    hotline_answer = "hotline:answer"
    invitation_export = "invitation:export"
    invitation_read = "invitation:read"
    job_manage = "job:manage"
    member_dismiss = "member:dismiss"
    recording_replay = "recording:replay"
    roster_import = "roster:import"
    roster_read = "roster:read"
    seat_sit = "seat:sit"
    sheet_write = "sheet:write"
    simulator_use = "simulator:use"


class Role(StrEnum):
    """Who somebody is in the house."""

    administrator = "administrator"
    expert = "expert"
    guest_operator = "guest_operator"
    host_operator = "host_operator"
    pool_administrator = "pool_administrator"
    supervisor = "supervisor"


_STAFF = frozenset({Permission.account_self, Permission.center_read})

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.administrator: _STAFF | {Permission.job_manage, Permission.simulator_use},
    Role.expert: frozenset({Permission.account_self, Permission.seat_sit, Permission.sheet_write}),
    Role.guest_operator: _STAFF,
    Role.host_operator: _STAFF
    | {
        Permission.draw_read,
        Permission.draw_run,
        Permission.evaluation_book,
        Permission.evaluation_conduct,
        Permission.evaluation_read,
        Permission.hotline_answer,
        Permission.invitation_export,
        Permission.invitation_read,
        Permission.member_dismiss,
        Permission.simulator_use,
    },
    Role.pool_administrator: _STAFF | {Permission.roster_import, Permission.roster_read},
    Role.supervisor: _STAFF
    | {
        Permission.audit_read,
        Permission.draw_read,
        Permission.draw_supervise,
        Permission.evaluation_read,
        Permission.invitation_export,
        Permission.invitation_read,
        Permission.job_manage,
        Permission.member_dismiss,
        Permission.recording_replay,
        Permission.simulator_use,
    },
}


def may(role: Role, permission: Permission) -> bool:
    return permission in GRANTS[role]
