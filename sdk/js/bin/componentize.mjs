#!/usr/bin/env node
// Makes a component of the plugin in this folder: `componentize.mjs --out FILE`. The manifest is not in it yet.

import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { bundle, entryOf, pointsOf } from "./bundle.mjs";
import { world } from "./world.mjs";

const WIT = join(import.meta.dirname, "..", "wit");

/** A package that the work is done with. */
async function load(name, folder) {
  try {
    return await import(name);
  } catch (error) {
    const why = error.code === "ERR_MODULE_NOT_FOUND" ? "is not installed" : `cannot be used (${error.message})`;
    throw new Error(`${name} ${why}: run \`npm install\` in ${folder}`);
  }
}

async function componentize(folder, out) {
  const esbuild = await load("esbuild", folder);
  const { componentize } = await load("componentize-qjs", folder);
  const entry = entryOf(folder);
  const points = await pointsOf(esbuild, entry);
  const { source, imports } = await bundle(esbuild, entry, points);
  const scratch = mkdtempSync(join(tmpdir(), "guildhall-"));
  try {
    cpSync(WIT, join(scratch, "deps"), { recursive: true });
    writeFileSync(join(scratch, "plugin.wit"), world(points, imports));
    const options = { witPath: scratch, world: "plugin", stubWasi: true, sync: true };
    const { component } = await componentize({ ...options, jsSource: source });
    writeFileSync(out, component);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** What went wrong, without the places of this program. */
function told(error) {
  const asked = /unknown import: `(.*)` has not been defined/.exec(error.message);
  if (asked !== null) {
    return `the plugin asks the host (${asked[1]}) where it is loaded: there is none yet, do it in a call`;
  }
  const errors = error.errors ?? [];
  const place = (at) => (at === null ? "" : `${at.file}:${at.line}:${at.column}: `);
  return errors.length === 0 ? error.message : errors.map(({ location, text }) => place(location) + text).join("\n");
}

try {
  const { values } = parseArgs({ options: { out: { type: "string" } } });
  if (values.out === undefined) {
    throw new Error("say where the component goes: --out FILE");
  }
  await componentize(process.cwd(), values.out);
} catch (error) {
  console.error(`error: ${told(error)}`);
  process.exitCode = 1;
}
