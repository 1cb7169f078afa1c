// SPDX-License-Identifier: Apache-2.0
import { Badge, createTheme } from "@mantine/core";

export const theme = createTheme({
  primaryColor: "indigo",
  colors: {
    dark: ["#d5dae3", "#b6bdc9", "#97a1b0", "#6d7786", "#363d49", "#2f3641", "#20252e", "#1b1f26", "#171a20", "#12151a"],
  },
  primaryShade: { light: 7, dark: 6 },
  defaultRadius: "sm",
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "Cascadia Mono", "SF Mono", Menlo, "Noto Sans Mono", "DejaVu Sans Mono", monospace',
  headings: { fontWeight: "650" },
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    // Words of state, as the command line writes them, and never cut.
    Badge: Badge.extend({ defaultProps: { tt: "none", miw: "max-content" } }),
  },
});
