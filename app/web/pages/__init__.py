"""The pages people open, one module for each."""

from fastapi import APIRouter

from app.web.pages import (
    accounts,
    answer,
    audit,
    booking,
    check_in,
    custody,
    departures,
    draw,
    evaluation,
    hotline,
    invitations,
    names,
    own,
    public_draws,
    replay,
    rules,
    seat,
    second_factor,
    set_up,
    sign_in,
    simulator,
    terminals,
    today,
    verify,
)

router = APIRouter(include_in_schema=False)
for _part in (
    sign_in,
    second_factor,
    set_up,
    own,
    accounts,
    answer,
    today,
    booking,
    evaluation,
    custody,
    departures,
    draw,
    public_draws,
    invitations,
    names,
    hotline,
    replay,
    rules,
    audit,
    seat,
    check_in,
    terminals,
    simulator,
    verify,
):
    router.include_router(_part.router)
