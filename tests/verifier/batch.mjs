// Verifies many files in one go: `node batch.mjs verify.js [without-crypto]`, paths on standard input, one line of JSON for each.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [, , program, without] = process.argv;
if (without) Object.defineProperty(globalThis, "crypto", { value: {} });
const { verify } = await import(pathToFileURL(resolve(program)).href);
for (const path of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const { ok, full, findings, summary } = await verify(readFileSync(path));
  console.log(JSON.stringify({ ok, full, findings, summary: summary ?? null }));
}
