"""Custody of a recording: one person keeps it, and letting go, exporting and disposing of it take two, each with a reason."""

import asyncio
import os
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.accounts.access import Actor
from app.accounts.permissions import Permission, Role
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import work
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.samples import Codec, Source, TrackKey
from app.core.storage import DirectoryStore
from app.core.work import Failed, Kind
from app.evaluation import cases, conductor, custody, custody_views, evidence
from app.evaluation.custody_views import Custody
from app.evaluation.joint_acts import JointKind
from app.evaluation.models import Evaluation
from app.exchange import custody_jobs
from recordings import disposal, reach
from recordings import service as recordings
from recordings.manifest import MANIFEST_FILE
from recordings.recorder import Recorder
from recordings.retention import Standing
from recordings.uploads import Uploads
from recordings.verify import verify_room
from tests.support.encoded import pictures
from tests.support.evaluations import employ
from tests.support.world import OPERATOR, World, booking, make_world

ROOM = "room-in-custody"
SUPERVISOR = Actor(id="account:supervisor", role=Role.supervisor, name="监督")
OTHER = Actor(id="account:other", role=Role.supervisor, name="监督二")
ARCHIVIST = Actor(id="account:archivist", role=Role.archivist, name="档案", center_id="host-center")
WHY, BECAUSE = "投诉调查需要", "核对无误，同意"
FIFTEEN_YEARS = timedelta(days=15 * 366)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.database.dispose()


@pytest.fixture
def sealed(world: World) -> str:
    """An evaluation that is over, whose recording is sealed and lies in the store, too."""
    with world.transaction() as session:
        evaluation_id = conductor.book(session, world.now(), world.house, OPERATOR, booking(world)).id
    folder = world.settings.recordings_dir
    recorder = Recorder(folder, world.clock)
    recorder.begin(ROOM, 1, world.now())
    track = recorder(TrackKey(ROOM, 1, Source.camera), Codec.vp8)
    for sample in pictures(0, 30):
        track.write(sample)
    recorder.settle()
    manifest = recorder.close_room(ROOM, world.now())
    recorder.close()
    with world.transaction() as session:
        recordings.begin(session, world.now(), room_id=ROOM, evaluation_id=evaluation_id)
        recordings.seal(session, world.now(), room_id=ROOM, manifest_sha256=manifest.sha256)
        evaluation = session.get_one(Evaluation, evaluation_id)
        evaluation.state, evaluation.closed_at = "sealed", world.now()
        evaluation.manifest_sha256, evaluation.room_id = manifest.sha256, ROOM
    Uploads(world.database, world.clock, folder, store(world)).sweep()
    return evaluation_id


def store(world: World) -> DirectoryStore:
    return DirectoryStore(world.settings.store_dir)


def room(world: World) -> Path:
    return world.settings.recordings_dir / ROOM


def seen(world: World, evaluation_id: str, actor: Actor = SUPERVISOR) -> Custody:
    with world.database.reading() as session:
        evaluation = cases.load(session, evaluation_id)
        view = custody_views.view(session, world.now(), world.settings.recording, actor, evaluation)
    assert view is not None
    return view


def hold(world: World, evaluation_id: str, actor: Actor = SUPERVISOR, reason: str = WHY) -> None:
    with world.transaction() as session:
        custody.hold(session, world.now(), actor, evaluation_id, reason)


def ask(world: World, evaluation_id: str, kind: JointKind, actor: Actor = SUPERVISOR) -> str:
    employ(world, actor)
    with world.transaction() as session:
        settings = world.settings.recording
        return custody.ask(session, world.now(), settings, actor, evaluation_id, kind, WHY).id


def settle(
    world: World,
    evaluation_id: str,
    kind: JointKind,
    act: str,
    actor: Actor,
    reason: str = BECAUSE,
    *,
    confirm: bool = True,
) -> None:
    with world.transaction() as session:
        settings = world.settings.recording
        custody.settle(
            session, world.now(), settings, actor, evaluation_id, kind, act, reason, confirm=confirm
        )


def do(world: World, kind: Kind) -> None:
    """What the worker does with the one job of this kind."""
    with world.transaction() as session:
        (claim,) = work.claim(session, world.now(), kind.name, most=1, lease=timedelta(minutes=1))

    async def run() -> work.Result:
        return await kind.run(claim)

    result = asyncio.run(run())
    with world.transaction() as session:
        assert work.finish(session, world.now(), claim, result)
        kind.done(session, world.now(), claim, result)


def packages(world: World) -> Kind:
    settings = world.settings
    return custody_jobs.packages(
        world.sealer, world.clock, settings.recording, settings.recordings_dir, settings.exports_dir
    )


def disposals(world: World) -> Kind:
    settings = world.settings
    return custody_jobs.disposals(world.database, settings.recordings_dir, settings.exports_dir, store(world))


def acts(world: World, evaluation_id: str) -> list[tuple[str, str]]:
    with world.database.reading() as session:
        return [(act.tag, act.actor) for act in audit.trail(session, evaluation_id)]


