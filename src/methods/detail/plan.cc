// SPDX-License-Identifier: Apache-2.0
//
// Checks a Command and looks up what its process needs: user, groups, environment,
// programs, standard input.
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/bytes.h"
#include "methods/detail/spawn.h"
#include "wire/limits.h"

namespace muster::methods::detail {
namespace {

constexpr std::string_view kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int kGroupsMax = 1024;

struct Account {
  std::string name;
  std::string home;
  std::string shell;
  uid_t uid = 0;
  gid_t gid = 0;
};

core::Result<Account> account(const std::string& user) {
  passwd entry{};
  passwd* found = nullptr;
  std::string buffer(16 * 1024, '\0');
  const int error = user.empty()
                        ? getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found)
                        : getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found)
    return Account{entry.pw_name, entry.pw_dir, entry.pw_shell, entry.pw_uid, entry.pw_gid};
  // A container may run us as a number without a name.
  if (user.empty()) return Account{"", "/", "/bin/sh", geteuid(), getegid()};
  if (error != 0 && error != ENOENT && error != ESRCH)
    return core::fail_errno(error, "looking up the user " + core::printable(user, 100));
  return core::fail(core::Code::kInvalid,
                    "there is no user " + core::printable(user, 100) + " on this machine");
}

core::Status check(const Command& command) {
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  if (command.argv.empty() || command.argv[0].empty())
    return core::fail(core::Code::kInvalid, "the command is empty");
  if (std::ranges::any_of(command.argv, has_nul) ||
      std::ranges::any_of(command.environment, has_nul) || has_nul(command.directory) ||
      has_nul(command.user))
    return core::fail(core::Code::kInvalid, "an argument contains a zero byte");
  for (const std::string& entry : command.environment)
    if (entry.find('=') == std::string::npos || entry[0] == '=')
      return core::fail(core::Code::kInvalid,
                        "an environment entry is not NAME=value: " + core::printable(entry, 100));
  if (command.limits.timeout > wire::kTimeoutCeiling)
    return core::fail(core::Code::kInvalid, "the timeout is beyond 7 days");
  if (command.limits.output_bytes_max > wire::kOutputBytesCeiling)
    return core::fail(
        core::Code::kInvalid,
        "the output limit is beyond " + std::to_string(wire::kOutputBytesCeiling) + " bytes");
  return {};
}

void set_variable(std::vector<std::string>& environment, std::string entry) {
  const std::string_view name = std::string_view(entry).substr(0, entry.find('=') + 1);
  std::erase_if(environment, [&](const std::string& old) { return old.starts_with(name); });
  environment.push_back(std::move(entry));
}

std::vector<std::string> programs(const std::string& name,
                                  const std::vector<std::string>& environment) {
  if (name.find('/') != std::string::npos) return {name};
  std::string_view path = kPath;
  for (const std::string& entry : environment)
    if (entry.starts_with("PATH=")) path = std::string_view(entry).substr(5);
  std::vector<std::string> found;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    if (end > 0) found.push_back(std::string(path.substr(0, end)) + "/" + name);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return found;
}

// A file in memory: the command reads it at its own pace, nobody has to feed it.
core::Result<int> standard_input(const std::string& bytes) {
  const int fd = bytes.empty() ? open("/dev/null", O_RDONLY | O_CLOEXEC)
                               : memfd_create("muster-stdin", MFD_CLOEXEC);
  if (fd < 0) return core::fail_errno(errno, "preparing standard input");
  for (std::size_t written = 0; written < bytes.size();) {
    const ssize_t count = write(fd, bytes.data() + written, bytes.size() - written);
    if (count <= 0) {
      const int error = errno;
      close(fd);
      return core::fail_errno(error, "preparing standard input");
    }
    written += static_cast<std::size_t>(count);
  }
  if (!bytes.empty()) lseek(fd, 0, SEEK_SET);
  return fd;
}

core::Status choose_user(const Account& who, Plan& plan) {
  plan.uid = who.uid;
  plan.gid = who.gid;
  plan.switch_user = who.uid != geteuid();
  if (!plan.switch_user) return {};
  if (geteuid() != 0)
    return core::fail(core::Code::kDenied, "only an agent that runs as root can run commands as " +
                                               who.name + "; this one runs as user " +
                                               std::to_string(geteuid()));
  plan.groups.resize(kGroupsMax);
  int count = kGroupsMax;
  if (getgrouplist(who.name.c_str(), who.gid, plan.groups.data(), &count) < 0)
    return core::fail(core::Code::kDenied, who.name + " is in too many groups");
  plan.groups.resize(static_cast<std::size_t>(count));
  return {};
}

}  // namespace

core::Result<Plan> make_plan(core::RunId run, const Command& command) {
  MUSTER_TRY(check(command));
  MUSTER_ASSIGN(const Account who, account(command.user));
  Plan plan;
  MUSTER_TRY(choose_user(who, plan));
  plan.argv = command.argv;
  plan.limits = command.limits;
  plan.environment = {"PATH=" + std::string(kPath), "HOME=" + who.home, "LANG=C.UTF-8",
                      "SHELL=" + who.shell};
  if (!who.name.empty()) {
    plan.environment.push_back("USER=" + who.name);
    plan.environment.push_back("LOGNAME=" + who.name);
  }
  for (const std::string& entry : command.environment) set_variable(plan.environment, entry);
  set_variable(plan.environment, "MUSTER_RUN=" + run.str());
  plan.channel = command.channel;
  if (plan.channel)
    set_variable(plan.environment, "MUSTER_CHANNEL=" + std::to_string(kChannelDescriptor));
  plan.programs = programs(plan.argv[0], plan.environment);
  plan.directory_required = !command.directory.empty();
  plan.directory = command.directory.empty() ? who.home : command.directory;
  MUSTER_ASSIGN(plan.stdin_fd, standard_input(command.stdin_bytes));
  return plan;
}

}  // namespace muster::methods::detail
