/** A walk through the API of Guildhall, with types that are generated from its OpenAPI document. */

import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";

import createClient from "openapi-fetch";

import type { components, paths } from "./api.js";
import { patient } from "./patient.js";

type Problem = components["schemas"]["Problem"];

/** What a call comes to: openapi-fetch gives one of the two. */
type Answer<T> = { data?: T; error?: Problem; response: Response };

const environment = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};

/** Why an answer is none: in the words of the host, or the status of whatever stands before it. */
const failure = ({ error, response }: Answer<unknown>): Error =>
  new Error(error?.code ? `${error.code} (${error.status}): ${error.detail}` : `${response.status}, and no problem`);

/** What an answer holds, unless it is a problem. */
const done = async <T>(answer: Promise<Answer<T>>): Promise<NonNullable<T>> => {
  const given = await answer;
  if (!given.response.ok) throw failure(given);
  return given.data as NonNullable<T>;
};

/** The problem that has to come. */
const refused = async (answer: Promise<Answer<unknown>>): Promise<Problem> => {
  const { error, response } = await answer;
  if (response.ok || !error) throw new Error(`${response.status} where a problem was expected`);
  return error;
};

const walk = async (): Promise<void> => {
  const client = createClient<paths>({
    baseUrl: environment("GUILDHALL_URL"),
    headers: { Authorization: `Bearer ${environment("GUILDHALL_KEY")}` },
    fetch: patient,
  });

  const me = await done(client.GET("/api/v1/me"));
  console.log(`me: ${me.roles.join(" ")}`);

  const company = await done(client.POST("/api/v1/records/company", { body: { name: "Example Ltd" } }));
  console.log(`company: ${company.name}, version ${company.version}`);
  const ann = await done(
    client.POST("/api/v1/records/contact", { body: { name: "Ann Example", company: company.id } }),
  );
  console.log(`contact: ${ann.name}, version ${ann.version}`);

  // A change of what was read: it is done if nobody else has changed the record since.
  const path = { id: ann.id };
  const read = { path, header: { "If-Match": `"${ann.version}"` } };
  const changed = await done(
    client.PATCH("/api/v1/records/contact/{id}", { params: read, body: { city: "Bern" } }),
  );
  console.log(`changed: ${changed.city}, version ${changed.version}`);
  const stale = await refused(
    client.PATCH("/api/v1/records/contact/{id}", { params: read, body: { city: "Basel" } }),
  );
  console.log(`conflict: ${stale.status} ${stale.code}, at version ${stale["current_version"]}`);

  // Sent twice, done once: whoever has lost an answer sends the same again.
  const batch = () =>
    client.POST("/api/v1/records/contact/batch", {
      params: { header: { "Idempotency-Key": key } },
      body: {
        mode: "atomic",
        operations: ["Bob", "Cid", "Eve", "Zoë"].map((name) => ({
          op: "create" as const,
          fields: { name: `${name} Example`, company: company.id },
        })),
      },
    });
  const key = randomUUID();
  const first = await done(batch());
  console.log(`batch: ${first.outcomes.map((outcome) => outcome.status).join(" ")}`);
  const again = await batch();
  if (!again.response.ok) throw failure(again);
  const equal = isDeepStrictEqual(again.data, first) ? "the same answer" : "another answer";
  console.log(`again: ${equal}, replayed: ${again.response.headers.get("Idempotency-Replayed")}`);

  const filter = JSON.stringify({ company: { _eq: company.id } });
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const query = { filter, sort: "-name", limit: 2, fields: "name", ...(cursor ? { cursor } : {}) };
    const page = await done(client.GET("/api/v1/records/contact", { params: { query } }));
    console.log(`page: ${page.data.map((contact) => contact.name).join(", ")}`);
    ids.push(...page.data.map((contact) => contact.id));
    cursor = page.next_cursor ?? undefined;
  } while (cursor);

  const deleting = { path, header: { "If-Match": `"${changed.version}"` } };
  await done(client.DELETE("/api/v1/records/contact/{id}", { params: deleting }));
  const gone = await refused(client.GET("/api/v1/records/contact/{id}", { params: { path } }));
  console.log(`deleted: ${gone.status} ${gone.code}`);
  const { record } = await done(client.POST("/api/v1/records/contact/{id}/restore", { params: { path } }));
  console.log(`restored: ${record.name}, version ${record.version}`);
  const timeline = await done(client.GET("/api/v1/records/contact/{id}/timeline", { params: { path } }));
  console.log(`timeline: ${timeline.data.map((event) => event.type).join(" ")}`);

  // Nothing is left behind.
  const operations = ids.map((id) => ({ op: "delete" as const, id }));
  await done(client.POST("/api/v1/records/contact/batch", { body: { mode: "atomic", operations } }));
  await done(client.DELETE("/api/v1/records/company/{id}", { params: { path: { id: company.id } } }));
  console.log(`cleaned: ${ids.length} contacts, 1 company`);
};

try {
  await walk();
} catch (error) {
  // `fetch` says why in the cause.
  const { message, cause } = error as Error;
  console.error(`error: ${cause instanceof Error ? cause.message : message}`);
  process.exitCode = 1;
}
