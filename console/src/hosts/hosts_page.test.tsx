// SPDX-License-Identifier: Apache-2.0
import { fireEvent, screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { aHost, answer, kOperator, refusal, serve, show } from "../testing/samples";
import { HostsPage } from "./hosts_page";

describe("the hosts page", () => {
  // The list stays that of the last good selector, and the button offered to run on all of it
  // while the box said something else.
  it("runs on nobody while the selector is wrong or unchecked", async () => {
    serve(({ path, body }) => {
      if (path.startsWith("/v1/hosts")) return answer(200, { hosts: [aHost()], next: null, total: 5, online: 5 });
      const { selector } = body as { selector: string };
      if (selector === "os=") return refusal(400, "invalid", "column 4: expected a value after '='", { column: 4 });
      return answer(200, { matched: 5, online: 5, unreachable_names: [] });
    });
    show(<HostsPage me={kOperator} />);
    const run = await screen.findByRole<HTMLButtonElement>("button", { name: "Run on all 5 hosts" });
    expect(run.disabled).toBe(false);
    const box = screen.getByRole("textbox", { name: "Selector" });
    fireEvent.change(box, { target: { value: "os=" } });
    expect(run.disabled).toBe(true);
    await screen.findByText(/Column 4/);
    expect(run.disabled).toBe(true);
    fireEvent.change(box, { target: { value: "" } });
    await waitFor(() => expect(run.disabled).toBe(false));
  });
});
