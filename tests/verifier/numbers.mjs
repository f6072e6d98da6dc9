// Answers what hashes and streams give: `node numbers.mjs verify.js`, a list of questions as JSON on standard input.
//   {hash: suite, text: hex} → [hex]     {seed, suite, bounds: [decimal, …]} → numbers     {seed, suite, length, most} → an order
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const { HASH, Stream } = await import(pathToFileURL(resolve(process.argv[2])).href);
const bytes = (text) => new Uint8Array(Buffer.from(text, "hex"));

function answer({ hash, text, seed, suite, bounds, length, most }) {
  if (hash) return [Buffer.from(HASH[hash](bytes(text))).toString("hex")];
  const stream = new Stream(HASH[suite], bytes(seed));
  if (!bounds) return stream.shuffled([...Array(length).keys()], most).map(String);
  // Small bounds as plain numbers, as lists have them; the others as large ones.
  return bounds.map((m) => String(stream.below(m.length < 15 ? Number(m) : BigInt(m))));
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(answer)));
