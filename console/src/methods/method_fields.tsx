// SPDX-License-Identifier: Apache-2.0
//
// The part of an order that is about its method: which, with what, and whether only to say what
// would be done.
import { Alert, Badge, Group, Loader, Stack, Switch, Text } from "@mantine/core";

import { messageOf } from "../api/client";
import type { Method } from "../api/types";
import { visibleLine } from "../text/visible";
import { MethodPicker } from "./method_picker";
import { ParameterFields } from "./parameter_fields";
import type { ArgumentsForm } from "./use_arguments";
import classes from "./methods.module.css";

interface Props {
  /** The method was chosen before the order began. */
  fixed: boolean;
  picked: string | undefined;
  onPick: (name: string) => void;
  method: Method | undefined;
  error: Error | null;
  args: ArgumentsForm;
  faults: Readonly<Record<string, string>>;
  noop: boolean;
  onNoop: (noop: boolean) => void;
  onSecret: () => void;
  onFault: (name: string, fault: string) => void;
}

export function MethodFields(props: Props) {
  const { fixed, picked, onPick, method, error, args, faults, noop, onNoop, onSecret, onFault } = props;
  return (
    <Stack gap="md">
      {!fixed && <MethodPicker value={picked} onPick={onPick} />}
      {error !== null && <Alert color="red" role="alert">{messageOf(error)}</Alert>}
      {picked !== undefined && method === undefined && error === null && <Loader size="xs" aria-label="Loading" />}
      {method !== undefined && (
        <>
          <div className={classes.chosen}>
            <Group gap="xs">
              {fixed && <Text fw={650} size="sm" className={classes.name}>{method.name}</Text>}
              <Text size="sm" c="dimmed" className={classes.code}>{method.version}</Text>
              {!method.current && <Badge color="orange" variant="light">not the current version</Badge>}
            </Group>
            {method.description !== undefined && <Text size="sm" c="dimmed">{visibleLine(method.description, 500)}</Text>}
          </div>
          <ParameterFields key={`${method.name}@${method.version}`} form={args} faults={faults} onSecret={onSecret} onFault={onFault} />
          {method.supports_noop && (
            <Switch label="Dry run" description="It says what it would do, and does nothing" checked={noop} onChange={(event) => onNoop(event.currentTarget.checked)} />
          )}
        </>
      )}
    </Stack>
  );
}
