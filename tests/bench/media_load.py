"""What a publishing seat costs the service, beside aiortc's recorder, Janus and the least that any receiver must do."""

from collections.abc import Iterator, Sequence
from statistics import median

from tests.bench import media_janus
from tests.bench.media_ends import Load, run
from tests.bench.table import Figure, Verdict, at_least, at_most, left_out, told

_STOCK_SEATS = 2
"""More of them than this keep a whole core busy and lose frames: what they would cost cannot be measured."""


def processor(quick: bool) -> Iterator[Figure]:
    """Ratios of processor time at 8 and 32 seats; the ends take turns, so that all meet the same machine."""
    seconds, rounds = (6.0, 1) if quick else (12.0, 3)
    stock = _typical([run("stock-mp4", _STOCK_SEATS, seconds)])
    yield told(f"MediaRecorder (mp4), {_STOCK_SEATS} seats", _each(stock), "decodes and encodes")
    for seats, most in ((8, 3.0), (32, 2.5)):
        kinds = ["ours", "floor", *(["janus"] if media_janus.is_installed() else [])]
        runs: dict[str, list[Load]] = {kind: [] for kind in kinds}
        for _ in range(rounds):
            for kind in kinds:
                runs[kind].append(run(kind, seats, seconds))
        ours, floor = _typical(runs["ours"]), _typical(runs["floor"])
        yield told(f"our recorder, {seats} seats", _each(ours), f"floor {_each(floor)}")
        yield at_least(
            f"× less than MediaRecorder, {seats} seats",
            stock.per_seat_ms / ours.per_seat_ms,
            40,
            unit="×",
            beside=f"MediaRecorder {_each(stock)}",
        )
        yield at_most(
            f"× the floor, {seats} seats",
            ours.per_seat_ms / floor.per_seat_ms,
            most,
            unit="×",
            beside=f"receive + SRTP {_each(floor)}",
        )
        if "janus" in runs:
            janus = _typical(runs["janus"])
            yield at_most(
                f"× Janus, {seats} seats",
                ours.per_seat_ms / janus.per_seat_ms,
                1.5,
                unit="×",
                beside=f"Janus recording {_each(janus)}",
            )
        else:
            yield left_out(f"× Janus, {seats} seats", "≤ 1.5 ×", "no Janus here: apt-get install janus")
        yield _whole(f"frames not in the files, {seats} seats", runs["ours"])


def capacity(quick: bool) -> Iterator[Figure]:
    """How many seats one core carries without losing a frame."""
    seats, seconds = (110, 20.0) if quick else (110, 600.0)
    load = run("ours", seats, seconds, warm_s=5.0)
    yield at_most(f"part of one core, {seats} seats for {seconds:.0f} s", load.core, 1.0, unit="")
    yield _whole(f"frames not in the files, {seats} seats for {seconds:.0f} s", [load])
    yield told("memory of the receiving process", f"{load.heard['rss_kb'] / 1024:.0f} MB")


def missing(load: Load) -> int:
    """Frames that were sent and are in no file."""
    sent = load.sent["pictures_sent"] + load.sent["sounds_sent"]
    return sent - sum(load.kept.values())


def _whole(name: str, loads: Sequence[Load]) -> Figure:
    lost = sum(missing(load) for load in loads)
    sent = sum(load.sent["pictures_sent"] + load.sent["sounds_sent"] for load in loads)
    verdict = Verdict.missed if lost else Verdict.met
    return Figure(name, f"{lost:,}", "0", f"of {sent:,} sent", verdict, lost, 0)


def _typical(loads: Sequence[Load]) -> Load:
    middle = median(load.per_seat_ms for load in loads)
    return min(loads, key=lambda load: abs(load.per_seat_ms - middle))


def _each(load: Load) -> str:
    return f"{load.per_seat_ms:.1f} ms/seat-s"
