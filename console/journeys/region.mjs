// SPDX-License-Identifier: Apache-2.0
//
// A region of its own for the journeys: `muster up` with this machine as its first host, and
// two more agents, so that answers fold. Everything lives in a temporary folder.
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const kStartMsMax = 60_000;
const kStopMsMax = 10_000;
const kMoreAgents = 2;

/** Resolves to the match of `pattern` in what the process writes; rejects when it ends without. */
function says(child, pattern) {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => reject(new Error(`the region did not start in time:\n${text}`)), kStartMsMax);
    const take = (data) => {
      text += data.toString();
      const match = pattern.exec(text);
      if (match === null) return;
      clearTimeout(timer);
      resolve(match.groups);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("exit", (code) => reject(new Error(`the region ended with status ${code}:\n${text}`)));
  });
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  const timer = setTimeout(() => child.kill("SIGKILL"), kStopMsMax);
  await ended;
  clearTimeout(timer);
}

/** Starts the programs of the folder `bin`; answers who to visit, and how to end it all. */
export async function startRegion(bin) {
  const folder = mkdtempSync(join(tmpdir(), "muster-journeys-"));
  const home = (name) => {
    const state = join(folder, name);
    mkdirSync(state, { mode: 0o700 });
    return { ...process.env, MUSTER_STATE: state, HOME: state };
  };
  const children = [];
  const end = async () => {
    for (const child of children.reverse()) await stop(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const env = home("region");
    const up = spawn(join(bin, "muster"), ["up", "--listen", "127.0.0.1:0"], { env });
    children.push(up);
    const found = await says(up, /^Console +(?<url>\S+)$[\s\S]*^User +(?<user>\S+)$[\s\S]*^Password +(?<password>\S+)/m);
    const run = promisify(execFile);
    const { stdout } = await run(join(bin, "muster"), ["token", "create", "--quiet", "--uses", String(kMoreAgents), "--label", "role=web"], { env });
    for (let number = 1; number <= kMoreAgents; number += 1) {
      const agentEnv = home(`agent${number}`);
      await run(join(bin, "muster-agent"), ["enrol", "--server", found.url, "--token", stdout.trim()], { env: agentEnv });
      const agent = spawn(join(bin, "muster-agent"), ["run"], { env: agentEnv });
      children.push(agent);
      await says(agent, /logged in/);
    }
    return { url: found.url, user: found.user, password: found.password, end };
  } catch (error) {
    await end();
    throw error;
  }
}
