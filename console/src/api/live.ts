// SPDX-License-Identifier: Apache-2.0
//
// A live view: server-sent events that come back by themselves.
//
// The browser's own reconnection gives up at any HTTP error and says nothing about it, so
// each failure closes the source and opens a new one after a growing pause. Events carry no
// ids: after a reconnect the first event and the lists tell everything, hence onOpen.
// A hidden tab lets go of its stream after a while: browsers allow six connections a host
// under HTTP/1.1, and seven forgotten tabs must not silence the eighth.
import { useEffect, useRef, useState } from "react";

import { inPlace } from "./place";

export type LiveState = "connecting" | "open" | "lost" | "ended";

export interface LiveHandlers {
  /** `data` is the parsed JSON of one event; false: it has not the shape that `name` promises. */
  onEvent: (name: string, data: unknown) => boolean;
  onState?: (state: LiveState) => void;
  /** Connected; `again` after an interruption: what was shown may be stale. */
  onOpen?: (again: boolean) => void;
}

/** The part of EventSource that is used, so that tests can stand in for it. */
export interface Source {
  addEventListener: (name: string, listener: (event: { data?: unknown }) => void) => void;
  close: () => void;
}

const kPauseMsFirst = 1_000;
const kPauseMsMax = 15_000;
const kHiddenMs = 20_000;

/** Pause before attempt number `failures` (from 1): doubling, with a quarter of jitter. */
export function pauseMs(failures: number, random: number): number {
  const base = Math.min(kPauseMsMax, kPauseMsFirst * 2 ** (failures - 1));
  return base * (0.75 + random * 0.5);
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return undefined;
  }
}

/** Stays connected from construction until close() or until the event `endName` came. */
export class LiveStream {
  private source: Source | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private opened = false;
  private done = false;

  constructor(
    private readonly url: string,
    private readonly names: readonly string[],
    private readonly handlers: LiveHandlers,
    private readonly endName?: string,
    private readonly connect: (url: string) => Source = (to) => new EventSource(inPlace(to)),
  ) {
    this.open();
  }

  close(): void {
    this.done = true;
    this.drop();
  }

  /** Lets go of the connection (a hidden tab), until resume(). */
  pause(): void {
    if (!this.done) this.drop();
  }

  resume(): void {
    if (!this.done && this.source === undefined) {
      clearTimeout(this.timer);
      this.open();
    }
  }

  private drop(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = undefined;
  }

  private open(): void {
    const source = this.connect(this.url);
    this.source = source;
    source.addEventListener("open", () => {
      if (this.source !== source) return;
      this.handlers.onState?.("open");
      this.handlers.onOpen?.(this.opened);
      this.opened = true;
    });
    source.addEventListener("error", () => {
      if (this.source === source) this.lost();
    });
    for (const name of this.names) {
      source.addEventListener(name, (event) => {
        if (this.source === source) this.take(name, event.data);
      });
    }
  }

  private take(name: string, text: unknown): void {
    // What cannot be understood changes nothing, but then what is shown may be stale: the
    // connection counts as lost, which is visible, and a new one tells everything again.
    const data = parsed(text);
    if (data === undefined || !this.handlers.onEvent(name, data)) {
      this.lost();
      return;
    }
    this.failures = 0;
    if (name === this.endName) {
      this.close();
      this.handlers.onState?.("ended");
    }
  }

  private lost(): void {
    this.drop();
    this.failures += 1;
    this.handlers.onState?.("lost");
    this.timer = setTimeout(() => this.open(), pauseMs(this.failures, Math.random()));
  }
}

/** A LiveStream for as long as the component shows `url` (null: none). */
export function useLive(
  url: string | null,
  names: readonly string[],
  handlers: Omit<LiveHandlers, "onState">,
  endName?: string,
): LiveState {
  const [state, setState] = useState<LiveState>("connecting");
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  const list = names.join(" ");
  useEffect(() => {
    if (url === null) return;
    setState("connecting");
    const stream = new LiveStream(
      url,
      list.split(" "),
      {
        onEvent: (name, data) => latest.current.onEvent(name, data),
        onOpen: (again) => latest.current.onOpen?.(again),
        onState: setState,
      },
      endName,
    );
    let hiding: ReturnType<typeof setTimeout> | undefined;
    const visibility = () => {
      clearTimeout(hiding);
      if (document.hidden) hiding = setTimeout(() => stream.pause(), kHiddenMs);
      else stream.resume();
    };
    document.addEventListener("visibilitychange", visibility);
    return () => {
      document.removeEventListener("visibilitychange", visibility);
      clearTimeout(hiding);
      stream.close();
    };
  }, [url, list, endName]);
  return state;
}
