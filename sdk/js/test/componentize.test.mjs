import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const root = join(import.meta.dirname, "..");
const scratch = mkdtempSync(join(tmpdir(), "guildhall-test-"));
after(() => rmSync(scratch, { recursive: true }));

/** A plugin's folder with these files. */
function folder(name, files) {
  const path = join(scratch, name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(path, file, ".."), { recursive: true });
    writeFileSync(join(path, file), text);
  }
  mkdirSync(join(path, "node_modules/@guildhall"), { recursive: true });
  symlinkSync(root, join(path, "node_modules/@guildhall/sdk"));
  return path;
}

/** Runs the program in a folder. */
function run(cwd, ...words) {
  return spawnSync(process.execPath, [join(root, "bin/componentize.mjs"), ...words], { cwd, encoding: "utf8" });
}

test("a component imports what it uses of the host, and nothing else", () => {
  const plugin = folder("good", {
    "package.json": "{}",
    "src/index.ts": `
      import { type BeforeWrite, accept, kv, records } from "@guildhall/sdk";
      export const beforeWrite: BeforeWrite = (changes) => changes.map(() => (kv.getJson<number>("n"), accept()));
    `,
  });
  const { status, stderr } = run(plugin, "--out", "plugin.wasm");
  assert.deepEqual([status, stderr], [0, ""]);
  const component = readFileSync(join(plugin, "plugin.wasm"), "latin1");
  assert.ok(component.includes("guildhall:hooks/before-write@1.1.0"));
  assert.ok(component.includes("guildhall:kv/store@1.1.0"));
  assert.ok(!component.includes("guildhall:data/records@1.1.0"));
  assert.ok(component.length <= 2_000_000, `${component.length} bytes`);
});

for (const [name, files, words, said] of [
  ["no-out", { "package.json": "{}" }, [], "error: say where the component goes: --out FILE\n"],
  ["no-package", { "src/index.js": "" }, ["--out", "x"], /package\.json is not there: run this in the folder of a plugin/],
  ["no-entry", { "package.json": "{}" }, ["--out", "x"], /src\/index\.ts and src\/index\.js of .* are not there/],
  ["no-export", { "package.json": "{}", "src/index.js": "1;" }, ["--out", "x"], /exports nothing; there are beforeWrite/],
  ["other-export", { "package.json": '{"main": "a.js"}', "a.js": "export const beforeWrites = 1;" }, ["--out", "x"], /exports beforeWrites, which is no extension point/],
  ["no-file", { "package.json": "{}", "src/index.js": 'import "fs"; export const job = {};' }, ["--out", "x"], /src\/index\.js:1:7: Could not resolve "fs"/],
  ["no-javascript", { "package.json": "{}", "src/index.js": "export const job = ;" }, ["--out", "x"], /src\/index\.js:1:19: Unexpected ";"/],
  [
    "early",
    { "package.json": "{}", "src/index.js": 'const at = Date.now(); export const job = { at: () => at };' },
    ["--out", "x"],
    /the plugin asks the host \(guildhall:core\/clock@1\.1\.0#now\) where it is loaded/,
  ],
  ["crash", { "package.json": "{}", "src/index.js": "export const job = null.x;" }, ["--out", "x"], /cannot read property/],
]) {
  test(`what is wrong is said: ${name}`, () => {
    const { status, stderr } = run(folder(name, files), ...words);
    assert.equal(status, 1);
    typeof said === "string" ? assert.equal(stderr, said) : assert.match(stderr, said);
  });
}
