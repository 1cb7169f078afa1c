// SPDX-License-Identifier: Apache-2.0
import { CopyButton, Group, Tooltip, UnstyledButton } from "@mantine/core";
import type { ReactNode } from "react";

import { IconCopy } from "../app/icons";
import { visibleLine } from "../text/visible";
import classes from "./methods.module.css";

export function Section({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <Group gap="sm" mb={8}>
        <h2 className={classes.section}>{title}</h2>
        {aside}
      </Group>
      <div className={classes.card}>{children}</div>
    </section>
  );
}

/** Sixty-four digits are compared by machines: the beginning is shown, all of it is copied. */
export function Hash({ text, what }: { text: string; what: string }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? "Copied" : visibleLine(text, 64)} maw={600}>
          <UnstyledButton className={classes.hash} onClick={copy} aria-label={`Copy the ${what}`}>
            {visibleLine(text.slice(0, 12), 12)}… <IconCopy size={13} />
          </UnstyledButton>
        </Tooltip>
      )}
    </CopyButton>
  );
}
