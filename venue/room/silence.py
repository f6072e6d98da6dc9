"""Notices when a microphone sends nothing but digital silence: switched off at its cable, or muted by a program."""

SILENT_AFTER_MS = 10_000
NOTHING = 127
"""The loudness of digital silence (RFC 6464); every real microphone hears at least its own noise."""


class SilenceWatch:
    """Follows the loudness of one microphone's samples. silent: whether it has sent nothing for ten seconds."""

    __slots__ = ("_since_ms", "silent")

    def __init__(self) -> None:
        self.silent = False
        self._since_ms: int | None = None

    def hear(self, room_ms: int, level: int | None) -> bool:
        """Takes the next sample's loudness, None when it was not told; says whether `silent` has changed."""
        if level is None:
            return False
        if level < NOTHING:
            self._since_ms = None
            changed, self.silent = self.silent, False
            return changed
        if self._since_ms is None:
            self._since_ms = room_ms
        if self.silent or room_ms - self._since_ms < SILENT_AFTER_MS:
            return False
        self.silent = True
        return True
