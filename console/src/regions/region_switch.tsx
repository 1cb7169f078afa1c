// SPDX-License-Identifier: Apache-2.0
//
// Where one is, in the header, and the way to other regions. Not shown where there are none.
import { Button, Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { baseOf, place } from "../api/place";
import { regionsQuery } from "../api/queries";
import { RegionState } from "./region_state";

export function RegionSwitch() {
  const here = place();
  // Who may not ask other regions gets a refusal, and no switch.
  const { data } = useQuery({ ...regionsQuery, retry: false });
  const regions = data?.regions ?? [];
  if (here === "" && regions.length === 0) return null;
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <Button size="compact-sm" variant={here === "" ? "default" : "filled"} aria-label={`Region: ${here === "" ? "this one" : here}`}>
          {here === "" ? "this region" : here}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href="/hosts" aria-current={here === ""}>this region</Menu.Item>
        <Menu.Divider />
        {regions.map(({ name, state }) => (
          <Menu.Item key={name} component="a" href={`${baseOf(name)}/hosts`} aria-current={here === name} rightSection={<RegionState state={state} />}>{name}</Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
