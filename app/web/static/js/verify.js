// Checks the record of a draw, or of random inspections, all by itself and offline:
//   node verify.js record.jsonl [--head HASH] [--key HASH]      Node 20.19 or newer; exit 0 passes, 1 fails, 2 no such file
// Written from docs/draw-record.md alone (§ are its sections); it shares no code with the service that writes records.
// It does not compute feasible, chances, least, greatest, ten of `lock` again, nor read slips (§9) and lists of draws (§10).
const WHY = { // what a finding's code means
  spelling: "不是规范拼写的 JSON 行 / not a line of canonical JSON", format: "不认识的格式 / unknown format",
  members: "成员或取值不合规定 / members or values are not as they must be", time: "时间倒流 / time goes back",
  hash: "哈希与本行内容不符 / the hash is not that of this line", signature: "签名不对 / the signature is wrong",
  unsigned: "此环境不能核对签名，请用 https 或 Node / signatures cannot be checked here; use https or Node",
  chain: "行号或上一行哈希接不上 / number or previous hash do not follow on", key: "公钥与公布的不同 / not the published key",
  order: "这一行不能出现在此处 / this line may not stand here", head: "末行哈希与公布的不同 / not the published last hash",
  rules: "条件自相矛盾 / the terms contradict each other", party: "没有这一方，或已做过 / no such party, or it did so already",
  promise: "揭示的不是当初承诺的随机数 / the share is not the one promised", seed: "种子与重算不符 / not the seed computed again",
  opening: "公开的名单不是承诺的那一份 / the list opened is not the one committed to",
  missing: "名单未公开、重复或次序不对 / a list is missing, opened twice or out of order",
  lists: "候选人数与名单不符 / the lengths of the lists are wrong", needed: "空缺数不对 / the vacancies are wrong",
  excluded: "被排除者不在名单或已在席 / excluded is who is not on the list or holds a place",
  result: "结果与重算不符 / not the result computed again", close: "结束时的名单或轮数不对 / the closing list is wrong",
  outcome: "此人此时不能有此答复 / this cannot become of this person now",
};
class Wrong extends Error {}
const need = (holds, code) => { if (!holds) throw new Wrong(code); };
const json = JSON.stringify, same = (a, b) => json(a) === json(b), sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

// §2 Hashes of texts (ASCII) and bytes, one after another; the padded message is made on one page of memory
let page = new Uint8Array(1 << 16);
const turn = (x, n) => (x << n) | (x >>> (32 - n));
const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
const nibble = (text, i) => { const c = text.charCodeAt(i); return (c & 15) + 9 * (c >> 6); };
const unhex = (text, bytes = new Uint8Array(text.length / 2), at = 0) => {
  for (let i = 0; i < text.length; i += 2) bytes[at++] = (nibble(text, i) << 4) | nibble(text, i + 1);
  return bytes;
};
const room = (size) => {
  const old = page;
  if (size + 72 > old.length) { page = new Uint8Array(2 * size + 72); page.set(old); }
};
const write = (part, n) => { // from place n on; returns where it ends
  room(n + part.length);
  if (typeof part === "string") for (let i = 0; i < part.length; i++) page[n + i] = part.charCodeAt(i);
  else page.set(part, n);
  return n + part.length;
};
const hasher = (start, mix) => {
  const h = new Int32Array(8), w = new Int32Array(68);
  const digest = (n, out, at) => { // of the first n bytes of the page, without making anything new
    const end = ((n + 72) >> 6) << 6, bytes = page; // one byte 128, zeros, and the length in bits in the last four bytes
    bytes.fill(0, n, end);
    bytes[n] = 128;
    for (let i = 1, bits = n * 8; i < 5; i++, bits >>>= 8) bytes[end - i] = bits;
    h.set(start);
    for (let p = 0; p < end; mix(h, w)) for (let i = 0; i < 16; i++, p += 4)
      w[i] = (bytes[p] << 24) | (bytes[p + 1] << 16) | (bytes[p + 2] << 8) | bytes[p + 3];
    for (let i = 0; i < 8; i++, at += 4) {
      out[at] = h[i] >>> 24; out[at + 1] = h[i] >>> 16; out[at + 2] = h[i] >>> 8; out[at + 3] = h[i];
    }
    return out;
  };
  const H = (...parts) => {
    let n = 0;
    for (const part of parts) n = write(part, n);
    return digest(n, new Uint8Array(32), 0);
  };
  return Object.assign(H, { digest });
};
const PRIMES = [], fraction = (x) => ((x % 1) * 2 ** 32) | 0; // SHA-256's constants are fractions of roots of primes
for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((p) => n % p)) PRIMES.push(n);
const K = Int32Array.from(PRIMES, (p) => fraction(Math.cbrt(p)));
const sha256 = hasher(PRIMES.slice(0, 8).map((p) => fraction(Math.sqrt(p))), (h, w) => {
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15], y = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (turn(x, 25) ^ turn(x, 14) ^ (x >>> 3)) + (turn(y, 15) ^ turn(y, 13) ^ (y >>> 10));
  }
  let a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
  for (let i = 0; i < 64; i++) {
    const t = (k + (turn(e, 26) ^ turn(e, 21) ^ turn(e, 7)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const u = (turn(a, 30) ^ turn(a, 19) ^ turn(a, 10)) + ((a & b) ^ (a & c) ^ (b & c));
    k = g; g = f; f = e; e = (d + t) | 0; d = c; c = b; b = a; a = (t + u) | 0;
  }
  h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e; h[5] += f; h[6] += g; h[7] += k;
});
const IV = [0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e];
const TJ = Int32Array.from(PRIMES, (_, j) => turn(j < 16 ? 0x79cc4519 : 0x7a879d8a, j % 32));
const sm3 = hasher(IV, (h, w) => {
  for (let i = 16; i < 68; i++) {
    const x = w[i - 16] ^ w[i - 9] ^ turn(w[i - 3], 15);
    w[i] = x ^ turn(x, 15) ^ turn(x, 23) ^ turn(w[i - 13], 7) ^ w[i - 6];
  }
  let a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
  for (let i = 0; i < 64; i++) {
    const s = turn((turn(a, 12) + e + TJ[i]) | 0, 7), early = i < 16;
    const t = (early ? a ^ b ^ c : (a & b) | (a & c) | (b & c)) + d + (s ^ turn(a, 12)) + (w[i] ^ w[i + 4]);
    const u = ((early ? e ^ f ^ g : (e & f) | (~e & g)) + k + s + w[i]) | 0;
    d = c; c = turn(b, 9); b = a; a = t | 0; k = g; g = turn(f, 19); f = e; e = u ^ turn(u, 9) ^ turn(u, 17);
  }
  h[0] ^= a; h[1] ^= b; h[2] ^= c; h[3] ^= d; h[4] ^= e; h[5] ^= f; h[6] ^= g; h[7] ^= k;
});
export const HASH = { sha256, sm3 };

