"""The pages people open, one module for each."""

from fastapi import APIRouter

from app.web.pages import (
    answer,
    booking,
    departures,
    draw,
    evaluation,
    hotline,
    invitations,
    names,
    public_draws,
    replay,
    rules,
    seat,
    sign_in,
    simulator,
    today,
    verify,
)

router = APIRouter(include_in_schema=False)
for _part in (
    sign_in,
    answer,
    today,
    booking,
    evaluation,
    departures,
    draw,
    public_draws,
    invitations,
    names,
    hotline,
    replay,
    rules,
    seat,
    simulator,
    verify,
):
    router.include_router(_part.router)
