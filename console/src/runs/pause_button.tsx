// SPDX-License-Identifier: Apache-2.0
import { Button, Tooltip } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";

import { messageOf, request } from "../api/client";
import { runQuery } from "../api/queries";
import type { Me, Run } from "../api/types";
import { IconPause, IconPlay } from "../app/icons";
import { mayRun } from "./run_form";

/** Holds a run, or lets it go on; nothing once it has ended, was cancelled or stopped. */
export function PauseButton({ run, me }: { run: Run; me: Me }) {
  const client = useQueryClient();
  const paused = run.paused !== undefined;
  const change = useMutation({
    mutationFn: (what: "pause" | "resume") => request<Run>("POST", `/v1/runs/${encodeURIComponent(run.id)}/${what}`, what === "pause" ? { body: {} } : {}),
    onSuccess: (next) => client.setQueryData(runQuery(run.id).queryKey, next),
  });
  const over = run.state === "finished" || run.cancelled_by !== undefined || run.stopped !== undefined;
  // Where everything was sent at once there is nothing left to hold.
  const waiting = paused || run.counts.queued > 0;
  if (over || !mayRun(me.role) || !waiting) return null;
  const why = change.error === null ? (paused ? "What waits is sent again; failures so far are forgiven" : "Nothing more is sent; what was sent goes on") : messageOf(change.error);
  return (
    <Tooltip label={why} multiline maw={360} {...(change.error === null ? {} : { opened: true })}>
      <Button
        variant="light" color={change.error === null ? undefined : "orange"} leftSection={paused ? <IconPlay /> : <IconPause />} loading={change.isPending}
        onClick={() => change.mutate(paused ? "resume" : "pause")}
      >
        {paused ? "Resume" : "Pause"}
      </Button>
    </Tooltip>
  );
}
