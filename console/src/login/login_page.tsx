// SPDX-License-Identifier: Apache-2.0
import { Alert, Button, Center, Group, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";

import { ApiError, request } from "../api/client";
import { meQuery } from "../api/queries";
import type { Me } from "../api/types";
import { Logo } from "../app/icons";
import { useNow } from "../app/now";
import { counted } from "../text/format";

/** What to tell a person whose log-in was refused. */
export function refusalText(error: unknown, secondsLeft: number): string {
  if (!(error instanceof ApiError)) return "Something went wrong in this page; load it again.";
  if (error.status === 401) return "Wrong name or password.";
  if (error.status === 429) {
    return secondsLeft > 0
      ? `Too many attempts. You may try again in ${counted(secondsLeft, "second")}.`
      : "Too many attempts before. You may try again now.";
  }
  return error.message;
}

export function LoginPage() {
  const client = useQueryClient();
  const now = useNow(500);
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [openAt, setOpenAt] = useState(0);
  const login = useMutation({
    meta: { anonymous: true },
    mutationFn: () => request<Me>("POST", "/v1/login", { body: { user, password } }),
    onSuccess: (me) => {
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== "me" });
      client.setQueryData(meQuery.queryKey, me);
    },
    onError: (error) => {
      setPassword("");
      if (error instanceof ApiError && error.status === 429) setOpenAt(Date.now() + (error.retryAfterS ?? 10) * 1000);
    },
  });
  const secondsLeft = Math.max(0, Math.ceil((openAt - now) / 1000));
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    login.mutate();
  };
  return (
    <Center mih="100vh" p="md" component="main">
      <Stack w={380} gap="lg">
        <Group gap="sm" justify="center">
          <Logo size={34} />
          <Title order={1} fz={26}>Muster</Title>
        </Group>
        <Paper withBorder p="xl" shadow="xs" radius="md">
          <form onSubmit={submit} aria-label="Log in">
            <Stack>
              {login.error !== null && (
                <Alert color={secondsLeft > 0 ? "orange" : "red"} role="alert" p="sm">{refusalText(login.error, secondsLeft)}</Alert>
              )}
              <TextInput
                label="User" name="user" autoComplete="username" autoFocus required withAsterisk={false} maxLength={64}
                value={user} onChange={(e) => setUser(e.currentTarget.value)}
              />
              <PasswordInput
                label="Password" name="password" autoComplete="current-password" required withAsterisk={false} maxLength={1024}
                value={password} onChange={(e) => setPassword(e.currentTarget.value)}
              />
              <Button type="submit" fullWidth mt="xs" loading={login.isPending} disabled={secondsLeft > 0}>Log in</Button>
            </Stack>
          </form>
        </Paper>
        <Text size="xs" c="dimmed" ta="center">
          The first password was printed when the region started for the first time.
        </Text>
      </Stack>
    </Center>
  );
}
