// SPDX-License-Identifier: Apache-2.0
//
// To trust another region: its card, a look at whose it is, and what it may do here.
import { Alert, Button, Checkbox, Code, Group, Modal, NumberInput, Select, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { messageOf, request } from "../api/client";
import { regionsQuery } from "../api/queries";
import type { Neighbour, RegionCard } from "../api/types";
import { visibleLine } from "../text/visible";
import { grouped } from "./region_state";

const kGrants = [
  { value: "", label: "nothing: this region only asks" },
  { value: "see", label: "see hosts, methods and runs" },
  { value: "run", label: "see, and start and end runs" },
];
const kSecondsADay = 86_400;

export function AddRegion({ opened, close }: { opened: boolean; close: () => void }) {
  return <Modal opened={opened} onClose={close} title="Add a region" size="lg">{opened && <AddForm done={close} />}</Modal>;
}

function AddForm({ done }: { done: () => void }) {
  const [card, setCard] = useState("");
  const look = useMutation({ mutationFn: () => request<RegionCard>("POST", "/v1/regions/inspect", { body: { card } }) });
  if (look.data !== undefined && look.data.known_as === undefined) return <GrantForm card={card} seen={look.data} done={done} />;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        look.mutate();
      }}
    >
      <Stack>
        {look.error !== null && <Alert color="red" role="alert">{messageOf(look.error)}</Alert>}
        {look.data?.known_as !== undefined && <Alert color="orange" role="alert">This region is known already, as {look.data.known_as}.</Alert>}
        <Textarea
          label="Card of the other region" description={<>What <Code>muster regions card</Code> prints there, or its console shows</>} required autosize minRows={6} maxRows={12}
          value={card} onChange={(event) => setCard(event.currentTarget.value)} styles={{ input: { fontFamily: "monospace" } }} data-autofocus
        />
        <Group justify="flex-end"><Button type="submit" loading={look.isPending} disabled={card.trim() === ""}>Look at it</Button></Group>
      </Stack>
    </form>
  );
}

function GrantForm({ card, seen, done }: { card: string; seen: RegionCard; done: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(seen.name);
  const [same, setSame] = useState(false);
  const [may, setMay] = useState("");
  const [selector, setSelector] = useState("");
  const [days, setDays] = useState<number | string>("");
  const add = useMutation({
    mutationFn: () =>
      request<Neighbour>("POST", "/v1/regions", {
        body: { card, name, may: may === "" ? [] : [may], selector, ...(typeof days === "number" ? { expires_in_s: days * kSecondsADay } : {}) },
      }),
    onSuccess: done,
    onSettled: () => client.invalidateQueries({ queryKey: regionsQuery.queryKey }),
  });
  return (
    <form
      aria-label="Add a region"
      onSubmit={(event) => {
        event.preventDefault();
        add.mutate();
      }}
    >
      <Stack>
        {add.error !== null && <Alert color="red" role="alert">{messageOf(add.error)}</Alert>}
        <div>
          <Text size="sm">The card is of the region with the fingerprint</Text>
          <Code block>{grouped(visibleLine(seen.fingerprint, 80))}</Code>
          <Text size="xs" c="dimmed">and the addresses {visibleLine(seen.addresses.join(", "), 300)}</Text>
        </div>
        <Checkbox label="The other administrator reads out the same fingerprint" checked={same} onChange={(event) => setSame(event.currentTarget.checked)} required />
        <TextInput label="Called here" value={name} onChange={(event) => setName(event.currentTarget.value)} maxLength={32} required />
        <Select label="It may, in this region" data={kGrants} value={may} onChange={(value) => setMay(value ?? "")} allowDeselect={false} />
        {may !== "" && (
          <Group grow align="flex-start">
            <TextInput label="On these hosts only" description="A selector; empty: all" value={selector} onChange={(event) => setSelector(event.currentTarget.value)} />
            <NumberInput label="For so many days" description="Empty: until it is taken back" min={1} max={3660} allowDecimal={false} value={days} onChange={setDays} />
          </Group>
        )}
        <Group justify="flex-end"><Button type="submit" disabled={!same} loading={add.isPending}>Add {visibleLine(name, 32)}</Button></Group>
      </Stack>
    </form>
  );
}
