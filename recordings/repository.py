"""Every question the recordings ask the database."""

from sqlmodel import Session, select

from recordings.models import RoomRecording


def get(session: Session, room_id: str) -> RoomRecording | None:
    return session.get(RoomRecording, room_id)


def of_evaluation(session: Session, evaluation_id: str) -> RoomRecording | None:
    return session.exec(select(RoomRecording).where(RoomRecording.evaluation_id == evaluation_id)).first()
