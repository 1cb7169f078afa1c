// SPDX-License-Identifier: Apache-2.0
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// `npm run dev` shows the console of a running server: MUSTER_URL=https://127.0.0.1:7443 npm run dev
const server = process.env.MUSTER_URL ?? "https://127.0.0.1:7443";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // The server's content security policy allows nothing inline but styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
  },
  server: { proxy: { "/v1": { target: server, secure: false, changeOrigin: true } } },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"], setupFiles: ["src/test_setup.ts"] },
});