/** §3; `text` from `start` on spells the rows. All on the page and in two long arrays: a list may have 64,000 rows. */
function commitment(H, nonce, rows, rest, text, start) {
  const keys = new Uint8Array(16 * rows.length), hashes = new Uint8Array(32 * rows.length + 32);
  const salt = Uint8Array.from({ length: 47 }, (_, i) => "ed-panel/2 row\0".charCodeAt(i));
  unhex(nonce, salt, 15);
  const blind = (code) => { // 0 ‖ nonce(code)
    page.set(salt);
    unhex(code, page, 47);
    H.digest(63, page, 1);
    page[0] = 0;
  };
  room(text.length);
  rows.forEach(([code], i) => {
    unhex(code, keys, 16 * i);
    blind(code);
    const bytes = page;
    let n = 33, open = 0;
    do { // to the bracket that closes the row; no text in it holds a bracket
      const c = text.charCodeAt(start++);
      bytes[n++] = c;
      if (c === 91) open++; else if (c === 93) open--;
    } while (open);
    start++;
    H.digest(n, hashes, 32 * i);
  });
  const node = (lo, hi, depth) => { // §2: of rows lo … hi − 1, those with bit 0 first; written where row lo's hash was
    if (hi - lo < 2) return;
    let mid = lo;
    while (mid < hi && !((keys[16 * mid + (depth >> 3)] >> (7 - (depth & 7))) & 1)) mid++;
    node(lo, mid, depth + 1); node(mid, hi, depth + 1);
    page.fill(0, 0, 65);
    page[0] = 1;
    if (lo < mid) page.set(hashes.subarray(32 * lo, 32 * lo + 32), 1);
    if (mid < hi) page.set(hashes.subarray(32 * mid, 32 * mid + 32), 33);
    H.digest(65, hashes, 32 * lo);
  };
  node(0, rows.length, 0);
  const root = rows.length ? hashes.slice(0, 32) : new Uint8Array(32);
  blind("0".repeat(32));
  H.digest(write(json(rest), 33), hashes, 32 * rows.length);
  return hex(H("\x02", root, hashes.subarray(32 * rows.length)));
}
let ed25519; // WebCrypto where it is there and knows Ed25519 (RFC 8032's first key tells), else false
async function signed(key, purpose, message, sig) {
  const take = (raw) => globalThis.crypto.subtle.importKey("raw", unhex(raw), "Ed25519", false, ["verify"]);
  const probe = async () => take("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  ed25519 ??= await probe().then(() => true, () => false);
  if (!ed25519) return;
  const whole = Uint8Array.from([...`yuanping-draw/2\0${purpose}\0`].map((c) => c.charCodeAt()).concat(...message));
  const right = (imported) => globalThis.crypto.subtle.verify("Ed25519", imported, unhex(sig), whole);
  need(await take(key).then(right).catch(() => false), "signature");
}

export class Stream { // §5
  #H; #inner; #outer; #view; #used = 32; #blocks = 0; #high; #low;
  constructor(H, seed) {
    const padded = (x) => Uint8Array.from({ length: 64 }, (_, i) => (seed[i] ?? 0) ^ x); // HMAC
    this.#H = H; this.#inner = padded(0x36); this.#outer = padded(0x5c);
  }
  #word() {
    if (this.#used === 32) {
      const i = unhex((this.#blocks++).toString(16).padStart(16, "0")), H = this.#H;
      this.#view = new DataView(H(this.#outer, H(this.#inner, "ed-panel/2 stream\0", i)).buffer);
      this.#used = 0;
    }
    this.#high = this.#view.getUint32(this.#used); this.#low = this.#view.getUint32(this.#used + 4); this.#used += 8;
  }
  below(m) { // a BigInt for a BigInt; small m in plain numbers: `half` is 2^32 mod m, `tail` 2^64 mod m
    if (typeof m === "bigint") {
      const words = Math.ceil(m.toString(2).length / 64), all = 1n << BigInt(64 * words);
      for (let v = 0n; ; v = 0n) {
        for (let i = 0; i < words; i++) { this.#word(); v = (v << 64n) | (BigInt(this.#high) << 32n) | BigInt(this.#low); }
        if (v < all - (all % m)) return v % m;
      }
    }
    if (m > 2 ** 26) return Number(this.below(BigInt(m)));
    const half = 2 ** 32 % m, tail = (half * half) % m;
    do this.#word(); while (this.#high === 2 ** 32 - 1 && this.#low >= 2 ** 32 - tail);
    return ((this.#high % m) * half + this.#low) % m;
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

// §1, §3, §4, §11 What lines look like. Members stand in sorted order here, as they must in the file
const like = (text) => { const re = new RegExp(`^(?:${text})$`); return (v) => typeof v === "string" && re.test(v); };
const [CODE, HEX, SIG, KEY] = ["[0-9a-f]{32}", "[0-9a-f]{64}", "[0-9a-f]{128}", "[A-Za-z0-9._-]{1,32}"].map(like);
const [WORD, NUMBER, KIND] = ["[a-z][a-z0-9_]{0,39}", "[A-Za-z0-9._-]{1,40}", "expert|venue|seat"].map(like);
const [TIME, DECIMAL] = ["\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ", "0|[1-9][0-9]{0,999}"].map(like);
const whole = (v) => Number.isSafeInteger(v) && v >= 0, count = (v) => whole(v) && v > 0;
const maybe = (s) => (v) => v === null || s(v);
const row = (...s) => (v) => Array.isArray(v) && v.length === s.length && s.every((t, i) => t(v[i]));
const before = (a, b, k) => { // by the first k elements, or the texts themselves
  if (!k) return a < b;
  for (let i = 0; i < k; i++) if (a[i] !== b[i]) return a[i] < b[i];
  return false;
};
const up = (s, k) => (v) => Array.isArray(v) && v.every((x, i) => s(x) && (!i || before(v[i - 1], x, k)));
const some = (s) => (v) => v?.length > 0 && s(v), list = (s) => (v) => Array.isArray(v) && v.every((x) => s(x));
const has = (s) => {
  const names = Object.keys(s);
  return (v) => v instanceof Object && same(Object.keys(v), names) && names.every((name) => s[name](v[name]));
};
const any = () => true, bit = (v) => v === 0 || v === 1;
const groups = up(row(WORD, CODE), 2), ratio = maybe(row(DECIMAL, DECIMAL));
const LINE = has({ at: TIME, body: any, hash: HEX, n: whole, prev: HEX, sig: SIG, type: WORD });
const OPENING = has({ kind: WORD, line: count, list: any, nonce: HEX }), agree = has({ party: WORD, sig: SIG });
const POOL = has({ follows: maybe(row(KIND, WORD)), kind: KIND, levels: some(list(row(up(row(WORD, count), 1), bit))),
  size: whole, slots: some(up(row(KEY, count), 1)), table: HEX });
const rules = has({ hash: HEX, id: NUMBER, version: NUMBER }), suite = like("sha256|sm3");
const parties = some(up(row(WORD, HEX, HEX, like("own|kept")), 1));
const TABLE = { agree, beacon: has({ round: count, source: WORD, value: HEX }),
  call: has({ beacon: maybe(row(WORD, count)), round: count, until: TIME }),
  reveal: has({ party: WORD, round: count, share: HEX, sig: SIG }), void: has({ party: maybe(WORD), reason: WORD }) };
const DRAW = { ...TABLE, approve: agree, pool: has({ pool: POOL }), redraw: has({ reason: WORD }),
  open: has({ algorithm: like("ed-panel/2"), before: maybe(NUMBER), draw: NUMBER, format: any, key: HEX,
    law: like("uniform-labelled|uniform-sets|weighted"), parties, pools: some(list(POOL)), reserve: whole,
    roster: maybe(has({ root: HEX, size: whole })), rules, suite }),
  close: has({ holders: up(row(KIND, KEY, CODE), 3), rounds: count }),
  exclude: has({ excluded: some(up(row(CODE, WORD), 2)), kind: KIND }),
  lock: has({ chances: maybe(HEX), feasible: maybe(DECIMAL), greatest: ratio, least: ratio,
    lists: up(row(KEY, count, whole), 1), ten: ratio, warnings: up(WORD) }),
  outcome: has({ code: CODE, evidence: maybe(HEX), kind: KIND, outcome: WORD, slot: KEY }),
  round: has({ drawn: up(row(KEY, CODE), 2), kind: KIND, level: count, method: like("rejection|counting|reserve|none"),
    needed: up(row(KEY, count), 1), round: count, seed: HEX, tries: count }) };
const staff = has({ most: count, per_object: count, size: whole, table: HEX }), pairs = up(row(CODE, CODE), 2);
const INSPECTION = { ...TABLE, close: has({ pairs, rounds: count }), inspectors: has({ inspectors: staff }),
  open: has({ algorithm: like("ed-inspection/1"), before: maybe(NUMBER), campaign: NUMBER, format: any, inspectors: staff,
    key: HEX, objects: (v) => has({ method: like("tiers|systematic"), size: whole, table: HEX, target: any })(v)
      && (v.method === "tiers" ? some(up(row(WORD, whole), 1)) : whole)(v.target), parties, rules, suite }),
  assign: has({ method: like("rejection|counting|stepwise|none"), pairs, round: count, seed: HEX, tries: count }),
  leave: has({ inspector: CODE, object: maybe(CODE), reason: WORD }),
  sample: has({ chosen: up(CODE), round: count, seed: HEX, tries: count }) };

/** §4, §5: what draws and inspections share: parties agree, are called, and reveal what they promised. */
class Story {
  phase = "agreeing"; agreed = new Set(); rounds = 0; called = null; source = null; shares = new Map(); value = null;
  constructor(line, H, lists) {
    Object.assign(this, { line, H, lists, open: line.body, first: line.hash });
    this.keys = new Map(this.open.parties.map(([name, key]) => [name, key]));
    this.promised = new Map(this.open.parties.map(([name, , anchor]) => [name, anchor]));
  }
  at(...phases) { need(phases.includes(this.phase), "order"); }
  get latest() { return this.called?.body.round ?? 0; }
  async agree({ party, sig }) {
    this.at("agreeing");
    need(this.keys.has(party) && !this.agreed.has(party), "party");
    await signed(this.keys.get(party), "agree", unhex(this.first), sig);
    this.agreed.add(party);
  }
  call(body) {
    this.at("between");
    need(body.round === this.latest + 1 && this.vacancies(), "order");
    Object.assign(this, { phase: "revealing", called: this.line, source: this.line.hash, shares: new Map(), value: null });
  }
  async reveal({ party, round, share, sig }) {
    this.at("revealing");
    need(round === this.latest && this.keys.has(party) && !this.shares.has(party), "party");
    need(hex(this.H("ed-panel/2 link\0", unhex(share))) === this.promised.get(party), "promise");
    await signed(this.keys.get(party), "reveal", unhex(this.called.hash + share), sig);
    this.shares.set(party, share); this.promised.set(party, share);
    if (this.shares.size === this.keys.size && !this.called.body.beacon) this.phase = "drawing";
  }
  beacon({ round, source, value }) {
    this.at("revealing");
    need(this.shares.size === this.keys.size && same([source, round], this.called.body.beacon), "order");
    Object.assign(this, { phase: "drawing", value });
  }
  void({ party, reason }) {
    need((reason === "share_withheld") === (party !== null), "party");
    if (party) this.at("revealing");
    if (party) need(this.keys.has(party) && !this.shares.has(party) && this.called.body.until <= this.line.at, "party");
    this.phase = "void";
  }
  seed(kind, purpose, call = this.source) {
    const { draw = this.open.campaign } = this.open, shares = [...this.shares].sort(([a], [b]) => (a < b ? -1 : 1));
    const { value: beacon, latest: round } = this;
    return this.H(json({ algorithm: "ed-panel/2", beacon, call, draw, kind, purpose, round, shares }));
  }
}

// ---- §6 one draw ----------------------------------------------------------------------------------------------------
const shares = (member, name, value) => member[1].some(([g, v]) => g === name && v === value);
/** Whether [code, groups] of `chosen` and `others` may sit together; `open` vacancies still count towards lo. */
function feasible({ bounds, pairs }, [caps, apart], others, chosen, open = 0) {
  if (new Set(chosen.map(([code]) => code)).size < chosen.length) return false;
  const all = [...others, ...chosen];
  for (const [name, most] of caps) {
    const seen = new Map();
    for (const [, values] of all) for (const [g, v] of values) if (g === name) {
      seen.set(v, (seen.get(v) ?? 0) + 1);
      if (seen.get(v) > most) return false;
    }
  }
  for (const [name, value, lo, hi] of bounds) {
    const n = all.filter((member) => shares(member, name, value)).length;
    if (n > hi || n + open < lo) return false;
  }
  return !apart || !all.some(([a]) => pairs.has(a) && all.some(([b]) => pairs.get(a).has(b)));
}
/** D of the law uniform-sets: how many ways there are to give each chosen one a list it is on. */
function ways(rows, roles) {
  let found = new Map([[roles.map(() => 0).join(), 1n]]);
  for (const one of rows) {
    const next = new Map();
    for (const [key, n] of found) roles.forEach((role, r) => {
      const used = key.split(",").map(Number);
      if (role.on.has(one) && used[r]++ < role.n) next.set(used.join(), (next.get(used.join()) ?? 0n) + n);
    });
    found = next;
  }
  return found.get(roles.map((role) => role.n).join());
}
/** The counting sampler: null where it is not small enough, else { Z, sample(stream) }. Vectors are mixed-radix numbers. */
function counting(roles, { bounds, pairs }, level, others, weighted) {
  const total = sum(roles.map((role) => role.n)), R = roles.length, capped = new Map(level[0]);
  const taken = (name, value) => others.filter((member) => shares(member, name, value)).length;
  const most = [...roles.map((role) => role.n), ...bounds.map(([g, v, , hi]) => Math.min(hi - taken(g, v), total))];
  const least = [...roles.map((role) => role.n), ...bounds.map(([g, v, lo]) => Math.max(lo - taken(g, v), 0))];
  if (most.some((n) => n < 0) || !feasible({ bounds: [], pairs }, level, others, [])) return { Z: 0n };
  const blocks = new Map();
  for (const one of [...new Set(roles.flatMap((role) => role.list))].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    const values = one[1].filter(([g]) => capped.has(g));
    if (values.length > 1) return null;
    const [[g, v] = []] = values, key = g ? `${g} ${v}` : one[0];
    if (!blocks.has(key)) blocks.set(key, { room: g ? capped.get(g) - taken(g, v) : 1, members: [] });
    blocks.get(key).members.push(one);
  }
  const size = most.reduce((n, m) => n * (m + 1), 1);
  if (blocks.size * size > 3e6) return null;
  const step = most.map((_, k) => most.slice(k + 1).reduce((n, m) => n * (m + 1), 1)), D = most.length;
  const digits = Array.from({ length: size }, (_, v) => most.map((m, k) => Math.floor(v / step[k]) % (m + 1)));
  const index = (d) => d.reduce((n, x, k) => n + x * step[k], 0);
  const minus = (t, d) => { for (let k = 0; k < D; k++) if (digits[t][k] < d[k]) return -1; return t - index(d); };
  const plus = (t, d) => { for (let k = 0; k < D; k++) if (digits[t][k] + d[k] > most[k]) return -1; return t + index(d); };
  const options = (one) => roles.flatMap((role, r) => !role.on.has(one) ? []
    : [[r, [...roles.map((_, k) => +(k === r)), ...bounds.map(([g, v]) => +shares(one, g, v))]]]);
  const heads = (v) => sum(digits[v].slice(0, R)), weight = (one) => (weighted ? BigInt(one[4]) : 1n);
  const Q = ({ members, room }) => { // Q[i] for the members from i on, as maps from vector to ways
    const all = [new Map([[0, 1n]])];
    for (const one of [...members].reverse()) {
      const next = new Map(all[0]);
      for (const [v, n] of all[0]) if (heads(v) < room) for (const [, e] of options(one)) {
        const to = plus(v, e);
        if (to >= 0) next.set(to, (next.get(to) ?? 0n) + weight(one) * n);
      }
      all.unshift(next);
    }
    return all;
  };
  const order = [...blocks.values()];
  for (const block of order) block.P = block.room < 0 ? [] : [...Q(block)[0]].sort(([a], [b]) => a - b);
  const S = [Array.from({ length: size }, (_, v) => (v ? 0n : 1n))];
  for (const { P } of [...order].reverse()) S.unshift(S[0].map((_, v) => P.reduce((n, [d, p]) => {
    const from = minus(v, digits[d]);
    return from < 0 ? n : n + p * S[0][from];
  }, 0n)));
  const targets = digits.flatMap((d, t) => (d.every((x, k) => x >= least[k]) ? [t] : []));
  const Z = targets.reduce((n, t) => n + S[0][t], 0n);
  const sample = (stream) => {
    const got = roles.map(() => []);
    let x = stream.below(Z), t = targets.find((at) => x < S[0][at] || ((x -= S[0][at]), false));
    order.forEach((block, j) => {
      let d = 0, rest;
      for (const [v, p] of block.P) {
        rest = minus(t, digits[v]);
        const c = rest < 0 ? 0n : p * S[j + 1][rest];
        if (x < c) { d = v; break; }
        x -= c;
      }
      let y = x / S[j + 1][rest];
      x %= S[j + 1][rest]; t = rest;
      if (!d) return;
      const q = Q(block), n = (i, v) => (v < 0 ? 0n : (q[i].get(v) ?? 0n));
      block.members.forEach((one, i) => {
        if (y < n(i + 1, d)) return;
        y -= n(i + 1, d);
        for (const [r, e] of options(one)) {
          const to = minus(d, e), c = weight(one) * n(i + 1, to);
          if (y < c) { got[r].push(one); y %= n(i + 1, to); d = to; return; }
          y -= c;
        }
      });
    });
    return roles.flatMap((role, r) => {
      const left = got[r].sort((a, b) => (a[0] < b[0] ? -1 : 1));
      return role.slots.flatMap(([slot, n]) =>
        Array.from({ length: n }, () => [slot, ...left.splice(stream.below(left.length), 1)]));
    });
  };
  return { Z, sample };
}

const AFTER = { // §7: state before → outcomes that vacate the place
  expert: { drawn: "declined expired unreachable struck", accepted: "withdrawn no_show recused struck removed ill",
    vacated: "late" },
  other: { drawn: "refused released taken fault", accepted: "released fault", vacated: "" },
};
class Role { // the vacant slots with one list; who is on it is looked up in few draws only
  slots = []; n = 0; #on;
  constructor(list) { this.list = list; }
  get on() { return (this.#on ??= new Set(this.list)); }
}
class Draw extends Story {
  places = []; left = new Set(); taken = new Set(); reserves = null; due = [];
  out = { expert: new Set(), venue: new Set(), seat: new Set() };
  static shape = DRAW;
  /** The pools of a line and how their lists look. */
  static pools = (line, { law }) => (line.body.pools ?? (line.body.pool ? [line.body.pool] : [])).map((pool) => ({
    ...pool, rows: "candidates", fits: (v) => Draw.list(pool, law)(v) }));
  static list({ slots }, law) {
    const known = new Set(slots.map(([slot]) => slot)), own = some(up((slot) => known.has(slot)));
    const weight = law === "weighted" ? [(w) => count(w) && w < 2 ** 24] : [];
    const shape = has({ bounds: up((b) => row(WORD, CODE, whole, whole)(b) && b[2] <= b[3], 2),
      candidates: up(row(CODE, groups, own, up(WORD), ...weight), 1),
      conflicts: up((p) => row(CODE, CODE)(p) && p[0] < p[1], 2),
      held: up(row(CODE, groups), 1) });
    return (v) => {
      if (!shape(v)) return false;
      if (!v.held.length && !v.conflicts.length) return true;
      const codes = new Set(v.candidates.map(([code]) => code)), held = v.held.map(([code]) => code);
      if (held.some((code) => codes.has(code))) return false;
      for (const code of held) codes.add(code);
      return v.conflicts.flat().every((code) => codes.has(code));
    };
  }
  constructor(...all) {
    super(...all);
    const { pools } = this.open, kinds = pools.map((pool) => pool.kind);
    need(new Set(kinds).size === kinds.length && pools.every((pool, i) => {
      const leader = pools.slice(0, i).find(({ kind }) => kind === pool.follows?.[0]);
      return sum(pool.slots.map(([, n]) => n)) <= 99 && pool.levels.length && (!pool.follows || (leader
        && pool.slots.every(([slot, n]) => n === 1 && leader.slots.some((s) => s[0] === slot && s[1] === 1))));
    }), "rules");
    this.pools = pools.map((pool) => this.opened(pool));
  }
  opened(pool) {
    const list = this.lists?.get(`${this.line.n} ${pool.kind}`), pairs = new Map();
    for (const [a, b] of list?.conflicts ?? []) for (const [x, y] of [[a, b], [b, a]])
      pairs.set(x, (pairs.get(x) ?? new Set()).add(y));
    return { ...pool, list: list && { ...list, pairs } };
  }
  pool_of(kind) { const pool = this.pools.find((p) => p.kind === kind); need(pool, "rules"); return pool; }
  present(kind) { return this.places.filter((p) => p.kind === kind && p.state !== "vacated"); }
  gone(kind) { // who is not drawn any more
    const left = kind === "expert" ? this.left : [];
    return new Set([...this.out[kind], ...left, ...this.present(kind).map((p) => p.code)]);
  }
  vacant({ kind, slots }) {
    const here = this.present(kind);
    return slots.map(([slot, n]) => [slot, n - here.filter((p) => p.slot === slot).length]).filter(([, n]) => n > 0);
  }
  vacancies() { return this.pools.some((pool) => this.vacant(pool).length); }
  async agree(body) { await super.agree(body); if (this.agreed.size === this.keys.size) this.phase = "locking"; }
  lock(body) {
    this.at("locking");
    const figures = ["chances", "feasible", "greatest", "least", "ten"].filter((name) => body[name] !== null).length;
    const pool = this.pools.find(({ kind }) => kind === "expert");
    need(figures === 5 && pool && !pool.follows && this.open.law !== "uniform-sets" || !figures, "members");
    const lists = pool?.list && this.roles(pool, pool.slots, true)
      .flatMap((role) => role.slots.map((slot) => [...slot, role.list.length]));
    need(same(body.lists.map((l) => l.slice(0, 2)), pool?.slots ?? []), "lists");
    need(!lists || same(lists.sort(([a], [b]) => (a < b ? -1 : 1)), body.lists), "lists");
    Object.assign(this, { phase: "between", locked: this.line });
  }
  async approve({ party, sig }) {
    this.at("between");
    need(!this.called && this.locked.body.warnings.length && !this.approved, "order");
    need(party === "supervisor" && this.keys.has(party), "party");
    await signed(this.keys.get(party), "approve", unhex(this.locked.hash), sig);
    this.approved = true;
  }
  pool({ pool }) {
    this.at("between");
    const { slots, levels, follows } = this.pool_of(pool.kind);
    need(pool.kind !== "expert" && same([slots, levels, follows], [pool.slots, pool.levels, pool.follows]), "rules");
    this.pools = this.pools.map((p) => (p.kind === pool.kind ? this.opened(pool) : p));
  }
  exclude({ excluded, kind }) {
    this.at("between");
    const { list } = this.pool_of(kind), here = this.present(kind);
    const codes = list && new Set(list.candidates.map(([code]) => code));
    need(excluded.every(([code]) => (!codes || codes.has(code)) && !here.some((p) => p.code === code)), "excluded");
    for (const [code] of excluded) this.out[kind].add(code);
  }
  call(body) {
    need(this.called || !this.locked?.body.warnings.length || this.approved, "order");
    super.call(body);
    Object.assign(this, { due: this.pools.map(({ kind }) => kind), reserves: null });
  }
  /** §6: the lists of the vacant slots; slots with the same list are one role. */
  roles({ kind, list, follows }, vacant, first = false) {
    const gone = this.gone(kind);
    const near = follows && !first && new Map(this.present(follows[0]).map((p) => [p.slot, [p.code, p.groups]]));
    const lists = new Map(vacant.map(([slot]) => [slot, []]));
    for (const one of list.candidates) if (!one[3].length && !gone.has(one[0])) for (const slot of one[2])
      if (!near || one[1].some(([g, v]) => g === follows[1] && near.has(slot) && shares(near.get(slot), g, v)))
        lists.get(slot)?.push(one);
    const roles = [];
    for (const [slot, n] of vacant) {
      const list = lists.get(slot);
      let role = roles.find((r) => r.list.length === list.length && list.every((one, i) => one === r.list[i]));
      if (!role) roles.push((role = new Role(list)));
      role.slots.push([slot, n]); role.n += n;
    }
    return roles;
  }
  others({ kind, list }) { return [...list.held, ...this.present(kind).map((p) => [p.code, p.groups])]; }
  /** [picks or null, method, tries] at one level. */
  pick(pool, level, roles, vacant, stream) {
    if (roles.some((role) => role.list.length < role.n)) return [null, "none", 1];
    const others = this.others(pool), { law } = this.open, weighted = law === "weighted";
    const holds = (picks) => {
      const rows = picks.map(([, one]) => one);
      return feasible(pool.list, level, others, rows) && (law !== "uniform-sets" || stream.below(ways(rows, roles)) === 0n);
    };
    const of = new Map(roles.flatMap((role) => role.slots.map(([slot]) => [slot, role])));
    const adding = (n = 0) => (one) => (n += one[4]); // weights up to and with this one
    const tickets = new Map(weighted ? roles.map((role) => [role, role.list.map(adding())]) : []);
    const weighed = (up_to) => {
      const x = stream.below(up_to.at(-1));
      let lo = 0, hi = up_to.length - 1;
      while (lo < hi) {
        const mid = (lo + hi) >> 1;
        if (up_to[mid] > x) hi = mid; else lo = mid + 1;
      }
      return lo;
    };
    const attempt = () => {
      const found = new Map(roles.map((role) => [role, new Set()]));
      return vacant.flatMap(([slot, n]) => Array.from({ length: n }, () => {
        const role = of.get(slot), seen = found.get(role);
        let x;
        do x = weighted ? weighed(tickets.get(role)) : stream.below(role.list.length); while (!weighted && seen.has(x));
        seen.add(x);
        return [slot, role.list[x]];
      }));
    };
    for (let tries = 1; tries <= 262144; tries++) {
      const counted = tries === 4097 && counting(roles, pool.list, level, others, weighted);
      if (counted) {
        for (let more = 1; counted.Z && more <= 4096; more++) {
          const picks = counted.sample(stream);
          if (holds(picks)) return [picks, "counting", 4096 + more];
        }
        return [null, "none", counted.Z ? 8192 : 4096];
      }
      const picks = attempt();
      if (holds(picks)) return [picks, "rejection", tries];
    }
    return [null, "none", 262144];
  }
  drawn(pool, vacant, roles, seed) {
    const stream = new Stream(this.H, seed);
    for (const [i, level] of pool.levels.entries()) {
      const [picks, method, tries] = this.pick(pool, level, roles, vacant, stream);
      if (picks || i + 1 === pool.levels.length) return { picks: picks ?? [], level: i + 1, method, tries };
    }
  }
  fromReserve(pool, vacant, roles) {
    const picks = [], of = new Map(roles.flatMap((role) => role.slots.map(([slot]) => [slot, role])));
    let open = sum(vacant.map(([, n]) => n));
    for (const [slot, n] of vacant) for (let i = 0; i < n; i++) {
      open--;
      const held = [...this.others(pool), ...picks.map(([, one]) => one)];
      const next = this.reserves.get(slot)?.find((one) => of.get(slot).on.has(one) && !this.taken.has(one[0])
        && held.every(([code]) => code !== one[0]) && feasible(pool.list, pool.levels[0], held, [one], open));
      need(next, "result");
      this.taken.add(next[0]);
      picks.push([slot, next]);
    }
    return { picks, level: 1, method: "reserve", tries: 1 };
  }
  round(body) {
    const reserve = body.method === "reserve";
    this.at(reserve ? "between" : "drawing");
    if (reserve) Object.assign(this, { source: this.called?.hash, due: ["expert"] });
    need(!reserve || this.reserves, "order");
    const pool = this.pools.find((p) => this.due.includes(p.kind) && this.vacant(p).length);
    need(pool?.kind === body.kind && body.round === this.latest, "order");
    const vacant = this.vacant(pool), { kind } = pool, none = body.method === "none";
    need(same(vacant, body.needed), "needed");
    const seed = this.seed(kind, "draw");
    need(hex(seed) === body.seed, "seed");
    const gone = this.gone(kind), picked = new Set(body.drawn.map(([, code]) => code));
    const wanted = vacant.flatMap(([slot, n]) => Array(n).fill(slot)), { level, method, tries, drawn } = body;
    need(none ? !drawn.length && level === pool.levels.length
      : same(wanted, drawn.map(([slot]) => slot)) && level <= pool.levels.length, "result");
    need(!reserve || (body.level === 1 && body.tries === 1), "result");
    need(picked.size === body.drawn.length && ![...picked].some((code) => gone.has(code)), "result");
    let rows = new Map();
    if (pool.list && (!pool.follows || this.pool_of(pool.follows[0]).list)) {
      const roles = this.roles(pool, vacant);
      const { picks, ...rest } = reserve ? this.fromReserve(pool, vacant, roles) : this.drawn(pool, vacant, roles, seed);
      const again = picks.map(([slot, one]) => [slot, one[0]]).sort((a, b) => (before(a, b, 2) ? -1 : 1));
      need(same(again, drawn) && same(rest, { level, method, tries }), "result");
      rows = new Map(picks.map(([, one]) => [one[0], one[1]]));
      if (kind === "expert" && !reserve && !none && this.open.reserve) {
        const stream = new Stream(this.H, this.seed(kind, "reserve"));
        this.reserves = new Map(roles.flatMap(({ list, slots }) => {
          const row = stream.shuffled(list.filter(([code]) => !rows.has(code)), this.open.reserve);
          return slots.map(([slot]) => [slot, row]);
        }));
      }
    } else if (kind === "expert" && !none && this.open.reserve) this.reserves = new Map();
    for (const [slot, code] of drawn)
      this.places.push({ kind, slot, code, groups: rows.get(code) ?? [], state: "drawn" });
    if (reserve) Object.assign(this, { source: this.line.hash, due: this.pools.map((p) => p.kind) }); // what fell with them
    this.rounds = this.latest;
    const more = this.pools.some((p) => this.due.includes(p.kind) && this.vacant(p).length);
    this.phase = none ? "stuck" : more ? "drawing" : "between";
  }
  leave(place) {
    place.state = "vacated";
    for (const { kind, follows } of this.pools) if (follows?.[0] === place.kind)
      for (const p of this.present(kind)) if (p.slot === place.slot) this.leave(p);
  }
  outcome({ kind, slot, code, outcome }) {
    this.at("between");
    const place = this.places.findLast((p) => p.kind === kind && p.slot === slot && p.code === code);
    need(place, "outcome");
    if (outcome === "accepted" && place.state === "drawn") { place.state = "accepted"; return; }
    need(AFTER[kind === "expert" ? kind : "other"][place.state].split(" ").includes(outcome), "outcome");
    if (outcome === "late") return;
    if (kind === "expert") this.left.add(code);
    this.leave(place);
  }
  redraw() {
    this.at("stuck");
    for (const place of this.places) place.state = "vacated";
    Object.assign(this, { phase: "between", reserves: null });
  }
  close({ holders, rounds }) {
    this.at("between");
    const now = this.pools.flatMap(({ kind }) => this.present(kind).map((p) => [p.kind, p.slot, p.code]));
    need(this.called && !this.vacancies() && this.present("expert").every((p) => p.state === "accepted"), "order");
    need(rounds === this.latest && same(now.sort((a, b) => (before(a, b, 3) ? -1 : 1)), holders), "close");
    this.phase = "closed";
  }
}

/** §11: random inspections: objects are drawn once, then inspectors for them as often as places fall vacant. */
class Inspection extends Story {
  pairs = []; chosen = null; gone = new Set(); given = new Set();
  static shape = INSPECTION;
  static pools = ({ body: { objects, inspectors } }) => [
    objects && { kind: "object", ...objects, rows: "rows", fits: has({ rows: (v) =>
      up(row(CODE, any, whole, up(CODE), up(WORD)), 1)(v) && Inspection.objects(objects, v) }) },
    inspectors && { kind: "inspector", ...inspectors, rows: "rows", fits: has({ rows: up(row(CODE, up(CODE), up(WORD)), 1) }) },
  ].filter(Boolean);
  static objects({ method, target }, rows) {
    if (method === "systematic") return rows.every(([, tier, points]) => tier === "" && points <= 2 ** 24);
    const tiers = new Map(target);
    return rows.every(([, tier, points]) => tiers.has(tier) && points === 0);
  }
  constructor(...all) {
    super(...all);
    this.objects = this.list("object"); this.staff = { ...this.open.inspectors, list: this.list("inspector") };
    const { method, target } = this.open.objects, free = this.objects?.filter((o) => !o[4].length);
    need(!free || (method === "tiers" ? target.every(([tier, n]) => free.filter((o) => o[1] === tier).length >= n)
      : free.filter((o) => o[2]).length >= target), "rules");
  }
  list(kind) { return this.lists?.get(`${this.line.n} ${kind}`)?.rows; }
  async agree(body) { await super.agree(body); if (this.agreed.size === this.keys.size) this.phase = "between"; }
  /** [[object, how many inspectors it lacks], …] */
  vacant() {
    return this.chosen.map((o) => [o, this.open.inspectors.per_object - this.pairs.filter(([p]) => p === o).length])
      .filter(([, n]) => n > 0);
  }
  vacancies() { return !this.chosen || this.vacant().length; }
  sample({ chosen, round, seed, tries }) {
    this.at("drawing");
    const { method, target } = this.open.objects, wanted = method === "tiers" ? sum(target.map(([, n]) => n)) : target;
    need(!this.chosen && round === 1, "order");
    need(hex(this.seed("object", "sample")) === seed, "seed");
    need(chosen.length === wanted, "result");
    if (this.objects) need(same(this[method](target, new Stream(this.H, unhex(seed))), [chosen, tries]), "result");
    this.chosen = chosen;
  }
  tiers(target, stream) {
    const free = this.objects.filter((o) => !o[4].length);
    const chosen = target.flatMap(([tier, n]) => stream.shuffled(free.filter((o) => o[1] === tier), n));
    return [chosen.map(([code]) => code).sort(), 1];
  }
  systematic(n, stream) {
    let left = this.objects.filter((o) => o[2] && !o[4].length), sure = [], tries = 1, X;
    const chosen = [];
    do {
      X = sum(left.map((o) => o[2]));
      const bar = n;
      sure = bar ? left.filter((o) => bar * o[2] >= X) : [];
      left = left.filter((o) => !sure.includes(o)); n -= sure.length; chosen.push(...sure);
    } while (sure.length);
    if (n) {
      const deal = () => left.map(() => stream.below(2n ** 63n));
      let keys = deal();
      for (; new Set(keys).size < keys.length; tries++) keys = deal();
      const inOrder = left.map((o, i) => [keys[i], o]).sort(([a], [b]) => (a < b ? -1 : 1));
      let end = 0n, mark = BigInt(stream.below(X));
      for (const [, o] of inOrder) {
        end += BigInt(n) * BigInt(o[2]);
        if (mark < end) { chosen.push(o); mark += BigInt(X); }
      }
    }
    return [chosen.map(([code]) => code).sort(), tries];
  }
  assign({ method, pairs, round, seed, tries }) {
    this.at("drawing");
    need(this.chosen && round === this.latest, "order");
    need(hex(this.seed("inspector", "assign")) === seed, "seed");
    const vacant = this.vacant(), all = [...this.pairs, ...pairs], load = new Map();
    for (const [, who] of all) load.set(who, (load.get(who) ?? 0) + 1);
    const wanted = method === "none" ? [] : vacant.flatMap(([o, n]) => Array(n).fill(o));
    need(same(wanted, pairs.map(([o]) => o)), "result");
    need(new Set(all.map(String)).size === all.length && pairs.every((pair) => !this.given.has(String(pair))
      && !this.gone.has(pair[1]) && load.get(pair[1]) <= this.staff.most), "result");
    const again = this.objects && this.staff.list && this.matched(vacant, new Stream(this.H, unhex(seed)));
    need(!again || same(again, [method, pairs, tries]), "result");
    Object.assign(this, { pairs: all, phase: "between" });
  }
  matched(vacant, stream) {
    const { most, list } = this.staff, T = sum(vacant.map(([, n]) => n));
    const units = new Map(this.objects.map((o) => [o[0], new Set(o[3])]));
    const had = new Map(), held = new Set(this.pairs.map(String));
    for (const [, who] of this.pairs) had.set(who, (had.get(who) ?? 0) + 1);
    const free = list.filter(([who, , grounds]) => !grounds.length && !this.gone.has(who) && (had.get(who) ?? 0) < most);
    const lists = new Map(vacant.map(([o]) => [o, free.filter(([who, mine]) => !mine.some((unit) => units.get(o).has(unit))
      && ![held, this.given].some((pairs) => pairs.has(`${o},${who}`))).map(([who]) => who)]));
    const able = new Set([...lists.values()].flat());
    if (vacant.some(([o, n]) => lists.get(o).length < n) || T > sum([...able].map((who) => most - (had.get(who) ?? 0))))
      return ["none", [], 1];
    const attempt = (order, choose) => { // null as soon as it cannot hold
      const load = new Map(had), got = [];
      for (const [o, n] of order) {
        const found = new Set();
        for (let i = 0; i < n; i++) {
          const who = choose(lists.get(o), found, load);
          if (who === null) return null;
          load.set(who, (load.get(who) ?? 0) + 1);
          if (load.get(who) > most) return null;
          found.add(who); got.push([o, who]);
        }
      }
      return got.sort((a, b) => (before(a, b, 2) ? -1 : 1));
    };
    const evenly = (list, found) => {
      let who;
      do who = list[stream.below(list.length)]; while (found.has(who));
      return who;
    };
    const ticketed = (list, found, load) => {
      const tickets = list.map((who) => (found.has(who) ? 0 : most - (load.get(who) ?? 0))), n = sum(tickets);
      let x = n && stream.below(n);
      return n ? list[tickets.findIndex((t) => x < t || ((x -= t), false))] : null;
    };
    const times = Math.floor(1e6 / Math.max(1, T)), A = Math.max(1, Math.min(4096, times)), B = Math.max(16, Math.min(256, times));
    for (let i = 1; i <= A; i++) {
      const got = attempt(vacant, evenly);
      if (got) return ["rejection", got, i];
    }
    const I = [...able].sort(), rooms = I.map((who) => most - (had.get(who) ?? 0)), small = I.length * T * most <= 1e6;
    for (let i = 1, counted = small && this.loads(I, rooms, T); small && i <= 4096; i++) {
      const places = counted(stream), taken = vacant.map(([o, n]) => [o, places.splice(0, n)]);
      if (taken.every(([o, whos]) => new Set(whos).size === whos.length && whos.every((who) => lists.get(o).includes(who))))
        return ["counting", taken.flatMap(([o, whos]) => whos.sort().map((who) => [o, who])), A + i];
    }
    const C = small ? A + 4096 : A;
    for (let i = 1; i <= B; i++) {
      const got = attempt(stream.shuffled(vacant, vacant.length), ticketed);
      if (got) return ["stepwise", got, C + i];
    }
    return ["none", [], C + B];
  }
  loads(names, rooms, T) { // a stream's next row of T names, in which nobody stands more often than there is room
    const choose = Array.from({ length: T + 1 }, () => [1n]); // Pascal's triangle
    for (let t = 1; t <= T; t++)
      for (let a = 1; a <= t; a++) choose[t][a] = choose[t - 1][a - 1] + (choose[t - 1][a] ?? 0n);
    const W = [Array.from({ length: T + 1 }, (_, t) => (t ? 0n : 1n))];
    for (const most of [...rooms].reverse()) W.unshift(W[0].map((_, t) => {
      let n = 0n;
      for (let a = 0; a <= Math.min(most, t); a++) n += choose[t][a] * W[0][t - a];
      return n;
    }));
    return (stream) => {
      let x = stream.below(W[0][T]), t = T;
      const row = names.flatMap((name, i) => {
        let a = 0;
        for (let c; (c = choose[t][a] * W[i + 1][t - a]) <= x; a++) x -= c;
        x /= choose[t][a]; t -= a;
        return Array(a).fill(name);
      });
      return stream.shuffled(row, T);
    };
  }
  leave({ inspector, object }) {
    this.at("between");
    const these = this.pairs.filter(([o, who]) => who === inspector && (object === null || o === object));
    need(these.length, "outcome");
    if (object === null) this.gone.add(inspector); else this.given.add(`${object},${inspector}`);
    this.pairs = this.pairs.filter((pair) => !these.includes(pair));
  }
  inspectors({ inspectors }) {
    this.at("between");
    need(this.called, "order");
    need(inspectors.per_object === this.open.inspectors.per_object, "rules");
    this.staff = { ...inspectors, list: this.list("inspector") };
  }
  close({ pairs, rounds }) {
    this.at("between");
    need(this.called && !this.vacancies(), "order");
    need(rounds === this.latest && same(this.pairs.sort((a, b) => (before(a, b, 2) ? -1 : 1)), pairs), "close");
    this.phase = "closed";
  }
}

// ---- §8 the verdict -------------------------------------------------------------------------------------------------
const parse = (text, shape) => {
  let value, spelt = false;
  try { value = JSON.parse(text); spelt = json(value) === text; } catch { /* no JSON, or nested too deep to be a line */ }
  need(spelt, "spelling"); // that members are in order, and all is ASCII, the shapes see to
  need(shape(value), "members");
  return value;
};
const FORMATS = new Map([["yuanping-draw/2", Draw], ["yuanping-inspection/1", Inspection]]);
/** `data`: the file, as text or bytes. Resolves to {ok, full, findings: [{line, code, text}], summary}. */
export async function verify(data, { head = null, key = null } = {}) {
  const text = typeof data === "string" ? data : new TextDecoder("utf-8", { ignoreBOM: true }).decode(data);
  const findings = [], fail = (line, code) => findings.push({ line, code, text: WHY[code] });
  const attempt = async (line, act) => {
    try { return await act(); } catch (error) { if (!(error instanceof Wrong)) throw error; fail(line, error.message); }
  };
  const rows = text.split("\n"), lists = new Map();
  if (text.endsWith("\n")) rows.pop(); else fail(rows.length, "spelling");
  const cut = rows.findIndex((r) => r.startsWith('{"kind":')), texts = cut < 0 ? rows : rows.slice(0, cut);
  const openings = cut < 0 ? [] : rows.slice(cut), lines = [];
  const done = (story) => ({ ok: !findings.length, full: !findings.length && openings.length > 0,
    findings: findings.sort((a, b) => a.line - b.line), summary: story && summary(story, lines) });
  const opening = await attempt(1, () => {
    const first = parse(rows[0] ?? "", LINE), Kind = FORMATS.get(first.body?.format);
    need(Kind, "format");
    need(first.type === "open" && Kind.shape.open(first.body), "members");
    return [Kind, first.body];
  });
  if (!opening) return done();
  const [Kind, open] = opening, H = HASH[open.suite];
  for (const [i, row] of texts.entries()) await attempt(i + 1, async () => { // each line, and that they follow on
    const last = lines[i - 1], line = parse(row, LINE), { hash, sig, ...rest } = line;
    lines[i] = line;
    need(hex(H(json(rest))) === hash, "hash");
    await signed(open.key, "line", unhex(hash), sig);
    need(line.n === i + 1 && (i ? !last || line.prev === last.hash : line.prev === "0".repeat(64)), "chain");
    need(!last || line.at >= last.at, "time");
    need(Object.hasOwn(Kind.shape, line.type) && Kind.shape[line.type](line.body), "members");
  });
  const good = lines.slice(0, Math.min(...findings.map((finding) => finding.line)) - 1);
  const wanted = good.flatMap((line) => Kind.pools(line, open).map((pool) => ({ ...pool, line: line.n })));
  const unopened = new Set(wanted);
  let reached = -1;
  for (const [i, row] of openings.entries()) await attempt(cut + i + 1, () => {
    const { kind, line, list, nonce } = parse(row, OPENING), pool = wanted.find((p) => p.kind === kind && p.line === line);
    if (!pool && good.length < texts.length) return; // its line is wrong itself
    unopened.delete(pool);
    const place = wanted.indexOf(pool);
    need(place > reached, "missing");
    reached = place;
    need(pool.fits(list) && list[pool.rows].length === pool.size, "members");
    const { [pool.rows]: of, ...others } = list;
    const start = row.indexOf(`"${pool.rows}":[`) + pool.rows.length + 4;
    need(commitment(H, nonce, of, others, row, start) === pool.table, "opening");
    lists.set(`${line} ${kind}`, list);
  });
  if (openings.length && !findings.length) for (const { line } of unopened) fail(line, "missing");
  let story;
  for (const line of good) if (!(await attempt(line.n, async () => { // what they say, one after another
    if (line.n === 1) story = new Kind(line, H, openings.length && lists.size === wanted.length ? lists : null);
    else {
      story.line = line;
      need(!["closed", "void"].includes(story.phase) && line.type !== "open", "order");
      await story[line.type](line.body);
    }
    return true;
  }))) break;
  if (ed25519 === false) fail(1, "unsigned");
  if (head && lines.at(-1)?.hash !== head) fail(texts.length, "head");
  if (key && open.key !== key) fail(1, "key");
  return done(story);
}
function summary(story, lines) {
  const { open, phase, latest } = story, state = ["closed", "void"].includes(phase) ? phase : "open";
  return { draw: open.draw ?? open.campaign, rounds: latest, drawn: story.places?.length ?? story.pairs.length, state,
    key: open.key, head: lines.at(-1)?.hash, parties: open.parties.map(([name, , , held]) => [name, held]) };
}
async function main([file, ...rest]) {
  const option = (name) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : null);
  const { readFileSync } = await import("node:fs");
  let bytes;
  try { bytes = readFileSync(file); } catch (error) { console.error(String(error)); process.exit(2); }
  const { ok, full, findings, summary: s } = await verify(bytes, { head: option("--head"), key: option("--key") });
  for (const { line, code, text } of findings) console.log(`${line}: ${code}: ${text}`);
  if (s) console.log(`draw 抽取 ${s.draw} · rounds 轮 ${s.rounds} · drawn 抽出 ${s.drawn} · state 状态 ${s.state}
house key 公钥 ${s.key}\nlast hash 末行哈希 ${s.head}\nparties 各方 ${s.parties.map((p) => p.join(" ")).join(", ")}
not computed again 未重算: feasible, chances, least, greatest, ten`);
  console.log(ok ? `passes ${full ? "in full 完全通过" : "as far as disclosed 公开部分通过"}` : "FAILS 不通过");
  process.exit(ok ? 0 : 1);
}
if (globalThis.process?.versions?.node && process.argv[1]) {
  const [{ pathToFileURL }, { realpathSync }] = [await import("node:url"), await import("node:fs")];
  if (pathToFileURL(realpathSync(process.argv[1])).href === import.meta.url) await main(process.argv.slice(2));
}
