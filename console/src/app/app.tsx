// SPDX-License-Identifier: Apache-2.0
//
// Who is there? Without a session the log-in page, with one the shell and its pages.
import { Anchor, Button, Center, Loader, MantineProvider, Stack, Text } from "@mantine/core";
import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, Redirect, Route, Router, Switch } from "wouter";

import { ApiError, messageOf } from "../api/client";
import { baseOf, place } from "../api/place";
import { makeQueryClient, meQuery } from "../api/queries";
import type { Me } from "../api/types";
import { DiscoveryPage } from "../discovery/discovery_page";
import { EventsPage } from "../events/events_page";
import { GatewaysPage } from "../gateways/gateways_page";
import { HostsPage } from "../hosts/hosts_page";
import { LoginPage } from "../login/login_page";
import { RegionsPage } from "../regions/regions_page";
import { MethodPage } from "../methods/method_page";
import { MethodsPage } from "../methods/methods_page";
import { PackPage } from "../packs/pack_page";
import { PacksPage } from "../packs/packs_page";
import { RunPage } from "../runs/run_page";
import { RunsPage } from "../runs/runs_page";
import { SchedulesPage } from "../schedules/schedules_page";
import { RegionLive } from "./region_live";
import { Shell } from "./shell";
import { theme } from "./theme";

export function App() {
  const [client] = useState(makeQueryClient);
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={client}>
        <Router base={baseOf(place())}><Session /></Router>
      </QueryClientProvider>
    </MantineProvider>
  );
}

function Session() {
  const me = useQuery(meQuery);
  const gone = me.error instanceof ApiError && me.error.status === 401;
  if (gone) return <LoginPage />;
  if (me.data !== undefined) return <Pages me={me.data} />;
  if (me.error !== null) return <NoAnswer error={me.error} again={() => void me.refetch()} />;
  return (
    <Center mih="100vh">
      <Loader aria-label="Loading" />
    </Center>
  );
}

function NoAnswer({ error, again }: { error: Error; again: () => void }) {
  useEffect(() => {
    const timer = setInterval(again, 5_000);
    return () => clearInterval(timer);
  }, [again]);
  return (
    <Center mih="100vh" p="lg">
      <Stack align="center" gap="sm" role="alert">
        <Text fw={650} size="lg">{place() === "" ? "The server cannot be reached" : `The region ${place()} cannot be asked`}</Text>
        <Text c="dimmed" ta="center">{messageOf(error)}</Text>
        <Button onClick={again}>Try again</Button>
        {place() !== "" && <Anchor href="/regions">Back to this region</Anchor>}
      </Stack>
    </Center>
  );
}

function Pages({ me }: { me: Me }) {
  return (
    <RegionLive>
      <Shell me={me}>
        <Switch>
          <Route path="/hosts"><HostsPage me={me} /></Route>
          <Route path="/runs"><RunsPage /></Route>
          <Route path="/runs/:id">{({ id }) => <RunPage key={id} id={id} me={me} />}</Route>
          <Route path="/methods"><MethodsPage /></Route>
          <Route path="/methods/:name">{({ name }) => <MethodPage key={name} name={name} me={me} />}</Route>
          <Route path="/methods/:name/versions/:version">
            {({ name, version }) => <MethodPage key={`${name}@${version}`} name={name} version={version} me={me} />}
          </Route>
          <Route path="/schedules"><SchedulesPage me={me} /></Route>
          {place() === "" && <Route path="/regions"><RegionsPage me={me} /></Route>}
          <Route path="/packs"><PacksPage /></Route>
          <Route path="/packs/:name">{({ name }) => <PackPage key={name} name={name} me={me} />}</Route>
          <Route path="/packs/:name/versions/:version">{({ name, version }) => <PackPage key={`${name}@${version}`} name={name} version={version} me={me} />}</Route>
          <Route path="/gateways"><GatewaysPage me={me} /></Route>
          <Route path="/events"><EventsPage /></Route>
          <Route path="/discovery"><DiscoveryPage me={me} /></Route>
          <Route path="/"><Redirect to="/hosts" replace /></Route>
          <Route path="/login"><Redirect to="/hosts" replace /></Route>
          <Route>
            <Center p="xl"><Text c="dimmed">There is no such page. <Anchor component={Link} href="/hosts">To the hosts</Anchor></Text></Center>
          </Route>
        </Switch>
      </Shell>
    </RegionLive>
  );
}
