// SPDX-License-Identifier: Apache-2.0
//
// `sim --seed N --endpoints N --runs N [--once]`: one region by seed, twice, to see that
// the same seed tells the same story. A violated rule prints what repeats it and fails.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/log.h"
#include "world.h"

namespace muster::sim {
namespace {

Options options;

std::uint64_t simulate(bool tell) {
  World world(options);
  world.run();
  if (!tell) return world.trace;
  jobs::Counts counts;
  for (const auto& [id, stored] : world.disk.runs())
    for (const auto& row : stored.rows) ++counts[row.state];
  std::printf(
      "seed %llu: %zu endpoints, %zu runs, %zu starts, %zu broken links, "
      "%zu agents, %zu gateways and %zu servers died, %zu writes failed, "
      "%zu pauses, %zu stops\n ",
      static_cast<unsigned long long>(options.seed), options.endpoints, world.disk.runs().size(),
      world.counts.starts, world.counts.breaks, world.counts.agent_deaths,
      world.counts.gateway_deaths, world.counts.server_deaths, world.counts.failed_writes,
      world.counts.pauses, world.counts.stops);
  for (std::size_t i = 0; i < jobs::kTargetStates; ++i)
    if (const auto count = counts.of[i])
      std::printf(" %u %s", count, std::string(jobs::name(jobs::TargetState(i))).c_str());
  std::printf("\n");
  return world.trace;
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
    else {
      std::fprintf(stderr, "usage: sim [--seed N] [--endpoints N] [--runs N] [--once]\n");
      return 2;
    }
  }
  core::set_log_level(core::Level::kError);
  const auto first = sim::simulate(true);
  if (!once && sim::simulate(false) != first) sim::violated("one seed told two stories", "");
  return 0;
}
