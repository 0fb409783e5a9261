// The host, inside of a component. `bin/componentize.mjs` puts this file in the place of `host.ts`.

export { default as log } from "guildhall:core/log@1.1.0";
export { default as config } from "guildhall:core/config@1.1.0";
export { default as clock } from "guildhall:core/clock@1.1.0";
export { default as random } from "guildhall:core/random@1.1.0";
export { default as context } from "guildhall:core/context@1.1.0";
export { default as records } from "guildhall:data/records@1.1.0";
export { default as kv } from "guildhall:kv/store@1.1.0";
export { default as http } from "guildhall:http/client@1.1.0";
export { default as events } from "guildhall:events/publish@1.1.0";
export { default as jobs } from "guildhall:jobs/queue@1.1.0";
export { default as secrets } from "guildhall:secrets/handle@1.1.0";
export { default as actions } from "guildhall:actions/call@1.1.0";
