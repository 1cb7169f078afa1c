// SPDX-License-Identifier: Apache-2.0
//
// Which region is looked at: this one, or another one through it. It stands in the address
// ("/@east/hosts"), so that a link leads to the same place and two tabs may be in two regions.
// To go elsewhere is to load the page anew: nothing of one region may show up as another's.

/** What is this region's own wherever one looks: who one is, and the regions themselves. */
const kOwn = ["/v1/login", "/v1/logout", "/v1/password", "/v1/regions"];
const kPlace = /^\/@([a-z][a-z0-9-]{0,31})(\/|$)/;

/** The name of the other region in an address; empty: this one. */
export function placeIn(pathname: string): string {
  return kPlace.exec(pathname)?.[1] ?? "";
}

/** The one that is looked at. */
export function place(): string {
  return placeIn(window.location.pathname);
}

/** What stands before every page of this place. */
export function baseOf(name: string): string {
  return name === "" ? "" : `/@${name}`;
}

/** Where the server answers `path` for the region that is looked at. */
export function inPlace(path: string): string {
  const name = place();
  const own = kOwn.some((each) => path === each || path.startsWith(`${each}/`) || path.startsWith(`${each}?`));
  return name === "" || own || !path.startsWith("/v1/") ? path : `/v1/regions/${name}${path}`;
}
