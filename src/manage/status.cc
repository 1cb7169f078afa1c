// SPDX-License-Identifier: Apache-2.0
#include "manage/status.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "core/bytes.h"
#include "core/clock.h"
#include "runtime/descriptor.h"

namespace muster::manage {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::size_t kDisksMax = 64;
constexpr std::size_t kUnitsMax = 100;
constexpr std::size_t kOutputBytesMax = 64 * 1024;
constexpr core::Duration kSystemdTime = 2s;

std::string os_name() {
  std::ifstream file("/etc/os-release");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("PRETTY_NAME=")) continue;
    line.erase(0, 12);
    std::erase(line, '"');
    return core::printable(line, 200);
  }
  return "Linux";
}

json::value memory() {
  std::ifstream file("/proc/meminfo");
  json::object found;
  std::string name, unit;
  std::uint64_t kilobytes = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    if (!(words >> name >> kilobytes)) continue;
    if (name == "MemTotal:") found["total"] = kilobytes * 1024;
    if (name == "MemAvailable:") found["available"] = kilobytes * 1024;
    if (name == "SwapTotal:") found["swap_total"] = kilobytes * 1024;
    if (name == "SwapFree:") found["swap_free"] = kilobytes * 1024;
  }
  return found.empty() ? json::value(nullptr) : json::value(std::move(found));
}

json::value load() {
  std::ifstream file("/proc/loadavg");
  double one = 0, five = 0, fifteen = 0;
  if (!(file >> one >> five >> fifteen)) return nullptr;
  return json::array{one, five, fifteen};
}

/// Of disks of this machine: one of the network that is away would be waited for.
json::array disks() {
  static constexpr std::array kKinds = {"ext2", "ext3", "ext4", "xfs",     "btrfs",
                                        "f2fs", "zfs",  "vfat", "overlay", "bcachefs"};
  std::ifstream file("/proc/self/mounts");
  json::array list;
  std::set<std::string> seen;
  std::string device, where, kind, rest;
  while (file >> device >> where >> kind && std::getline(file, rest)) {
    if (std::ranges::find(kKinds, kind) == kKinds.end() || list.size() >= kDisksMax) continue;
    if (kind != "overlay" && !seen.insert(device).second) continue;
    struct statvfs found{};
    if (::statvfs(where.c_str(), &found) != 0 || found.f_blocks == 0) continue;
    list.push_back(
        json::object{{"mount", core::printable(where, 300)},
                     {"device", core::printable(device, 300)},
                     {"type", kind},
                     {"total", static_cast<std::uint64_t>(found.f_blocks) * found.f_frsize},
                     {"free", static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize}});
  }
  return list;
}

/// What a program writes; none where it cannot be started, fails or takes too long.
std::optional<std::string> output_of(const std::array<const char*, 6>& words) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  const runtime::Descriptor from(ends[0]);
  runtime::Descriptor into(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, into.get(), 1);
  ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, words[0], &actions, nullptr,
                                    const_cast<char* const*>(words.data()), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  into.reset();
  if (failed != 0) return std::nullopt;
  std::string output;
  bool whole = false;
  const auto deadline = core::mono_now() + kSystemdTime;
  while (output.size() < kOutputBytesMax) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - core::mono_now()).count();
    pollfd ready{from.get(), POLLIN, 0};
    if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0) break;
    std::array<char, 4096> block;
    const ssize_t got = ::read(from.get(), block.data(), block.size());
    whole = got == 0;
    if (got <= 0) break;
    output.append(block.data(), static_cast<std::size_t>(got));
  }
  if (!whole) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!whole || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return output;
}

json::value services() {
  const auto output =
      output_of({"systemctl", "list-units", "--state=failed", "--plain", "--no-legend", nullptr});
  if (!output) return nullptr;
  json::array failed;
  std::istringstream lines(*output);
  for (std::string line; std::getline(lines, line) && failed.size() < kUnitsMax;) {
    const std::string unit = line.substr(0, line.find(' '));
    if (!unit.empty()) failed.emplace_back(core::printable(unit, 256));
  }
  return json::object{{"failed", std::move(failed)}};
}

}  // namespace

json::object machine_status() {
  utsname name{};
  ::uname(&name);
  json::object status{{"os", os_name()},
                      {"kernel", std::string(name.release)},
                      {"architecture", std::string(name.machine)},
                      {"processors", std::thread::hardware_concurrency()},
                      {"load", load()},
                      {"memory", memory()},
                      {"disks", disks()},
                      {"services", services()}};
  std::ifstream uptime("/proc/uptime");
  double seconds = 0;
  status["up_s"] =
      uptime >> seconds ? json::value(static_cast<std::uint64_t>(seconds)) : json::value(nullptr);
  return status;
}

}  // namespace muster::manage
