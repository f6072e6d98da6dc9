"""Every question the recordings ask the database."""

from sqlmodel import Session, col, select

from recordings.models import RoomRecording, SpaceAlarm, StoredObject


def get(session: Session, room_id: str) -> RoomRecording | None:
    return session.get(RoomRecording, room_id)


def of_evaluation(session: Session, evaluation_id: str) -> RoomRecording | None:
    return session.exec(select(RoomRecording).where(RoomRecording.evaluation_id == evaluation_id)).first()


def stored(session: Session, room_id: str) -> frozenset[str]:
    """The names of those files of a room that the store has."""
    return frozenset(session.exec(select(StoredObject.name).where(StoredObject.room_id == room_id)).all())


def space_alarms(session: Session, volume: str) -> tuple[SpaceAlarm, ...]:
    """What is being warned of, the lowest level first."""
    return tuple(
        session.exec(
            select(SpaceAlarm).where(SpaceAlarm.volume == volume).order_by(col(SpaceAlarm.level))
        ).all()
    )
