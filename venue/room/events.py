"""What can happen to a seat in its online room, and how each is called on the timeline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.core.canonical import Canonical
from app.core.i18n import N_


class EventKind(StrEnum):
    """Kinds of room events (室内事件), of a seat or of the whole room."""

    camera_busy = "camera-busy"
    camera_denied = "camera-denied"
    camera_ended = "camera-ended"
    camera_insecure = "camera-insecure"
    camera_live = "camera-live"
    camera_muted = "camera-muted"
    camera_no_device = "camera-no-device"
    camera_not_asked = "camera-not-asked"
    camera_over_constrained = "camera-over-constrained"
    clock_stepped = "clock-stepped"
    link_amber = "link-amber"
    link_green = "link-green"
    link_red = "link-red"
    media_closed = "media-closed"
    media_connected = "media-connected"
    media_connecting = "media-connecting"
    media_failed = "media-failed"
    media_recording_failed = "media-recording-failed"
    microphone_busy = "microphone-busy"
    microphone_denied = "microphone-denied"
    microphone_ended = "microphone-ended"
    microphone_insecure = "microphone-insecure"
    microphone_live = "microphone-live"
    microphone_muted = "microphone-muted"
    microphone_no_device = "microphone-no-device"
    microphone_heard = "microphone-heard"
    microphone_not_asked = "microphone-not-asked"
    microphone_over_constrained = "microphone-over-constrained"
    microphone_silent = "microphone-silent"
    page_hidden = "page-hidden"
    page_shown = "page-shown"
    recording_back = "recording-back"
    recording_stale = "recording-stale"
    screen_busy = "screen-busy"
    screen_denied = "screen-denied"
    screen_ended = "screen-ended"
    screen_insecure = "screen-insecure"
    screen_live = "screen-live"
    screen_muted = "screen-muted"
    screen_no_device = "screen-no-device"
    screen_not_asked = "screen-not-asked"
    screen_partial = "screen-partial"
    seat_away = "seat-away"
    seat_back = "seat-back"
    seat_joined = "seat-joined"
    seat_left = "seat-left"
    seat_replaced = "seat-replaced"


EVENT_TEXTS: dict[EventKind, str] = {
    EventKind.camera_busy: N_("摄像头被其他程序占用"),
    EventKind.camera_denied: N_("摄像头未获授权"),
    EventKind.camera_ended: N_("摄像头断开"),
    EventKind.camera_insecure: N_("连接不安全，摄像头不可用"),
    EventKind.camera_live: N_("摄像头正常"),
    EventKind.camera_muted: N_("摄像头无画面"),
    EventKind.camera_no_device: N_("没有摄像头"),
    EventKind.camera_not_asked: N_("摄像头尚未开启"),
    EventKind.camera_over_constrained: N_("摄像头不支持所需规格"),
    EventKind.clock_stepped: N_("服务器时钟被调整"),
    EventKind.link_amber: N_("连接质量欠佳"),
    EventKind.link_green: N_("连接质量良好"),
    EventKind.link_red: N_("连接质量很差"),
    EventKind.media_closed: N_("音视频已关闭"),
    EventKind.media_connected: N_("音视频已接通"),
    EventKind.media_connecting: N_("音视频接通中"),
    EventKind.media_failed: N_("音视频中断"),
    EventKind.media_recording_failed: N_("录制失败"),
    EventKind.microphone_busy: N_("麦克风被其他程序占用"),
    EventKind.microphone_denied: N_("麦克风未获授权"),
    EventKind.microphone_ended: N_("麦克风断开"),
    EventKind.microphone_insecure: N_("连接不安全，麦克风不可用"),
    EventKind.microphone_live: N_("麦克风正常"),
    EventKind.microphone_muted: N_("麦克风静音"),
    EventKind.microphone_no_device: N_("没有麦克风"),
    EventKind.microphone_heard: N_("麦克风恢复有声"),
    EventKind.microphone_not_asked: N_("麦克风尚未开启"),
    EventKind.microphone_over_constrained: N_("麦克风不支持所需规格"),
    EventKind.microphone_silent: N_("麦克风持续无声"),
    EventKind.page_hidden: N_("评标页面被遮挡"),
    EventKind.page_shown: N_("回到评标页面"),
    EventKind.recording_back: N_("录制恢复"),
    EventKind.recording_stale: N_("录制中断"),
    EventKind.screen_busy: N_("屏幕共享被其他程序占用"),
    EventKind.screen_denied: N_("屏幕共享未获授权"),
    EventKind.screen_ended: N_("屏幕共享停止"),
    EventKind.screen_insecure: N_("连接不安全，屏幕共享不可用"),
    EventKind.screen_live: N_("屏幕共享正常"),
    EventKind.screen_muted: N_("屏幕共享无画面"),
    EventKind.screen_no_device: N_("不能共享屏幕"),
    EventKind.screen_not_asked: N_("屏幕尚未共享"),
    EventKind.screen_partial: N_("只共享了一个窗口或标签页"),
    EventKind.seat_away: N_("工位断线"),
    EventKind.seat_back: N_("工位重新连上"),
    EventKind.seat_joined: N_("进入评标室"),
    EventKind.seat_left: N_("离开评标室"),
    EventKind.seat_replaced: N_("工位被同一专家的另一页面接替"),
}
"""What the timeline says of each; Chinese catalogue texts."""


@dataclass(frozen=True, slots=True)
class SeatEvent:
    """One thing that happened at a seat, at a moment of the room clock in milliseconds."""

    room_id: str
    seat_no: int
    room_ms: int
    kind: EventKind
    detail: Mapping[str, Canonical] = field(default_factory=dict)
