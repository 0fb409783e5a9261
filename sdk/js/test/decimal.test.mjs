import assert from "node:assert/strict";
import { test } from "node:test";

import { Decimal, decimal, Money, money } from "@guildhall/sdk";

test("arithmetic is exact", () => {
  assert.equal(new Decimal("0.1").plus("0.2").toString(), "0.3");
  assert.equal(new Decimal("29.33").times("1.5").toString(), "43.995");
  assert.equal(new Decimal("123456789012345678901234567890.5").times("3").toString(), "370370367037037036703703703671.5");
  assert.equal(new Decimal("0.000000000000000001").toString(), "0.000000000000000001");
});

test("floats are refused", () => {
  assert.throws(() => new Decimal(0.1));
  assert.throws(() => new Decimal("1").plus(0.2));
});

test("fields become numbers, and numbers become fields", () => {
  assert.equal(decimal("29.330").eq("29.33"), true);
  assert.equal(decimal(12).toString(), "12");
  for (const none of [null, undefined, "", "1e3", "abc", 0.5, {}]) {
    assert.equal(decimal(none), null);
  }
  assert.equal(JSON.stringify({ rate: new Decimal("1.50") }), '{"rate":"1.5"}');
});

test("money is an exact amount in a currency", () => {
  const total = money({ amount: "29.33", currency: "USD" });
  assert.equal(String(total), "29.33 USD");
  assert.equal(JSON.stringify(new Money(total.amount.times("2"), "USD")), '{"amount":"58.66","currency":"USD"}');
  assert.equal(money({ amount: 29.33, currency: "USD" }), null);
  assert.equal(money(null), null);
});
