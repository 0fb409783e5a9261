/** For the unit tests of a plugin: a host of your own in the place of the real one. */

export type { Host } from "./interfaces.js";
export { replaceHost } from "./host.js";
