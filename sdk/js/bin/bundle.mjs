// Makes one module of a plugin and of what it imports.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { HOST, POINTS } from "./world.mjs";

const DIST = join(import.meta.dirname, "..", "dist");

/** The file that a plugin begins with: what `guildhall.entry` or `main` of its package.json says, or `src/index.*`. */
export function entryOf(folder) {
  const path = join(folder, "package.json");
  if (!existsSync(path)) {
    throw new Error(`${path} is not there: run this in the folder of a plugin`);
  }
  const { guildhall, main } = JSON.parse(readFileSync(path, "utf8"));
  const named = guildhall?.entry ?? main;
  const entries = named === undefined ? ["src/index.ts", "src/index.js"] : [named];
  const entry = entries.map((entry) => resolve(folder, entry)).find(existsSync);
  if (entry === undefined) {
    throw new Error(`${entries.join(" and ")} of ${path} ${entries.length > 1 ? "are" : "is"} not there`);
  }
  return entry;
}

/** The extension points that the plugin exports. */
export async function pointsOf(esbuild, entry) {
  const { metafile } = await esbuild.build({ ...options(), entryPoints: [entry] });
  const exported = Object.values(metafile.outputs).flatMap((output) => output.exports);
  const known = Object.keys(POINTS);
  const unknown = exported.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`${entry} exports ${unknown}, which is no extension point; there are ${known.join(", ")}`);
  }
  if (exported.length === 0) {
    throw new Error(`${entry} exports nothing; there are ${known.join(", ")}`);
  }
  return known.filter((name) => exported.includes(name));
}

/** The whole module, and what of the host it imports. */
export async function bundle(esbuild, entry, points) {
  const module = (name) => JSON.stringify(join(DIST, `${name}.js`));
  const contents = [
    `import ${module("globals")};`,
    `import * as wrap from ${module("exports")};`,
    `import * as plugin from ${JSON.stringify(entry)};`,
    ...points.map((point) => `const ${point} = wrap.${point}(plugin.${point});`),
    `export { ${points.map((point) => `${point} as ${POINTS[point].name}`).join(", ")} };`,
  ].join("\n");
  const stdin = { contents, resolveDir: dirname(entry), sourcefile: "component.js" };
  const { metafile, outputFiles } = await esbuild.build({ ...options(), stdin });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  return {
    source: outputFiles[0].text,
    imports: [...new Set(imports.map(({ path }) => path))].filter((path) => path.startsWith(HOST)).sort(),
  };
}

function options() {
  return {
    bundle: true,
    write: false,
    outdir: "/",
    format: "esm",
    target: "es2023",
    platform: "neutral",
    mainFields: ["module", "main"],
    charset: "utf8",
    metafile: true,
    logLevel: "silent",
    plugins: [{ name: "guildhall", setup: inside }],
  };
}

/** Has the host's modules stay imports, and the SDK call them. */
function inside(build) {
  build.onResolve({ filter: /^guildhall:/ }, ({ path }) => ({ path, external: true, sideEffects: false }));
  build.onResolve({ filter: /^\.\/host\.js$/ }, ({ resolveDir }) =>
    resolveDir === DIST ? { path: join(DIST, "host-inside.js"), sideEffects: false } : undefined,
  );
}
