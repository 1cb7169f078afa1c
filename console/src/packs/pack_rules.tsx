// SPDX-License-Identifier: Apache-2.0
//
// Who may install a pack by themselves, by `muster-agent packs get` on their host.
import { Alert, Button, Group, Select, Table, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { messageOf, request } from "../api/client";
import { packRulesQuery } from "../api/queries";
import type { Me, Pack, PackRule } from "../api/types";
import classes from "../methods/methods.module.css";
import { Section } from "../methods/parts";
import { visibleLine } from "../text/visible";

/** The version of a rule that names none. */
const kCurrent = "whichever is current";

export function PackRules({ pack, me }: { pack: Pack; me: Me }) {
  const client = useQueryClient();
  const { data, error } = useQuery(packRulesQuery(pack.name));
  const settled = () => client.invalidateQueries({ queryKey: ["pack-rules"] });
  const remove = useMutation({ mutationFn: (id: number) => request<undefined>("DELETE", `/v1/pack-rules/${id}`), onSettled: settled });
  const admin = me.role === "admin";
  const fault = error ?? remove.error;
  return (
    <Section title="Users may install it">
      {fault !== null && <Alert color="red" role="alert">{messageOf(fault)}</Alert>}
      {data?.rules.length === 0 && <div className={classes.plainLine}>No rule allows it: only administrators send it.</div>}
      {data !== undefined && data.rules.length > 0 && (
        <Table.ScrollContainer minWidth={420} type="native">
          <Table verticalSpacing={6} horizontalSpacing="md">
            <Table.Tbody>{data.rules.map((rule) => <Rule key={rule.id} rule={rule} onRemove={admin ? () => remove.mutate(rule.id) : undefined} />)}</Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {admin && <NewRule pack={pack} onMade={settled} />}
    </Section>
  );
}

function Rule({ rule, onRemove }: { rule: PackRule; onRemove: (() => void) | undefined }) {
  const version = rule.version ?? (rule.effect === "deny" ? "every version" : kCurrent);
  return (
    <Table.Tr>
      <Table.Td>{rule.effect === "deny" ? <Text span c="red" size="sm">may not</Text> : <Text span c="teal" size="sm">may</Text>}</Table.Td>
      <Table.Td><code>{visibleLine(rule.selector, 200)}</code></Table.Td>
      <Table.Td>{visibleLine(version, 64)}</Table.Td>
      <Table.Td c="dimmed">by {visibleLine(rule.created_by, 64)}</Table.Td>
      <Table.Td ta="right">
        {onRemove !== undefined && <Button variant="subtle" color="red" size="compact-sm" onClick={onRemove} aria-label={`Remove the rule for ${visibleLine(rule.selector, 100)}`}>Remove</Button>}
      </Table.Td>
    </Table.Tr>
  );
}

function NewRule({ pack, onMade }: { pack: Pack; onMade: () => Promise<void> }) {
  const [selector, setSelector] = useState("");
  const [version, setVersion] = useState(kCurrent);
  const [effect, setEffect] = useState<PackRule["effect"]>("allow");
  const make = useMutation({
    mutationFn: () => request<PackRule>("POST", "/v1/pack-rules", { body: { pack: pack.name, selector: selector.trim(), effect, ...(version === kCurrent ? {} : { version }) } }),
    onSuccess: () => setSelector(""),
    onSettled: onMade,
  });
  return (
    <form
      className={classes.howTo}
      aria-label="A new rule"
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate();
      }}
    >
      {make.error !== null && <Alert color="red" role="alert" mb="sm">{messageOf(make.error)}</Alert>}
      <Group gap="sm" align="flex-end">
        <TextInput label="Users of" placeholder="role=desktop" value={selector} onChange={(event) => setSelector(event.currentTarget.value)} maxLength={4_000} flex={1} miw={180} spellCheck={false} autoComplete="off" />
        <Select
          label="May" w={130} allowDeselect={false} value={effect} onChange={(next) => setEffect(next === "deny" ? "deny" : "allow")}
          data={[{ value: "allow", label: "install it" }, { value: "deny", label: "not install it" }]}
        />
        <Select label="Version" w={190} allowDeselect={false} value={version} onChange={(next) => setVersion(next ?? kCurrent)} data={[kCurrent, ...pack.versions.map((each) => each.version)]} />
        <Button type="submit" variant="light" disabled={selector.trim() === ""} loading={make.isPending}>Add</Button>
      </Group>
    </form>
  );
}
