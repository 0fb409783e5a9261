// Answers requests below `/api/v1/x/` and its own id: `GET /hello/ann`.

import type { HttpRoute } from "@guildhall/sdk";

export const httpRoute: HttpRoute = ({ path }) => {
  const name = path.startsWith("/hello/") ? path.slice("/hello/".length) : "";
  if (name === "") return { status: 404 };
  return { status: 200, json: { greeting: `Hello, ${name}!` } };
};
