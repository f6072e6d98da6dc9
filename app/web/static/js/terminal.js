// This machine as the terminal of a seat: a key that cannot leave this browser, and the proofs that it signs.
// The service's copy of what is signed is venue/proofs.py.

import { call } from "./seat-api.js";

const PROTOCOL = "yuanping-terminal-1";
const DATABASE = "yuanping-terminal";
const STORE = "terminal";
const HERE = "here"; // one machine, one seat
const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };

const bytesOf = (text) => new TextEncoder().encode(text);
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Whether this browser can be a terminal at all: keys are for secure contexts only. */
export function able() {
  return Boolean(globalThis.crypto?.subtle && globalThis.indexedDB);
}

/** The digits of what somebody typed, full-width ones and blanks between them allowed. */
export function digitsOf(typed) {
  return typed.normalize("NFKC").replace(/[^0-9]/g, "");
}

/** {id, place, key}, or null on a machine that was never enrolled. */
export async function terminal() {
  if (!able()) return null;
  return (await stored("readonly", (store) => store.get(HERE))) ?? null;
}

/** Makes a key and enrolls this machine with the code; the service's answer as `call` gives it. */
export async function enroll(code) {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);
  const asked = await call("POST", "/api/terminal/challenge", { purpose: "enroll" });
  if (!asked.ok) return asked;
  const { challenge } = asked.data;
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  const signature = await sign(privateKey, "enroll", challenge, digitsOf(code));
  const answer = await call("POST", "/api/terminal/enroll", { code, key: { kty, crv, x, y }, challenge, signature });
  if (answer.ok) {
    await navigator.storage?.persist?.(); // so that no tidying of the browser takes the key away
    const kept = { id: answer.data.terminal_id, place: answer.data.place, key: privateKey };
    await stored("readwrite", (store) => store.put(kept, HERE));
  }
  return answer;
}

/** What this terminal shows for the question; null on a machine that is none. said: what it vouches for, as a seat code. */
export async function prove(purpose, challenge, said = "") {
  const here = await terminal();
  if (!here) return null;
  return { terminal: here.id, challenge, signature: await sign(here.key, purpose, challenge, said) };
}

/**
 * A call by which somebody at a seat writes, with this terminal's word for exactly what it says; on a machine that is none, without.
 * The question is asked anew each time, so that whoever comes back after a while is not refused for it.
 */
export async function write(method, address, body) {
  const here = await terminal().catch(() => null); // a browser that keeps nothing is no terminal; the service says what to do
  if (!here) return call(method, address, body);
  const asked = await call("POST", "/api/seat/challenge", { purpose: "save" });
  if (!asked.ok) return asked;
  const { challenge } = asked.data;
  const said = `${method} ${address}\n${body === undefined ? "" : JSON.stringify(body)}`;
  const signature = await sign(here.key, "save", challenge, said);
  return call(method, address, body, { "Terminal-Proof": [here.id, challenge, signature].join(" ") });
}

async function sign(key, purpose, challenge, said) {
  const hash = hex(await crypto.subtle.digest("SHA-256", bytesOf(said)));
  const text = bytesOf([PROTOCOL, purpose, challenge, hash].join("\n"));
  const signature = new Uint8Array(await crypto.subtle.sign(SIGNING, key, text));
  return btoa(String.fromCharCode(...signature)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** One act on the store; resolves with its result once it is safely kept. */
function stored(mode, act) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.addEventListener("upgradeneeded", () => opening.result.createObjectStore(STORE));
    opening.addEventListener("error", () => reject(opening.error));
    opening.addEventListener("success", () => {
      const database = opening.result;
      const transaction = database.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.addEventListener("complete", () => {
        database.close();
        resolve(request.result);
      });
      transaction.addEventListener("abort", () => {
        database.close();
        reject(transaction.error);
      });
    });
  });
}
