// Checks the record of a draw, or of random inspections, all by itself and offline:
//   node verify.js record.jsonl [--head HASH] [--key HASH]
// Node 20.19 or newer; exit 0 passes, 1 fails, 2 no such file or option.
// Written from docs/draw-record.md alone (§ are its sections); it shares no code with the service that writes records.
// It does not compute feasible, chances, least, greatest, ten of `lock` again, nor read slips (§9) and lists of draws
// (§10).
const WHY = { // what a finding's code means
  format: "不认识的格式 / unknown format", malformed: "拼写、成员或取值不合规定 / not spelt or made up as it must be",
  hash: "哈希与本行内容不符 / the hash is not that of this line", signature: "签名不对 / the signature is wrong",
  unsigned: "此环境不能核对签名，请用 https 或 Node / signatures cannot be checked here; use https or Node",
  chain: "行号、时间或上一行哈希接不上 / number, time or previous hash do not follow on",
  head: "末行哈希与公布的不同 / not the published last hash", key: "公钥与公布的不同 / not the published key",
  order: "这一行不能出现在此处 / this line may not stand here", terms: "条件自相矛盾 / the terms contradict each other",
  party: "没有这一方，或不该由它 / no such party, or not its turn", person: "此人此时不能这样 / not of this person now",
  promise: "揭示的不是当初承诺的随机数 / the share is not the one promised", seed: "种子与重算不符 / not the seed computed again",
  list: "公开的名单不齐，或不是承诺的那份 / lists opened are not all there, or not those committed to",
  result: "与重算的空缺、人数或结果不符 / not the vacancies, lengths or result computed again",
};
class Wrong extends Error {}
const need = (holds, code) => { if (!holds) throw new Wrong(code); };
const json = JSON.stringify, same = (a, b) => json(a) === json(b),
  sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
// rows of texts only: `"` sorts before all in them
const inOrder = (rows) => rows.sort((a, b) => (json(a) < json(b) ? -1 : 1));
const lead = (row, k) => json(row.slice(0, k)),
  rising = (rows, k) => rows.every((x, i) => !i || lead(rows[i - 1], k) < lead(x, k));
const lazySet = (items) => { let set; return { has: (x) => (set ??= new Set(items)).has(x) }; };
const lowest = (n, d) => { // whether n/d is in lowest terms
  let [a, b] = [n, d];
  while (b) [a, b] = [b, a % b];
  return d > 0n && a === 1n;
};
const tally = (names) => { const n = new Map(); for (const x of names) n.set(x, (n.get(x) ?? 0) + 1); return n; };

