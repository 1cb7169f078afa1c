// SPDX-License-Identifier: Apache-2.0
import { Alert, Stack, Text } from "@mantine/core";

import type { Run } from "../api/types";
import { notesOf, waveLine } from "./rollout";

/** How far a run in waves is, and what holds or ended it. */
export function RolloutNotes({ run }: { run: Run }) {
  const line = waveLine(run);
  const notes = notesOf(run);
  if (line === undefined && notes.length === 0) return null;
  return (
    <Stack gap="xs" mt="md">
      {line !== undefined && <Text size="sm" c="dimmed">{line}</Text>}
      {notes.map(({ color, text }) => <Alert key={text} color={color} p="xs">{text}</Alert>)}
    </Stack>
  );
}
