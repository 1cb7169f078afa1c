// SPDX-License-Identifier: Apache-2.0
//
// The answers of a run, identical ones folded together, the most frequent first.
import { Alert, Button, Center, Loader, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";

import { messageOf } from "../api/client";
import { foldsQuery } from "../api/queries";
import type { Run } from "../api/types";
import { FoldCard } from "./fold_card";
import { answers, foldKey } from "./folds";
import { answered } from "./states";

export function FoldList({ run, onOpen }: { run: Run; onOpen: (endpoint: string) => void }) {
  const list = useInfiniteQuery(foldsQuery(run.id));
  const folds = answers(list.data?.pages ?? []);
  if (list.error !== null) return <Alert color="red" role="alert">{messageOf(list.error)}</Alert>;
  const coming = folds.length === 0 && run.state === "running" && answered(run.counts) > 0;
  if (list.isPending || coming) return <Center p="xl"><Loader size="sm" aria-label="Loading" /></Center>;
  if (folds.length === 0) {
    return <Text c="dimmed" ta="center" p="xl">{run.state === "running" ? "No answer yet. Answers appear here as they arrive." : "There are no answers."}</Text>;
  }
  return (
    <Stack gap="sm">
      {folds.map((fold) => (
        <FoldCard key={foldKey(fold)} run={run.id} fold={fold} total={run.targets} onOpen={onOpen} />
      ))}
      {list.hasNextPage && (
        <Center p="sm">
          <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more answers</Button>
        </Center>
      )}
    </Stack>
  );
}
