"""How good a seat's connection is, from the figures that its page reports: a light for the staff (连接质量)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Literal

from app.core.canonical import Canonical, canonical_json


class Quality(StrEnum):
    """green: nothing is lost. amber: the recording suffers. red: it will have gaps or cannot be recognised."""

    green = "green"
    amber = "amber"
    red = "red"


@dataclass(frozen=True, slots=True)
class LinkFigures:
    """What a page measured of its connection over the last seconds; None where its browser does not tell.

    rtt_ms: there and back. loss_permille: packets lost on the way, of a thousand. kbps: sent, all tracks together.
    fps, width, height: the camera's pictures as they are sent. limit: what keeps the camera's pictures smaller than asked
    for. relay: the way leads over a TURN server.
    """

    rtt_ms: int | None
    loss_permille: int | None
    kbps: int
    fps: int | None
    width: int | None
    height: int | None
    limit: Literal["none", "cpu", "bandwidth", "other"]
    relay: bool

    def text(self) -> str:
        """As canonical JSON."""
        figures: Mapping[str, Canonical] = asdict(self)
        return canonical_json(figures).decode()


def read_figures(text: str) -> LinkFigures:
    """The figures of a text made by `LinkFigures.text`."""
    return LinkFigures(**json.loads(text))


_WORSE: tuple[tuple[str, int, int], ...] = (("rtt_ms", 300, 800), ("loss_permille", 20, 100))
"""From which figure on the light is amber, and from which it is red."""
_TOO_FEW: tuple[tuple[str, int, int], ...] = (("kbps", 100, 20), ("fps", 10, 3), ("height", 240, 120))
"""Below which figure the light is amber, and below which it is red."""
_TOO_MUCH_HEIGHT = 1440


def quality(figures: LinkFigures) -> Quality:
    """The worst that any of the figures says. What is not told says nothing."""
    return max((Quality.green, *_judged(figures)), key=_ORDER.index)


def _judged(figures: LinkFigures) -> list[Quality]:
    found = []
    for name, amber, red in _WORSE:
        value = getattr(figures, name)
        if value is not None and value >= amber:
            found.append(Quality.red if value >= red else Quality.amber)
    for name, amber, red in _TOO_FEW:
        value = getattr(figures, name)
        if value is not None and value < amber:
            found.append(Quality.red if value < red else Quality.amber)
    if figures.limit in {"cpu", "bandwidth"}:
        found.append(Quality.amber)
    if figures.height is not None and figures.height > _TOO_MUCH_HEIGHT:
        found.append(Quality.amber)
    return found


_ORDER = tuple(Quality)
