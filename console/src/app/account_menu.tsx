// SPDX-License-Identifier: Apache-2.0
import { Alert, Button, Group, Menu, Modal, PasswordInput, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";

import { messageOf, request } from "../api/client";
import { meQuery } from "../api/queries";
import type { Me } from "../api/types";
import { visibleLine } from "../text/visible";
import { IconUser } from "./icons";
import classes from "./shell.module.css";

const kPasswordCharsMin = 8;

export function AccountMenu({ me }: { me: Me }) {
  const client = useQueryClient();
  const [changing, setChanging] = useState(false);
  const logout = useMutation({
    mutationFn: () => request("POST", "/v1/logout"),
    onSettled: async () => {
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== "me" });
      await client.invalidateQueries({ queryKey: meQuery.queryKey });
    },
  });
  return (
    <>
      <Menu position="bottom-end" width={220}>
        <Menu.Target>
          <Button variant="subtle" color="gray" px="xs" aria-label={visibleLine(me.user, 32)} className={classes.account} leftSection={<IconUser size={18} />}>{visibleLine(me.user, 32)}</Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            {me.role}
            {me.selector !== undefined && me.selector !== "" && ` on ${visibleLine(me.selector, 80)}`}
          </Menu.Label>
          <Menu.Item onClick={() => setChanging(true)}>Change password…</Menu.Item>
          <Menu.Divider />
          <Menu.Item onClick={() => logout.mutate()}>Log out</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal opened={changing} onClose={() => setChanging(false)} title="Change password">
        <PasswordForm done={() => setChanging(false)} />
      </Modal>
    </>
  );
}

function PasswordForm({ done }: { done: () => void }) {
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const change = useMutation({
    mutationFn: () => request("POST", "/v1/password", { body: { old, new: next } }),
    onSuccess: done,
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        {change.error && <Alert color="red" role="alert">{messageOf(change.error)}</Alert>}
        <PasswordInput label="Present password" autoComplete="current-password" value={old} onChange={(e) => setOld(e.currentTarget.value)} required data-autofocus />
        <PasswordInput
          label="New password" description={`At least ${kPasswordCharsMin} characters`} autoComplete="new-password"
          value={next} onChange={(e) => setNext(e.currentTarget.value)} minLength={kPasswordCharsMin} required
        />
        <Text size="xs" c="dimmed">Your other sessions end.</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={done}>Keep the old one</Button>
          <Button type="submit" loading={change.isPending}>Change</Button>
        </Group>
      </Stack>
    </form>
  );
}
