// <room-replay data-room="…">: all seats of a room side by side on one clock, with timeline, gaps and check.
//
// The page hands over texts in <script type="application/json" class="replay-texts"> inside the element, and may add
// events of the evaluation in <script type="application/json" class="replay-events">: [{"at_ms", "seat_no", "text"}].

import { FRAME_MS, GroupPlayer, RATES } from "./group-player.js";
import { roomTime } from "./time-track.js";
import { TrackPlayer } from "./track-player.js";

const POLL_MS = 2_500;
const LOOK_BACK_MS = 60_000; // pieces younger than this may still change while the room runs
const JUMP_MS = 10_000;
const NUDGE_MS = 5_000;

class RoomReplay extends HTMLElement {
  #texts = {};
  #pageEvents = [];
  #room = null;
  #players = new Map();
  #tiles = new Map();
  #poll = null;
  #ui = {};

  connectedCallback() {
    if (this.group) return;
    this.#texts = this.#block("replay-texts") ?? {};
    this.#pageEvents = this.#block("replay-events") ?? [];
    this.base = `/api/recordings/${encodeURIComponent(this.dataset.room)}`;
    this.group = new GroupPlayer();
    this.#build();
    this.group.addEventListener("tick", () => this.#shown());
    this.group.addEventListener("change", () => this.#buttons());
    this.addEventListener("track-failed", (event) => this.#trackFailed(event.target));
    this.addEventListener("gesture-needed", () => this.group.pause());
    this.onKey = (event) => this.#key(event);
    document.addEventListener("keydown", this.onKey);
    this.#load();
  }

  disconnectedCallback() {
    clearTimeout(this.#poll);
    document.removeEventListener("keydown", this.onKey);
    this.group?.close();
    this.group = null;
    this.#players.clear();
    this.#tiles.clear();
    for (const child of [...this.children]) if (child.localName !== "script") child.remove();
  }

  /** What is being shown, for tests and for pages around it. Times in room milliseconds. */
  state() {
    const ms = this.group.now;
    return {
      roomMs: ms,
      playing: this.group.playing,
      buffering: this.group.buffering,
      spreadMs: this.group.spread(),
      tracks: this.group.tracks.map((track) => ({
        seatNo: track.seatNo,
        kind: track.kind,
        source: track.source,
        driftMs: track.drift(ms),
        gap: track.gapAt(ms)?.reason ?? null,
        failed: track.failed,
        muted: track.element.muted,
        currentMs: track.element.currentTime * 1000,
      })),
    };
  }

  say(key, params = {}) {
    return (this.#texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => params[name] ?? whole);
  }

  #block(name) {
    const block = this.querySelector(`script.${name}`);
    return block ? JSON.parse(block.textContent) : null;
  }

  // What stands on the page

  #build() {
    const ui = this.#ui;
    ui.status = element("p", { class: "replay-status", role: "status" }, this.say("loading"));
    ui.grid = element("div", { class: "replay-grid" });
    ui.play = this.#button("play", () => this.group.toggle(), "replay-play");
    ui.clock = element("output", { class: "replay-clock", "aria-label": this.say("room_time") });
    ui.wall = element("span", { class: "replay-wall" });
    ui.speed = element("select", { "aria-label": this.say("speed"), class: "replay-speed" });
    for (const rate of RATES) ui.speed.append(new Option(`${rate}×`, String(rate), rate === 1, rate === 1));
    ui.speed.addEventListener("change", () => (this.group.rate = Number(ui.speed.value)));
    ui.mute = this.#button("mute_all", () => this.group.setMuted(!this.group.muted));
    ui.live = this.#button("live", () => this.group.seek(Infinity));
    ui.verify = this.#button("verify", () => this.#verify(), "replay-verify");
    ui.verdict = element("span", { class: "replay-verdict", role: "status" });
    ui.track = document.createElement("time-track");
    ui.track.addEventListener("seek", (event) => this.group.seek(event.detail));
    ui.gaps = element("details", { class: "replay-gaps" });
    ui.findings = element("ul", { class: "replay-findings" });
    const bar = element("div", { class: "replay-bar", role: "toolbar", "aria-label": this.say("timeline") });
    bar.append(
      this.#button("back", () => this.group.seek(this.group.now - JUMP_MS), "", "−10"),
      this.#button("step_back", () => this.group.step(-1), "", "◂|"),
      ui.play,
      this.#button("step_forward", () => this.group.step(1), "", "|▸"),
      this.#button("forward", () => this.group.seek(this.group.now + JUMP_MS), "", "+10"),
      ui.clock,
      ui.wall,
      ui.speed,
      this.#button("next_event", () => this.#nextEvent()),
      this.#button("next_gap", () => this.#nextGap()),
      ui.mute,
      ui.live,
      this.#button("zoom_out", () => ui.track.zoom(-1), "", "−"),
      this.#button("zoom_in", () => ui.track.zoom(1), "", "+"),
      this.#button("zoom_all", () => ui.track.zoom(0), "", "⇔"),
      ui.verify,
      ui.verdict,
    );
    const keys = element("details", { class: "replay-keys" });
    keys.append(element("summary", {}, this.say("keys")), element("p", {}, this.say("help")));
    this.append(ui.status, ui.grid, bar, ui.track, ui.findings, ui.gaps, keys);
    ui.track.setWords((key, params) => this.say(key, params));
    this.#buttons();
  }

  #button(key, act, kind = "", sign = null) {
    const text = this.say(key);
    const button = element("button", { type: "button", class: `replay-button ${kind}`.trim(), "data-act": key }, sign ?? text);
    if (sign !== null) {
      button.setAttribute("aria-label", text);
      button.title = text;
    }
    button.addEventListener("click", act);
    return button;
  }

  #tile(seatNo) {
    const label = this.say("seat", { seat_no: seatNo });
    const figure = element("figure", { class: "replay-seat", "data-seat": seatNo });
    const pictures = element("div", { class: "replay-pictures" });
    const caption = element("figcaption", {}, label);
    const solo = element("button", { type: "button", class: "replay-solo", "aria-pressed": "false" }, this.say("solo"));
    solo.setAttribute("aria-label", `${this.say("solo")} ${label}`);
    solo.addEventListener("click", () => this.#solo(seatNo));
    caption.append(solo);
    figure.append(pictures, caption);
    this.#ui.grid.append(figure);
    const tile = { figure, label, pictures, shown: new Map(), solo };
    this.#tiles.set(seatNo, tile);
    this.#picture(tile, "camera");
    return tile;
  }

  /** Where a seat's camera or screen is shown, with what is told over it. */
  #picture(tile, source) {
    if (!tile.shown.has(source)) {
      const box = element("div", { class: "replay-picture", "data-source": source });
      const video = element("video", { playsinline: "", tabindex: "-1", "aria-label": `${tile.label} ${this.say(source)}` });
      video.muted = true;
      const overlay = element("p", { class: "replay-gap" });
      overlay.hidden = true;
      box.append(video, overlay);
      tile.pictures.append(box);
      tile.shown.set(source, { video, overlay });
    }
    return tile.shown.get(source);
  }

  // Data

  async #load() {
    try {
      this.#room = await this.#ask(`${this.base}/timeline`);
    } catch (error) {
      this.#tell(this.say("failed"), "bad");
      console.warn("timeline:", error.message);
      return;
    }
    this.#take();
    this.group.seek(this.group.from);
    this.#again();
  }

