// Puts the host's interfaces into the package: `npm run build` does it, inside of the repository.

import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const packages = ["core", "data", "kv", "http", "events", "jobs", "secrets", "actions", "hooks", "views", "channel"];

rmSync(join(root, "wit"), { recursive: true, force: true });
for (const name of packages) {
  cpSync(join(root, "../../wit", name), join(root, "wit", name), { recursive: true });
}
