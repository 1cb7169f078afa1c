// SPDX-License-Identifier: Apache-2.0
import { Alert, Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { messageOf, request } from "../api/client";
import { runQuery } from "../api/queries";
import type { Me, Run } from "../api/types";
import { IconStop } from "../app/icons";
import { counted } from "../text/format";
import { mayRun } from "./run_form";
import { answered } from "./states";

/** The stop button of a run; nothing once it has ended. */
export function CancelButton({ run, me }: { run: Run; me: Me }) {
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const cancel = useMutation({
    mutationFn: () => request<Run>("POST", `/v1/runs/${encodeURIComponent(run.id)}/cancel`),
    onSuccess: (next) => {
      client.setQueryData(runQuery(run.id).queryKey, next);
      setAsking(false);
    },
  });
  if (run.state === "finished" || !mayRun(me.role)) return null;
  const open = run.targets - answered(run.counts);
  return (
    <>
      <Button color="red" variant="light" leftSection={<IconStop />} onClick={() => setAsking(true)} disabled={run.cancelled_by !== undefined} flex="none">
        {run.cancelled_by === undefined ? "Cancel run" : "Cancelling…"}
      </Button>
      <Modal opened={asking} onClose={() => setAsking(false)} title="Cancel this run?">
        <Stack>
          {cancel.error !== null && <Alert color="red" role="alert">{messageOf(cancel.error)}</Alert>}
          <Text size="sm">
            {counted(open, "host has", "hosts have")} not answered yet. What waits is not started, what runs is killed. Answers that are here stay.
          </Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setAsking(false)} data-autofocus>Let it run</Button>
            <Button color="red" loading={cancel.isPending} onClick={() => cancel.mutate()}>Cancel the run</Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
