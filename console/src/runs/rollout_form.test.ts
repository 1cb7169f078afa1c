// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import type { RolloutPlan } from "../api/types";
import { kRolloutStart, planOf, type RolloutForm, rolloutFaults, rolloutFormOf, rolloutRefusal, rolloutWords, usualWaves, type WaveKind, waveOf } from "./rollout_form";

const form = (part: Partial<RolloutForm> = {}): RolloutForm => ({ ...kRolloutStart, ...part });
const waves = (...rows: [WaveKind, string, string?][]) => rows.map(([kind, text, order], at) => waveOf(at + 1, kind, text, order));

describe("the plan of a rollout", () => {
  it("is none where nothing was asked for", () => {
    expect(planOf(form())).toBeUndefined();
    expect(planOf(form({ limit: "percent", failures: 5, between: "pause" }))).toBeUndefined();
  });

  it("has every kind of wave, and what goes with them", () => {
    const full = form({
      waves: waves(["count", " 1 "], ["percent", "10"], ["selector", " role=canary "], ["each_label", "site", "berlin, oslo ,"]),
      parallel: 50, limit: "percent", failures: 5, onFailures: "pause", countUnreachable: true, between: "wait", waitMinutes: 10,
    });
    expect(rolloutFaults(full)).toEqual({});
    expect(planOf(full)).toEqual({
      waves: [{ count: 1 }, { percent: 10 }, { selector: "role=canary" }, { each_label: "site", order: ["berlin", "oslo"] }],
      parallel_max: 50, failures_percent_max: 5, on_failures: "pause", count_unreachable: true, wait_between_ms: 600_000,
    });
  });

  it("says nothing of waves where there is a ceiling only", () => {
    expect(planOf(form({ parallel: 5, limit: "none", between: "pause" }))).toEqual({ parallel_max: 5 });
  });

  it("lets all fail beside waves where failures stop nothing: without a word none may", () => {
    expect(planOf(form({ waves: usualWaves(), limit: "none" }))).toEqual({ waves: [{ count: 1 }, { percent: 10 }, { percent: 100 }], failures_percent_max: 100 });
  });

  it.each([
    { waves: [{ count: 1 }, { selector: "a=b" }, { each_label: "site", order: ["x"] }], failures_max: 0, on_failures: "stop" },
    { parallel_max: 7 }, { parallel_max: 7, failures_max: 3, on_failures: "pause", count_unreachable: true },
    { waves: [{ percent: 10 }], failures_percent_max: 100, pause_between: true },
    { waves: [{ percent: 10 }], failures_percent_max: 5, on_failures: "stop", wait_between_ms: 90_000 },
  ] as RolloutPlan[])("comes back from its form as it was: %j", (plan) => {
    expect(planOf(rolloutFormOf(plan))).toEqual(plan);
  });
});

describe("faults of a rollout", () => {
  it.each([
    ["no number", { waves: waves(["count", ""]) }, ["wave0"]],
    ["half a host", { waves: waves(["count", "1.5"]) }, ["wave0"]],
    ["too many hosts", { waves: waves(["count", "200001"]) }, ["wave0"]],
    ["no percentage", { waves: waves(["count", "1"], ["percent", "101"]) }, ["wave1"]],
    ["no selector", { waves: waves(["selector", " "]) }, ["wave0"]],
    ["no label", { waves: waves(["each_label", ""]) }, ["wave0"]],
    ["a ceiling of 0", { parallel: 0 }, ["parallel"]],
    ["no limit of failures", { parallel: 1, failures: "" }, ["failures"]],
    ["more than all may fail", { parallel: 1, limit: "percent", failures: 101 }, ["failures"]],
    ["no wait", { waves: usualWaves(), between: "wait", waitMinutes: "" }, ["wait"]],
    ["no wait, and no waves", { parallel: 1, between: "wait", waitMinutes: "" }, []],
    ["nothing", { failures: "" }, []],
  ] as [string, Partial<RolloutForm>, string[]][])("%s", (_what, part, fields) => {
    expect(Object.keys(rolloutFaults(form(part)))).toEqual(fields);
  });
});

