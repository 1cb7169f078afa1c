// SPDX-License-Identifier: Apache-2.0
import { Table } from "@mantine/core";
import type { ReactNode } from "react";

import classes from "./framed_table.module.css";

interface Props {
  /** What the columns are called; "" for buttons. */
  heads: readonly string[];
  /** Narrower than so many pixels it scrolls sideways. */
  minWidth: number;
  label?: string;
  /** The rows. */
  children: ReactNode;
}

/** A list of things in a frame, as each page shows what it is about. */
export function FramedTable({ heads, minWidth, label, children }: Props) {
  return (
    <Table.ScrollContainer minWidth={minWidth} type="native" className={classes.frame ?? ""}>
      <Table verticalSpacing={9} horizontalSpacing="md" aria-label={label}>
        <Table.Thead><Table.Tr>{heads.map((head) => <Table.Th key={head}>{head}</Table.Th>)}</Table.Tr></Table.Thead>
        <Table.Tbody>{children}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
