// The seat desk: joins the room, shows the score sheet, and says at all times what works and what does not.

import { texts as pageTexts } from "./app.js";
import { LevelMeter, SeatDevices } from "./device-check.js";
import "./score-sheet.js";
import { points } from "./score-sheet.js";
import { Unreachable, call, fill } from "./seat-api.js";
import { SeatMedia } from "./seat-media.js";
import { SeatRoom } from "./seat-room.js";
import { SheetKeeper } from "./sheet-keeper.js";

const LOOK_AGAIN_MS = 15_000;
const OPEN = "in_session";
const SEALED = "sealed";
const ENDED = new Set(["replaced", "closed", "signed-out"]);

class SeatDesk extends HTMLElement {
  connectedCallback() {
    this.texts = pageTexts();
    this.language = document.documentElement.lang.startsWith("en") ? "en" : "zh";
    this.evaluation = this.dataset.state;
    this.sheet = this.part("sheet");
    this.sheet.texts = this.texts;
    this.keeper = new SheetKeeper(`score-sheet ${this.dataset.member}`);
    this.devices = new SeatDevices();
    this.room = new SeatRoom({ language: this.language });
    this.media = new SeatMedia(this.room);
    this.meter = new LevelMeter(this.part("level"));
    this.recording = null;
    this.ended = false;
    this.mark = `seat-entered ${this.dataset.member}`;
    this.screenWanted = this.dataset.screen === "required";
    this.entered = sessionStorage.getItem(this.mark) !== null; // a page loaded again goes straight back
    this.followSheet();
    this.followRoom();
    this.followDevices();
    this.followCheck();
    this.showState();
    this.look();
    setInterval(() => this.look(), LOOK_AGAIN_MS);
    this.room.start();
    this.devices.open();
  }

  part(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }

  say(name, text) {
    const part = this.part(name);
    if (part.textContent !== text) part.textContent = text;
  }

  // ── the evaluation ──

  /** Reads the desk's rows; what the room pushes only makes this happen sooner. */
  async look() {
    if (this.ended || this.evaluation === SEALED) return; // the session ends with the room
    let answer;
    try {
      answer = await call("GET", "/api/seat/desk");
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      return; // the connection's own light says so
    }
    if (answer.status === 401) this.signedOut();
    if (!answer.ok) return;
    const desk = answer.data;
    this.evaluation = desk.evaluation_state;
    this.sheet.show(desk.bidders, desk.criteria);
    if (this.opened) this.keeper.refresh(desk.sheet);
    else this.keeper.open(desk.sheet);
    this.opened = true;
    this.showState();
    if (this.evaluation === OPEN) this.keeper.resume();
    if (this.room.state === "refused" && ["convened", OPEN].includes(this.evaluation)) this.room.start();
  }

  showState() {
    const badge = this.part("state");
    badge.dataset.state = this.evaluation;
    badge.textContent = this.texts.states[this.evaluation] ?? this.evaluation;
    badge.className = `badge tone-${this.texts.tones[this.evaluation] ?? "neutral"}`;
    const submitted = this.keeper.state.kind === "submitted";
    const writable = this.evaluation === OPEN && !submitted && this.opened && !this.ended;
    this.sheet.disabled = !writable;
    this.part("note").disabled = !writable;
    this.part("submit").disabled = !writable;
    this.part("waiting").hidden = !this.sheet.hidden;
    const next = submitted && this.evaluation === OPEN ? "submitted" : this.evaluation;
    this.say("next", (this.entered ? this.texts.next[next] : this.texts.next.check) ?? this.texts.next.convened);
  }

  // ── the sheet ──

