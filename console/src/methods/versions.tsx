// SPDX-License-Identifier: Apache-2.0
//
// The versions of a method: which one runs where none is named, and what an administrator may
// do with the others.
import { Alert, Badge, Button, Group, Modal, Stack, Text, Tooltip } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";

import { messageOf, request } from "../api/client";
import { methodPath } from "../api/queries";
import type { Me, Method, MethodVersionSummary } from "../api/types";
import { useNow } from "../app/now";
import { ago, moment, size } from "../text/format";
import { visibleLine } from "../text/visible";
import classes from "./methods.module.css";
import { Hash, Section } from "./parts";

export function Versions({ method, me }: { method: Method; me: Me }) {
  const [removing, setRemoving] = useState<MethodVersionSummary | undefined>();
  const client = useQueryClient();
  const now = useNow(30_000);
  const use = useMutation({
    mutationFn: (version: string) => request("PUT", `${methodPath(method.name)}/current`, { body: { version } }),
    onSettled: () => Promise.all([client.invalidateQueries({ queryKey: ["method", method.name] }), client.invalidateQueries({ queryKey: ["methods"] })]),
  });
  return (
    <Section title="Versions">
      {use.error !== null && <Alert color="red" role="alert">{messageOf(use.error)}</Alert>}
      {method.versions.map((version) => (
        <div key={version.version} className={classes.version} data-shown={version.version === method.version}>
          <div className={classes.versionName}>
            <Link href={version.current ? `/methods/${method.name}` : `/methods/${method.name}/versions/${encodeURIComponent(version.version)}`} className={classes.versionLink}>
              {visibleLine(version.version, 64)}
            </Link>
            {version.current && <Badge color="teal" variant="light" size="sm">current</Badge>}
          </div>
          <Text size="sm" c="dimmed" title={moment(version.published_at)}>{ago(version.published_at, now)} by {visibleLine(version.published_by, 64)}</Text>
          <Group gap="sm" wrap="nowrap"><Hash text={version.digest} what={`digest of ${version.version}`} /><Text size="sm" c="dimmed">{size(version.size_bytes)}</Text></Group>
          {me.role === "admin" && (
            <Group gap="xs" justify="flex-end" wrap="nowrap">
              {!version.current && (
                <Button variant="light" size="compact-sm" loading={use.isPending && use.variables === version.version} onClick={() => use.mutate(version.version)}>Make current</Button>
              )}
              <Tooltip label="Make another version the current one first" disabled={!version.current || method.versions.length === 1}>
                <Button variant="subtle" color="red" size="compact-sm" disabled={version.current && method.versions.length > 1} onClick={() => setRemoving(version)}>Remove…</Button>
              </Tooltip>
            </Group>
          )}
        </div>
      ))}
      <Remove method={method} version={removing} onClose={() => setRemoving(undefined)} />
    </Section>
  );
}

function Remove({ method, version, onClose }: { method: Method; version: MethodVersionSummary | undefined; onClose: () => void }) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const last = method.versions.length === 1;
  const remove = useMutation({
    mutationFn: (name: string) => request("DELETE", `${methodPath(method.name)}/versions/${encodeURIComponent(name)}`),
    onSuccess: async (_none, name) => {
      onClose();
      // The page may show what is gone now.
      if (last) navigate("/methods");
      else if (name === method.version) navigate(`/methods/${method.name}`);
      await Promise.all([client.invalidateQueries({ queryKey: ["methods"] }), last ? undefined : client.invalidateQueries({ queryKey: ["method", method.name] })]);
    },
  });
  const close = () => {
    remove.reset();
    onClose();
  };
  return (
    <Modal opened={version !== undefined} onClose={close} title={last ? `Remove ${method.name}?` : `Remove version ${visibleLine(version?.version ?? "", 64)}?`}>
      <Stack>
        {remove.error !== null && <Alert color="red" role="alert">{messageOf(remove.error)}</Alert>}
        <Text size="sm">
          {last ? <>This is its only version: nobody can run <b>{method.name}</b> any more until it is published again. </> : <>Nobody can run this version of <b>{method.name}</b> any more. </>}
          What past runs answered stays.
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={close} data-autofocus>Keep it</Button>
          <Button color="red" loading={remove.isPending} onClick={() => version !== undefined && remove.mutate(version.version)}>Remove it</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