// §2 Hashes of texts (ASCII) and bytes, one after another; the message is put together on one page of memory
let bytes, view;
const ascii = (said) => new TextEncoder().encode(said);
const turn = (x, n) => (x << n) | (x >>> (32 - n)), nibble = (c) => (c & 15) + 9 * (c >> 6);
const hex = (raw) => Array.from(raw, (b) => b.toString(16).padStart(2, "0")).join("");
const unhex = (text) => Uint8Array.from({ length: text.length / 2 },
  (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
const room = (size) => { if (!(size + 72 < bytes?.length)) { bytes = new Uint8Array(2 * size + 4096);
view = new DataView(bytes.buffer); } };
const put = (part, at) => { // returns where it ends
  if (typeof part !== "string") bytes.set(part, at);
  else for (let i = 0; i < part.length; i++) bytes[at + i] = part.charCodeAt(i);
  return at + part.length;
};
function hasher(first, mix) {
  const start = Int32Array.from(first), h = new Int32Array(8), w = new Int32Array(68);
  const digest = (n, out, at) => { // of the first n bytes of the page
    const end = (n + 72) & ~63;
    bytes.fill(0, n, end);
    bytes[n] = 128; view.setUint32(end - 4, 8 * n); h.set(start);
    for (let p = 0; p < end; p += 64) { for (let i = 0; i < 16; i++) w[i] = view.getInt32(p + 4 * i); mix(h, w); }
    for (let i = 0; i < 8; i++, at += 4) {
      out[at] = h[i] >>> 24; out[at + 1] = h[i] >>> 16; out[at + 2] = h[i] >>> 8; out[at + 3] = h[i];
    }
    return out;
  };
  const H = (...parts) => {
    room(sum(parts.map((x) => x.length)));
    return digest(parts.reduce((at, x) => put(x, at), 0), new Uint8Array(32), 0);
  };
  return Object.assign(H, { digest });
}
const PRIMES = [], fraction = (x) => ((x % 1) * 2 ** 32) | 0; // SHA-256's constants are fractions of roots of primes
for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((p) => n % p)) PRIMES.push(n);
const K = Int32Array.from(PRIMES, (p) => fraction(Math.cbrt(p)));
const sha256 = hasher(PRIMES.slice(0, 8).map((p) => fraction(Math.sqrt(p))), (s, w) => {
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15], y = w[i - 2];
    w[i] = (w[i - 16] + w[i - 7] + (turn(x, 25) ^ turn(x, 14) ^ (x >>> 3)) + (turn(y, 15) ^ turn(y,
      13) ^ (y >>> 10))) | 0;
  }
  let a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
  for (let i = 0; i < 64; i++) {
    const t = (h + (turn(e, 26) ^ turn(e, 21) ^ turn(e, 7)) + (g ^ (e & (f ^ g))) + K[i] + w[i]) | 0;
    const u = ((turn(a, 30) ^ turn(a, 19) ^ turn(a, 10)) + ((a & b) ^ (c & (a ^ b)))) | 0;
    h = g; g = f; f = e; e = (d + t) | 0; d = c; c = b; b = a; a = (t + u) | 0;
  }
  s[0] += a; s[1] += b; s[2] += c; s[3] += d; s[4] += e; s[5] += f; s[6] += g; s[7] += h;
});
const IV = [0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e];
const sm3 = hasher(IV, (s, w) => {
  for (let i = 16; i < 68; i++) {
    const x = w[i - 16] ^ w[i - 9] ^ turn(w[i - 3], 15);
    w[i] = x ^ turn(x, 15) ^ turn(x, 23) ^ turn(w[i - 13], 7) ^ w[i - 6];
  }
  let [a, b, c, d, e, f, g, h] = s;
  for (let i = 0; i < 64; i++) {
    const early = i < 16, r = turn((turn(a, 12) + e + turn(early ? 0x79cc4519 : 0x7a879d8a, i % 32)) | 0, 7);
    const t = (early ? a ^ b ^ c : (a & b) | (a & c) | (b & c)) + d + (r ^ turn(a, 12)) + (w[i] ^ w[i + 4]);
    const u = ((early ? e ^ f ^ g : (e & f) | (~e & g)) + h + r + w[i]) | 0;
    d = c; c = turn(b, 9); b = a; a = t | 0; h = g; g = turn(f, 19); f = e; e = u ^ turn(u, 9) ^ turn(u, 17);
  }
  [a, b, c, d, e, f, g, h].forEach((x, i) => { s[i] ^= x; });
});
export const HASH = { sha256, sm3 };
const P = 2n ** 255n - 19n, little = (raw) => BigInt(`0x${hex(unhex(raw).reverse())}`);
const EIGHTH = little("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
const SMALL = [0n, 1n, P - 1n, EIGHTH, P - EIGHTH]; // ordinates of the points of small order
let ed25519; // WebCrypto where it is there and knows Ed25519 (RFC 8032's first key tells), else false
async function signed(key, purpose, message, sig) {
  const take = async (raw) => crypto.subtle.importKey("raw", unhex(raw), "Ed25519", false, ["verify"]);
  ed25519 ??= await take("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").then(() => true,
    () => false);
  if (!ed25519) return;
  const y = BigInt.asUintN(255, little(key)); // whether it is on the curve is seen to by WebCrypto
  need(y < P && !SMALL.includes(y), "signature");
  const whole = Uint8Array.from([...ascii(`yuanping-draw/2\0${purpose}\0`), ...unhex(message)]);
  const right = take(key).then((imported) => crypto.subtle.verify("Ed25519", imported, unhex(sig), whole));
  need(await right.catch(() => false), "signature");
}

/** §5 */
export class Stream {
  #words;
  constructor(H, seed) { this.#words = Stream.#read(H, seed); }
  static* #read(H, seed) {
    const [inner, outer] = [0x36, 0x5c].map((x) => Uint8Array.from({ length: 64 }, (_, i) => seed[i] ^ x)); // HMAC
    for (let i = 0; ; i++) {
      const part = H(inner, "ed-panel/2 stream\0", unhex(i.toString(16).padStart(16, "0")));
      const block = new DataView(H(outer, part).buffer);
      for (let at = 0; at < 32; at += 8) yield block.getBigUint64(at);
    }
  }
  below(most) { // a BigInt for a BigInt
    const m = BigInt(most), words = Math.ceil(m.toString(16).length / 16), all = 1n << BigInt(64 * words);
    for (let v = 0n; ; v = 0n) {
      for (let i = 0; i < words; i++) v = (v << 64n) | this.#words.next().value;
      if (v < all - (all % m)) return typeof most === "bigint" ? v % m : Number(v % m);
    }
  }
  shuffled(items, n) { // the first n: item i changes places with one of those from i on
    const row = [...items];
    for (let i = 0; i < n && i < row.length; i++) {
      const j = i + this.below(row.length - i);
      [row[i], row[j]] = [row[j], row[i]];
    }
    return row.slice(0, n);
  }
}

// §1, §3, §4, §11 What lines look like: canonical JSON of a fixed shape is one regular expression, which sees to
// spelling, too
const text = (like) => `"(?:${like})"`, maybe = (s) => `(?:${s}|null)`, row = (...s) => `\\[${s.join()}\\]`,
  cap = (s) => `(${s})`;
const some = (s, most = "") => `${s}(?:,${s}){0,${most && most - 1}}`;
const list = (s, least = 0, most = "") => `\\[${least ? some(s, most) : `(?:${some(s)})?`}\\]`;
const has = (members) => `\\{${Object.entries(members).map(([name, s]) => `"${name}":${s}`)}\\}`;
// Written out, as `{32}` in a long list would use up the room that regular expressions have for going back.
const hexes = (n) => "[0-9a-f]".repeat(n), ID = `"(${hexes(32)})"`; // with the code caught
const [CODE, HEX, SIG, KEY] = [hexes(32), hexes(64), hexes(128), "[A-Za-z0-9._-]{1,32}"].map(text);
const [WORD, NUMBER, KIND] = ["[a-z][a-z0-9_]{0,39}", "[A-Za-z0-9._-]{1,40}", "expert|venue|seat"].map(text);
const [TIME, DECIMAL] = ["\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ", "0|[1-9]\\d{0,999}"].map(text);
const count = "[1-9]\\d{0,15}", whole = `(?:0|${count})`; // not too large: see below
const groups = list(row(WORD, CODE)), ratio = maybe(row(DECIMAL, DECIMAL)), pairs = list(row(CODE, CODE)),
  agree = has({ party: WORD, sig: SIG });
const POOL = has({ follows: maybe(row(KIND, WORD)), kind: KIND, levels: list(row(list(row(WORD, count)), "[01]"), 1, 8),
  size: whole, slots: list(row(KEY, count), 1), table: HEX });
const rules = has({ hash: HEX, id: NUMBER, version: NUMBER }), suite = text("sha256|sm3");
const parties = list(row(WORD, HEX, HEX, text("own|kept")), 1),
  staff = has({ most: count, per_object: count, size: whole, table: HEX });
const target = (method, of) => has({ method: text(method), size: whole, table: HEX, target: of });
const objects = `(?:${target("tiers", list(row(WORD, whole), 1))}|${target("systematic", whole)})`;
const BOTH = { agree, beacon: has({ round: count, source: WORD, value: HEX }),
  call: has({ beacon: maybe(row(WORD, count)), round: count, until: TIME }),
  reveal: has({ party: WORD, round: count, share: HEX, sig: SIG }), void: has({ party: maybe(WORD), reason: WORD }) };
const DRAW = { ...BOTH, approve: agree, pool: has({ pool: POOL }), redraw: has({ reason: WORD }),
  open: has({ algorithm: text("ed-panel/2"), before: maybe(NUMBER), draw: NUMBER, format: text("yuanping-draw/2"),
    key: HEX,
    law: text("uniform-labelled|uniform-sets|weighted"), parties, pools: list(POOL, 1), reserve: whole,
    roster: maybe(has({ root: HEX, size: whole })), rules, suite }),
  close: has({ holders: list(row(KIND, KEY, CODE)), rounds: count }),
  exclude: has({ excluded: list(row(CODE, WORD), 1), kind: KIND }),
  lock: has({ chances: maybe(HEX), feasible: maybe(DECIMAL), greatest: ratio, least: ratio,
    lists: list(row(KEY, count, whole)), ten: ratio, warnings: list(WORD) }),
  outcome: has({ code: CODE, evidence: maybe(HEX), kind: KIND, outcome: WORD, slot: KEY }),
  round: has({ drawn: list(row(KEY, CODE)), kind: KIND, level: count, method: text("rejection|counting|reserve|none"),
    needed: list(row(KEY, count)), round: count, seed: HEX, tries: count }) };
const INSPECTION = { ...BOTH, close: has({ pairs, rounds: count }), inspectors: has({ inspectors: staff }),
  open: has({ algorithm: text("ed-inspection/1"), before: maybe(NUMBER), campaign: NUMBER,
    format: text("yuanping-inspection/1"),
    inspectors: staff, key: HEX, objects,
    parties, rules, suite }),
  assign: has({ method: text("rejection|counting|stepwise|none"), pairs, round: count, seed: HEX, tries: count }),
  leave: has({ inspector: CODE, object: maybe(CODE), reason: WORD }),
  sample: has({ chosen: list(CODE), round: "1", seed: HEX, tries: count }) };
const UP = { bounds: 2, chosen: 99, conflicts: 2, drawn: 2, excluded: 2, held: 1, pairs: 2, parties: 1, slots: 1,
  target: 1,
  warnings: 99 }; // these ascend by so many of their first elements, texts by themselves
const read = (from, pattern) => {
  need(new RegExp(`^${pattern}$`).test(from), "malformed");
  return JSON.parse(from, (name, v) => {
    need(typeof v !== "number" || Number.isSafeInteger(v), "malformed");
    need(!Array.isArray(v) || !Object.hasOwn(UP, name) || rising(v, UP[name]), "malformed");
    return v;
  });
};
const MEMO = new Map(); // the short lists that end a row, which many rows have in common, are read once
const few = (from) => {
  if (!MEMO.has(from)) {
    const lists = JSON.parse(`[${from}]`);
    need(lists.every((list) => rising(list, 99)), "malformed"); MEMO.set(from, lists);
  }
  return MEMO.get(from);
};
/** §3: the list of a pool, opened: its rows are read and hashed where they stand in the text; there may be 64,000. */
function opened({ kind, line, name, rows: pattern, rest, size, table, each, check }, from, H) {
  const start = from.indexOf(`"${name}":[`) + name.length + 4, next = new RegExp(pattern, "y"), rows = [],
    ends = [start - 1];
  for (let at = start, more = from[at] !== "]"; more; more = from[at] === "," && ++at) {
    next.lastIndex = at;
    const found = next.exec(from);
    need(found && (!rows.length || rows.at(-1).code < found[1]), "malformed"); rows.push(each(found));
    ends.push(at = next.lastIndex);
  }
  const end = Math.max(start, ends.at(-1)), shape = { kind: text(kind), line, list: has(rest), nonce: HEX };
  const { list, nonce } = read(from.slice(0, start) + from.slice(end), has(shape)), { [name]: _, ...others } = list;
  need(rows.length === size, "list"); room(from.length);
  const keys = new Uint8Array(16 * size + 16), hashes = new Uint8Array(32 * size + 32);
  const salt = Uint8Array.of(...ascii("ed-panel/2 row\0"), ...unhex(nonce)), all = ascii(from);
  const leaf = (i, said) => { // H(0 ‖ nonce(key i) ‖ what is said); key `size` is that of zeros
    bytes.set(salt);
    for (let k = 0; k < 16; k++) bytes[47 + k] = keys[16 * i + k];
    H.digest(63, bytes, 1); bytes[0] = 0; bytes.set(said, 33); H.digest(33 + said.length, hashes, 32 * i);
  };
  for (let i = 0; i < size; i++) {
    for (let k = 0, c = ends[i] + 3; k < 16; k++, c += 2) keys[16 * i + k] = (nibble(all[c]) << 4) | nibble(all[c + 1]);
    leaf(i, all.subarray(ends[i] + 1, ends[i + 1]));
  }
  const node = (lo, hi, depth) => { // §2: of rows lo … hi − 1, those with bit 0 first; written where row lo's hash was
    if (hi - lo < 2) return;
    let mid = lo, end = hi;
    while (mid < end) {
      const at = (mid + end) >> 1;
      if ((keys[16 * at + (depth >> 3)] >> (7 - (depth & 7))) & 1) end = at; else mid = at + 1;
    }
    node(lo, mid, depth + 1); node(mid, hi, depth + 1); bytes[0] = 1;
    for (let k = 0; k < 32; k++) {
      bytes[1 + k] = lo < mid ? hashes[32 * lo + k] : 0; bytes[33 + k] = mid < hi ? hashes[32 * mid + k] : 0;
    }
    H.digest(65, hashes, 32 * lo);
  };
  node(0, size, 0);
  const root = size ? hashes.slice(0, 32) : new Uint8Array(32);
  leaf(size, ascii(json(others))); need(hex(H("\x02", root, hashes.subarray(32 * size))) === table, "list");
  need(check?.(list, rows) ?? true, "malformed");
  return { ...list, rows };
}

const AT = { agree: "agreeing", lock: "locking", approve: "between", pool: "between", exclude: "between",
  call: "between",
  reveal: "revealing", beacon: "revealing", sample: "drawing", assign: "drawing", redraw: "stuck", outcome: "between",
  // where a line may stand; `round` and `void` tell themselves
  leave: "between", inspectors: "between", close: "between" };
/** §4, §5: what draws and inspections share: parties agree, are called, and reveal what they promised. */
class Story {
  phase = "agreeing"; agreed = new Set(); called = null; source = null; shares = new Map(); value = null;
  then = "between";
  constructor(line, H, lists) {
    Object.assign(this, { line, H, lists, open: line.body, first: line.hash });
    this.keys = new Map(this.open.parties); // the rest of each row is not looked at
    this.promised = new Map(this.open.parties.map(([name, , anchor]) => [name, anchor]));
  }
  at(phase) { need(this.phase === phase, "order"); }
  get latest() { return this.called?.body.round ?? 0; }
  list(kind) { return this.lists?.get(`${this.line.n} ${kind}`); }
  async agree({ party, sig }) {
    need(this.keys.has(party) && !this.agreed.has(party), "party");
    await signed(this.keys.get(party), "agree", this.first, sig);
    if (this.agreed.add(party).size === this.keys.size) this.phase = this.then;
  }
  call({ round }) {
    need(round === this.latest + 1 && this.vacancies().length, "order");
    Object.assign(this, { phase: "revealing", called: this.line, source: this.line.hash, shares: new Map(),
      value: null });
  }
  async reveal({ party, round, share, sig }) {
    need(round === this.latest && this.keys.has(party) && !this.shares.has(party), "party");
    need(hex(this.H("ed-panel/2 link\0", unhex(share))) === this.promised.get(party), "promise");
    await signed(this.keys.get(party), "reveal", this.called.hash + share, sig);
    this.shares.set(party, share); this.promised.set(party, share);
    if (this.shares.size === this.keys.size && !this.called.body.beacon) this.phase = "drawing";
  }
  beacon({ round, source, value }) {
    need(this.shares.size === this.keys.size && same([source, round], this.called.body.beacon), "order");
    Object.assign(this, { phase: "drawing", value });
  }
  void({ party, reason }) {
    need((reason === "share_withheld") === (party !== null), "party");
    if (party) this.at("revealing");
    need(!party || (this.keys.has(party) && !this.shares.has(party) && this.called.body.until <= this.line.at),
      "party");
    this.phase = "void";
  }
  seed(kind, purpose) {
    const { value: beacon, source: call, latest: round } = this, { draw = this.open.campaign } = this.open;
    return this.H(json({ algorithm: "ed-panel/2", beacon, call, draw, kind, purpose, round,
      shares: inOrder([...this.shares]) }));
  }
  stream(kind, purpose, told) { // of a line that tells its seed
    need(hex(this.seed(kind, purpose)) === told, "seed");
    return new Stream(this.H, unhex(told));
  }
}

// §6 Members are {code, groups}, groups being the text of a list
const byCode = (a, b) => (a.code < b.code ? -1 : 1);
const holds = (one, name, value) => one.groups.includes(`["${name}","${value}"]`);
const values = (one, name) => (one.parsed ??= JSON.parse(one.groups)).filter(([group]) => group === name);
/** Whether `chosen` and `others` may sit together; vacancies still `open` count towards lo. */
function feasible({ bounds, pairs }, [caps, apart], others, chosen, open = 0) {
  const all = [...others, ...chosen], having = (name, value) => all.filter((one) => holds(one, name, value)).length;
  return new Set(chosen).size === chosen.length
    && caps.every(([name, most]) => [...tally(all.flatMap((one) =>
      values(one, name)).map(String)).values()].every((n) => n <= most))
    && bounds.every(([name, value, lo, hi]) => having(name, value) <= hi && having(name, value) + open >= lo)
    && !(apart && pairs.size && all.some((a) => all.some((b) => pairs.has(a.code + b.code))));
}
/** D of the law uniform-sets: how many ways there are to give each chosen one a list it is on. */
function ways(chosen, roles, left = roles.map((role) => role.n), seen = new Map()) {
  if (!chosen.length) return 1n;
  const key = left.join(), give = (r) => ways(chosen.slice(1), roles, left.with(r, left[r] - 1), seen);
  if (!seen.has(key)) seen.set(key, roles.reduce((n, { on }, r) => n + (left[r] && on.has(chosen[0]) ? give(r) : 0n),
    0n));
  return seen.get(key);
}
/** The counting sampler: null where it is not small enough,
  else [Z, of a stream a sample]. Vectors are mixed-radix numbers. */
function counting(roles, { bounds, pairs }, level, others, weighted) {
  const total = sum(roles.map((role) => role.n)), R = roles.length, caps = new Map(level[0]),
    quotas = roles.map((role) => role.n);
  const taken = (name, value) => others.filter((one) => holds(one, name, value)).length;
  const most = [...quotas, ...bounds.map(([g, v, , hi]) => Math.min(hi - taken(g, v), total))], D = most.length;
  const least = [...quotas, ...bounds.map(([g, v, lo]) => lo - taken(g, v))];
  if (most.some((n) => n < 0) || !feasible({ bounds: [], pairs }, level, others, [])) return [0n];
  const found = new Map(), size = most.reduce((n, m) => n * (m + 1), 1);
  for (const one of [...new Set(roles.flatMap((role) => role.list))].sort(byCode)) {
    const own = level[0].flatMap(([name]) => values(one, name)), key = String(own[0] ?? one.code);
    if (own.length > 1) return null;
    if (!found.has(key)) found.set(key, { room: own.length ? caps.get(own[0][0]) - taken(...own[0]) : 1, members: [] });
    found.get(key).members.push(one);
  }
  if (found.size * size > 3e6) return null;
  const step = most.map((_, k) => most.slice(k + 1).reduce((n, m) => n * (m + 1), 1)), blocks = [...found.values()];
  const digits = Uint8Array.from({ length: size * D },
    (_, i) => Math.floor(Math.floor(i / D) / step[i % D]) % (most[i % D] + 1));
  const fits = (d, t) => { // whether vector t less d has no negative element
    for (let k = 0; k < D; k++) if (digits[t * D + k] < digits[d * D + k]) return false;
    return true;
  };
  const heads = (v) => sum(digits.subarray(v * D, v * D + R)), weight = (one) => (weighted ? BigInt(one.weight) : 1n);
  const options = (one) => roles.flatMap((role, r) => { // [role, vector of this one in it]
    const e = [...quotas.map((_, k) => +(k === r)), ...bounds.map(([g, v]) => +holds(one, g, v))];
    return role.on.has(one) && e.every((x, k) => x <= most[k]) ? [[r, sum(e.map((x, k) => x * step[k]))]] : [];
  });
  const Q = ({ members, room }) => members.reduceRight((all, one) => { // Q[i] for the members from i on: vector → ways
    const next = new Map(all[0]);
    for (const [v, n] of all[0]) if (heads(v) < room) for (const [, e] of options(one))
      if (fits(e, size - 1 - v)) next.set(v + e, (next.get(v + e) ?? 0n) + weight(one) * n);
    return [next, ...all];
  }, [new Map([[0, 1n]])]);
  for (const block of blocks) block.P = [...Q(block)[0]].sort(([a], [b]) => a - b);
  const S = blocks.reduceRight((all, { P }) => [all[0].map((_, v) =>
    P.reduce((n, [d, p]) => (fits(d, v) ? n + p * all[0][v - d] : n), 0n)), ...all],
      [Array.from({ length: size }, (_, v) => (v ? 0n : 1n))]);
  const targets = S[0].flatMap((n, t) => (least.every((lo, k) => digits[t * D + k] >= lo) ? [t] : []));
  const Z = targets.reduce((n, t) => n + S[0][t], 0n);
  return [Z, (stream) => {
    const got = roles.map(() => []);
    const pick = (all, of) => { for (const one of all) { const c = of(one); if (x < c) return one; x -= c; } };
    let x = stream.below(Z), t = pick(targets, (at) => S[0][at]);
    blocks.forEach((block, j) => {
      const after = S[j + 1], [v] = pick(block.P, ([d, p]) => (fits(d, t) ? p * after[t - d] : 0n));
      let d = v; t -= v;
      const keep = x % after[t], q = v ? Q(block) : [];
      x /= after[t];
      if (v) block.members.forEach((one, i) => {
        const n = (e) => (fits(e, d) ? (q[i + 1].get(d - e) ?? 0n) : 0n);
        const [r, e] = pick([[-1, 0], ...options(one)], ([r, e]) => (r < 0 ? 1n : weight(one)) * n(e));
        if (r < 0) return;
        got[r].push(one); x %= n(e); d -= e;
      });
      x = keep;
    });
    got.forEach((ones) => ones.sort(byCode));
    return roles.flatMap(({ slots }, r) => slots.flatMap(([slot, n]) =>
      Array.from({ length: n }, () => [slot, ...got[r].splice(stream.below(got[r].length), 1)])));
  }];
}

const AFTER = { // §7: state before → outcomes that vacate the place
  expert: { drawn: "declined expired unreachable struck", accepted: "withdrawn no_show recused struck removed ill" },
  other: { drawn: "refused released taken fault", accepted: "released fault" },
};
const rises = (groups) => { // whether each [name, value] in a text of them is more than the one before
  // compared up to where they differ
  for (let a = groups.indexOf("],["), last = 1; a > 0; a = groups.indexOf("],[", last = a + 2))
    if (!(groups.slice(last, a) < groups.slice(a + 2, 2 * a + 2 - last))) return false;
  return true;
};
class Draw extends Story {
  places = []; taken = new Set(); reserves = null; due = []; then = "locking";
  out = { expert: new Set(), venue: new Set(), seat: new Set() }; // excluded later, or left by an outcome of their own
  static shape = DRAW;
  static lists = ({ pools = [], pool }, { law }) => (pool ? [pool] : pools).map((p) => ({ ...p, name: "candidates",
    rows: row(ID, cap(groups), cap(`${list(text(p.slots.map(([slot]) => slot.replaceAll(".", "\\.")).join("|")), 1)},${
      list(WORD)}`), ...(law === "weighted" ? [cap(count)] : [])),
    rest: { bounds: list(row(WORD, CODE, whole, whole)), candidates: "\\[\\]", conflicts: pairs,
      held: list(row(CODE, groups)) },
    each([, code, groups, more, weight = 1]) {
      const [slots, grounds] = few(more);
      need(rises(groups) && weight <= 2 ** 24, "malformed");
      return { code, groups, slots, free: !grounds.length, weight: Number(weight) };
    },
    check(own, rows) {
      own.codes = lazySet(rows.map((one) => one.code)); own.pairs = new Set(own.conflicts.map(([a, b]) => a + b));
      own.held = own.held.map(([code, groups]) => ({ code, groups: json(groups) }));
      const held = new Set(own.held.map(({ code }) => code)), known = (code) => held.has(code) || own.codes.has(code);
      need(p.levels.some((level) => feasible({ bounds: [], pairs: new Set() }, level, own.held, [])), "terms");
      return own.bounds.every(([, , lo, hi]) => lo <= hi)
        && own.conflicts.every(([a, b]) => a < b && known(a) && known(b))
        && own.held.every(({ code, groups }) => !own.codes.has(code) && rises(groups));
    } }));
  constructor(...all) {
    super(...all);
    const { pools } = this.open;
    need(new Set(pools.map((pool) => pool.kind)).size === pools.length
      && pools.every(({ follows, slots, levels }, i) => {
      const leader = new Map(pools.slice(0, i).find(({ kind }) => kind === follows?.[0])?.slots);
      return sum(slots.map(([, n]) => n)) <= 99 && levels.every(([caps]) => rising(caps, 1))
        && (!follows || slots.every(([slot, n]) => n === 1 && leader.get(slot) === 1));
    }), "terms");
    this.pools = pools.map((pool) => ({ ...pool, list: this.list(pool.kind) }));
  }
  pool_of(kind) { const pool = this.pools.find((p) => p.kind === kind); need(pool, "terms"); return pool; }
  present(kind) { return this.places.filter((p) => p.kind === kind && p.state !== "vacated"); }
  vacant({ kind, slots }) { // [[slot, how many it lacks], …]
    const here = tally(this.present(kind).map((p) => p.slot));
    return slots.map(([slot, n]) => [slot, n - (here.get(slot) ?? 0)]).filter(([, n]) => n > 0);
  }
  vacancies() { return this.pools.filter((pool) => this.vacant(pool).length); }
  lock({ lists, warnings, ...figures }) {
    const pool = this.pools.find((p) => p.kind === "expert"), roles = pool?.list && this.roles(pool, pool.slots, true);
    const none = Object.values(figures).filter((figure) => figure === null).length;
    need(none === 5 || (!none && pool && !pool.follows && this.open.law !== "uniform-sets"), "malformed");
    for (const name of none ? [] : ["greatest", "least", "ten"]) {
      const [n, d] = figures[name].map(BigInt);
      need(lowest(n, d) && (name === "ten" || n <= d), "malformed");
    }
    const length = (slot, i) => (roles ? roles.find((role) => role.needs.has(slot)).list.length : lists[i]?.[2]);
    need(same(lists, (pool?.slots ?? []).map(([slot, n], i) => [slot, n, length(slot, i)])), "result");
    Object.assign(this, { phase: "between", locked: this.line, unapproved: warnings.length > 0 });
  }
  async approve({ party, sig }) {
    need(!this.called && this.unapproved, "order");
    need(party === "supervisor" && this.keys.has(party), "party");
    await signed(this.keys.get(party), "approve", this.locked.hash, sig); this.unapproved = false;
  }
  pool({ pool }) {
    const now = this.pool_of(pool.kind), terms = ({ slots, levels, follows }) => [slots, levels, follows];
    need(pool.kind !== "expert" && same(terms(now), terms(pool)), "terms");
    Object.assign(now, pool, { list: this.list(pool.kind) });
  }
  exclude({ excluded, kind }) {
    const { list } = this.pool_of(kind), here = new Set(this.present(kind).map((p) => p.code));
    need(excluded.every(([code]) => !here.has(code) && (list?.codes.has(code) ?? true)), "person");
    for (const [code] of excluded) this.out[kind].add(code);
  }
  call(body) {
    need(!this.unapproved, "order");
    // their reserve goes first
    const pool = this.reserves?.size && this.vacancies().find(({ kind }) => kind === "expert");
    need(!pool || !this.fromReserve(pool, this.vacant(pool), this.roles(pool, this.vacant(pool))), "order");
    super.call(body);
    Object.assign(this, { due: this.pools.map(({ kind }) => kind), reserves: null, taken: new Set() });
  }
  gone(kind) { return new Set([...this.out[kind], ...this.present(kind).map((p) => p.code)]); }
  /** §6: the lists of the vacant slots; slots with the same list are one role. */
  roles({ kind, list, follows }, vacant, first = false) {
    const gone = this.gone(kind), near = follows && !first && new Map(this.present(follows[0]).map((p) => [p.slot, p]));
    const fits = (one, place) => place && values(place, follows[1]).some(([name, value]) => holds(one, name, value));
    const lists = new Map(vacant.map(([slot]) => [slot, []])), roles = [];
    for (const one of list.rows) if (one.free && !(gone.size && gone.has(one.code))) for (const slot of one.slots)
      if (!near || fits(one, near.get(slot))) lists.get(slot)?.push(one);
    for (const [slot, n] of vacant) {
      const own = lists.get(slot), equal = ({ list }) => list.length === own.length
        && own.every((one, i) => one === list[i]);
      let role = roles.find(equal);
      if (!role) roles.push((role = { list: own, on: lazySet(own), slots: [], n: 0, needs: new Map() }));
      role.slots.push([slot, n]); role.needs.set(slot, n); role.n += n;
    }
    return roles;
  }
  others({ kind, list }) { return [...list.held, ...this.present(kind)]; }
  /** [picks or null, method, tries] at one level. */
  pick(pool, level, roles, vacant, stream) {
    if (roles.some((role) => role.list.length < role.n)) return [null, "none", 1];
    const others = this.others(pool), { law } = this.open, weighted = law === "weighted";
    const good = (picks, chosen = picks.map(([, one]) => one)) => feasible(pool.list, level, others, chosen)
      && (law !== "uniform-sets" || stream.below(ways(chosen, roles)) === 0n);
    const wanted = vacant.flatMap(([slot, n]) => Array(n).fill([slot, roles.find((role) => role.needs.has(slot))]));
    for (const role of roles) { let n = 0; role.upTo = weighted && role.list.map((one) => (n += one.weight)); }
    const weighed = ({ list, upTo }) => { // the first whose weight and those before it come to more than x
      const x = stream.below(upTo.at(-1));
      let lo = 0, hi = list.length - 1;
      while (lo < hi) { const mid = (lo + hi) >> 1; if (upTo[mid] > x) hi = mid; else lo = mid + 1; }
      return list[lo];
    };
    for (let tries = 1; tries <= 262144; tries++) {
      const [Z, sample] = (tries === 4097 && counting(roles, pool.list, level, others, weighted)) || [];
      for (let more = 1; Z && more <= 4096; more++) {
        const picks = sample(stream);
        if (good(picks)) return [picks, "counting", 4096 + more];
      }
      if (Z !== undefined) return [null, "none", Z ? 8192 : 4096];
      for (const role of roles) role.seen = new Set();
      const picks = wanted.map(([slot, role]) => {
        let one;
        do one = weighted ? weighed(role) : role.list[stream.below(role.list.length)];
        while (!weighted && role.seen.has(one));
        role.seen.add(one);
        return [slot, one];
      });
      if (good(picks)) return [picks, "rejection", tries];
    }
    return [null, "none", 262144];
  }
  drawn(pool, vacant, roles, stream) {
    for (const [i, level] of pool.levels.entries()) {
      const [picks, method, tries] = this.pick(pool, level, roles, vacant, stream);
      if (picks || i + 1 === pool.levels.length) return { picks: picks ?? [], level: i + 1, method, tries };
    }
  }
  fromReserve(pool, vacant, roles) { // null when a slot finds none
    const picks = [], wanted = vacant.flatMap(([slot, n]) => Array(n).fill(slot));
    for (const [i, slot] of wanted.entries()) {
      const sitting = [...this.others(pool), ...picks.map(([, one]) => one)],
        { on } = roles.find((role) => role.needs.has(slot));
      const next = this.reserves.get(slot)?.find((one) => on.has(one) && !this.taken.has(one.code)
        && !sitting.includes(one) && feasible(pool.list, pool.levels[0], sitting, [one], wanted.length - i - 1));
      if (!next) return null;
      picks.push([slot, next]);
    }
    return { picks, level: 1, method: "reserve", tries: 1 };
  }
  round({ round, kind, needed, seed, level, method, tries, drawn }) {
    const reserve = method === "reserve", none = method === "none";
    this.at(reserve ? "between" : "drawing");
    if (reserve) Object.assign(this, { source: this.called?.hash, due: ["expert"] });
    const next = () => this.vacancies().find((p) => this.due.includes(p.kind)), pool = next();
    need((!reserve || this.reserves) && pool?.kind === kind && round === this.latest, "order");
    const vacant = this.vacant(pool), stream = this.stream(kind, "draw", seed), { follows } = pool;
    const led = follows && new Set(this.present(follows[0]).map((p) => p.slot));
    need(!led || vacant.every(([slot]) => led.has(slot)), "order");
    const gone = this.gone(kind), slots = none ? [] : vacant.flatMap(([slot, n]) => Array(n).fill(slot));
    need(same(vacant, needed) && same(slots, drawn.map(([slot]) => slot)) && (!reserve || (level === 1 && tries === 1))
      && (none ? level === pool.levels.length : level <= pool.levels.length)
      && new Set(drawn.map(([, code]) => code)).size === drawn.length && drawn.every(([, code]) => !gone.has(code)),
        "result");
    let rows = new Map();
    // empty without the lists
    if (!none && !reserve && kind === "expert" && this.open.reserve) this.reserves = new Map();
    if (pool.list) {
      const roles = this.roles(pool, vacant);
      const { picks, ...rest } = (reserve ? this.fromReserve : this.drawn).call(this, pool, vacant, roles, stream)
        ?? { picks: [] };
      need(same(inOrder(picks.map(([slot, one]) => [slot, one.code])), drawn) && same(rest, { level, method, tries }),
        "result");
      rows = new Map(picks.map(([, one]) => [one.code, one.groups]));
      if (reserve) for (const code of rows.keys()) this.taken.add(code);
      else if (this.reserves && kind === "expert" && !none) {
        const more = new Stream(this.H, this.seed(kind, "reserve"));
        for (const { list, slots } of roles) {
          const order = more.shuffled(list.filter((one) => !rows.has(one.code)), this.open.reserve);
          for (const [slot] of slots) this.reserves.set(slot, order);
        }
      }
    }
    for (const [slot, code] of drawn) this.places.push({ kind, slot, code, groups: rows.get(code) ?? "[]",
      state: "drawn" });
    // what fell with them
    if (reserve) Object.assign(this, { source: this.line.hash, due: this.pools.map((p) => p.kind) });
    this.phase = none ? "stuck" : next() ? "drawing" : "between";
  }
  leave(place) {
    place.state = "vacated";
    for (const { kind, follows } of this.pools) if (follows?.[0] === place.kind)
      for (const p of this.present(kind)) if (p.slot === place.slot) this.leave(p);
  }
  outcome({ kind, slot, code, outcome }) {
    const place = this.places.findLast((p) => p.kind === kind && p.slot === slot && p.code === code);
    need(place, "person");
    if (outcome === "late" && kind === "expert" && place.state === "vacated") return;
    if (outcome === "accepted" && place.state === "drawn") { place.state = "accepted"; return; }
    need(AFTER[kind === "expert" ? kind : "other"][place.state]?.split(" ").includes(outcome), "person");
    if (kind === "expert") this.out.expert.add(code);
    this.leave(place);
  }
  redraw() {
    for (const place of this.places) place.state = "vacated";
    Object.assign(this, { phase: "between", reserves: null });
  }
  close({ holders, rounds }) {
    const now = this.places.filter((p) => p.state !== "vacated");
    need(this.called && !this.vacancies().length && this.present("expert").every((p) => p.state === "accepted"),
      "order");
    need(rounds === this.latest && same(inOrder(now.map((p) => [p.kind, p.slot, p.code])), holders), "result");
    this.phase = "closed";
  }
}

/** §11: random inspections: objects are drawn once, then inspectors for them as often as places fall vacant. */
class Inspection extends Story {
  pairs = []; chosen = null; gone = new Set(); given = new Set();
  static shape = INSPECTION;
  static lists = ({ objects, inspectors }) => [
    objects && { kind: "object", ...objects, ...Inspection.rows(objects.method === "tiers"
      ? [text(objects.target.map(([tier]) => tier).join("|")), "0"] : ['""', whole]) },
    inspectors && { kind: "inspector", ...inspectors, ...Inspection.rows([]) },
  ].filter(Boolean);
  static rows = (middle) => ({ name: "rows", rest: { rows: "\\[\\]" },
    rows: row(ID, ...middle.map(cap), cap(`${list(CODE)},${list(WORD)}`)),
    each(found) {
      const [, code, tier, points] = found, [units, grounds] = few(found.at(-1));
      need(!middle.length || points <= 2 ** 24, "malformed");
      return { code, tier: tier.slice(1, -1), points: Number(points), units, free: !grounds.length };
    } });
  constructor(...all) {
    super(...all);
    const { method, target } = this.open.objects;
    this.staff = { ...this.open.inspectors, list: this.list("inspector")?.rows };
    this.objects = this.list("object")?.rows;
    this.drawable = this.objects?.filter((o) => o.free && (method === "tiers" || o.points));
    this.wanted = method === "tiers" ? target : [["", target]]; // how many of each tier
    need(!this.objects || this.wanted.every(([tier, n]) => this.drawable.filter((o) => o.tier === tier).length >= n),
      "terms");
  }
  vacant() { // [[object, how many inspectors it lacks], …]
    const here = tally(this.pairs.map(([o]) => o)), each = this.open.inspectors.per_object;
    return this.chosen.map((o) => [o, each - (here.get(o) ?? 0)]).filter(([, n]) => n);
  }
  vacancies() { return this.chosen ? this.vacant() : [this]; }
  sample({ chosen, seed, tries }) {
    need(!this.chosen, "order");
    const stream = this.stream("object", "sample", seed), { method, target } = this.open.objects;
    need(chosen.length === sum(this.wanted.map(([, n]) => n)), "result");
    const [again, times] = this.objects ? this[method](target, stream) : [chosen.map((code) => ({ code })), tries];
    need(same([again.map((o) => o.code).sort(), times], [chosen, tries]), "result");
    this.chosen = chosen;
  }
  tiers(target, stream) {
    return [target.flatMap(([tier, n]) => stream.shuffled(this.drawable.filter((o) => o.tier === tier), n)), 1];
  }
  systematic(n, stream) {
    const chosen = [];
    let left = this.drawable, sure = left, tries = 0, keys, X, end = 0;
    while (sure.length) {
      X = sum(left.map((o) => o.points)); sure = n ? left.filter((o) => n * o.points >= X) : [];
      left = left.filter((o) => !sure.includes(o)); n -= sure.length; chosen.push(...sure);
    }
    if (!n) return [chosen, 1];
    do { keys = new Map(left.map((o) => [o, stream.below(2n ** 63n)])); tries++;
    } while (new Set(keys.values()).size < left.length);
    // of the marks below
    const u = stream.below(X), reached = (end) => (BigInt(end) * BigInt(n) + BigInt(X - 1 - u)) / BigInt(X);
    for (const o of left.sort((a, b) => (keys.get(a) < keys.get(b) ? -1 : 1)))
      if (reached(end) < reached(end += o.points)) chosen.push(o);
    return [chosen, tries];
  }
  assign({ method, pairs, round, seed, tries }) {
    need(this.chosen && round === this.latest, "order");
    const stream = this.stream("inspector", "assign", seed), vacant = this.vacant(), all = [...this.pairs, ...pairs];
    const wanted = method === "none" ? [] : vacant.flatMap(([o, n]) => Array(n).fill(o)),
      load = tally(all.map(([, who]) => who));
    need(same(wanted, pairs.map(([o]) => o)) && new Set(all.map(String)).size === all.length && pairs.every((pair) =>
      !this.given.has(String(pair)) && !this.gone.has(pair[1]) && load.get(pair[1]) <= this.staff.most), "result");
    const [how, again, times] = this.objects ? this.matched(vacant, stream) : [method, pairs, tries];
    need(same([how, inOrder(again), times], [method, pairs, tries]), "result");
    Object.assign(this, { pairs: all, phase: "between" });
  }
  matched(vacant, stream) {
    const { most, list } = this.staff, T = sum(vacant.map(([, n]) => n)), had = tally(this.pairs.map(([, who]) => who));
    const free = (who, load = had) => most - (load.get(who) ?? 0),
      taken = new Set([...this.pairs.map(String), ...this.given]);
    const able = list.filter((one) => one.free && !this.gone.has(one.code) && free(one.code) > 0);
    const lists = new Map(this.objects.filter((o) => vacant.some(([v]) => v === o.code)).map((o) => [o.code, able
      .filter((one) => !one.units.some((unit) => o.units.includes(unit))
        && !taken.has(`${o.code},${one.code}`)).map((one) => one.code)]));
    const listed = [...new Set([...lists.values()].flat())].sort(), rooms = listed.map((who) => free(who));
    if (vacant.some(([o, n]) => lists.get(o).length < n) || T > sum(rooms)) return ["none", [], 1];
    const attempt = (order, choose) => { // null as soon as it cannot hold
      const load = new Map(had), got = [];
      for (const [o, n] of order) for (let i = 0, found = new Set(); i < n; i++) {
        const who = choose(lists.get(o), found, load);
        if (!who || free(who, load) < 1) return null;
        load.set(who, (load.get(who) ?? 0) + 1); found.add(who); got.push([o, who]);
      }
      return got;
    };
    const evenly = (whos, found) => {
      for (;;) { const who = whos[stream.below(whos.length)]; if (!found.has(who)) return who; }
    };
    const ticketed = (whos, found, load) => {
      const tickets = whos.map((who) => (found.has(who) ? 0 : free(who, load))), all = sum(tickets);
      let x = all && stream.below(all);
      return all && whos[tickets.findIndex((n) => x < n || ((x -= n), false))];
    };
    const times = Math.floor(1e6 / Math.max(1, T)), A = Math.max(1, Math.min(4096, times)),
      B = Math.max(16, Math.min(256, times));
    const tried = (before, n, make, method) => {
      for (let i = 1; i <= n; i++) { const got = make(); if (got) return [method, got, before + i]; }
      return null;
    };
    const small = listed.length * T * most <= 1e6, load = small ? this.loads(listed, rooms, T, stream) : null;
    const counted = (places = load()) => {
      const got = vacant.flatMap(([o, n]) => places.splice(0, n).map((who) => [o, who]));
      return new Set(got.map(String)).size === T && got.every(([o, who]) => lists.get(o).includes(who)) ? got : null;
    };
    const C = small ? A + 4096 : A;
    return tried(0, A, () => attempt(vacant, evenly), "rejection")
      ?? (small ? tried(A, 4096, counted, "counting") : null)
      ?? tried(C, B, () => attempt(stream.shuffled(vacant, vacant.length), ticketed), "stepwise")
        ?? ["none", [], C + B];
  }
  loads(names, rooms, T, stream) { // gives rows of T names, in which nobody stands more often than there is room
    let W; // W[i][t]: the number of rows of t of the names from i on; made when first needed
    const choose = [[1n]]; // Pascal's triangle
    for (let t = 1; t <= T; t++) choose.push(Array.from({ length: t + 1 },
      (_, a) => (choose[t - 1][a - 1] ?? 0n) + (choose[t - 1][a] ?? 0n)));
    const ways = (after, t, most) => {
      let n = 0n;
      for (let a = 0; a <= most && a <= t; a++) n += choose[t][a] * after[t - a];
      return n;
    };
    return () => {
      W ??= rooms.reduceRight((all, most) => [all[0].map((_, t) => ways(all[0], t, most)), ...all],
        [[1n, ...Array(T).fill(0n)]]);
      let x = stream.below(W[0][T]), t = T;
      const places = names.flatMap((name, i) => {
        let a = 0;
        for (let c; (c = choose[t][a] * W[i + 1][t - a]) <= x; a++) x -= c;
        x /= choose[t][a]; t -= a;
        return Array(a).fill(name);
      });
      return stream.shuffled(places, T);
    };
  }
  leave({ inspector, object }) {
    const stays = ([o, who]) => who !== inspector || (object !== null && o !== object), left = this.pairs.filter(stays);
    need(left.length < this.pairs.length, "person");
    if (object === null) this.gone.add(inspector); else this.given.add(`${object},${inspector}`);
    this.pairs = left;
  }
  inspectors({ inspectors }) {
    need(this.called, "order"); need(inspectors.per_object === this.open.inspectors.per_object, "terms");
    this.staff = { ...inspectors, list: this.list("inspector")?.rows };
  }
  close({ pairs, rounds }) {
    need(this.called && !this.vacancies().length, "order");
    need(rounds === this.latest && same(inOrder(this.pairs), pairs), "result"); this.phase = "closed";
  }
}

/** §8 `data`: the file, as text or bytes. Resolves to {ok, full, findings: [{line, code, text}], summary}. */
export async function verify(data, { head = null, key = null } = {}) {
  const whole = typeof data === "string" ? data : new TextDecoder("utf-8", { ignoreBOM: true }).decode(data);
  const rows = whole.split("\n"), findings = [], lines = [], lists = new Map(),
    fail = (line, code) => findings.push({ line, code, text: WHY[code] });
  const holds = async (line, act) => { // whether nothing is wrong with it
    try { await act(); return true; } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      fail(line, error.message);
      return false;
    }
  };
  if (whole.endsWith("\n")) rows.pop(); else fail(rows.length, "malformed");
  const cut = rows.findIndex((r) => r.startsWith('{"kind":')), end = cut < 0 ? rows.length : cut,
    openings = rows.slice(end);
  const format = /"format":"([a-z]+-[a-z]+\/\d)"/.exec(rows[0])?.[1];
  const Kind = { "yuanping-draw/2": Draw, "yuanping-inspection/1": Inspection }[format];
  let H, open, story, reached = -1;
  for (let i = 0; i < end && await holds(i + 1, async () => { // each line by itself, and that they follow on
    const type = /"type":"(\w+)"\}$/.exec(rows[i])?.[1], last = lines[i - 1];
    need(Kind, "format"); need(Object.hasOwn(Kind.shape, type), "malformed");
    const line = read(rows[i], has({ at: TIME, body: Kind.shape[type], hash: HEX, n: count, prev: HEX, sig: SIG,
      type: text(type) }));
    if (i) need(type !== "open", "order");
    else need((open = line.body).format, "order"), (H = HASH[open.suite]);
    const said = rows[i].slice(0, rows[i].lastIndexOf(',"hash":')); // less hash and sig
    need(hex(H(`${said},"n":${line.n},"prev":"${line.prev}","type":"${type}"}`)) === line.hash, "hash");
    await signed(open.key, "line", line.hash, line.sig);
    need(line.n === i + 1 && line.prev === (last?.hash ?? "0".repeat(64)) && !(line.at < last?.at), "chain");
    lines.push(line);
  }); i++);
  const wanted = lines.flatMap((line) => Kind.lists(line.body, open).map((pool) => ({ ...pool, line: line.n })));
  for (let i = 0; i < openings.length && await holds(end + i + 1, async () => {
    const [, kind, line] = /^\{"kind":"(\w+)","line":(\d+),/.exec(openings[i]) ?? [];
    const place = wanted.findIndex((pool) => pool.kind === kind && pool.line === Number(line));
    if (place < 0 && lines.length < end) return; // its line may be wrong itself
    need(place > reached, "list");
    lists.set(`${line} ${kind}`, opened(wanted[reached = place], openings[i], H));
  }); i++);
  const missing = wanted.find(({ line, kind }) => !lists.has(`${line} ${kind}`));
  if (openings.length && missing && !findings.length) fail(missing.line, "list");
  for (const line of lines) if (!(await holds(line.n, async () => { // what they say, one after another
    if (!story) { story = new Kind(line, H, openings.length && !missing ? lists : null); return; }
    need(!["closed", "void"].includes(story.phase), "order");
    need((AT[line.type] ?? story.phase) === story.phase, "order"); story.line = line;
    await story[line.type](line.body);
  }))) break;
  if (ed25519 === false) fail(1, "unsigned");
  if (head && lines.at(-1)?.hash !== head) fail(end, "head");
  if (key && open?.key !== key) fail(1, "key");
  const ok = !findings.length, state = ["closed", "void"].find((phase) => phase === story?.phase) ?? "open";
  return { ok, full: ok && openings.length > 0, findings: findings.sort((a, b) => a.line - b.line), summary: story && {
    draw: open.draw ?? open.campaign, rounds: story.latest, drawn: (story.places ?? story.pairs).length, state,
    key: open.key, head: lines.at(-1).hash, parties: open.parties.map(([name, , , held]) => [name, held]) } };
}
async function main(args) {
  const [{ readFileSync }, { parseArgs }] = [await import("node:fs"), await import("node:util")];
  const once = { type: "string", multiple: true }, given = {};
  let data;
  try {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { head: once, key: once } });
    for (const [name, [value, ...more]] of Object.entries(values)) {
      if (!value || more.length) throw new Error(`要给出一个值 / exactly one value is needed: --${name}`);
      given[name] = value;
    }
    if (positionals.length !== 1) throw new Error("要给出一个文件 / exactly one file is needed");
    data = readFileSync(positionals[0]);
  } catch ({ message }) { console.error(message.split("\n")[0]); process.exit(2); }
  const { ok, full, findings, summary } = await verify(data, given);
  for (const { line, code, text } of findings) console.log(`${line}: ${code}: ${text}`);
  for (const [name, value] of Object.entries(summary ?? {})) console.log(`${name}: ${value}`);
  console.log("not computed again 未重算: feasible, chances, least, greatest, ten");
  console.log(ok ? `passes ${full ? "in full 完全通过" : "as far as disclosed 公开部分通过"}` : "FAILS 不通过");
  process.exit(ok ? 0 : 1);
}
if (globalThis.process?.versions?.node && process.argv[1]) {
  const [{ pathToFileURL }, { realpathSync }] = [await import("node:url"), await import("node:fs")];
  if (pathToFileURL(realpathSync(process.argv[1])).href === import.meta.url) await main(process.argv.slice(2));
}