  followSheet() {
    const { keeper, sheet } = this;
    const note = this.part("note");
    const edited = () => keeper.edit(sheet.scores, note.value);
    sheet.addEventListener("edit", edited);
    note.addEventListener("input", edited);
    keeper.addEventListener("content", () => {
      sheet.scores = keeper.scores;
      if (note.value !== keeper.note) note.value = keeper.note;
    });
    keeper.addEventListener("state", () => {
      this.showSaved();
      this.showState();
    });
    this.part("submit").addEventListener("click", () => this.askToSubmit());
    this.part("confirm").addEventListener("close", () => this.part("confirm").returnValue === "yes" && this.submit());
    this.part("theirs").addEventListener("click", () => keeper.settle(false));
    this.part("mine").addEventListener("click", () => keeper.settle(true));
    this.showSaved();
  }

  showSaved() {
    const { state, savedAt } = this.keeper;
    const at = savedAt ? this.clock(savedAt) : "";
    const wrong = this.sheet.wrong.length;
    const said = {
      clean: at ? fill(this.texts.saved_at, { at }) : this.texts.nothing_yet,
      dirty: this.texts.saving,
      saving: this.texts.saving,
      retrying: this.texts.retrying,
      refused: fill(this.texts.refused, { why: state.why || this.texts.unreachable }),
      conflict: this.texts.conflict_short,
      submitted: fill(this.texts.submitted_at, { at }),
      "signed-out": this.texts.signed_out,
    };
    const tones = { clean: at ? "good" : "neutral", submitted: "good", dirty: "neutral", saving: "neutral", retrying: "warn" };
    const part = this.part("saved");
    part.dataset.kind = state.kind;
    part.className = `saved tone-${wrong ? "warn" : (tones[state.kind] ?? "bad")}`;
    const text = wrong ? `${said[state.kind]} · ${fill(this.texts.wrong_cells, { count: wrong })}` : said[state.kind];
    this.say("saved", text);
    this.part("conflict").hidden = state.kind !== "conflict" || this.ended;
    if (state.kind === "signed-out") this.signedOut();
  }

