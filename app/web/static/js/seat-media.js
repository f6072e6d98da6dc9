// Sends this seat's own camera and microphone to the service, and makes a new connection whenever one has failed.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
const DISCONNECTED_MS = 8_000; // a line that comes back within this time loses less than a new connection would
const ANSWER_MS = 10_000;
const VIDEO = { maxBitrate: 700_000, maxFramerate: 15 };

/**
 * The media connection of a seat; `room` is its SeatRoom.
 *
 * Event: "state". state: off (nothing to send), connecting, connected, waiting.
 */
export class SeatMedia extends EventTarget {
  state = "off";
  #room;
  #stream = null;
  #peer = null;
  #number = 0;
  #failures = 0;
  #timer = 0;

  constructor(room) {
    super();
    this.#room = room;
    room.addEventListener("message", ({ detail }) => this.#heard(detail));
  }

  /** Sends these tracks from now on: in place where the same kinds are sent already, else over a new connection. */
  async use(stream) {
    this.#stream = stream;
    const senders = this.#peer?.getSenders() ?? [];
    const kinds = (tracks) => tracks.map((track) => track.kind).sort().join();
    const tracks = stream?.getTracks() ?? [];
    if (tracks.length && kinds(tracks) === kinds(senders.map((sender) => sender.track).filter(Boolean))) {
      await Promise.all(
        tracks.map((track) => senders.find((sender) => sender.track.kind === track.kind).replaceTrack(track)),
      );
    } else {
      this.#connect();
    }
  }

  #heard(message) {
    if (message.type === "welcome") {
      this.#failures = 0;
      if (message.media === "needed" || this.#peer?.connectionState !== "connected") this.#connect();
    } else if (message.type === "answer" && message.n === this.#number && this.#peer) {
      this.#peer.setRemoteDescription({ type: "answer", sdp: message.sdp }).catch(() => this.#again());
    } else if (message.type === "media" && ["failed", "closed", "recording-failed"].includes(message.state)) {
      this.#again();
    } else if (message.type === "error" && /^(media-|offer-)/.test(message.code)) {
      this.#again();
    }
  }

  async #connect() {
    this.#drop();
    const tracks = this.#stream?.getTracks().filter((track) => track.readyState === "live") ?? [];
    if (!tracks.length) return this.#become("off");
    if (this.#room.state !== "connected") return this.#become("waiting"); // its welcome starts us again
    this.#become("connecting");
    const peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    const number = ++this.#number;
    this.#peer = peer;
    peer.addEventListener("connectionstatechange", () => peer === this.#peer && this.#changed(peer));
    for (const track of tracks) this.#add(peer, track);
    const offer = await peer.createOffer();
    if (peer !== this.#peer) return;
    const sdp = askForLostSound(offer.sdp);
    await peer.setLocalDescription({ type: "offer", sdp });
    if (peer !== this.#peer) return;
    this.#timer = setTimeout(() => this.#again(), ANSWER_MS);
    // Our addresses need not be waited for: the service answers to where our packets come from.
    if (!this.#room.send({ type: "offer", n: number, sdp: peer.localDescription.sdp })) this.#become("waiting");
  }

  #add(peer, track) {
    const video = track.kind === "video";
    const transceiver = peer.addTransceiver(track, {
      direction: "sendonly",
      streams: [this.#stream],
      sendEncodings: video ? [VIDEO] : undefined,
    });
    const wanted = video ? ["video/vp8", "video/rtx"] : ["audio/opus"];
    const codecs = RTCRtpSender.getCapabilities(track.kind).codecs;
    transceiver.setCodecPreferences(codecs.filter((codec) => wanted.includes(codec.mimeType.toLowerCase())));
  }

  #changed(peer) {
    clearTimeout(this.#timer);
    if (peer.connectionState === "connected") {
      this.#failures = 0;
      this.#become("connected");
    } else if (peer.connectionState === "disconnected") {
      this.#become("waiting");
      this.#timer = setTimeout(() => this.#again(), DISCONNECTED_MS);
    } else if (peer.connectionState === "failed") {
      this.#again();
    } else {
      this.#timer = setTimeout(() => this.#again(), ANSWER_MS);
    }
  }

  #again() {
    this.#drop();
    this.#become(this.#stream ? "waiting" : "off");
    const wait = Math.min(FIRST_WAIT_MS * 2 ** this.#failures, LONGEST_WAIT_MS);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  #drop() {
    clearTimeout(this.#timer);
    const peer = this.#peer;
    this.#peer = null;
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
