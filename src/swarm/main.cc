// SPDX-License-Identifier: Apache-2.0
//
// muster-swarm: thousands of endpoints in one process, for tests and benchmarks. Says
// what happens as one JSON object a line on standard output.
#include <getopt.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "core/log.h"
#include "runtime/file.h"
#include "swarm/swarm.h"

namespace {

constexpr std::size_t kArchiveBytesMax = 256 * 1024 * 1024;

constexpr const char* kUsage = R"(usage: muster-swarm --server HOST:PORT --token TOKEN [options]

Holds thousands of real TLS links with simulated endpoints, each with a certificate of
its own, on the agent's session code. For tests and benchmarks, never in a real region.

  --server HOST:PORT     the region
  --token mjt1.…         a join token with enough uses (not needed where --file has them)
  --endpoints N          how many (default 1000)
  --file FILE            keeps the keys and certificates, so that the same come back
  --prefix NAME          names of the endpoints: NAME00001 … (default sim)
  --window N             dial so many at a time (default 64)
  --work-ms N            simulated commands take so long (default 0)
  --output TEXT          and answer this (default ok)
  --output-bytes N       or so many bytes
  --replay FILE          answer as this recording says (muster runs export)
  --no-reconnect         a link that ended stays so
  --help

Standard output: {"event":"enrolled",…}, {"event":"ready",…}, {"event":"connected",…}, then
{"event":"stats",…} whenever the numbers changed, at most once a second. Ends on SIGTERM.
)";

/// Nothing, and says why, where the file is none.
std::optional<muster::swarm::RecordedAnswers> read_recording(const char* file) {
  using namespace muster;
  auto archive = runtime::read_file(file, kArchiveBytesMax);
  auto recorded =
      archive ? swarm::RecordedAnswers::read(*archive)
              : core::Result<swarm::RecordedAnswers>(core::fail(std::move(archive.error())));
  if (recorded) return std::move(*recorded);
  std::fprintf(stderr, "muster-swarm: %s\n", recorded.error().message.c_str());
  return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace muster;
  swarm::Options options;
  std::string server;
  const option longs[] = {{"server", 1, nullptr, 's'},       {"token", 1, nullptr, 't'},
                          {"endpoints", 1, nullptr, 'n'},    {"file", 1, nullptr, 'f'},
                          {"prefix", 1, nullptr, 'p'},       {"window", 1, nullptr, 'w'},
                          {"work-ms", 1, nullptr, 'm'},      {"output", 1, nullptr, 'o'},
                          {"output-bytes", 1, nullptr, 'b'}, {"no-reconnect", 0, nullptr, 'r'},
                          {"replay", 1, nullptr, 'a'},       {"help", 0, nullptr, 'h'},
                          {nullptr, 0, nullptr, 0}};
  for (int c; (c = getopt_long(argc, argv, "", longs, nullptr)) != -1;) {
    switch (c) {
      case 's':
        server = optarg;
        break;
      case 't':
        options.token = optarg;
        break;
      case 'n':
        options.endpoints = std::strtoul(optarg, nullptr, 10);
        break;
      case 'f':
        options.file = optarg;
        break;
      case 'p':
        options.prefix = optarg;
        break;
      case 'w':
        options.window = std::max(1UL, std::strtoul(optarg, nullptr, 10));
        break;
      case 'm':
        options.script.work_time = std::chrono::milliseconds(std::atol(optarg));
        break;
      case 'o':
        options.script.output = std::string(optarg) + "\n";
        break;
      case 'b':
        options.script.output.assign(std::strtoul(optarg, nullptr, 10), 'x');
        break;
      case 'a':
        options.script.recorded = read_recording(optarg);
        if (!options.script.recorded) return 2;
        break;
      case 'r':
        options.script.reconnect = false;
        break;
      case 'h':
        std::fputs(kUsage, stdout);
        return 0;
      default:
        std::fputs(kUsage, stderr);
        return 2;
    }
  }
  auto address = net::ServerAddress::parse(server);
  if (server.empty() || !address) {
    std::fprintf(stderr, "muster-swarm: --server needs a host and a port\n\n%s", kUsage);
    return 2;
  }
  options.script.server = *address;
  core::set_log_level(core::Level::kWarn);
  return swarm::run(std::move(options));
}
