// The engine's own clock stands still and its chance is always the same: both are the host's instead.

import * as host from "./host.js";

const EngineDate = Date;

const now = (): number => EngineDate.parse(host.clock.now().replace(/(\.\d{3})\d*/, "$1"));

globalThis.Date = new Proxy(EngineDate, {
  construct: (_, input, target) => Reflect.construct(EngineDate, input.length === 0 ? [now()] : input, target) as object,
  apply: () => new EngineDate(now()).toString(),
  get: (date, member) => (member === "now" ? now : (Reflect.get(date, member) as unknown)),
});

Math.random = () => {
  const view = new DataView(host.random.bytes(8).slice().buffer);
  return Number(view.getBigUint64(0) >> 11n) / 2 ** 53;
};
