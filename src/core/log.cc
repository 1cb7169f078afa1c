// SPDX-License-Identifier: Apache-2.0
#include "core/log.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "core/assert.h"
#include "core/bytes.h"
#include "core/clock.h"

namespace muster::core {
namespace {

constexpr std::size_t kFieldBytesMax = 512;

std::atomic<Level> lowest{Level::kInfo};

const char* word(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "info";
}

}  // namespace

void set_log_level(Level level) {
  lowest.store(level, std::memory_order_relaxed);
}

bool set_log_level(std::string_view word) {
  if (word == "debug")
    set_log_level(Level::kDebug);
  else if (word == "info")
    set_log_level(Level::kInfo);
  else if (word == "warn")
    set_log_level(Level::kWarn);
  else if (word == "error")
    set_log_level(Level::kError);
  else
    return false;
  return true;
}

bool log_enabled(Level level) {
  return level >= lowest.load(std::memory_order_relaxed);
}

void log(Level level, std::string_view module, std::string_view message,
         std::initializer_list<Field> fields) {
  if (!log_enabled(level)) return;
  std::string line = to_rfc3339(wall_now());
  line += ' ';
  line += word(level);
  line += ' ';
  line += module;
  line += ": ";
  line += printable(message);
  for (const Field& field : fields) {
    const std::string value = printable(field.value, kFieldBytesMax);
    const bool quote = value.empty() || value.find_first_of(" \"=") != std::string::npos;
    line += ' ';
    line += field.key;
    line += '=';
    if (quote) line += '"';
    for (const char c : value) {
      if (c == '"') line += '\\';
      line += c;
    }
    if (quote) line += '"';
  }
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);  // unbuffered, locked: one line, one write
}

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "muster: assertion failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace muster::core
