// SPDX-License-Identifier: Apache-2.0
//
// `sim --seed N --endpoints N --runs N [--once]`: one region by seed, twice, to see that
// the same seed tells the same story. With `--executions N`: regions of one seed after the
// other, each once, until so many targets have come to their end. A violated rule prints
// what repeats it and fails.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/log.h"
#include "world.h"

namespace muster::sim {
namespace {

Options options;

struct Story {
  std::uint64_t trace = 0;
  std::uint64_t executions = 0;  ///< targets, each with its final state
};

Story simulate(bool tell) {
  World world(options);
  world.run();
  jobs::Counts counts;
  Story story{world.trace, 0};
  for (const auto& [id, stored] : world.disk.runs())
    for (const auto& row : stored.rows) ++counts[row.state], ++story.executions;
  if (!tell) return story;
  std::printf(
      "seed %llu: %zu endpoints, %zu runs, %zu starts, %zu broken links, %zu partitions, "
      "%zu agents, %zu gateways and %zu servers died, %zu writes failed, "
      "%zu pauses, %zu stops\n ",
      static_cast<unsigned long long>(options.seed), options.endpoints, world.disk.runs().size(),
      world.counts.starts, world.counts.breaks, world.counts.partitions, world.counts.agent_deaths,
      world.counts.gateway_deaths, world.counts.server_deaths, world.counts.failed_writes,
      world.counts.pauses, world.counts.stops);
  for (std::size_t i = 0; i < jobs::kTargetStates; ++i)
    if (const auto count = counts.of[i])
      std::printf(" %u %s", count, std::string(jobs::name(jobs::TargetState(i))).c_str());
  std::printf("\n");
  std::fflush(stdout);
  return story;
}

void simulate_until(std::uint64_t executions) {
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t done = 0, seeds = 0;
  for (; done < executions; ++options.seed, ++seeds) done += simulate(true).executions;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%llu target-executions over %llu seeds in %.0f s, %.0f a second\n",
              static_cast<unsigned long long>(done), static_cast<unsigned long long>(seeds),
              seconds, static_cast<double>(done) / seconds);
}

}  // namespace

void violated(const char* what, const std::string& detail) {
  std::fprintf(stderr, "VIOLATED: %s: %s\nrepeat: sim --seed %llu --endpoints %zu --runs %zu\n",
               what, detail.c_str(), static_cast<unsigned long long>(options.seed),
               options.endpoints, options.runs);
  std::abort();
}

}  // namespace muster::sim

int main(int argc, char** argv) {
  using namespace muster;
  bool once = false;
  std::uint64_t executions = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto value = i + 1 < argc ? std::strtoull(argv[i + 1], nullptr, 10) : 0;
    if (word == "--once")
      once = true;
    else if (word == "--seed")
      sim::options.seed = value, ++i;
    else if (word == "--endpoints")
      sim::options.endpoints = value, ++i;
    else if (word == "--runs")
      sim::options.runs = value, ++i;
    else if (word == "--executions")
      executions = value, ++i;
    else {
      std::fprintf(stderr,
                   "usage: sim [--seed N] [--endpoints N] [--runs N] [--once | --executions N]\n");
      return 2;
    }
  }
  core::set_log_level(core::Level::kError);
  if (executions > 0) {
    sim::simulate_until(executions);
    return 0;
  }
  const auto first = sim::simulate(true);
  if (!once && sim::simulate(false).trace != first.trace)
    sim::violated("one seed told two stories", "");
  return 0;
}
