// SPDX-License-Identifier: Apache-2.0
//
// The frame around every page: where one is, how the region is, who one is.
import { ActionIcon, Group, Text, Tooltip, useComputedColorScheme, useMantineColorScheme, VisuallyHidden } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";

import { place } from "../api/place";
import { regionQuery } from "../api/queries";
import type { Me } from "../api/types";
import { RegionSwitch } from "../regions/region_switch";
import { count } from "../text/format";
import { AccountMenu } from "./account_menu";
import { IconMoon, IconSun, Logo } from "./icons";
import { useRegionLive } from "./region_live";
import classes from "./shell.module.css";

const kPages = [
  { path: "/hosts", label: "Hosts" },
  { path: "/runs", label: "Runs" },
  { path: "/methods", label: "Methods" },
  { path: "/packs", label: "Packs" },
  { path: "/schedules", label: "Schedules" },
  { path: "/events", label: "Events" },
  { path: "/gateways", label: "Gateways" },
  { path: "/regions", label: "Regions" },
] as const;
/** What another region shows. */
const kElsewhere: readonly string[] = ["/hosts", "/runs", "/methods"];

export function Shell({ me, children }: { me: Me; children: ReactNode }) {
  const [location] = useLocation();
  const nav = useRef<HTMLElement>(null);
  // On a phone the row is longer than the screen.
  useEffect(() => {
    nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [location]);
  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#main">Skip to the content</a>
      <header className={classes.header}>
        <Link href="/hosts" className={classes.brand} aria-label="Muster">
          <Logo />
          <span>Muster</span>
        </Link>
        <nav ref={nav} className={classes.nav} aria-label="Pages">
          {kPages.filter(({ path }) => place() === "" || kElsewhere.includes(path)).map(({ path, label }) => (
            <Link key={path} href={path} className={classes.tab} aria-current={location.startsWith(path) ? "page" : undefined}>
              {label}
            </Link>
          ))}
        </nav>
        <Group gap="sm" ml="auto" wrap="nowrap">
          <RegionSwitch />
          <RegionStatus />
          <SchemeToggle />
          <AccountMenu me={me} />
        </Group>
      </header>
      <main id="main" className={classes.main} tabIndex={-1}>{children}</main>
    </div>
  );
}

function RegionStatus() {
  const live = useRegionLive();
  const { data } = useQuery(regionQuery);
  return (
    <div className={classes.status} role="status">
      {live === "lost" ? (
        <Text component="span" size="sm" c="orange" fw={600} className={classes.lost}>
          <span className={classes.pulse} />
          connection lost, retrying
        </Text>
      ) : (
        data && (
          <Tooltip label={`region ${data.region} · version ${data.version}`}>
            <Text component="span" size="sm" c="dimmed" className={classes.counts}>
              <span className={classes.dot} data-live={live === "open"} />
              <VisuallyHidden>{live === "open" ? "live, " : ""}</VisuallyHidden>
              <b>{count(data.endpoints.online)}</b><span className={classes.rest}> of {count(data.endpoints.total)} online</span>
            </Text>
          </Tooltip>
        )
      )}
    </div>
  );
}

function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const other = scheme === "dark" ? "light" : "dark";
  return (
    <Tooltip label={`Switch to ${other} colours`}>
      <ActionIcon variant="subtle" color="gray" size="lg" onClick={() => setColorScheme(other)} aria-label={`Switch to ${other} colours`}>
        {scheme === "dark" ? <IconSun size={18} /> : <IconMoon size={18} />}
      </ActionIcon>
    </Tooltip>
  );
}
