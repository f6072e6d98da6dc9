// A party's own share of a draw: the same file, the same checks and the same statements as `yuanping party` makes.
// See docs/draw-record.md: signatures in section 2, promises in section 5.

import { HASH, verify } from "./verify.js";

const FORMAT = "yuanping-party/1";
const ROUNDS = 999; // how many rounds one promise serves
const HEX_32 = /^[0-9a-f]{64}$/;
const PRIVATE_KEY = "302e020100300506032b657004220420"; // RFC 8410: what stands before the 32 bytes of the key

/** Something that does not hold; `code` names the text that says what to do. */
export class Refused extends Error {
  constructor(code, values = {}) {
    super(code);
    this.code = code;
    this.values = values;
  }
}

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const random = () => hex(crypto.getRandomValues(new Uint8Array(32)));
const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
const bytesOf = (text) => new TextEncoder().encode(text);

/** Whether this browser can sign at all: only in a secure context, and not in old ones. */
export async function canSign() {
  if (!globalThis.crypto?.subtle) return false;
  return keyOf(random()).then(() => true, () => false);
}

async function keyOf(seed) {
  return crypto.subtle.importKey("pkcs8", unhex(PRIVATE_KEY + seed), "Ed25519", true, ["sign"]);
}

export class Share {
  /** secret: where the chain starts; seed: the key that signs; both 64 hex digits. */
  constructor(party, suite, secret, seed) {
    Object.assign(this, { party, suite, secret, seed });
  }

  static make(party, suite) {
    return new Share(party, suite, random(), random());
  }

  /** From the text of its file; Refused unless it is one, of this party. */
  static read(text, party) {
    let value = null;
    try {
      value = JSON.parse(text);
    } catch {
      // no JSON at all: refused below
    }
    const whole = value?.format === FORMAT && value.step === "share" && value.suite in HASH
      && HEX_32.test(value.secret) && HEX_32.test(value.seed);
    if (!whole) throw new Refused("share_file");
    if (value.party !== party) throw new Refused("share_of_another");
    return new Share(value.party, value.suite, value.secret, value.seed);
  }

  /** What the file holds. Whoever has it can speak for this party. */
  get text() {
    const { party, secret, seed, suite } = this;
    return `${JSON.stringify({ format: FORMAT, party, secret, seed, step: "share", suite })}\n`;
  }

  /** The public key, 64 hex digits. */
  async key() {
    const { x } = await crypto.subtle.exportKey("jwk", await keyOf(this.seed));
    return hex(Uint8Array.from(atob(x.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0)));
  }

  /** What is revealed in that round; the promise itself for round 0. */
  shareOf(round) {
    const H = HASH[this.suite];
    let value = unhex(this.secret);
    for (let i = 0; i < ROUNDS - round; i++) value = H("ed-panel/2 link\0", value);
    return hex(value);
  }

  async promise() {
    return statement("promise", { anchor: this.shareOf(0), key: await this.key(), party: this.party });
  }

  /** Agrees to line 1, after looking whether it says what this party has promised. */
  async agree(record, seen) {
    const lines = await this.#checked(record, seen);
    const mine = lines.some(({ type, body }) => type === "agree" && body.party === this.party);
    if (mine || lines.some(({ type }) => type !== "open" && type !== "agree")) throw new Refused("not_now");
    return this.#said("agree", lines[0].hash);
  }

  /** Accepts the warnings of the lock line: only asked of the supervisor. */
  async approve(record, seen) {
    const last = (await this.#checked(record, seen)).at(-1);
    if (last.type !== "lock") throw new Refused("not_now");
    return this.#said("approve", last.hash);
  }

  /** Reveals the share of the open round, after everything written before it was checked. */
  async reveal(record, seen) {
    const lines = await this.#checked(record, seen);
    const at = lines.findLastIndex(({ type }) => type === "call");
    const since = lines.slice(at + 1);
    if (at < 0 || since.some(({ type }) => type !== "reveal")) throw new Refused("not_now");
    if (since.some(({ body }) => body.party === this.party)) throw new Refused("not_now");
    const share = this.shareOf(lines[at].body.round);
    const sig = await this.#sign("reveal", joined(unhex(lines[at].hash), unhex(share)));
    return statement("reveal", { party: this.party, share, sig });
  }

  async #said(step, hash) {
    return statement(step, { party: this.party, sig: await this.#sign(step, unhex(hash)) });
  }

  async #sign(purpose, message) {
    const whole = joined(bytesOf(`yuanping-draw/2\0${purpose}\0`), message);
    return hex(new Uint8Array(await crypto.subtle.sign("Ed25519", await keyOf(this.seed), whole)));
  }

  /** The lines of the record, if it holds in itself, names this party as it promised, and continues what was seen before. */
  async #checked(record, seen) {
    const verdict = await verify(record);
    if (!verdict.ok) throw new Refused("record_wrong", { line: verdict.findings[0].line });
    const lines = linesOf(record);
    const mine = lines[0].body.parties.find(([name]) => name === this.party);
    const [key, anchor] = [await this.key(), this.shareOf(0)];
    if (mine?.[1] !== key || mine[2] !== anchor) throw new Refused("not_my_promise");
    if (seen && lines[seen.n - 1]?.hash !== seen.hash) throw new Refused("record_changed", { line: seen.n });
    return lines;
  }
}

/** The last line of a record, to be compared the next time. */
export function lastOf(record) {
  const { n, hash } = linesOf(record).at(-1);
  return { n, hash };
}

function linesOf(record) {
  return record.split("\n").filter((line) => line.startsWith('{"at":')).map((line) => JSON.parse(line));
}

function statement(step, fields) {
  const whole = { format: FORMAT, step, ...fields };
  return JSON.stringify(Object.fromEntries(Object.keys(whole).sort().map((name) => [name, whole[name]])));
}
