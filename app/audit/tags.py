"""Every recordable act, as `source:subject:action`."""

from enum import StrEnum


class Tag(StrEnum):
    absence_entered = "draw:absence:entered"
    absence_removed = "draw:absence:removed"
    account_act_asked = "accounts:act:asked"
    account_act_confirmed = "accounts:act:confirmed"
    account_act_refused = "accounts:act:refused"
    account_added = "accounts:account:added"
    account_disabled = "accounts:account:disabled"
    account_enabled = "accounts:account:enabled"
    account_factor_enrolled = "accounts:second-factor:enrolled"
    account_factor_reset = "accounts:second-factor:reset"
    account_identity_linked = "accounts:identity:linked"
    account_identity_unlinked = "accounts:identity:unlinked"
    account_invited = "accounts:account:invited"
    account_password_set = "accounts:password:set"  # noqa: S105 -- an act
    account_recovered = "accounts:recovery-code:used"
    account_recovery_renewed = "accounts:recovery-code:renewed"
    account_role_changed = "accounts:account:role-changed"
    account_session_ended = "accounts:session:ended"
    account_set_up = "accounts:house:set-up"
    account_sign_in_refused = "accounts:account:sign-in-refused"
    account_signed_in = "accounts:account:signed-in"
    account_signed_out = "accounts:account:signed-out"
    account_stepped_up = "accounts:session:stepped-up"
    audit_exported = "house:audit:exported"
    clock_off = "house:clock:off"
    clock_right = "house:clock:right"
    draw_agreed = "draw:draw:agreed"
    draw_approved = "draw:draw:approved"
    draw_called = "draw:round:called"
    draw_closed = "draw:draw:closed"
    draw_committed = "draw:draw:committed"
    draw_linked = "draw:party:linked"
    draw_names_read = "draw:names:read"
    draw_names_released = "draw:names:released"
    draw_promised = "draw:party:promised"
    draw_published = "draw:draw:published"
    draw_redrawn = "draw:draw:redrawn"
    draw_revealed = "draw:round:revealed"
    draw_round = "draw:round:drawn"
    draw_slip = "draw:slip:given"
    draw_voided = "draw:draw:voided"
    draw_waits = "draw:round:waits-for-seats"
    evaluation_bidders = "evaluation:bidders:delivered"
    evaluation_booked = "evaluation:evaluation:booked"
    evaluation_closed = "evaluation:evaluation:closed"
    evaluation_convened = "evaluation:evaluation:convened"
    evaluation_given_up = "evaluation:evaluation:given-up"
    evaluation_opened = "evaluation:evaluation:opened"
    evaluation_postponed = "evaluation:evaluation:postponed"
    evaluation_ready = "evaluation:evaluation:ready"
    evaluation_replaced = "evaluation:evaluation:replaced"
    evaluation_sealed = "evaluation:evaluation:sealed"
    evaluation_short = "evaluation:evaluation:short"
    evaluation_vacated = "evaluation:evaluation:vacated"
    evaluation_widened = "evaluation:evaluation:widened"
    export_handed_out = "exchange:export:handed-out"
    export_ordered = "exchange:export:ordered"
    filing_dead = "exchange:filing:dead"
    filing_ordered = "exchange:filing:ordered"
    filing_receipted = "exchange:filing:receipted"
    guessing_paused = "accounts:address:paused"
    hotline_closed = "notify:hotline:closed"
    hotline_registered = "notify:hotline:registered"
    hotline_taken = "notify:hotline:taken"
    identity_matched = "evaluation:identity:matched"
    identity_mismatched = "evaluation:identity:mismatched"
    invitation_answered = "draw:invitation:answered"
    invitation_expired = "draw:invitation:expired"
    invitation_late = "draw:invitation:late-answer"
    invitation_leave_late = "draw:invitation:leave-late"
    invitation_left = "draw:invitation:left"
    invitation_promoted = "draw:invitation:promoted"
    invitation_unreachable = "draw:invitation:unreachable"
    job_retried = "exchange:job:retried"
    joint_act_asked = "evaluation:joint-act:asked"
    joint_act_confirmed = "evaluation:joint-act:confirmed"
    joint_act_refused = "evaluation:joint-act:refused"
    key_resealed = "house:key:resealed"
    key_retired = "house:key:retired"
    key_rotated = "house:key:rotated"
    member_code_renewed = "evaluation:member:code-renewed"
    member_left = "evaluation:member:left"
    member_seated = "evaluation:member:seated"
    member_signed_in = "evaluation:member:signed-in"
    person_erased = "draw:person:erased"
    person_erasure_asked = "draw:person:erasure-asked"
    person_unmasked = "draw:person:unmasked"
    recording_deleted = "recordings:recording:deleted"
    recording_disposed = "recordings:recording:disposed"
    recording_handed_out = "recordings:package:handed-out"
    recording_held = "recordings:recording:held"
    recording_released = "recordings:recording:released"
    recording_replayed = "recordings:recording:replayed"
    recording_track_watched = "recordings:track:watched"
    recording_verified = "recordings:recording:verified"
    recording_watched_live = "recordings:track:watched-live"
    roster_changed = "draw:roster:changed"
    roster_imported = "draw:roster:imported"
    sample_loaded = "sample:sample:loaded"
    seat_alarm_acknowledged = "evaluation:seat-alarm:acknowledged"
    seat_alarm_raised = "evaluation:seat-alarm:raised"
    seat_refused = "evaluation:seat:refused"
    sheet_saved = "evaluation:sheet:saved"
    sheet_submitted = "evaluation:sheet:submitted"
    sheet_voided = "evaluation:sheet:voided"
    space_eased = "recordings:space:eased"
    space_short = "recordings:space:short"
    terminal_blocked = "venue:terminal:blocked"
    terminal_code_made = "venue:terminal:code-made"
    terminal_enrolled = "venue:terminal:enrolled"
    terminal_replaced = "venue:terminal:replaced"


MILESTONES = frozenset(
    {
        Tag.account_act_confirmed,
        Tag.account_added,
        Tag.account_factor_reset,
        Tag.account_role_changed,
        Tag.account_set_up,
        Tag.draw_committed,
        Tag.draw_names_released,
        Tag.draw_published,
        Tag.draw_round,
        Tag.evaluation_closed,
        Tag.evaluation_opened,
        Tag.evaluation_sealed,
        Tag.key_retired,
        Tag.key_rotated,
        Tag.person_erased,
    }
)
"""Acts that others rely on at once: the log is signed for right after them, and the signature stamped where there is a stamping service."""
