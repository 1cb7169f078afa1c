// SPDX-License-Identifier: Apache-2.0
import { afterEach, expect, it } from "vitest";

import { answer, serve } from "../testing/samples";
import { request } from "./client";
import { baseOf, inPlace, placeIn } from "./place";

afterEach(() => window.history.replaceState(null, "", "/"));

it("reads the region from the address, and takes nothing else for one", () => {
  expect(["/@east/hosts", "/@east", "/@e-1/"].map(placeIn)).toEqual(["east", "east", "e-1"]);
  expect(["/", "/hosts", "/@", "/@East/hosts", "/@a.b/hosts", "/x/@east", "/@../hosts"].map(placeIn)).toEqual(["", "", "", "", "", "", ""]);
  expect([baseOf(""), baseOf("east")]).toEqual(["", "/@east"]);
});

it("asks the region that is looked at, and this one about who one is and about regions", async () => {
  const sent = serve(() => answer(200, {}));
  await request("GET", "/v1/hosts");
  window.history.replaceState(null, "", "/@east/hosts");
  for (const path of ["/v1/hosts", "/v1/me", "/v1/runs/1/cancel", "/v1/logout", "/v1/regions", "/v1/regions/hosts", "/v1/regionsx"]) await request("GET", path);
  expect(sent.map(({ path }) => path)).toEqual([
    "/v1/hosts", "/v1/regions/east/v1/hosts", "/v1/regions/east/v1/me", "/v1/regions/east/v1/runs/1/cancel", "/v1/logout", "/v1/regions",
    "/v1/regions/hosts", "/v1/regions/east/v1/regionsx",
  ]);
  expect(inPlace("/v1/events")).toBe("/v1/regions/east/v1/events");
});
