/** The settings that the tenant gave this plugin. */

import * as host from "./host.js";
import { fromJson } from "./json.js";

/** The settings, which the host has checked against the schema in the manifest. */
export function get<Settings>(): Settings {
  return fromJson<Settings>(host.config.get(), "settings");
}
