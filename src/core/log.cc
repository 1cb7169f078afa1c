// SPDX-License-Identifier: Apache-2.0
#include "core/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>

#include "core/assert.h"
#include "core/bytes.h"

namespace muster::core {
namespace {

constexpr std::size_t kFieldBytesMax = 512;

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

spdlog::logger& logger() {
  // Never destroyed: other threads may log until the very end.
  static auto* instance = [] {
    auto* made = new spdlog::logger("muster", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made->set_level(spdlog::level::info);
    return made;
  }();
  return *instance;
}

}  // namespace

void set_log_level(Level level) {
  logger().set_level(to_spdlog(level));
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
  return logger().should_log(to_spdlog(level));
}

void log(Level level, std::string_view module, std::string_view message,
         std::initializer_list<Field> fields) {
  if (!log_enabled(level)) return;
  std::string line(module);
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
  logger().log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "muster: assertion failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace muster::core
