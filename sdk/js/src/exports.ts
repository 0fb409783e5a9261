// What a component exports, made of what the plugin does. `bin/componentize.mjs` uses those that the plugin has.

import { Fault } from "./fault.js";
import { guard } from "./guard.js";
import type { Headers, WireFault } from "./interfaces.js";
import { type Fields, fromJson, type StoredRecord, toJson } from "./json.js";
import type * as points from "./points.js";
import { encode } from "./utf8.js";

interface WireChange {
  operation: string;
  object: string;
  id: string;
  before: string | null;
  after: string | null;
}

/** A result inside of another value. */
type WireResult<T> = { tag: "ok"; val: T } | { tag: "err"; val: WireFault };

const record = (json: string | null): StoredRecord | null => (json === null ? null : fromJson(json, "record"));

const change = ({ operation, object, id, before, after }: WireChange): points.Change => ({
  operation: operation as points.Change["operation"],
  object,
  id,
  before: record(before),
  after: record(after),
});

function outcome(outcome: points.Outcome): WireResult<string | null> {
  switch (outcome.kind) {
    case "accept":
      return { tag: "ok", val: null };
    case "amend":
      return { tag: "ok", val: toJson(outcome.fields) };
    case "refuse":
      return { tag: "err", val: outcome.fault.toWire() };
  }
}

function verdict(verdict: points.Verdict): WireResult<undefined> {
  return verdict.kind === "accept" ? { tag: "ok", val: undefined } : { tag: "err", val: verdict.fault.toWire() };
}

export const beforeWrite = (hook: points.BeforeWrite) => ({
  run: (changes: WireChange[]) => guard("beforeWrite", () => hook(changes.map(change))).map(outcome),
});

export const validate = (hook: points.Validate) => ({
  run: (changes: WireChange[]) => guard("validate", () => hook(changes.map(change))).map(verdict),
});

export const computedField = (hook: points.ComputedField) => ({
  compute: (object: string, fields: string[], records: string[]) =>
    guard("computedField", () => hook(object, fields, records.map((json) => fromJson(json, object)))).map(toJson),
});

export const onEvents = (hook: points.OnEvents) => ({
  run: (events: string[]) => guard("onEvents", () => hook(events.map((json) => fromJson(json, "event")))),
});

export const scheduled = (tasks: points.Scheduled) => ({
  run: (name: string, due: string) => guard(`scheduled.${name}`, () => named(tasks, "task", name)(due)),
});

export const job = (jobs: points.Job) => ({
  run: (name: string, input: string) =>
    toJson(guard(`job.${name}`, () => named(jobs, "job", name)(fromJson(input, "input")))),
});

export const action = (actions: points.Action) => ({
  run: (name: string, input: string) =>
    toJson(guard(`action.${name}`, () => named(actions, "action", name)(fromJson(input, "input")))),
});

export const view = (views: points.View) => ({
  render: (name: string, input: string) =>
    toJson(guard(`view.${name}`, () => named(views, "view", name)(fromJson(input, "input")))),
});

export const httpRoute = (route: points.HttpRoute) => ({
  handle: (request: points.RouteRequest) => {
    const { status, headers = {}, body = "", json } = guard("httpRoute", () => route(request));
    const all: Headers = Object.entries(headers);
    if (json !== undefined && !all.some(([name]) => name.toLowerCase() === "content-type")) {
      all.push(["content-type", "application/json"]);
    }
    return { status, headers: all, body: bytes(json === undefined ? body : toJson(json)) };
  },
});

export const lifecycle = (lifecycle: points.Lifecycle) => ({
  enable: () => guard("lifecycle.enable", () => lifecycle.enable?.()),
  upgrade: (from: string, to: string) => guard("lifecycle.upgrade", () => lifecycle.upgrade?.(from, to)),
  disable: () => guard("lifecycle.disable", () => lifecycle.disable?.()),
});

export const channel = (channel: points.Channel) => ({
  receive: (request: points.ChannelRequest) => {
    const { status, contentType, body, messages } = guard("channel.receive", () => channel.receive(request));
    return [{ status, contentType, body: bytes(body) }, messages.map(toJson)];
  },
  send: (message: string) => toJson(guard("channel.send", () => channel.send(fromJson<Fields>(message, "message")))),
});

function named<F>(functions: { readonly [name: string]: F }, what: string, name: string): F {
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (found === undefined) {
    throw Fault.internal(`The plugin has no ${what} ${name}.`);
  }
  return found;
}

function bytes(body: Uint8Array | string): Uint8Array {
  return typeof body === "string" ? encode(body) : body;
}
