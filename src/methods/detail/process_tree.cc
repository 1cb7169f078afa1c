// SPDX-License-Identifier: Apache-2.0
#include "methods/detail/process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace muster::methods::detail {
namespace {

struct Entry {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  bool ours = false;
};

std::string read_proc(pid_t pid, const char* name, std::size_t bytes_max) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/%s", static_cast<int>(pid), name);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::string bytes(bytes_max, '\0');
  std::size_t used = 0;
  while (used < bytes.size()) {
    const ssize_t count = read(fd, bytes.data() + used, bytes.size() - used);
    if (count <= 0) break;
    used += static_cast<std::size_t>(count);
  }
  close(fd);
  bytes.resize(used);
  return bytes;
}

// "pid (any name) S ppid pgrp session …"; false for zombies and what is gone.
bool parse(pid_t pid, Entry& entry) {
  const std::string stat = read_proc(pid, "stat", 512);
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return false;
  char state = 0;
  int parent = 0, group = 0, session = 0;
  if (std::sscanf(stat.c_str() + name_end + 1, " %c %d %d %d", &state, &parent, &group, &session) !=
      4)
    return false;
  entry = {pid, parent, group, session};
  return state != 'Z' && state != 'X';
}

std::vector<Entry> processes() {
  std::vector<Entry> list;
  DIR* folder = opendir("/proc");
  if (!folder) return list;
  while (const dirent* item = readdir(folder)) {
    const std::string_view name = item->d_name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    Entry entry;
    if (error == std::errc{} && end == name.data() + name.size() && parse(pid, entry))
      list.push_back(entry);
  }
  closedir(folder);
  return list;
}

bool carries(pid_t pid, const std::string& mark) {
  const std::string environment = '\0' + read_proc(pid, "environ", 256 * 1024) + '\0';
  return environment.find('\0' + mark + '\0') != std::string::npos;
}

}  // namespace

std::vector<pid_t> tree_of(pid_t root, const std::string& mark) {
  std::vector<Entry> list = processes();
  const pid_t self = getpid();
  for (Entry& entry : list) {
    if (entry.pid == self) continue;
    entry.ours = entry.pid == root || entry.session == root || entry.group == root ||
                 entry.parent == root || (entry.parent == self && carries(entry.pid, mark));
  }
  for (bool grown = true; grown;) {
    grown = false;
    for (Entry& entry : list) {
      if (entry.ours || entry.pid == self) continue;
      const auto parent = std::ranges::find(list, entry.parent, &Entry::pid);
      if (parent != list.end() && parent->ours) grown = entry.ours = true;
    }
  }
  std::vector<pid_t> found;
  for (const Entry& entry : list)
    if (entry.ours) found.push_back(entry.pid);
  return found;
}

}  // namespace muster::methods::detail
