/** Who and what the call is about. */

import * as host from "./host.js";
import { fromJson } from "./json.js";

/** What is known of the call. */
export interface Context {
  /** Id of the tenant. */
  readonly tenant: string;
  /** Id of the plugin. */
  readonly plugin: string;
  /** Its version. */
  readonly version: string;
  /** Where the host calls it, `before-write`. */
  readonly extension_point: string;
  /** Id of this call. */
  readonly invocation: string;
  /** Whose rights bound those of the plugin. */
  readonly actor: { readonly kind: "user" | "key" | "plugin"; readonly id: string };
  /** Timezone of the tenant, `Europe/Berlin`. */
  readonly timezone: string;
  /** Whether what is written is thrown away. */
  readonly dry_run: boolean;
}

/** The context of this call. */
export function get(): Context {
  return fromJson<Context>(host.context.get(), "context");
}
