// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it, vi } from "vitest";

import { refusalText } from "../login/login_page";
import { ApiError, request, withQuery } from "./client";

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const fake = vi.fn<typeof fetch>(() => Promise.resolve(new Response(text, { status, headers })));
  vi.stubGlobal("fetch", fake);
  return fake;
};
afterEach(() => vi.unstubAllGlobals());

describe("request", () => {
  it("marks what changes something, and only that", async () => {
    const fake = answer(200, {});
    await request("GET", "/v1/me");
    await request("POST", "/v1/runs", { body: { selector: "" } });
    const headers = fake.mock.calls.map(([, options]) => options?.headers as Record<string, string>);
    expect(headers.map((h) => h["X-Muster-Request"])).toEqual([undefined, "1"]);
  });
  it("rejects with what the server said, column and pause too", async () => {
    answer(400, { error: { code: "invalid", message: "expected a value", column: 4 } });
    await expect(request("GET", "/v1/hosts")).rejects.toMatchObject({ status: 400, code: "invalid", column: 4 });
    answer(429, { error: { code: "limit", message: "slowly" } }, { "Retry-After": "7" });
    await expect(request("POST", "/v1/login")).rejects.toMatchObject({ status: 429, retryAfterS: 7 });
  });
  it("survives an answer that is not the API's", async () => {
    answer(502, "<html>bad gateway</html>");
    await expect(request("GET", "/v1/me")).rejects.toMatchObject({ status: 502, code: "internal" });
  });
  it("says that nobody answers", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
    await expect(request("GET", "/v1/me")).rejects.toMatchObject({ status: 0, code: "unavailable" });
  });
  it("escapes queries, and sends an empty selector", () => {
    expect(withQuery("/v1/hosts", { selector: "a=b&c", limit: 5, after: undefined })).toBe("/v1/hosts?selector=a%3Db%26c&limit=5");
    expect(withQuery("/v1/selectors/check", { selector: "" })).toBe("/v1/selectors/check?selector=");
  });
});

describe("refusalText", () => {
  it("says what a person needs to know", () => {
    expect(refusalText(new ApiError(401, "unauthorized", "x"), 0)).toBe("Wrong name or password.");
    expect(refusalText(new ApiError(429, "limit", "x"), 12)).toContain("12 seconds");
    expect(refusalText(new ApiError(429, "limit", "x"), 0)).toContain("try again now");
    expect(refusalText(new ApiError(503, "unavailable", "the disk is full"), 0)).toBe("the disk is full");
  });
});
