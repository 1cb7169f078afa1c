// SPDX-License-Identifier: Apache-2.0
//
// What an order runs and how: a command or a method, its limits, its waves.
import { Alert, Group, SegmentedControl, Stack, Switch, Text } from "@mantine/core";

import { MethodFields } from "../methods/method_fields";
import { visibleLine } from "../text/visible";
import { RolloutFields } from "./rollout_fields";
import { CommandFields, OrderFields } from "./run_fields";
import { kRunFormStart } from "./run_form";
import classes from "./run_order.module.css";
import { kMethodForm, type Order, type Refused } from "./use_order";

const kKinds = [
  { value: "command", label: "Command" },
  { value: "method", label: "Method" },
];

interface Props {
  order: Order;
  refused: Refused;
  /** A command or a method: that is asked. */
  choose: boolean;
  someOffline: boolean;
  scheduled?: boolean;
}

export function WhatFields({ order, refused, choose, someOffline, scheduled = false }: Props) {
  const { form, faults, change, method } = order;
  return (
    <>
      {choose && order.fixed === undefined && (
        <Group justify="space-between">
          <Text size="sm" fw={500}>What to run</Text>
          <SegmentedControl
            size="xs" data={kKinds} value={form.kind} aria-label="What to run"
            onChange={(kind) => change(kind === "method" ? kMethodForm : { kind: "command", noop: false, timeoutS: kRunFormStart.timeoutS })}
          />
        </Group>
      )}
      {order.fixed !== undefined ? (
        <Alert color="gray" title="What it runs stays as it is">
          <code className={classes.confirmCommand}>{order.fixed}</code>
          <Text size="sm" mt="xs">It was made from the command line, which can change it.</Text>
        </Alert>
      ) : form.kind === "command" ? <CommandFields form={form} faults={faults} change={change} /> : (
        <MethodFields
          fixed={!choose} picked={order.picked?.name} onPick={(name) => order.pick({ name })}
          method={method} error={order.methodError} args={order.args} faults={{ ...refused.args, ...order.wrong }} noop={form.noop} onNoop={(noop) => change({ noop })}
          onSecret={order.touched} onFault={(name, fault) => order.setWrong({ ...order.wrong, [name]: fault })}
        />
      )}
      {scheduled && form.kind === "method" && method !== undefined && order.fixed === undefined && (
        <>
          {order.hidden.length > 0 && (
            <Alert color="orange" p="sm">Secrets are not shown: give {order.hidden.map((name) => visibleLine(name, 64)).join(", ")} again. What is left empty is not given.</Alert>
          )}
          <Switch
            label={`Stay with version ${visibleLine(method.version, 64)}`} description="Otherwise it is the version that is current when it fires" checked={order.pinned}
            onChange={(event) => order.pin(event.currentTarget.checked)}
          />
        </>
      )}
      <Stack gap={4}>
        <OrderFields form={form} faults={faults} change={change} method={method} someOffline={someOffline} scheduled={scheduled} />
        <RolloutFields
          form={form.rollout} faults={{ ...refused.rollout, ...order.wrongRollout }} change={(rollout) => change({ rollout })}
          selector={order.selector} matched={order.check?.matched} noop={form.noop}
        />
      </Stack>
    </>
  );
}
