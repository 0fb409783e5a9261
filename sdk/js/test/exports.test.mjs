import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { accept, amend, Decimal, Fault, refuse, utf8 } from "@guildhall/sdk";
import { replaceHost } from "@guildhall/sdk/testing";

import * as wrap from "../dist/exports.js";

afterEach(() => replaceHost({}));

const change = { operation: "update", object: "contact", id: "7", before: '{"name":"A"}', after: '{"name":" A "}' };

test("outcomes cross the border", () => {
  const outcomes = [accept(), amend({ rate: new Decimal("1.5") }), refuse("No.")];
  const seen = [];
  const hook = wrap.beforeWrite((changes) => (seen.push(...changes), outcomes));
  assert.deepEqual(hook.run([change, { ...change, before: null }, { ...change, after: null }]), [
    { tag: "ok", val: null },
    { tag: "ok", val: '{"rate":"1.5"}' },
    { tag: "err", val: { code: "validation_failed", message: "No.", retryable: false, details: null } },
  ]);
  assert.deepEqual([seen[0].before, seen[0].after, seen[1].before, seen[2].after], [{ name: "A" }, { name: " A " }, null, null]);
});

test("verdicts, values, events", () => {
  const judge = wrap.validate(() => [accept(), refuse(new Fault("no", "No."))]);
  assert.deepEqual(judge.run([change, change]).map(({ tag }) => tag), ["ok", "err"]);
  const computed = wrap.computedField((object, fields, records) => records.map(({ points }) => ({ [fields[0]]: `${object} ${points}` })));
  assert.deepEqual(computed.compute("member", ["label"], ['{"points":3}']), ['{"label":"member 3"}']);
  const types = [];
  wrap.onEvents((events) => types.push(...events.map(({ type }) => type))).run(['{"type":"contact.created"}']);
  assert.deepEqual(types, ["contact.created"]);
});

test("functions are found by their names", () => {
  const action = wrap.action({ double: ({ n }) => ({ n: n * 2 }), nothing: () => {} });
  assert.equal(action.run("double", '{"n":2}'), '{"n":4}');
  assert.equal(action.run("nothing", "{}"), "null");
  for (const name of ["treble", "toString", "__proto__"]) {
    assert.throws(() => action.run(name, "{}"), { code: "plugin_error", message: `The plugin has no action ${name}.` });
  }
  assert.equal(wrap.job({ sync: () => "done" }).run("sync", "null"), '"done"');
  assert.equal(wrap.view({ points: ({ id }) => ({ type: "text", text: id }) }).render("points", '{"id":"7"}'), '{"type":"text","text":"7"}');
  let due = "";
  wrap.scheduled({ nightly: (time) => (due = time) }).run("nightly", "2026-01-01T00:00:00Z");
  assert.equal(due, "2026-01-01T00:00:00Z");
});

test("routes answer bytes", () => {
  const route = wrap.httpRoute(({ path }) => (path === "/json" ? { status: 200, json: { a: 1 } } : { status: 404 }));
  const json = route.handle({ path: "/json" });
  assert.deepEqual([json.status, json.headers, utf8.decode(json.body)], [200, [["content-type", "application/json"]], '{"a":1}']);
  assert.deepEqual(route.handle({ path: "/" }), { status: 404, headers: [], body: new Uint8Array() });
});

test("a lifecycle may leave steps out, and a channel has both", () => {
  const steps = [];
  const lifecycle = wrap.lifecycle({ upgrade: (from, to) => void steps.push(from, to) });
  lifecycle.enable();
  lifecycle.upgrade("1.0.0", "1.1.0");
  lifecycle.disable();
  assert.deepEqual(steps, ["1.0.0", "1.1.0"]);
  const channel = wrap.channel({
    receive: () => ({ status: 200, contentType: "text/plain", body: "ok", messages: [{ text: "hi" }] }),
    send: () => ({ external_id: "1" }),
  });
  const [reply, messages] = channel.receive({});
  assert.deepEqual([reply.contentType, utf8.decode(reply.body), messages], ["text/plain", "ok", ['{"text":"hi"}']]);
  assert.equal(channel.send("{}"), '{"external_id":"1"}');
});

test("a fault is an answer, anything else a crash with a line in the log", () => {
  const lines = [];
  replaceHost({ log: { write: (...line) => lines.push(line) } });
  const fault = new Fault("oops", "Oops.", { retryable: true, details: { a: 1 } });
  const failing = wrap.action({
    fail: () => {
      throw fault;
    },
    crash: () => null.x,
    wait: async () => 1,
  });
  const wire = { code: "oops", message: "Oops.", retryable: true, details: '{"a":1}' };
  assert.throws(() => failing.run("fail", "{}"), (thrown) => (assert.deepEqual(thrown, wire), true));
  assert.deepEqual(lines, []);
  assert.throws(() => failing.run("crash", "{}"), TypeError);
  assert.throws(() => failing.run("wait", "{}"), /answered a promise/);
  assert.equal(lines.length, 2);
  assert.match(lines[0][1], /^action\.crash threw TypeError/);
});
