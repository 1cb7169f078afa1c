// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "react";

/** The wall clock, read again every `everyMs`, for texts like "12 s ago". */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
