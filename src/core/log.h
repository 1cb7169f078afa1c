// SPDX-License-Identifier: Apache-2.0
//
// Logging: one line an event, `time level module message key=value …`, to
// standard error. Carry run, endpoint and request ids as fields named `run`,
// `endpoint` and `request`: one grep then tells a run's story on every tier.
//
// Thread-safe. Values are made printable: no endpoint can forge a line.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace muster::core {

enum class Level { kDebug, kInfo, kWarn, kError };

/// One field of a log line.
struct Field {
  std::string_view key;
  std::string value;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  template <std::integral T>
  Field(std::string_view k, T v) : key(k), value(std::to_string(v)) {}
  template <typename Id>
    requires requires(const Id& id) {
      { id.str() } -> std::same_as<std::string>;
    }
  Field(std::string_view k, const Id& id) : key(k), value(id.str()) {}
};

/// Lines below `level` are dropped. Default kInfo.
void set_log_level(Level level);
/// "debug", "info", "warn", "error"; false for any other word.
bool set_log_level(std::string_view word);
bool log_enabled(Level level);

void log(Level level, std::string_view module, std::string_view message,
         std::initializer_list<Field> fields = {});

}  // namespace muster::core
