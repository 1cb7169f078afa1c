// SPDX-License-Identifier: Apache-2.0
import { Alert, Anchor, Select, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { Link } from "wouter";

import { messageOf } from "../api/client";
import { methodsQuery } from "../api/queries";
import { visibleLine } from "../text/visible";

const kShownMax = 60;

/** Which method: by any part of its name or of what it says about itself. */
export function MethodPicker({ value, onPick }: { value: string | undefined; onPick: (name: string) => void }) {
  const list = useInfiniteQuery(methodsQuery(false));
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const methods = useMemo(() => new Map((list.data?.pages ?? []).flatMap((page) => page.methods).map((method) => [method.name, method])), [list.data]);
  if (list.error !== null) return <Alert color="red" role="alert">{messageOf(list.error)}</Alert>;
  if (list.isSuccess && methods.size === 0) {
    return (
      <Alert color="gray">
        There are no methods yet. <Anchor component={Link} href="/methods" size="sm">How to publish one</Anchor>
      </Alert>
    );
  }
  return (
    <Select
      label="Method" placeholder={list.isPending ? "loading…" : "type a part of its name"} data={[...methods.keys()]} value={value ?? null} searchable allowDeselect={false} selectFirstOptionOnChange
      limit={kShownMax} maxDropdownHeight={360} nothingFoundMessage="No method is called so" data-autofocus onChange={(name) => name !== null && onPick(name)}
      filter={({ options, search, limit }) => {
        const words = search.trim().toLowerCase().split(/\s+/);
        const fits = (name: string) => words.every((word) => `${name} ${methods.get(name)?.description ?? ""}`.toLowerCase().includes(word));
        return options.filter((option) => "value" in option && (value === search || fits(option.value))).slice(0, limit);
      }}
      renderOption={({ option }) => (
        <div>
          <Text size="sm" fw={600}>{option.value}</Text>
          <Text size="xs" opacity={0.75} lineClamp={1}>{visibleLine(methods.get(option.value)?.description ?? "", 160)}</Text>
        </div>
      )}
    />
  );
}