def test_one_person_keeps_it_and_two_let_it_go(world: World, sealed: str) -> None:
    assert seen(world, sealed).standing is Standing.kept
    hold(world, sealed)
    with pytest.raises(Conflict, match="held-already"):
        hold(world, sealed, ARCHIVIST)
    held = seen(world, sealed)
    assert (held.standing, held.held and held.held.reason) == (Standing.held, WHY)
    act = ask(world, sealed, JointKind.hold_release)
    assert [(one.kind, one.mine) for one in seen(world, sealed).asked] == [(JointKind.hold_release, False)]
    assert seen(world, sealed, ARCHIVIST).asked[0].mine
    with pytest.raises(Conflict, match="second-person"):
        settle(world, sealed, JointKind.hold_release, act, SUPERVISOR)
    with pytest.raises(InvalidInput, match="reason"):
        settle(world, sealed, JointKind.hold_release, act, ARCHIVIST, "")
    assert seen(world, sealed).standing is Standing.held
    settle(world, sealed, JointKind.hold_release, act, ARCHIVIST)
    assert seen(world, sealed).standing is Standing.kept
    with pytest.raises(Conflict, match="not-held"):
        ask(world, sealed, JointKind.hold_release)
    hold(world, sealed)
    assert acts(world, sealed)[-5:] == [
        (Tag.recording_held, SUPERVISOR.id),
        (Tag.joint_act_asked, SUPERVISOR.id),
        (Tag.joint_act_confirmed, ARCHIVIST.id),
        (Tag.recording_released, ARCHIVIST.id),
        (Tag.recording_held, SUPERVISOR.id),
    ]


def test_a_refused_release_changes_nothing(world: World, sealed: str) -> None:
    hold(world, sealed)
    act = ask(world, sealed, JointKind.hold_release)
    settle(world, sealed, JointKind.hold_release, act, ARCHIVIST, confirm=False)
    assert seen(world, sealed).standing is Standing.held


def test_a_door_for_one_kind_settles_no_other(world: World, sealed: str) -> None:
    hold(world, sealed)
    act = ask(world, sealed, JointKind.hold_release)
    with pytest.raises(NotFound, match="joint-act"):
        settle(world, sealed, JointKind.recording_export, act, ARCHIVIST)


def test_nothing_is_disposed_of_before_its_time_or_while_it_is_held(world: World, sealed: str) -> None:
    with pytest.raises(Conflict, match="retention-runs"):
        ask(world, sealed, JointKind.disposal, ARCHIVIST)
    world.clock.advance(FIFTEEN_YEARS.total_seconds())
    hold(world, sealed)
    with pytest.raises(Conflict, match="held"):
        ask(world, sealed, JointKind.disposal, ARCHIVIST)


def test_a_hold_that_came_between_stops_the_disposal(world: World, sealed: str) -> None:
    world.clock.advance(FIFTEEN_YEARS.total_seconds())
    act = ask(world, sealed, JointKind.disposal, ARCHIVIST)
    hold(world, sealed)
    with pytest.raises(Conflict, match="held"):
        settle(world, sealed, JointKind.disposal, act, SUPERVISOR)
    assert list(disposal.files(room(world)))


def test_two_persons_dispose_of_it_and_the_manifest_and_the_trail_stay(world: World, sealed: str) -> None:
    with world.database.reading() as session:
        before = recordings.find(session, ROOM).manifest_sha256
    names = set(store(world).names(f"recordings/{ROOM}"))
    assert len(names) > 2
    world.clock.advance(FIFTEEN_YEARS.total_seconds())
    assert seen(world, sealed).standing is Standing.due
    act = ask(world, sealed, JointKind.disposal, ARCHIVIST)
    with pytest.raises(Conflict, match="second-person"):
        settle(world, sealed, JointKind.disposal, act, ARCHIVIST)
    settle(world, sealed, JointKind.disposal, act, SUPERVISOR)
    do(world, disposals(world))
    assert {path.name for path in room(world).iterdir()} <= disposal.STAYS
    assert (room(world) / MANIFEST_FILE).exists()
    assert {name.rpartition("/")[2] for name in store(world).names(f"recordings/{ROOM}")} <= disposal.STAYS
    view = seen(world, sealed)
    assert (view.standing, view.manifest_sha256) == (Standing.disposed, before)
    assert (view.disposed and view.disposed.decision) == act
    with world.database.reading() as session, pytest.raises(NotFound, match="recording-disposed"):
        reach.find_for(session, cases.load_for, SUPERVISOR, ROOM, Permission.recording_replay)
    with pytest.raises(NotFound, match="recording-disposed"):
        hold(world, sealed)
    assert acts(world, sealed)[-3:] == [
        (Tag.joint_act_confirmed, SUPERVISOR.id),
        (Tag.recording_disposed, SUPERVISOR.id),
        (Tag.recording_deleted, "house"),
    ]


