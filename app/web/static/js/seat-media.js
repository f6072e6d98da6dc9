// Sends this seat's own camera, microphone and screen to the service, and makes a new connection whenever one has failed.

import { figures } from "./link-figures.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
const DISCONNECTED_MS = 2_000;
const ANSWER_MS = 10_000;
const FIGURES_EVERY_MS = 5_000;
const ENCODINGS = {
  camera: { maxBitrate: 800_000, maxFramerate: 25 },
  screen: { maxBitrate: 800_000, maxFramerate: 5 },
};
const CODECS = ["video/vp8", "video/h264", "video/rtx", "audio/opus"]; // the service chooses among them, VP8 first

/**
 * The media connection of a seat; `room` is its SeatRoom.
 *
 * Event: "state". state: off (nothing to send), connecting, connected, waiting.
 */
export class SeatMedia extends EventTarget {
  state = "off";
  #room;
  #tracks = {};
  #peer = null;
  #senders = {};
  #servers = [];
  #serversUntil = 0;
  #number = 0;
  #failures = 0;
  #timer = 0;
  #before = null;
  #answered = false;

  constructor(room) {
    super();
    this.#room = room;
    room.addEventListener("message", ({ detail }) => this.#heard(detail));
    addEventListener("online", () => this.state === "waiting" && this.#connect());
    setInterval(() => this.#tellFigures(), FIGURES_EVERY_MS);
  }

  /** Sends these tracks by source from now on: in place where such a source is sent already, else over a new connection. */
  async use(tracks) {
    this.#tracks = Object.fromEntries(Object.entries(tracks).filter(([, track]) => track?.readyState === "live"));
    const wanted = Object.keys(this.#tracks);
    if (this.#peer && wanted.length && wanted.every((source) => source in this.#senders)) {
      const senders = Object.entries(this.#senders);
      await Promise.all(senders.map(([source, sender]) => sender.replaceTrack(this.#tracks[source] ?? null)));
    } else {
      this.#connect();
    }
  }

  #heard(message) {
    if (message.type === "welcome") {
      this.#failures = 0;
      this.#servers = message.ice_servers.map(({ urls, username, credential }) =>
        username === null ? { urls } : { urls, username, credential },
      );
      this.#serversUntil = performance.now() + message.ice_expires_in_s * 1000;
      if (message.media === "needed" || this.#peer?.connectionState !== "connected") this.#connect();
    } else if (message.type === "answer" && message.n === this.#number && this.#peer) {
      this.#answered = true;
      this.#peer.setRemoteDescription({ type: "answer", sdp: message.sdp }).catch(() => this.#again());
    } else if (message.type === "media" && ["failed", "closed", "recording-failed"].includes(message.state)) {
      if (this.#answered) this.#again(); // before its answer, a word about a connection is one about the last
    } else if (message.type === "error" && /^(media-|offer-)/.test(message.code)) {
      this.#again();
    }
  }

  async #connect() {
    this.#drop();
    const tracks = Object.entries(this.#tracks).filter(([, track]) => track.readyState === "live");
    if (!tracks.length) return this.#become("off");
    if (this.#room.state !== "connected") return this.#become("waiting"); // its welcome starts us again
    if (this.#servers.length && performance.now() > this.#serversUntil) {
      this.#become("waiting");
      return this.#room.start(); // the passwords are too old: the next welcome brings new ones
    }
    this.#become("connecting");
    const peer = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: this.#servers });
    const number = ++this.#number;
    this.#peer = peer;
    this.#answered = false;
    peer.addEventListener("connectionstatechange", () => peer === this.#peer && this.#changed(peer));
    const lines = tracks.map(([source, track]) => [source, this.#add(peer, source, track)]);
    this.#senders = Object.fromEntries(lines.map(([source, line]) => [source, line.sender]));
    const offer = await peer.createOffer();
    if (peer !== this.#peer) return;
    const sdp = askForLostSound(offer.sdp);
    await peer.setLocalDescription({ type: "offer", sdp });
    if (peer !== this.#peer) return;
    this.#timer = setTimeout(() => this.#again(), ANSWER_MS);
    const screen = lines.find(([source]) => source === "screen")?.[1];
    // Our addresses need not be waited for: the service answers to where our packets come from.
    const told = { type: "offer", n: number, sdp: peer.localDescription.sdp, screen_mid: screen?.mid ?? null };
    if (!this.#room.send(told)) this.#become("waiting");
  }

  #add(peer, source, track) {
    const encoding = ENCODINGS[source];
    const line = peer.addTransceiver(track, { direction: "sendonly", sendEncodings: encoding ? [encoding] : undefined });
    const rank = (codec) => CODECS.indexOf(codec.mimeType.toLowerCase());
    const codecs = RTCRtpSender.getCapabilities(track.kind).codecs.filter((codec) => rank(codec) >= 0);
    line.setCodecPreferences(codecs.sort((one, other) => rank(one) - rank(other)));
    return line;
  }

  #changed(peer) {
    clearTimeout(this.#timer);
    if (peer.connectionState === "connected") {
      this.#failures = 0;
      this.#become("connected");
    } else if (peer.connectionState === "disconnected") {
      this.#become("waiting");
      this.#timer = setTimeout(() => this.#connect(), DISCONNECTED_MS);
    } else if (peer.connectionState === "failed") {
      this.#again();
    } else {
      this.#timer = setTimeout(() => this.#again(), ANSWER_MS);
    }
  }

  async #tellFigures() {
    const peer = this.#peer;
    if (peer?.connectionState !== "connected") return;
    const report = await peer.getStats();
    if (peer !== this.#peer) return;
    const { told, sent } = figures(report, this.#senders.camera?.track?.id, this.#before);
    this.#before = sent;
    if (told) this.#room.send({ type: "stats", ...told });
  }

  #again() {
    this.#drop();
    this.#become(Object.keys(this.#tracks).length ? "waiting" : "off");
    const wait = Math.min(FIRST_WAIT_MS * 2 ** this.#failures, LONGEST_WAIT_MS);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  #drop() {
    clearTimeout(this.#timer);
    const peer = this.#peer;
    this.#peer = null;
    this.#senders = {};
    this.#before = null;
    peer?.close();
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}

/** Offers to send lost sound again, as browsers do by themselves for pictures only. */
function askForLostSound(sdp) {
  const opus = /^a=rtpmap:(\d+) opus\//m.exec(sdp)?.[1];
  if (!opus || sdp.includes(`a=rtcp-fb:${opus} nack\r\n`)) return sdp;
  return sdp.replace(new RegExp(`^a=rtpmap:${opus} .*\r\n`, "m"), (line) => `${line}a=rtcp-fb:${opus} nack\r\n`);
}