  askToSubmit() {
    const [first] = this.sheet.open;
    const missing = this.part("missing");
    missing.hidden = !first;
    if (first) {
      missing.textContent = fill(this.texts.missing, { count: this.sheet.open.length });
      first.focus();
      return;
    }
    const rows = this.sheet.totals.map(([name, total]) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = name;
      const cell = document.createElement("td");
      cell.className = "end";
      cell.textContent = points(total);
      row.append(head, cell);
      return row;
    });
    this.part("totals").replaceChildren(...rows);
    this.part("confirm").returnValue = "";
    this.part("confirm").showModal();
  }

  async submit() {
    this.part("submit").disabled = true;
    await this.keeper.submit();
    this.showState();
  }

  // ── the room ──

  followRoom() {
    this.room.addEventListener("state", () => {
      if (this.room.state !== "connected") this.recording = null;
      this.showLights();
    });
    this.room.addEventListener("message", ({ detail }) => this.heard(detail));
    this.media.addEventListener("state", () => this.showLights());
    document.addEventListener("visibilitychange", () => this.tellFocus());
    setInterval(() => this.room.state === "waiting" && this.showLights(), 500);
    this.part("return").addEventListener("click", () => this.room.start());
    this.showLights();
  }

  heard(message) {
    if (message.type === "recording") {
      this.recording = message;
      this.showLights();
    } else if (message.type === "welcome" || message.type === "state") {
      this.evaluation = message.state ?? message.evaluation;
      this.showState();
      this.look();
      if (message.type === "welcome") {
        this.tellDevices();
        this.tellFocus();
      }
    } else if (message.type === "notice") {
      this.say("news", this.texts.notices[message.code] ?? "");
    } else if (message.type === "error") {
      this.say("news", `${message.message}。${message.remedy}`);
    }
  }

  showLights() {
    const { room, media, texts } = this;
    const seconds = Math.max(Math.ceil((room.retryAt - Date.now()) / 1000), 0);
    this.light("light-room", { connected: "good", connecting: "warn", waiting: "warn" }[room.state] ?? "bad",
      fill(texts.room[room.state] ?? "", { seconds }));
    const going = media.state === "connected" && room.state === "connected";
    this.light("light-media", { connected: "good", off: "bad" }[media.state] ?? "warn", texts.media[media.state]);
    const { recording } = this;
    const recorded = going && recording !== null && !recording.stale;
    const light = this.part("light-recording");
    light.classList.toggle("is-on", recorded);
    const shared = recording && this.devices.screen === "live" ? [recording.screen_ms ?? 0] : [];
    const reached = recording && Math.min(recording.camera_ms ?? 0, recording.microphone_ms ?? 0, ...shared);
    light.dataset.reached = String(reached ?? "");
    this.light("light-recording", recorded ? "good" : ENDED.has(room.state) ? "bad" : "warn",
      recorded ? fill(texts.recorded, { reached: span(reached) }) : texts.not_recorded);
    const ended = { refused: texts.refused_room, replaced: texts.replaced, closed: texts.closed, "signed-out": texts.signed_out }[room.state];
    this.part("ended").hidden = !ended;
    this.part("return").hidden = room.state !== "replaced";
    this.part("sign-in").hidden = room.state !== "signed-out";
    this.say("ended-text", ended ?? "");
    this.leaveOrReturn(ENDED.has(room.state));
    this.showCheck();
  }

  /** Where the room has ended for this page, its camera must not go on watching and its sheet not go on writing. */
  leaveOrReturn(ended) {
    if (ended === this.ended) return;
    this.ended = ended;
    if (ended) {
      this.devices.release();
      sessionStorage.removeItem(this.mark);
    }
    else this.devices.open();
    for (const name of ["camera", "microphone"]) this.part(`${name}-choice`).disabled = ended;
    this.showDevices();
    this.showSaved();
    this.showState();
  }

  light(name, tone, text) {
    const light = this.part(name);
    light.dataset.tone = tone;
    const words = light.querySelector("b");
    if (words.textContent !== text) words.textContent = text;
  }

  /** The session has ended; the room, asked again, will say so too. */
  signedOut() {
    if (this.room.state !== "signed-out") this.room.start();
  }

  // ── the devices ──

  followDevices() {
    const { devices } = this;
    devices.addEventListener("stream", () => {
      const preview = this.part("preview");
      preview.srcObject = devices.stream?.getVideoTracks().length ? devices.stream : null;
      this.meter.listen(devices.stream);
      this.send();
    });
    devices.addEventListener("states", () => {
      this.tellDevices();
      this.showDevices();
    });
    devices.addEventListener("devices", () => this.showChoices());
    for (const name of ["camera", "microphone"]) {
      this.part(`${name}-choice`).addEventListener("change", (event) => devices.choose(name, event.target.value));
    }
    this.part("try-again").addEventListener("click", () => devices.open());
    for (const name of ["share", "share-again", "share-now"]) {
      this.part(name).addEventListener("click", () => devices.share());
    }
    this.showDevices();
  }

  /** Nothing leaves the seat before its expert has entered. */
  send() {
    this.media.use(this.entered ? this.devices.tracks : {});
  }

  // ── the check before entering ──

  followCheck() {
    for (const name of ["enter", "enter-anyway"]) this.part(name).addEventListener("click", () => this.enter());
    this.meter.addEventListener("heard", () => this.showCheck());
    this.dataset.stage = this.entered ? "desk" : "check";
    this.showCheck();
  }

  enter() {
    this.entered = true;
    sessionStorage.setItem(this.mark, "");
    this.dataset.stage = "desk";
    this.showState();
    this.showDevices();
    this.send();
    this.part("sheet-title").focus();
  }

  showCheck() {
    const { devices, texts } = this;
    const fine = { camera: devices.camera === "live", microphone: devices.microphone === "live", screen: devices.screen === "live" };
    const tones = {
      camera: fine.camera ? "good" : "bad",
      microphone: fine.microphone ? (this.meter.heard ? "good" : "warn") : "bad",
      screen: fine.screen ? "good" : this.screenWanted ? "bad" : "neutral",
      room: { connected: "good", connecting: "warn", waiting: "warn" }[this.room.state] ?? "bad",
    };
    if (devices.screen === "not-asked" && this.screenWanted) tones.screen = "warn";
    const sound = { true: texts.sound.heard, false: texts.sound.silent, null: texts.sound.speak }[String(this.meter.heard)];
    const said = {
      camera: fine.camera ? texts.check.camera : texts.devices.camera[devices.camera],
      microphone: fine.microphone ? sound : texts.devices.microphone[devices.microphone],
      screen: fine.screen ? texts.check.screen : this.screenText(),
      room: this.part("light-room").querySelector("b").textContent,
    };
    for (const [name, tone] of Object.entries(tones)) {
      const row = this.part(`check-${name}`);
      row.dataset.tone = tone;
      row.dataset.state = name === "room" ? this.room.state : devices[name];
      const words = row.querySelector("[data-part=said]");
      if (words.textContent !== said[name]) words.textContent = said[name];
    }
    this.part("share").hidden = fine.screen || ["insecure", "no-device"].includes(devices.screen);
    const ready = fine.camera && fine.microphone && (fine.screen || !this.screenWanted) && this.room.state === "connected";
    this.part("enter").disabled = !ready;
    this.part("enter-anyway").hidden = ready || this.room.state !== "connected";
  }

  screenText() {
    const asked = this.devices.screen === "not-asked" && !this.screenWanted ? "optional" : this.devices.screen;
    return this.texts.devices.screen[asked];
  }

  showDevices() {
    let bad = false;
    for (const name of ["camera", "microphone"]) {
      const state = this.devices[name];
      const message = this.part(`${name}-state`);
      const fine = state === "live";
      bad ||= !fine;
      message.dataset.state = state;
      message.hidden = fine || this.ended;
      message.textContent = this.texts.devices[name][state];
    }
    this.part("try-again").hidden = !bad || this.ended;
    this.part("preview-off").hidden = ["live", "muted"].includes(this.devices.camera);
    const { screen } = this.devices;
    const wanting = this.entered && !this.ended && screen !== "live" && (this.screenWanted || screen !== "not-asked");
    this.part("unshared").hidden = !wanting;
    this.say("unshared-text", this.texts.devices.screen[screen]);
    this.part("share-again").hidden = ["insecure", "no-device"].includes(screen);
    this.part("sharing").dataset.state = screen;
    this.say("sharing-text", screen === "live" ? this.texts.check.screen : this.texts.unshared);
    this.part("share-now").hidden = wanting || !this.entered || this.ended || screen === "live";
    this.showCheck();
  }

  showChoices() {
    for (const name of ["camera", "microphone"]) {
      const choice = this.part(`${name}-choice`);
      const options = this.devices.choices[name].map(({ id, label }, index) => {
        return new Option(label || `${this.texts[name]} ${index + 1}`, id);
      });
      choice.replaceChildren(...options);
      choice.disabled = options.length < 2;
      choice.value = this.devices.chosen(name);
      if (choice.selectedIndex < 0) choice.selectedIndex = 0;
    }
  }

  tellDevices() {
    const { camera, microphone, screen } = this.devices;
    this.room.send({ type: "devices", camera, microphone, screen });
  }

  tellFocus() {
    this.room.send({ type: "focus", visible: !document.hidden });
  }

  clock(moment) {
    return new Date(moment).toLocaleTimeString(this.language === "en" ? "en-GB" : "zh-CN", {
      timeZone: "Asia/Shanghai",
      hour12: false,
    });
  }
}

/** 3723000 → "1:02:03". */
function span(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  const two = (value) => String(value).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

customElements.define("seat-desk", SeatDesk);
