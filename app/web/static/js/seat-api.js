// Calls to the service: an answer is {status, ok, data}, and no answer at all is an Unreachable.

export class Unreachable extends Error {}

const WITHIN_MS = 10_000;

export async function call(method, address, body, more = {}) {
  const headers = { Accept: "application/json", ...more };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  let data;
  try {
    answer = await fetch(address, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(WITHIN_MS),
    });
    data = await answer.json();
  } catch (error) {
    if (answer && !(error instanceof DOMException)) return { status: answer.status, ok: false, data: {} };
    throw new Unreachable(String(error));
  }
  return { status: answer.status, ok: answer.ok, data };
}

/** Whether it makes sense to ask the same again later: the service is down, busy or being restarted. */
export function passing(status) {
  return status >= 500 || status === 429;
}

/** A refusal as one sentence for people. */
export function reason({ data }) {
  return [data.detail, data.remedy].filter(Boolean).join(" ");
}

/** A text with its {name} parameters filled in. */
export function fill(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
