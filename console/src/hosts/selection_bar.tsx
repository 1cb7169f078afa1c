// SPDX-License-Identifier: Apache-2.0
import { Button, Group, Text } from "@mantine/core";
import type { Dispatch } from "react";

import type { Host } from "../api/types";
import { count, counted } from "../text/format";
import { kPickedMax } from "./selector";
import { isEmpty, type Selection, type SelectionAction } from "./selection";
import classes from "./hosts.module.css";

interface Props {
  selection: Selection;
  loaded: readonly Host[];
  total: number;
  selector: string;
  dispatch: Dispatch<SelectionAction>;
}

/** What is picked, and the step from the boxes on the screen to everything that matches. */
export function SelectionBar({ selection, loaded, total, selector, dispatch }: Props) {
  if (isEmpty(selection)) return null;
  const picked = selection.mode === "some" ? [...selection.hosts.values()] : [];
  const offline = picked.filter((host) => !host.online).length;
  const full = picked.length >= kPickedMax;
  const wholePage = total > picked.length && selection.mode === "some" && (full || picked.length >= loaded.length);
  return (
    <Group className={classes.selection} gap="md" role="status">
      <Text size="sm" fw={600}>
        {selection.mode === "matching" ? `All ${counted(total, "matching host")} selected` : `${counted(picked.length, "host")} selected`}
      </Text>
      {full && <Text size="sm" c="dimmed">the most that can be picked one by one; a selector says more</Text>}
      {offline > 0 && <Text size="sm" c="orange">{count(offline)} of them offline</Text>}
      {wholePage && (
        <Button variant="subtle" size="compact-sm" onClick={() => dispatch({ type: "matching", selector })}>
          Select all {count(total)} that match
        </Button>
      )}
      <Button variant="subtle" color="gray" size="compact-sm" ml="auto" onClick={() => dispatch({ type: "clear" })}>
        Clear selection
      </Button>
    </Group>
  );
}
