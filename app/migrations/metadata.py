"""All tables of the house in one place, for comparing with the database."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

import app.accounts.models
import app.audit.models
import app.core.models
import app.evaluation.models
import app.notify.models
import app.projects.models
import expert_draw.models
import recordings.models
import venue.models
import venue.placement.models

PARTS = (
    app.accounts.models,
    app.audit.models,
    app.core.models,
    app.evaluation.models,
    app.notify.models,
    app.projects.models,
    expert_draw.models,
    recordings.models,
    venue.models,
    venue.placement.models,
)


def metadata() -> MetaData:
    return SQLModel.metadata
