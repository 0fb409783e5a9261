import assert from "node:assert/strict";
import { test } from "node:test";

import { replaceHost } from "@guildhall/sdk/testing";

test("the engine's clock and chance are the host's", async () => {
  const [date, random] = [globalThis.Date, Math.random];
  try {
    await import("../dist/globals.js");
    replaceHost({
      clock: { now: () => "2026-11-21T09:30:00.123456Z" },
      random: { bytes: () => Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0) },
    });
    assert.equal(new Date().toISOString(), "2026-11-21T09:30:00.123Z");
    assert.equal(Date.now(), Date.parse("2026-11-21T09:30:00.123Z"));
    assert.equal(new Date(0).getTime(), 0);
    assert.ok(new Date(0) instanceof Date);
    assert.equal(Math.random(), 0.5);
  } finally {
    replaceHost({});
    [globalThis.Date, Math.random] = [date, random];
  }
});
