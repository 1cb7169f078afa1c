// SPDX-License-Identifier: Apache-2.0
//
// The few pictures that the console needs, drawn as strokes of the text's colour.
import type { ReactNode } from "react";

function icon(paths: ReactNode) {
  return function Icon({ size = 16 }: { size?: number }) {
    return (
      <svg
        width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={1.8}
        strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false"
      >
        {paths}
      </svg>
    );
  };
}

export const IconSearch = icon(<><circle cx="11" cy="11" r="6.5" /><path d="m20 20-4.2-4.2" /></>);
export const IconPlay = icon(<path d="M8 5.5v13l10.5-6.5z" />);
export const IconPause = icon(<path d="M9 6v12m6-12v12" />);
export const IconStop = icon(<rect x="6.5" y="6.5" width="11" height="11" rx="1.5" />);
export const IconSun = icon(<><circle cx="12" cy="12" r="4" /><path d="M12 3v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4m0-12.8L17 7M7 17l-1.4 1.4" /></>);
export const IconMoon = icon(<path d="M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5z" />);
export const IconUser = icon(<><circle cx="12" cy="8.5" r="3.5" /><path d="M5 20c.6-3.6 3.5-5.5 7-5.5s6.4 1.9 7 5.5" /></>);
export const IconClose = icon(<path d="M6.5 6.5l11 11m0-11l-11 11" />);
export const IconMore = icon(<path d="M5.5 12h.01M12 12h.01M18.5 12h.01" strokeWidth={3} />);
export const IconUp = icon(<path d="m7 14 5-5 5 5" />);
export const IconDown = icon(<path d="m7 10 5 5 5-5" />);
export const IconRight = icon(<path d="m10 7 5 5-5 5" />);
export const IconRefresh = icon(<><path d="M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9.4" /><path d="M20 4.5v5h-5" /></>);
export const IconDownload = icon(<path d="M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 19.5h14" />);
export const IconCopy = icon(<><rect x="9" y="9" width="11" height="11" rx="2" /><path d="M15 5.5A1.5 1.5 0 0 0 13.5 4h-8A1.5 1.5 0 0 0 4 5.5v8A1.5 1.5 0 0 0 5.5 15" /></>);
export const IconAlert = icon(<><path d="M12 4 3 19.5h18z" /><path d="M12 10v4m0 2.6v.1" /></>);
export const IconBack = icon(<path d="M19 12H5m6-6-6 6 6 6" />);
export const IconHelp = icon(<><circle cx="12" cy="12" r="8.5" /><path d="M9.7 9.5a2.4 2.4 0 1 1 3.3 2.3c-.7.3-1 .8-1 1.7m0 2.8v.1" /></>);

export function Logo({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" fill="var(--mantine-primary-color-filled)" />
      <g fill="#fff">
        <circle cx="8.5" cy="22.5" r="2.6" /><circle cx="16" cy="22.5" r="2.6" /><circle cx="23.5" cy="22.5" r="2.6" />
        <circle cx="12.2" cy="16" r="2.6" opacity=".85" /><circle cx="19.8" cy="16" r="2.6" opacity=".85" />
        <circle cx="16" cy="9.5" r="2.6" opacity=".7" />
      </g>
    </svg>
  );
}
