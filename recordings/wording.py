"""The words of the replay page: reasons of gaps, findings of a check, buttons and keys."""

from app.core.i18n import N_
from recordings.verify import TEXTS

REASONS = {
    "not-joined": N_("尚未入席"),
    "no-signal": N_("无信号"),
    "network-loss": N_("网络丢包"),
    "connection-lost": N_("连接中断"),
    "left": N_("已离席"),
    "muted": N_("已静音"),
    "ended": N_("已停止共享或已拔除"),
    "frozen": N_("画面静止"),
    "taken-over": N_("已由另一录制进程接手"),
    "unknown": N_("原因不明"),
    "replaced": N_("重新连接"),
    "room-closed": N_("评标室已关闭"),
    "server-restart": N_("服务重启"),
    "server-stopped": N_("服务停止"),
    "disk-slow": N_("磁盘过慢，有内容未能存下"),
    "disk-failed": N_("磁盘故障"),
    "waiting-for-keyframe": N_("等待完整画面"),
}

_PLAYER = {
    "play": N_("播放"),
    "pause": N_("暂停"),
    "back": N_("后退 10 秒"),
    "forward": N_("前进 10 秒"),
    "step_back": N_("上一帧"),
    "step_forward": N_("下一帧"),
    "next_event": N_("下一事件"),
    "next_gap": N_("下一缺失"),
    "live": N_("跳到最新"),
    "speed": N_("速度"),
    "zoom_in": N_("放大时间轴"),
    "zoom_out": N_("缩小时间轴"),
    "zoom_all": N_("显示全程"),
    "timeline": N_("时间轴"),
    "seat": N_("{seat_no}号席"),
    "camera": N_("画面"),
    "microphone": N_("声音"),
    "screen": N_("屏幕"),
    "solo": N_("只听此席"),
    "solo_on": N_("正在只听此席"),
    "mute_all": N_("全部静音"),
    "verify": N_("校验录制"),
    "verifying": N_("正在校验…"),
    "verified": N_("校验通过：{fragments} 个片段，{files} 个文件"),
    "verified_open": N_("目前无误（尚未封存）：{fragments} 个片段"),
    "not_verified": N_("校验不通过：{count} 处不符"),
    "verify_failed": N_("未能完成校验，请重试"),
    "gaps": N_("缺失时段：{count} 处"),
    "gap": N_("缺失 {from} – {to}：{reason}"),
    "loading": N_("正在载入录制…"),
    "nothing": N_("还没有录制内容；评标室开始后会自动出现。"),
    "failed": N_("未能载入录制，请刷新页面重试"),
    "overlap": N_("{from} – {to} 另有一份由前一进程录制的副本，已保存，不播放"),
    "track_failed": N_("这一路无法播放"),
    "sound_failed": N_("声音无法播放"),
    "buffering": N_("正在缓冲"),
    "joined": N_("{seat_no}号席开始录制"),
    "help": N_(
        "空格 播放/暂停 · ←→ 5 秒 · , . 逐帧 · ↑↓ 速度 · 1–9 只听某席 · N 下一事件 · G 下一缺失 · +− 缩放 · V 校验"
    ),
    "keys": N_("快捷键"),
    "room_time": N_("评标室时间"),
}


_LIVE = {
    "connecting": N_("正在连接…"),
    "reconnecting": N_("连接中断，正在重连…"),
    "live_ended": N_("评标室已关闭；可在“同步回放”中查看全程。"),
    "live_bar": N_("实时巡看"),
    "hear": N_("听此席"),
    "recorded": N_("录制中"),
    "not_recorded": N_("没有新的录制"),
}


def live_texts() -> dict[str, str]:
    """Chinese texts by key, for the page that shows a running room."""
    shared = (
        "back",
        "live",
        "seat",
        "camera",
        "screen",
        "microphone",
        "room_time",
        "nothing",
        "track_failed",
    )
    return {**_LIVE, **{key: _PLAYER[key] for key in shared}}


def player_texts() -> dict[str, str]:
    """Chinese texts by key, as the page hands them to the player once translated. `reason.*` name gaps, `finding.*` faults."""
    return {
        **_PLAYER,
        **{f"reason.{code}": text for code, text in REASONS.items()},
        **{f"finding.{code}": text for code, text in TEXTS.items()},
    }
