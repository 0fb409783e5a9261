// The modules that the component's imports are to JavaScript.

declare module "guildhall:core/log@1.1.0" {
  const host: import("./interfaces.js").Host["log"];
  export default host;
}
declare module "guildhall:core/config@1.1.0" {
  const host: import("./interfaces.js").Host["config"];
  export default host;
}
declare module "guildhall:core/clock@1.1.0" {
  const host: import("./interfaces.js").Host["clock"];
  export default host;
}
declare module "guildhall:core/random@1.1.0" {
  const host: import("./interfaces.js").Host["random"];
  export default host;
}
declare module "guildhall:core/context@1.1.0" {
  const host: import("./interfaces.js").Host["context"];
  export default host;
}
declare module "guildhall:data/records@1.1.0" {
  const host: import("./interfaces.js").Host["records"];
  export default host;
}
declare module "guildhall:kv/store@1.1.0" {
  const host: import("./interfaces.js").Host["kv"];
  export default host;
}
declare module "guildhall:http/client@1.1.0" {
  const host: import("./interfaces.js").Host["http"];
  export default host;
}
declare module "guildhall:events/publish@1.1.0" {
  const host: import("./interfaces.js").Host["events"];
  export default host;
}
declare module "guildhall:jobs/queue@1.1.0" {
  const host: import("./interfaces.js").Host["jobs"];
  export default host;
}
declare module "guildhall:secrets/handle@1.1.0" {
  const host: import("./interfaces.js").Host["secrets"];
  export default host;
}
declare module "guildhall:actions/call@1.1.0" {
  const host: import("./interfaces.js").Host["actions"];
  export default host;
}
