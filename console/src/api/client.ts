// SPDX-License-Identifier: Apache-2.0
//
// One request to the server. The session travels in a cookie that scripts cannot read;
// requests that change something carry a header that no foreign page can send.
import { inPlace } from "./place";
import type { ErrorCode } from "./types";

/** A request that takes longer has failed: the person in front of it wants to know. */
const kRequestMsMax = 30_000;

/** A refusal, or no answer at all (`status` 0, code "unavailable"). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: ErrorCode,
    message: string,
    readonly column?: number,
    readonly retryAfterS?: number,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export type Query = Record<string, string | number | undefined>;

export interface RequestOptions {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export function withQuery(path: string, query?: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) search.set(name, String(value));
  }
  const text = search.toString();
  return text === "" ? path : `${path}?${text}`;
}

interface ErrorBody {
  error?: { code?: ErrorCode; message?: string; column?: number };
}

async function errorOf(response: Response): Promise<ApiError> {
  const retry = Number(response.headers.get("Retry-After") ?? "");
  const retryAfterS = Number.isFinite(retry) && retry > 0 ? retry : undefined;
  const body = (await response.json().catch(() => ({}))) as ErrorBody | null;
  const message = body?.error?.message ?? `the server answered ${response.status} without saying why`;
  return new ApiError(response.status, body?.error?.code ?? "internal", message, body?.error?.column, retryAfterS);
}

/** Resolves to the answer's JSON (undefined for 204); rejects with ApiError, or with AbortError by `signal`. */
export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (method !== "GET") headers["X-Muster-Request"] = "1";
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), kRequestMsMax);
  const abort = () => deadline.abort();
  options.signal?.addEventListener("abort", abort);
  try {
    const response = await fetch(withQuery(inPlace(path), options.query), {
      method,
      headers,
      signal: deadline.signal,
      credentials: "same-origin",
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    if (!response.ok) throw await errorOf(response);
    return (response.status === 204 ? undefined : await response.json()) as T;
  } catch (error) {
    if (error instanceof ApiError || options.signal?.aborted) throw error;
    throw new ApiError(0, "unavailable", "the server does not answer; is it running, and is the network up?");
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", abort);
  }
}

/** What to show for anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
