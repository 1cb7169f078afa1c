// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it, vi } from "vitest";

import { refusalText } from "../login/login_page";
import { answer, refusal, serve } from "../testing/samples";
import { ApiError, messageOf, request, withQuery } from "./client";

afterEach(() => vi.useRealTimers());

async function failure(of: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await of.then(() => undefined, (thrown: unknown) => thrown);
  if (!(error instanceof ApiError)) throw new Error(`expected an ApiError, not ${String(error)}`);
  return error;
}

describe("what is sent", () => {
  it("marks changes, and only changes, as the console's own", async () => {
    const sent = serve(() => answer(200, {}));
    await request("GET", "/v1/hosts");
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) await request(method, "/v1/x", { body: { a: 1 } });
    expect(sent.map(({ headers }) => headers["X-Muster-Request"])).toEqual([undefined, "1", "1", "1", "1"]);
    expect(sent.map(({ headers }) => headers["Content-Type"])).toEqual([undefined, ...Array<string>(4).fill("application/json")]);
    expect(sent[1]?.body).toEqual({ a: 1 });
  });

  it("escapes what stands in the query and leaves out what is not set", () => {
    expect(withQuery("/v1/hosts", { selector: "a=b&c #", after: undefined, limit: 0 })).toBe("/v1/hosts?selector=a%3Db%26c+%23&limit=0");
    expect(withQuery("/v1/hosts", { after: undefined })).toBe("/v1/hosts");
  });
});

describe("what comes back", () => {
  it("is the answer, or nothing for 204", async () => {
    serve(({ path }) => (path === "/none" ? answer(204, null) : answer(200, { total: 3 })));
    expect(await request("GET", "/some")).toEqual({ total: 3 });
    expect(await request("POST", "/none")).toBeUndefined();
  });

  it("carries the server's message, code, column and pause", async () => {
    serve(() => refusal(429, "rate_limited", "too many attempts", { column: 7 }, { "Retry-After": "12" }));
    const error = await failure(request("GET", "/x"));
    expect(error).toMatchObject({ status: 429, code: "rate_limited", message: "too many attempts", column: 7, retryAfterS: 12 });
    expect(messageOf(error)).toBe("too many attempts");
  });

  it.each([["a page", "<h1>Bad gateway</h1>"], ["null", "null"], ["another shape", `{"message":"no"}`], ["nothing", ""]])(
    "tells the status where the body is %s",
    async (_what, body) => {
      serve(() => new Response(body, { status: 502, headers: { "Retry-After": "Wed, 21 Oct" } }));
      const error = await failure(request("GET", "/x"));
      expect(error).toMatchObject({ status: 502, code: "internal", retryAfterS: undefined });
      expect(error.message).toContain("502");
    },
  );

  it("says that the server does not answer", async () => {
    serve(() => Promise.reject(new TypeError("Failed to fetch")));
    const error = await failure(request("GET", "/x"));
    expect(error).toMatchObject({ status: 0, code: "unavailable" });
    expect(error.message).toContain("does not answer");
  });

  it("gives up on a server that never answers", async () => {
    vi.useFakeTimers();
    vi.stubGlobal("fetch", (_path: string, init: RequestInit) =>
      new Promise((_resolve, reject) => init.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")))));
    const waiting = failure(request("GET", "/x"));
    await vi.advanceTimersByTimeAsync(30_000);
    expect((await waiting).code).toBe("unavailable");
  });

  it("does not call it an error of the server when the page no longer asks", async () => {
    vi.stubGlobal("fetch", (_path: string, init: RequestInit) =>
      new Promise((_resolve, reject) => init.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")))));
    const page = new AbortController();
    const waiting = request("GET", "/x", { signal: page.signal });
    page.abort();
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
  });
});

it("sends an empty selector", () => {
  expect(withQuery("/v1/selectors/check", { selector: "" })).toBe("/v1/selectors/check?selector=");
});

describe("refusalText", () => {
  it("says what a person needs to know", () => {
    expect(refusalText(new ApiError(401, "unauthorized", "x"), 0)).toBe("Wrong name or password.");
    expect(refusalText(new ApiError(429, "limit", "x"), 12)).toContain("12 seconds");
    expect(refusalText(new ApiError(429, "limit", "x"), 0)).toContain("try again now");
    expect(refusalText(new ApiError(503, "unavailable", "the disk is full"), 0)).toBe("the disk is full");
  });
});
