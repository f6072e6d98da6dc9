// The seat's own camera, microphone and screen: opens them, tells apart why one does not work, and shows the sound's level.

const CAMERA = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 25, max: 30 } };
const MICROPHONE = { channelCount: { ideal: 1 }, echoCancellation: false };
const SCREEN = { displaySurface: "monitor", width: { max: 1920 }, height: { max: 1080 }, frameRate: { ideal: 5, max: 10 } };
const SILENT = 0.02; // of the meter: every real microphone hears at least its own noise
const AUDIBLE = 0.2;
const SILENT_MS = 5_000;
const STATES = {
  AbortError: "busy",
  NotAllowedError: "denied",
  NotFoundError: "no-device",
  NotReadableError: "busy",
  OverconstrainedError: "over-constrained",
  SecurityError: "denied",
};

/**
 * The devices of a seat.
 *
 * Events: "stream" when `stream` or `screenTrack` has changed; "states" when `camera`, `microphone` or `screen` has changed;
 * "devices" when the choice of devices has changed. States are those of the room protocol.
 */
export class SeatDevices extends EventTarget {
  camera = "not-asked";
  microphone = "not-asked";
  screen = "not-asked";
  stream = null;
  screenTrack = null;
  choices = { camera: [], microphone: [] };
  #chosen = { camera: localStorage.getItem("seat-camera"), microphone: localStorage.getItem("seat-microphone") };

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#devicesChanged());
  }

  /** The tracks in use, by source. */
  get tracks() {
    return { camera: this.#track("camera"), microphone: this.#track("microphone"), screen: this.screenTrack };
  }

  /** The device in use, as a choice's id. */
  chosen(name) {
    return this.#track(name)?.getSettings().deviceId ?? this.#chosen[name] ?? "";
  }

  /** Opens both devices; one that does not work never keeps the other from working. */
  async open() {
    if (!window.isSecureContext || !navigator.mediaDevices) {
      this.#become({ camera: "insecure", microphone: "insecure", screen: "insecure" });
      return;
    }
    const [camera, microphone] = await this.#openBoth();
    this.stream?.getTracks().forEach((track) => track.stop());
    const tracks = [camera.track, microphone.track].filter(Boolean);
    this.stream = tracks.length ? new MediaStream(tracks) : null;
    for (const [name, track] of [["camera", camera.track], ["microphone", microphone.track]]) {
      if (track) this.#watch(name, track);
    }
    this.#become({ camera: camera.state, microphone: microphone.state });
    this.dispatchEvent(new Event("stream"));
    await this.#list();
  }

  /** Asks for the whole screen; needs a click. A single window or tab is given back at once. */
  async share() {
    if (!navigator.mediaDevices?.getDisplayMedia) return this.#become({ screen: "no-device" });
    let track;
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({
        video: SCREEN,
        audio: false,
        monitorTypeSurfaces: "include",
        selfBrowserSurface: "exclude",
        surfaceSwitching: "exclude",
      });
      [track] = stream.getVideoTracks();
    } catch (error) {
      if (this.screen !== "live") this.#become({ screen: STATES[error.name] ?? "busy" });
      return;
    }
    if (track.getSettings().displaySurface !== "monitor") {
      track.stop();
      if (this.screen !== "live") this.#become({ screen: "partial" });
      return;
    }
    this.screenTrack?.stop();
    this.screenTrack = track;
    track.contentHint = "detail";
    const now = (state) => track === this.screenTrack && this.#become({ screen: state });
    track.addEventListener("ended", () => now("ended"));
    track.addEventListener("mute", () => now("muted"));
    track.addEventListener("unmute", () => now("live"));
    this.#become({ screen: "live" });
    this.dispatchEvent(new Event("stream"));
  }

  /** Switches all devices off. */
  release() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.screenTrack?.stop();
    this.stream = this.screenTrack = null;
    this.#become({ camera: "not-asked", microphone: "not-asked", screen: "not-asked" });
    this.dispatchEvent(new Event("stream"));
  }

  /** Uses another camera or microphone from now on. */
  async choose(name, id) {
    this.#chosen[name] = id;
    localStorage.setItem(`seat-${name}`, id);
    await this.open();
  }

  async #openBoth() {
    try {
      // One question to the person instead of two.
      const stream = await navigator.mediaDevices.getUserMedia({
        video: this.#wanted("camera"),
        audio: this.#wanted("microphone"),
      });
      return stream.getTracks().sort((a) => (a.kind === "video" ? -1 : 1)).map((track) => ({ track, state: "live" }));
    } catch {
      // Which of the two it was shows when each is asked for by itself.
      return [await this.#openOne("camera", "video"), await this.#openOne("microphone", "audio")];
    }
  }

  async #openOne(name, kind) {
    for (const wanted of [this.#wanted(name), true]) {
      try {
        const stream = await navigator.mediaDevices.getUserMedia({ [kind]: wanted });
        return { track: stream.getTracks()[0], state: "live" };
      } catch (error) {
        if (error.name === "OverconstrainedError" && wanted !== true) continue;
        if (error.name === "NotAllowedError" && (await permission(name)) === "prompt") {
          return { track: null, state: "not-asked" }; // the question was put away unanswered
        }
        return { track: null, state: STATES[error.name] ?? "busy" };
      }
    }
    return { track: null, state: "no-device" };
  }

  #wanted(name) {
    const id = this.#chosen[name];
    const wanted = name === "camera" ? CAMERA : MICROPHONE;
    return id ? { ...wanted, deviceId: { ideal: id } } : wanted;
  }

  #track(name) {
    const tracks = name === "camera" ? this.stream?.getVideoTracks() : this.stream?.getAudioTracks();
    return tracks?.[0];
  }

  #watch(name, track) {
    if (name === "camera") track.contentHint = "motion";
    const now = (state) => track === this.#track(name) && this.#become({ [name]: state });
    track.addEventListener("ended", () => now("ended"));
    track.addEventListener("mute", () => now("muted"));
    track.addEventListener("unmute", () => now("live"));
  }

  async #devicesChanged() {
    await this.#list();
    // A device plugged in again is taken into use without anybody's doing.
    const missing = ["ended", "no-device"];
    if (
      (missing.includes(this.camera) && this.choices.camera.length) ||
      (missing.includes(this.microphone) && this.choices.microphone.length)
    ) {
      await this.open();
    }
  }

  async #list() {
    const all = await navigator.mediaDevices.enumerateDevices();
    const of = (kind) =>
      all.filter((device) => device.kind === kind && device.deviceId).map((device) => ({ id: device.deviceId, label: device.label }));
    this.choices = { camera: of("videoinput"), microphone: of("audioinput") };
    this.dispatchEvent(new Event("devices"));
  }

  #become(states) {
    const all = () => `${this.camera} ${this.microphone} ${this.screen}`;
    const before = all();
    Object.assign(this, states);
    if (all() !== before) this.dispatchEvent(new Event("states"));
  }
}