  #again() {
    clearTimeout(this.#poll);
    if (this.#room.sealed) return;
    this.#poll = setTimeout(() => this.#refresh(), POLL_MS);
  }

  /** While the room runs: what came since. When it has just been sealed, everything once more. */
  async #refresh() {
    try {
      const since = Math.max(0, this.#room.to_ms - LOOK_BACK_MS);
      let next = await this.#ask(`${this.base}/timeline?since=${since}`);
      if (next.sealed) next = await this.#ask(`${this.base}/timeline?since=0`);
      this.#room = next.sealed ? next : joined(this.#room, next);
      this.#take();
    } catch (error) {
      console.warn("timeline:", error.message);
    }
    if (this.isConnected) this.#again();
  }

  async #ask(address, options = {}) {
    const response = await fetch(address, { credentials: "same-origin", ...options });
    if (!response.ok) throw new Error(String(response.status));
    return response.json();
  }

  #take() {
    const room = this.#room;
    const seats = [...new Set(room.tracks.map((track) => track.seat_no))].sort((a, b) => a - b);
    for (const track of room.tracks) {
      const key = `${track.seat_no}-${track.source}`;
      const known = this.#players.get(key);
      if (known) known.update(track);
      else if (track.files.length > 0) this.#players.set(key, this.#player(track));
    }
    for (const seat of seats) this.#tiles.get(seat) ?? this.#tile(seat);
    this.#ui.grid.dataset.seats = String(seats.length);
    const begun = this.group.to > this.group.from;
    this.group.setRange(room.from_ms, room.to_ms, room.sealed);
    if (!begun) this.group.seek(room.from_ms);
    this.#ui.track.setRoom({ from: room.from_ms, to: room.to_ms, lanes: seats.map((seat) => this.#lane(seat)), events: this.#events() });
    this.#listGaps();
    this.#ui.live.hidden = room.sealed;
    this.#tell(room.tracks.length ? "" : this.say("nothing"));
    this.dataset.ready = "true";
  }

  #player(track) {
    const tile = this.#tiles.get(track.seat_no) ?? this.#tile(track.seat_no);
    let media;
    if (track.source === "microphone") {
      media = document.createElement("audio");
      tile.figure.append(media);
    } else {
      media = this.#picture(tile, track.source).video;
    }
    const player = new TrackPlayer(media, track, (file) => `${this.base}/tracks/${encodeURIComponent(file)}/media`);
    this.group.add(player);
    return player;
  }

  #lane(seat) {
    const of = (source) => {
      const track = this.#room.tracks.find((one) => one.seat_no === seat && one.source === source);
      const gaps = track?.gaps.map((gap) => ({ ...gap, text: this.#gapText(gap), name: this.#reason(gap.reason) }));
      return track && { coverage: track.coverage, gaps, levels: track.levels, levelsFrom: track.levels_from_ms };
    };
    return { label: this.say("seat", { seat_no: seat }), camera: of("camera"), screen: of("screen"), sound: of("microphone") };
  }

  #events() {
    const own = this.#room.events.map((event) => ({ ...event, text: this.say(event.code, { seat_no: event.seat_no }) }));
    return [...own, ...this.#pageEvents].sort((a, b) => a.at_ms - b.at_ms);
  }

  #gapText(gap) {
    return this.say("gap", { from: roomTime(gap.from_ms), to: roomTime(gap.to_ms), reason: this.#reason(gap.reason) });
  }

  #reason(code) {
    return this.#texts[`reason.${code}`] ?? code;
  }

  #listGaps() {
    const items = [];
    const doubles = [];
    for (const track of this.#room.tracks) {
      const who = `${this.say("seat", { seat_no: track.seat_no })} ${this.say(track.source)}`;
      for (const gap of track.gaps) {
        const jump = element("button", { type: "button", class: "replay-link" }, `${who} · ${this.#gapText(gap)}`);
        jump.addEventListener("click", () => this.group.seek(gap.from_ms));
        const item = element("li", {});
        item.append(jump);
        items.push([gap.from_ms, item]);
      }
      for (const one of track.overlaps) {
        const span = { from: roomTime(one.from_ms), to: roomTime(one.to_ms) };
        doubles.push(element("li", {}, `${who} · ${this.say("overlap", span)}`));
      }
    }
    items.sort((a, b) => a[0] - b[0]);
    const list = element("ul", {});
    list.append(...items.map(([, item]) => item), ...doubles);
    this.#ui.gaps.hidden = items.length + doubles.length === 0;
    this.#ui.gaps.replaceChildren(element("summary", {}, this.say("gaps", { count: items.length })), list);
  }

  // What changes

  #shown() {
    const ms = this.group.now;
    this.#ui.clock.textContent = roomTime(ms, true);
    this.#ui.wall.textContent = this.#wall(ms);
    this.#ui.track.now = ms;
    this.#ui.grid.dataset.busy = this.group.buffering ? this.say("buffering") : "";
    for (const [seat, tile] of this.#tiles) {
      for (const [source, { overlay }] of tile.shown) {
        const picture = this.#players.get(`${seat}-${source}`);
        if (picture?.failed) continue;
        const gap = picture ? picture.gapAt(ms) : { reason: "no-signal" };
        const text = gap ? (gap.from_ms === undefined ? this.#reason(gap.reason) : this.#gapText(gap)) : "";
        if (overlay.textContent !== text) overlay.textContent = text;
        overlay.hidden = !text;
      }
    }
  }

  #wall(ms) {
    if (this.#room?.zero_wall_ms == null) return "";
    const at = new Date(this.#room.zero_wall_ms + ms);
    return new Intl.DateTimeFormat("zh-CN", {
      timeZone: "Asia/Shanghai", year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
    }).format(at);
  }

  #buttons() {
    const { group } = this;
    this.#ui.play.textContent = this.say(group.playing ? "pause" : "play");
    this.#ui.play.setAttribute("aria-pressed", String(group.playing));
    this.#ui.speed.value = String(group.rate);
    this.#ui.mute.setAttribute("aria-pressed", String(group.muted));
    for (const [seat, tile] of this.#tiles) {
      const on = group.solo === seat;
      tile.solo.setAttribute("aria-pressed", String(on));
      tile.solo.textContent = this.say(on ? "solo_on" : "solo");
    }
  }

  #solo(seat) {
    this.group.setSolo(this.group.solo === seat ? null : seat);
  }

  #trackFailed(media) {
    const tile = [...this.#tiles.values()].find((one) => one.figure.contains(media));
    if (!tile) return;
    const shown = [...tile.shown.values()].find((one) => one.video === media);
    if (shown) {
      shown.overlay.textContent = this.say("track_failed");
      shown.overlay.hidden = false;
    } else {
      tile.figure.querySelector("figcaption").append(element("small", {}, this.say("sound_failed")));
    }
  }

  #nextEvent() {
    const next = this.#events().find((event) => event.at_ms > this.group.now + FRAME_MS);
    if (next) this.group.seek(next.at_ms);
  }

  #nextGap() {
    const later = this.#room.tracks.flatMap((track) => track.gaps).filter((gap) => gap.from_ms > this.group.now + FRAME_MS);
    if (later.length > 0) this.group.seek(Math.min(...later.map((gap) => gap.from_ms)));
  }

  async #verify() {
    const { verify, verdict, findings } = this.#ui;
    verify.disabled = true;
    verdict.dataset.tone = "";
    verdict.textContent = this.say("verifying");
    findings.replaceChildren();
    try {
      const result = await this.#ask(`${this.base}/verify`, { method: "POST" });
      verdict.dataset.tone = result.ok ? "good" : "bad";
      verdict.textContent = result.ok
        ? this.say(result.sealed ? "verified" : "verified_open", result)
        : this.say("not_verified", { count: result.findings.length });
      for (const finding of result.findings) findings.append(element("li", {}, this.#findingText(finding)));
    } catch (error) {
      verdict.dataset.tone = "bad";
      verdict.textContent = this.say("verify_failed");
    } finally {
      verify.disabled = false;
    }
  }

  #findingText(finding) {
    const when = finding.from_ms === null ? "" : ` [${roomTime(finding.from_ms, true)} – ${roomTime(finding.to_ms, true)}]`;
    return `${finding.file}${when} ${this.say(`finding.${finding.code}`)}`;
  }

  #tell(text, tone = "") {
    this.#ui.status.textContent = text;
    this.#ui.status.dataset.tone = tone;
    this.#ui.status.hidden = !text;
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, summary")) return;
    if (event.key === " " && event.target.closest("button, a")) return;
    const { group } = this;
    const acts = {
      " ": () => group.toggle(),
      ArrowLeft: () => group.seek(group.now - NUDGE_MS),
      ArrowRight: () => group.seek(group.now + NUDGE_MS),
      ArrowUp: () => this.#faster(1),
      ArrowDown: () => this.#faster(-1),
      Home: () => group.seek(group.from),
      End: () => group.seek(Infinity),
      ",": () => group.step(-1),
      ".": () => group.step(1),
      n: () => this.#nextEvent(),
      g: () => this.#nextGap(),
      m: () => group.setMuted(!group.muted),
      v: () => this.#verify(),
      "+": () => this.#ui.track.zoom(1),
      "=": () => this.#ui.track.zoom(1),
      "-": () => this.#ui.track.zoom(-1),
    };
    const seat = [...this.#tiles.keys()].sort((a, b) => a - b)[Number(event.key) - 1];
    const act = /^[1-9]$/.test(event.key) && seat !== undefined ? () => this.#solo(seat) : acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #faster(direction) {
    const at = RATES.indexOf(this.group.rate) + direction;
    if (RATES[at]) this.group.rate = RATES[at];
  }
}