describe("what will happen", () => {
  const says = (part: Partial<RolloutForm>, matched: number) => rolloutWords(form(part), matched);
  it("is told wave by wave, with the numbers that the server will make", () => {
    expect(says({ waves: usualWaves() }, 38)).toEqual([
      "It runs on 1 host first, then on 4 hosts (10%), then on the other 33.",
      "The next wave begins when every host of the one before has ended.",
      "If a single host fails, nothing more is sent, and what was sent goes on to its end.",
    ]);
    expect(says({ waves: waves(["count", "10"]), between: "pause" }, 38).slice(0, 2)).toEqual([
      "It runs on 10 hosts first, then on 10 at a time until all had their turn.",
      "The next wave begins when every host of the one before has ended and somebody has pressed Resume.",
    ]);
    expect(says({ waves: waves(["percent", "40"]) }, 5)[0]).toBe("It runs on 2 hosts (40%) first, then on 2 at a time until all had their turn.");
    expect(says({ waves: waves(["count", "3"]) }, 5)[0]).toBe("It runs on 3 hosts first, then on the other 2.");
  });

  it("leaves out waves that nobody is left for", () => {
    expect(says({ waves: usualWaves() }, 1)[0]).toBe("It runs on 1 host.");
    expect(says({ waves: usualWaves() }, 2)[0]).toBe("It runs on 1 host first, then on the other 1.");
  });

  it("gives no numbers that depend on who the hosts are", () => {
    expect(says({ waves: waves(["selector", "role=canary"]) }, 38)[0]).toBe("It runs on those that match role=canary first, then on the others.");
    expect(says({ waves: waves(["selector", "a=b\u202e"], ["percent", "10"], ["percent", "100"]) }, 38)[0]).toBe(
      "It runs on those that match a=b<U+202E> first, then on up to 4 hosts (10%), then on all others.",
    );
    expect(says({ waves: waves(["selector", "a=b"], ["count", "5"]) }, 38)[0]).toBe("It runs on those that match a=b first, then on up to 5 hosts, then on up to 5 at a time until all had their turn.");
    expect(says({ waves: waves(["each_label", "site", "berlin"]) }, 38)[0]).toBe("It runs on one value of the label site after the other (berlin first).");
  });

  it("says what holds it", () => {
    expect(says({ parallel: 5, limit: "percent", failures: 5, onFailures: "pause" }, 38)).toEqual([
      "It runs on 38 hosts.", "At most 5 hosts at a time.",
      "If more than 5% of the hosts fail, the run is paused until somebody resumes it, which forgives the failures so far.",
    ]);
    expect(says({ parallel: 1, limit: "count", failures: 3, countUnreachable: true }, 38).at(-1)).toMatch(/^If more than 3 hosts fail or cannot be reached, nothing/);
    expect(says({ waves: usualWaves(), limit: "none", between: "wait", waitMinutes: 90 }, 38).slice(1)).toEqual([
      "The next wave begins when every host of the one before has ended and 1 h 30 min have passed.", "Failures stop nothing.",
    ]);
    expect(rolloutWords(form({ parallel: 2 }), 3, true)[0]).toBe("It asks what would be done on 3 hosts.");
  });

  it("warns of more waves than there may be", () => {
    expect(says({ waves: waves(["count", "1"]) }, 1_001).join(" ")).toContain("more than the 1,000 waves");
    expect(says({ waves: waves(["count", "1"]) }, 1_000).join(" ")).not.toContain("waves that there may be");
  });

  it("is nothing without a plan or hosts", () => {
    expect(says({}, 38)).toEqual([]);
    expect(says({ parallel: 1 }, 0)).toEqual([]);
    expect(rolloutWords(form({ parallel: 1 }), undefined)).toEqual([]);
  });
});

describe("the server's words", () => {
  it.each([
    ["rollout.waves[1]: column 3: expected a value", { wave1: "column 3: expected a value" }],
    ["request: rollout.waves[0]: a label's name …", { wave0: "a label's name …" }],
    ["the member 'rollout.parallel_max' must be a whole number from 1 to 200000", { parallel: "the member 'rollout.parallel_max' must be a whole number from 1 to 200000" }],
    ["the rollout has more than 1000 waves; make them larger", { waves: "the rollout has more than 1000 waves; make them larger" }],
    ["the member 'rollout.waves.percent' must be a whole number from 1 to 100", { waves: "the member 'rollout.waves.percent' must be a whole number from 1 to 100" }],
    ["give only one of rollout.failures_max and rollout.failures_percent_max", { failures: "give only one of rollout.failures_max and rollout.failures_percent_max" }],
    ["greet: 'times': expected a number", undefined],
  ])("stand at their field: %s", (message, faults) => {
    expect(rolloutRefusal(message)).toEqual(faults);
  });
});