async function permission(name) {
  try {
    return (await navigator.permissions.query({ name })).state;
  } catch {
    return "unknown"; // a browser that does not tell
  }
}

/**
 * Shows how loud the microphone is on a <meter>, and is still while nobody can see it.
 *
 * Event: "heard" when `heard` has changed. heard: null before the first sound, true, or false after five silent seconds.
 */
export class LevelMeter extends EventTarget {
  heard = null;
  #quietSince = 0;
  #meter;
  #context = null;
  #analyser = null;
  #source = null;
  #samples = new Float32Array(1024);

  constructor(meter) {
    super();
    this.#meter = meter;
    addEventListener("pointerdown", () => this.#context?.resume());
    addEventListener("keydown", () => this.#context?.resume());
  }

  listen(stream) {
    this.#source?.disconnect();
    this.#source = null;
    this.#meter.value = 0;
    this.#hear(null);
    if (!stream?.getAudioTracks().length) return;
    this.#context ??= new AudioContext();
    this.#analyser ??= new AnalyserNode(this.#context, { fftSize: this.#samples.length });
    this.#source = this.#context.createMediaStreamSource(new MediaStream(stream.getAudioTracks()));
    this.#source.connect(this.#analyser);
    this.#draw(this.#source);
  }

  #draw(source) {
    if (source !== this.#source) return;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    const decibels = 10 * Math.log10(sum / this.#samples.length + 1e-9);
    const loudness = Math.min(Math.max((decibels + 60) / 60, 0), 1);
    this.#meter.value = Math.max(loudness, this.#meter.value * 0.9);
    this.#judge(loudness);
    requestAnimationFrame(() => this.#draw(source));
  }

  #judge(loudness) {
    if (this.#context.state !== "running") return;
    if (loudness > SILENT) this.#quietSince = performance.now();
    if (loudness > AUDIBLE) this.#hear(true);
    else if (performance.now() - this.#quietSince > SILENT_MS) this.#hear(false);
  }

  #hear(heard) {
    if (heard === null) this.#quietSince = performance.now();
    if (heard === this.heard) return;
    this.heard = heard;
    this.dispatchEvent(new Event("heard"));
  }
}
