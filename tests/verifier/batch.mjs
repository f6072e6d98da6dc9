// Verifies many files in one go: `node batch.mjs verify.js`, paths on standard input, one line of JSON each on standard output.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const { verify } = await import(pathToFileURL(resolve(process.argv[2])).href);
for (const path of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const { ok, full, findings, summary } = await verify(readFileSync(path));
  console.log(JSON.stringify({ path, ok, full, findings, summary: summary ?? null }));
}
