import { Big } from "big.js";

import type { Json } from "./json.js";

/**
 * Decimal numbers, exact: `new Decimal("29.33").times("1.5")`. It is big.js,
 * set up so that it takes no `number`, whose fractions are not exact, and
 * writes no exponents. As a field it is written as the text that the host keeps.
 */
export const Decimal = Big();
export type Decimal = Big;

Decimal.strict = true;
Decimal.PE = 1_000;
Decimal.NE = -1_000;

/** The exact number that a field holds; `null` when there is none. */
export function decimal(value: Json | undefined): Decimal | null {
  if (typeof value === "number" && Number.isSafeInteger(value)) {
    return new Decimal(String(value));
  }
  return typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value) ? new Decimal(value) : null;
}

/** An amount in a currency: `{"amount":"29.33","currency":"USD"}` as a field. */
export class Money {
  /** How much, in the main unit of the currency. */
  readonly amount: Decimal;
  /** Its ISO 4217 code. */
  readonly currency: string;

  constructor(amount: Decimal | string, currency: string) {
    this.amount = new Decimal(amount);
    this.currency = currency;
  }

  toJSON(): { amount: string; currency: string } {
    return { amount: this.amount.toString(), currency: this.currency };
  }

  toString(): string {
    return `${this.amount.toString()} ${this.currency}`;
  }
}

/** The amount of money that a field holds; `null` when there is none. */
export function money(value: Json | undefined): Money | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return null;
  }
  const amount = decimal(value["amount"]);
  return amount !== null && typeof value["currency"] === "string" ? new Money(amount, value["currency"]) : null;
}
