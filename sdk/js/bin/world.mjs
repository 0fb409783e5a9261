// The world of a plugin: what it exports, and what of the host it calls.

/** The extension points by the names that plugins export: the interface, and what the engine calls it. */
export const POINTS = {
  beforeWrite: { interface: "guildhall:hooks/before-write@1.1.0", name: "beforeWrite" },
  validate: { interface: "guildhall:hooks/validate@1.1.0", name: "validate" },
  computedField: { interface: "guildhall:hooks/computed-field@1.1.0", name: "computedField" },
  onEvents: { interface: "guildhall:hooks/on-events@1.1.0", name: "onEvents" },
  scheduled: { interface: "guildhall:hooks/scheduled@1.1.0", name: "scheduled" },
  httpRoute: { interface: "guildhall:hooks/http-route@1.1.0", name: "httpRoute" },
  lifecycle: { interface: "guildhall:hooks/lifecycle@1.1.0", name: "lifecycle" },
  job: { interface: "guildhall:jobs/handler@1.1.0", name: "handler" },
  action: { interface: "guildhall:actions/action@1.1.0", name: "action" },
  view: { interface: "guildhall:views/view@1.1.0", name: "view" },
  channel: { interface: "guildhall:channel/channel@1.1.0", name: "channel" },
};

/** What the modules of the host begin with. */
export const HOST = "guildhall:";

/** The world in WIT. */
export function world(points, imports) {
  const lines = [
    ...imports.map((name) => `  import ${name};`),
    ...points.map((point) => `  export ${POINTS[point].interface};`),
  ];
  return `package vendor:plugin;\n\nworld plugin {\n${lines.join("\n")}\n}\n`;
}
