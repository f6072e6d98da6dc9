"""The pages people open, one module for each."""

from fastapi import APIRouter

from app.web.pages import booking, draw, evaluation, invitations, replay, seat, sign_in, simulator, today

router = APIRouter(include_in_schema=False)
for _part in (sign_in, today, booking, evaluation, draw, invitations, replay, seat, simulator):
    router.include_router(_part.router)
