"""Opens a seat's media as it comes off the wire and leads every packet to its line; tells the sender how it arrives.

It stands right behind the guard, before anything of aiortc: packets are decrypted with the connection's own keys and
read where they lie, so that no queue, no task and no decoder is between the socket and the recording.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from aiortc.rtcrtpparameters import RTCRtpReceiveParameters
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpSrPacket,
    pack_remb_fci,
)

from venue.media.encoded import ASK_EVERY_MS, EncodedLine
from venue.media.rtp import Extensions, RtpPacket, read
from venue.media.seams import MediaKeys

log = logging.getLogger(__name__)

LEVEL_URI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"
_REPORT_S = 1.0
_REPORTS = range(192, 224)
_MOST_STRANGERS = 64
MOST_PACKETS_PER_S = 6_000
"""Taken from one seat. A camera with a microphone sends about 150 a second, three lines in 4K about 3000."""
MOST_REPORTS_PER_S = 200
"""The same of reports: one may hold hundreds, and a browser sends some ten a second."""
_S_MS = 1_000


class MediaTap:
    """All media lines of one connection. Everything belongs to the event loop that packets arrive on.

    room_clock: room milliseconds, never going back. bitrate: bits per second the sender is told it may use in all; None
    tells it nothing.
    """

    def __init__(
        self, keys: MediaKeys, own_ssrc: int, room_clock: Callable[[], int], bitrate: int | None
    ) -> None:
        self._keys = keys
        self._own_ssrc = own_ssrc
        self._room_clock = room_clock
        self._bitrate = bitrate
        self._lines: list[TappedLine] = []
        self._by_ssrc: dict[int, EncodedLine] = {}
        self._strangers: set[int] = set()
        self._extensions = Extensions()
        self._reporting: asyncio.TimerHandle | None = None
        self._retrying: asyncio.TimerHandle | None = None
        self._packets = self._reports = 0
        self._counted_until_ms = 0
        self.unreadable = 0
        """Datagrams that could not be decrypted or were no packets of any line."""
        self.excess = 0
        """Datagrams left unread because the seat sends more than any camera does."""

    def line(self, line: EncodedLine) -> "TappedLine":
        """What stands in the place of aiortc's receiver of this line."""
        tapped = TappedLine(self, line)
        self._lines.append(tapped)
        return tapped

    def datagram(self, data: bytes) -> None:
        """RTP or RTCP from the address that has proved to be the seat's."""
        is_report = data[1] in _REPORTS
        opened = self._keys.open_report(data) if is_report else self._keys.open_packet(data)
        if opened is None:
            self.unreadable += 1
            return
        now_ms = self._room_clock()
        if now_ms >= self._counted_until_ms:
            self._counted_until_ms = now_ms + _S_MS
            self._packets = self._reports = 0
        if is_report:
            self._reports_came(opened, now_ms)
            return
        # Only what the seat itself has locked counts: nobody else can use up what it may send.
        self._packets += 1
        if self._packets > MOST_PACKETS_PER_S:
            self._leave_unread()
            return
        packet = read(opened, self._extensions, now_ms)
        line = packet and (self._by_ssrc.get(packet.ssrc) or self._line_of(packet))
        if packet is None or line is None:
            self.unreadable += 1
        elif line.packet(packet) and self._retrying is None:
            self._retrying = asyncio.get_running_loop().call_later(ASK_EVERY_MS / 1000, self._retry)

    def _leave_unread(self) -> None:
        if not self.excess:
            log.warning("a seat sends more packets or reports than any browser does; the rest is not read")
        self.excess += 1

    def _line_of(self, packet: RtpPacket) -> EncodedLine | None:
        """Of a source seen for the first time: by the name of its line, else by what only one line carries."""
        able = [one for one in self._lines if packet.payload_type in one.line.payload_types]
        named = [one for one in able if packet.mid is not None and one.mid == packet.mid]
        found = named or [one for one in able if packet.ssrc in one.ssrcs] or able
        if len(found) != 1:
            return None
        if len(self._by_ssrc) < _MOST_STRANGERS:
            self._by_ssrc[packet.ssrc] = found[0].line
        return found[0].line

    def _reports_came(self, opened: bytes, now_ms: int) -> None:
        self._reports += 1
        if self._reports > MOST_REPORTS_PER_S:
            self._leave_unread()
            return
        try:
            reports = RtcpPacket.parse(opened)
        except ValueError:
            self.unreadable += 1
            return
        for report in reports:
            if isinstance(report, RtcpSrPacket):
                for one in self._lines:
                    if one.line.ssrc == report.ssrc:
                        one.line.reported(report, now_ms)

    def started(self, parameters: RTCRtpReceiveParameters) -> None:
        """The connection stands and has agreed on this line."""
        numbers = {extension.uri: extension.id for extension in parameters.headerExtensions}
        self._extensions = Extensions(
            mid=numbers.get(MID_URI, self._extensions.mid),
            level=numbers.get(LEVEL_URI, self._extensions.level),
        )
        if self._reporting is None:
            self._reporting = asyncio.get_running_loop().call_later(_REPORT_S, self._report)

    def stop(self) -> None:
        """No timer goes off after this."""
        for timer in (self._reporting, self._retrying):
            if timer is not None:
                timer.cancel()
        self._reporting = self._retrying = None

    def _report(self) -> None:
        self._reporting = asyncio.get_running_loop().call_later(_REPORT_S, self._report)
        now_ms = self._room_clock()
        receipts = [receipt for one in self._lines if (receipt := one.line.receipt(now_ms)) is not None]
        if not receipts:
            return
        report = bytes(RtcpRrPacket(ssrc=self._own_ssrc, reports=receipts))
        if self._bitrate is not None:
            # A constant limit instead of an estimate: the sender reaches its rate in the first seconds.
            limit = pack_remb_fci(self._bitrate, [receipt.ssrc for receipt in receipts])
            report += bytes(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=self._own_ssrc, media_ssrc=0, fci=limit))
        self._keys.send_report(report)

    def _retry(self) -> None:
        now_ms = self._room_clock()
        for one in self._lines:
            if one.line.is_missing_any:
                one.line.retry(now_ms)
        missing = any(one.line.is_missing_any for one in self._lines)
        self._retrying = (
            asyncio.get_running_loop().call_later(ASK_EVERY_MS / 1000, self._retry) if missing else None
        )


class TappedLine:
    """A line as aiortc starts and stops it: told what was agreed, and when the connection has ended."""

    def __init__(self, tap: MediaTap, line: EncodedLine) -> None:
        self.line = line
        self.mid: str | None = None
        self.ssrcs: frozenset[int] = frozenset()
        self._tap = tap
        self._is_started = False

    async def start(self, parameters: RTCRtpReceiveParameters) -> None:
        """Called when the connection stands, and again after each negotiation."""
        if self._is_started:
            return
        self._is_started = True
        self.mid = parameters.muxId or None
        self.ssrcs = _ssrcs(parameters)
        self.line.agreed(parameters)
        self._tap.started(parameters)

    async def stop(self) -> None:
        """Called when the connection closes."""
        if self._is_started:
            self._is_started = False
            self._tap.stop()
            self.line.finish()


def _ssrcs(parameters: RTCRtpReceiveParameters) -> frozenset[int]:
    """The sources that the offer announced for a line, that of packets sent again too."""
    announced: Sequence[int | None] = [
        number
        for encoding in parameters.encodings
        for number in (encoding.ssrc, encoding.rtx.ssrc if encoding.rtx else None)
    ]
    return frozenset(number for number in announced if number is not None)
