// SPDX-License-Identifier: Apache-2.0
//
// Ordinary things for tests: a host, a run, a fold, and a page to show components on.
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import type { ReactNode } from "react";
import { vi } from "vitest";

import { makeQueryClient } from "../api/queries";
import type { Counts, Fold, Host, Me, Method, MethodListed, MethodParameter, Run, Schedule } from "../api/types";

export const kNoCounts: Counts = {
  queued: 0, sent: 0, running: 0, succeeded: 0, failed: 0, refused: 0, timed_out: 0, unreachable: 0, expired: 0, cancelled: 0, unknown: 0,
};

export function aHost(part: Partial<Host> = {}): Host {
  return {
    id: "h1", name: "web1", online: true, state: "active", labels: {}, facts: {}, enrolled_at: "2026-01-01T00:00:00Z", ...part,
  } as Host;
}

export function aRun(part: Partial<Run> = {}): Run {
  return {
    id: "0000000000001", kind: "command", command: { shell: "uptime" }, selector: "os=linux", created_at: "2026-01-01T00:00:00Z",
    created_by: "ada", state: "running", counts: { ...kNoCounts, running: 2 }, targets: 2, ...part,
  } as Run;
}

export function aFold(part: Partial<Fold> = {}): Fold {
  return { state: "succeeded", exit_code: 0, count: 2, hosts: "web[1-2]", sample_endpoint: "h1", stdout_bytes: 0, stderr_bytes: 0, ...part };
}

export function aSchedule(part: Partial<Schedule> = {}): Schedule {
  return {
    name: "nightly", enabled: true, author: "ada", trigger: { cron: "0 3 * * *" }, zone: "Europe/Berlin", jitter_ms: 0, blackouts: [], in_blackout: "skip", missed: "skip",
    request: { selector: "os=linux", command: { shell: "uptime" } }, next: ["2026-12-01T02:00:00.000Z"], created_at: "2026-01-01T00:00:00.000Z",
    changed_at: "2026-01-01T00:00:00.000Z", changed_by: "ada", ...part,
  } as Schedule;
}

const kVersion = {
  name: "greet", version: "1.0.0", current: true, digest: "0".repeat(64), private: false, size_bytes: 10, key: "1".repeat(64),
  published_at: "2026-01-01T00:00:00.000Z", published_by: "ada",
};

export function aMethodListed(part: Partial<MethodListed> = {}): MethodListed {
  return { ...kVersion, versions: 1, ...part };
}

export function aParameter(part: Partial<MethodParameter> = {}): MethodParameter {
  return { name: "name", type: "String[1]", expected: "text that is not empty", required: true, sensitive: false, ...part };
}

export function aMethod(part: Partial<Method> = {}): Method {
  return {
    ...kVersion, supports_noop: false, idempotent: false, input_method: "default", any_parameters: false, parameters: [aParameter()],
    implementations: [], files: [], versions: [kVersion], ...part,
  };
}

export const kAdmin: Me = { user: "root", role: "admin" } as unknown as Me;
export const kOperator: Me = { user: "ada", role: "operator" } as unknown as Me;

/** The node on a page with theme and queries; effects of style are off. */
export function show(node: ReactNode) {
  const client = makeQueryClient();
  client.setDefaultOptions({ queries: { ...client.getDefaultOptions().queries, retry: false } });
  const page = render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>{node}</QueryClientProvider>
    </MantineProvider>,
  );
  return { ...page, client };
}

export interface Sent {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: unknown;
}

export function answer(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(status === 204 ? null : JSON.stringify(body), { status, headers });
}

export function refusal(status: number, code: string, message: string, more: object = {}, headers: Record<string, string> = {}): Response {
  return answer(status, { error: { code, message, ...more } }, headers);
}

/** A server that answers by `serve`; what it was asked stands in the list. */
export function serve(answerTo: (sent: Sent) => Response | Promise<Response>): Sent[] {
  const all: Sent[] = [];
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    const sent = {
      method: init.method ?? "GET", path, headers: init.headers as Record<string, string>,
      body: typeof init.body === "string" ? (JSON.parse(init.body) as unknown) : undefined,
    };
    all.push(sent);
    return Promise.resolve(answerTo(sent));
  });
  return all;
}

/** Stands in for EventSource: a test says what the server sends. */
export class FakeSource {
  static all: FakeSource[] = [];
  static get latest(): FakeSource {
    const source = FakeSource.all.at(-1);
    if (source === undefined) throw new Error("nothing has connected");
    return source;
  }
  closed = false;
  private readonly listeners = new Map<string, ((event: { data?: unknown }) => void)[]>();
  constructor(readonly url: string) {
    FakeSource.all.push(this);
  }
  addEventListener(name: string, listener: (event: { data?: unknown }) => void): void {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
  }
  close(): void {
    this.closed = true;
  }
  /** `data` as it stands on the wire. */
  sendText(name: string, data: string): void {
    for (const listener of this.listeners.get(name) ?? []) listener({ data });
  }
  send(name: string, data: unknown = {}): void {
    this.sendText(name, JSON.stringify(data));
  }
}
