"""Collects what can be reached: one router of each part, and the pages."""

from fastapi import APIRouter

from app.evaluation import check_in_endpoints as check_in
from app.evaluation import departure_endpoints as departures
from app.evaluation import draw_endpoints as draw
from app.evaluation import endpoints as evaluation
from app.evaluation import erasing_endpoints as erasing
from app.evaluation import performance_endpoints as performance
from app.evaluation import unsealing_endpoints as unsealing
from app.exchange import audit_endpoints as audit
from app.exchange import custody_endpoints as custody
from app.exchange import endpoints as exchange
from app.exchange import key_endpoints as keys
from app.notify import aliyun_callbacks, callbacks, simulator_endpoints, simulator_wire
from app.web import files, health, pages, streams, terminal_api, watch
from expert_draw import roster_endpoints as roster
from recordings import endpoints as recordings
from recordings import watching
from venue import endpoints as venue
from venue.room import endpoints as room
from venue.room import gateway

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    files.router,
    streams.router,
    draw.router,
    departures.router,
    performance.router,
    check_in.router,
    terminal_api.router,
    exchange.router,
    custody.router,
    audit.router,
    keys.router,
    unsealing.router,
    evaluation.router,
    roster.router,
    erasing.router,
    venue.router,
    room.router,
    gateway.router,
    recordings.router,
    watch.router,
    watching.router,
    callbacks.router,
    aliyun_callbacks.router,
    simulator_endpoints.router,
    simulator_wire.router,
    pages.router,
)