def test_an_altered_manifest_is_found_even_when_nothing_else_is_left(world: World, sealed: str) -> None:
    world.clock.advance(FIFTEEN_YEARS.total_seconds())
    act = ask(world, sealed, JointKind.disposal, ARCHIVIST)
    settle(world, sealed, JointKind.disposal, act, SUPERVISOR)
    do(world, disposals(world))

    def faults() -> tuple[str, ...]:
        with world.database.reading() as session:
            found = evidence.check_house(session, world.settings.recordings_dir.parent, "en")
            (checked,) = [one for one in found if one.kind == "recording"]
        return checked.faults

    assert faults() == ()
    manifest = room(world) / MANIFEST_FILE
    manifest.chmod(0o600)
    manifest.write_bytes(manifest.read_bytes().replace(b"1", b"2", 1))
    assert faults()


def test_a_package_is_for_the_two_who_agreed_and_can_be_checked_elsewhere(
    world: World, sealed: str, tmp_path: Path
) -> None:
    act = ask(world, sealed, JointKind.recording_export)
    settle(world, sealed, JointKind.recording_export, act, ARCHIVIST)

    def fetch(actor: Actor) -> Path:
        with world.transaction() as session:
            job = custody.package(session, world.now(), world.settings.recording, actor, sealed, act)
        return world.settings.exports_dir / str(job.result["file"])

    with pytest.raises(Conflict, match="package-not-ready"):
        fetch(SUPERVISOR)
    do(world, packages(world))
    (package,) = seen(world, sealed).packages
    assert (package.ready, package.mine) == (True, True)
    assert not seen(world, sealed, OTHER).packages[0].mine
    with pytest.raises(NotFound, match="package"):
        fetch(OTHER)
    file = fetch(SUPERVISOR)
    assert fetch(ARCHIVIST) == file
    assert file.stat().st_size == package.size
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path / "elsewhere")
    verdict = verify_room(tmp_path / "elsewhere" / ROOM, seen(world, sealed).manifest_sha256)
    assert verdict.ok
    assert verdict.sealed
    assert acts(world, sealed)[-2:] == [
        (Tag.recording_handed_out, SUPERVISOR.id),
        (Tag.recording_handed_out, ARCHIVIST.id),
    ]
    world.clock.advance(72 * 3600)
    with pytest.raises(NotFound, match="package-over"):
        fetch(SUPERVISOR)


def test_what_is_disposed_of_stays_in_no_package_either(world: World, sealed: str) -> None:
    world.clock.advance(FIFTEEN_YEARS.total_seconds())
    export = ask(world, sealed, JointKind.recording_export)
    settle(world, sealed, JointKind.recording_export, export, ARCHIVIST)
    do(world, packages(world))
    (package,) = world.settings.exports_dir.iterdir()
    package.with_name(f"{package.name}.part").write_bytes(b"what a try that was killed has left")
    others = world.settings.exports_dir / "another-room-1.zip"
    others.write_bytes(b"another room's")
    act = ask(world, sealed, JointKind.disposal, ARCHIVIST)
    settle(world, sealed, JointKind.disposal, act, SUPERVISOR)
    do(world, disposals(world))
    assert list(world.settings.exports_dir.iterdir()) == [others]


def test_packages_that_are_over_and_halves_of_some_go_before_the_next_is_made(
    world: World, sealed: str
) -> None:
    folder = world.settings.exports_dir
    folder.mkdir(parents=True)
    for name in ("room-1.zip", "room-2.zip.part", "log.csv"):
        (folder / name).write_bytes(b"old")
        os.utime(folder / name, (0, 0))
    export = ask(world, sealed, JointKind.recording_export)
    settle(world, sealed, JointKind.recording_export, export, ARCHIVIST)
    do(world, packages(world))
    (made,) = [path for path in folder.iterdir() if path.name != "log.csv"]
    assert made.name.startswith(f"{ROOM}-")


def test_a_damaged_recording_does_not_leave_the_house(world: World, sealed: str) -> None:
    act = ask(world, sealed, JointKind.recording_export)
    settle(world, sealed, JointKind.recording_export, act, ARCHIVIST)
    media = next(path for path in room(world).iterdir() if path.suffix == ".webm")
    media.chmod(0o600)
    media.write_bytes(media.read_bytes()[:-1])
    with pytest.raises(Failed, match="recording-damaged"):
        do(world, packages(world))


def test_whoever_booked_it_is_never_one_of_the_two(world: World, sealed: str) -> None:
    turned = Actor(id=OPERATOR.id, role=Role.supervisor, name="")
    for kind in (JointKind.recording_export, JointKind.hold_release, JointKind.disposal):
        with pytest.raises(Conflict, match="duties-apart"):
            ask(world, sealed, kind, turned)
    with pytest.raises(Conflict, match="duties-apart"):
        hold(world, sealed, turned)
    act = ask(world, sealed, JointKind.recording_export)
    with pytest.raises(Conflict, match="duties-apart"):
        settle(world, sealed, JointKind.recording_export, act, turned)


def test_nothing_is_kept_or_exported_while_it_is_still_recorded(world: World) -> None:
    with world.transaction() as session:
        running = conductor.book(session, world.now(), world.house, OPERATOR, booking(world)).id
    with world.database.reading() as session:
        evaluation = cases.load(session, running)
        assert (
            custody_views.view(session, world.now(), world.settings.recording, SUPERVISOR, evaluation) is None
        )
    with pytest.raises(Conflict, match="recording-not-sealed"):
        hold(world, running)
