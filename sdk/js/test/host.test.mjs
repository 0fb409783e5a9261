import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { config, events, Fault, filter, http, jobs, kv, records, utf8 } from "@guildhall/sdk";
import { replaceHost } from "@guildhall/sdk/testing";

afterEach(() => replaceHost({}));

test("there is no host outside of a component", () => {
  assert.throws(() => records.get("contact", "1"), { name: "Fault", code: "no_host" });
});

test("records travel as JSON", () => {
  const asked = [];
  replaceHost({
    records: {
      get: () => null,
      query: (...input) => (asked.push(input), ['{"id":"7"}']),
      create: (_, fields) => fields,
    },
  });
  const condition = filter.or(
    filter.and(filter.eq("contact", "c1"), filter.lt("points", 5)),
    filter.not(filter.anyOf("kind", ["earn", "adjust"])),
  );
  assert.deepEqual(records.query("member", { filter: condition, limit: 1 }), [{ id: "7" }]);
  const tree =
    '{"_or":[{"_and":[{"contact":{"_eq":"c1"}},{"points":{"_lt":5}}]},{"_not":{"kind":{"_in":["earn","adjust"]}}}]}';
  assert.deepEqual(asked, [["member", `{"filter":${tree},"limit":1}`]]);
  assert.equal(records.get("member", "8"), null);
  assert.deepEqual(records.create("member", { name: "Ann", note: undefined }), { name: "Ann" });
});

test("what a host call fails with is a Fault", () => {
  const payload = { code: "conflict", message: "Again.", retryable: true, details: '{"id":"7"}' };
  const failing = () => {
    throw Object.assign(new Error("conflict"), { payload });
  };
  replaceHost({ records: { delete: failing } });
  const expected = { name: "Fault", code: "conflict", message: "Again.", retryable: true, details: { id: "7" } };
  assert.throws(() => records.delete("member", "7"), expected);
  replaceHost({ records: { delete: () => null.x } });
  assert.throws(() => records.delete("member", "7"), TypeError);
});

test("values under keys are bytes or JSON", () => {
  const kept = new Map();
  replaceHost({ kv: { get: (key) => kept.get(key) ?? null, set: (key, value) => kept.set(key, value) } });
  assert.equal(kv.getJson("count"), null);
  kv.setJson("count", { n: 1, "é": "100 %" });
  assert.deepEqual(kv.getJson("count"), { n: 1, "é": "100 %" });
});

test("requests, events, jobs and settings", () => {
  const sent = [];
  replaceHost({
    http: { send: (request) => (sent.push(request), { status: 200, headers: [["etag", "1"]], body: utf8.encode('{"rate":"1.5"}') }) },
    events: { publish: (...input) => void sent.push(input) },
    jobs: { enqueue: (...input) => (sent.push(input), "id") },
    config: { get: () => '{"greeting":"hello"}' },
  });
  const answer = http.send({ url: "https://api.example.com/rate", headers: { accept: "text/plain" } });
  assert.deepEqual([answer.header("ETag"), answer.json()], ["1", { rate: "1.5" }]);
  events.publish("acme.valuation.done", { value: 1 }, "deal/7");
  assert.equal(jobs.enqueue("sync", null, 1000), "id");
  assert.deepEqual(config.get(), { greeting: "hello" });
  const [request, event, job] = sent;
  assert.deepEqual([request.method, request.headers, request.timeoutMs], ["GET", [["accept", "text/plain"]], 0]);
  assert.deepEqual(event, ["acme.valuation.done", "deal/7", '{"value":1}']);
  assert.deepEqual(job, ["sync", "null", 1000]);
});

test("text becomes UTF-8 and comes back", () => {
  for (const text of ["", "plain", "100 %", "héé €", "😀\0"]) {
    assert.deepEqual(utf8.encode(text), new TextEncoder().encode(text));
    assert.equal(utf8.decode(utf8.encode(text)), text);
  }
  assert.throws(() => utf8.decode(Uint8Array.of(0xff)), URIError);
});

test("a fault has a code, a sentence and facts", () => {
  const fault = Fault.invalid("No.", { limit: "5.00" });
  assert.deepEqual([fault.code, fault.message, fault.retryable, fault.details], ["validation_failed", "No.", false, { limit: "5.00" }]);
  assert.ok(fault instanceof Error);
});
