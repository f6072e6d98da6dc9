"""Collects what programs may call: one router of each part, and the pages."""

from fastapi import APIRouter

from app.evaluation import endpoints as evaluation
from app.web import files, health, pages
from recordings import endpoints as recordings
from venue import endpoints as venue

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    files.router,
    evaluation.router,
    recordings.router,
    venue.router,
    pages.router,
)
