// SPDX-License-Identifier: Apache-2.0
//
// A pack is sent, or hosts go back to what they had: says on how many hosts before it asks for
// the yes, and leads to the run, which shows how far all of them are.
import { Alert, Button, Group, Modal, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useLocation } from "wouter";

import { messageOf, request } from "../api/client";
import { selectorQuery } from "../api/queries";
import type { Pack, Run } from "../api/types";
import { counted } from "../text/format";
import { visibleLine } from "../text/visible";

export type PackAction = "apply" | "rollback";

const kTypingMs = 250;

interface Props {
  pack: Pack;
  /** Nothing: it is closed. */
  action: PackAction | undefined;
  onClose: () => void;
}

export function PackOrder({ pack, action, onClose }: Props) {
  const [, navigate] = useLocation();
  const [selector, setSelector] = useState("");
  const [waves, setWaves] = useState(true);
  const [settled] = useDebouncedValue(selector.trim(), kTypingMs);
  const check = useQuery({ ...selectorQuery(settled), enabled: settled !== "", retry: false });
  const key = useRef(crypto.randomUUID());
  const back = action === "rollback";
  const order = useMutation({
    mutationFn: () =>
      request<Run>("POST", "/v1/runs", {
        headers: { "Idempotency-Key": key.current },
        body: {
          selector: settled,
          method: { name: `pack::${pack.name}`, version: pack.version, arguments: { action } },
          ...(waves && matched > 1 ? { rollout: { waves: [{ count: 1 }, { percent: 10 }, { percent: 100 }] } } : {}),
        },
      }),
    onSuccess: (run) => navigate(`/runs/${run.id}`),
    onError: () => {
      key.current = crypto.randomUUID();
    },
  });
  const known = settled !== "" && settled === selector.trim() && check.data !== undefined && check.error === null;
  const matched = known ? check.data.matched : 0;
  const what = back ? "Roll back" : "Send";
  return (
    <Modal opened={action !== undefined} onClose={onClose} title={back ? `Roll back ${pack.name}?` : `Send ${pack.name} ${visibleLine(pack.version, 64)}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (matched > 0) order.mutate();
        }}
      >
        <Stack>
          {order.error !== null && <Alert color="red" role="alert">{messageOf(order.error)}</Alert>}
          <Text size="sm">
            {back
              ? "Each host goes back to the version that it had before. Nothing is fetched; twice is forth again. Where nothing was before, the pack is taken away."
              : "Each host takes what it can from its own files, fetches the rest, verifies all of it and switches at once. The version before is kept."}
          </Text>
          <TextInput
            label="Hosts" description="A selector; every host is all" value={selector} onChange={(event) => setSelector(event.currentTarget.value)} placeholder="role=web" data-autofocus
            error={check.error !== null && settled !== "" ? messageOf(check.error) : undefined} maxLength={4_000} spellCheck={false} autoComplete="off"
          />
          <Text size="sm" role="status" c="dimmed">{known ? `${counted(matched, "host matches", "hosts match")}, ${check.data.online} online` : "Say on which hosts."}</Text>
          <Switch label="In waves: one host, a tenth, all" checked={waves} onChange={(event) => setWaves(event.currentTarget.checked)} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Leave it</Button>
            <Button type="submit" color={back ? "red" : undefined} disabled={matched === 0} loading={order.isPending}>{matched > 0 ? `${what} ${back ? "on" : "to"} ${counted(matched, "host")}` : what}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
