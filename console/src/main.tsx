// SPDX-License-Identifier: Apache-2.0
import "@mantine/core/styles.css";
import "./app/global.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app/app";
import { stylesArrive } from "./app/styles";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
if (await stylesArrive()) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
} else {
  root.dataset.lost = "";  // index.html says so
}