/** The timeline known so far, completed by what the service told from `next.since` on. */
function joined(known, next) {
  const before = new Map(known.tracks.map((track) => [`${track.seat_no}-${track.source}`, track]));
  const tracks = next.tracks.map((track) => {
    const earlier = before.get(`${track.seat_no}-${track.source}`);
    return earlier ? grown(earlier, track, next.since) : begun(track, next);
  });
  const events = [...known.events.filter((event) => event.at_ms < next.since), ...next.events];
  return { ...next, tracks, events };
}

function grown(earlier, track, since) {
  const files = [...new Map([...earlier.files, ...track.files].map((file) => [file.id, file])).values()];
  const number = new Map(files.map((file, at) => [file.id, at]));
  const placed = (of) => of.pieces.map(([file, ...rest]) => [number.get(of.files[file].id), ...rest]);
  const coverage = spliced(
    earlier.coverage.map(([from_ms, to_ms]) => ({ from_ms, to_ms })),
    track.coverage.map(([from_ms, to_ms]) => ({ from_ms, to_ms })),
    since, () => true,
  ).map(({ from_ms, to_ms }) => [from_ms, to_ms]);
  const seconds = Math.max(0, (track.levels_from_ms - earlier.levels_from_ms) / 1000);
  return {
    ...track,
    files,
    pieces: [...placed(earlier).filter((piece) => piece[3] < since), ...placed(track)],
    coverage,
    gaps: spliced(earlier.gaps, track.gaps, since, (a, b) => a.reason === b.reason),
    overlaps: spliced(earlier.overlaps, track.overlaps, since, (a, b) => a.lease === b.lease),
    levels: [...earlier.levels.slice(0, seconds), ...track.levels],
    levels_from_ms: earlier.levels_from_ms,
  };
}

/** Spans before a moment and spans from it on; two that touch there and are alike are one. */
function spliced(earlier, later, since, alike) {
  const kept = earlier.filter((span) => span.from_ms < since).map((span) => ({ ...span, to_ms: Math.min(span.to_ms, since) }));
  const rest = [...later];
  const last = kept[kept.length - 1];
  if (last && rest.length > 0 && last.to_ms === rest[0].from_ms && alike(last, rest[0])) {
    last.to_ms = rest.shift().to_ms;
  }
  return [...kept, ...rest];
}

/** A track that was not there before: whoever came late was not there since the room began. */
function begun(track, room) {
  const gaps = track.gaps.map((gap) =>
    gap.reason === "not-joined" && gap.from_ms === room.since ? { ...gap, from_ms: room.from_ms } : gap,
  );
  return { ...track, gaps };
}

function element(name, attributes, text = null) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== null) made.textContent = text;
  return made;
}

customElements.define("room-replay", RoomReplay);
