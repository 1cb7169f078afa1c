// SPDX-License-Identifier: Apache-2.0
//
// What a method in C++ may use: C++17, nothing but the standard library and POSIX. Two files:
// compile muster_method.cc with the method.
//
//   int main() {
//     return muster_method::run([](muster_method::Method& method) {
//       const auto count = method.get<std::int64_t>("count", 1);
//       method.progress(50, "half of it");
//       method.result("{\"done\":" + std::to_string(count) + "}");
//     });
//   }
//
// Outside of Muster everything works too: progress goes nowhere, calls throw CallError.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace muster_method {

/// A value of JSON.
struct Json {
  enum class Kind { kNull, kBool, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool flag = false;
  std::string text;  ///< of a string; of a number as it was written
  std::vector<Json> items;
  std::map<std::string, Json> members;

  /// Throws std::invalid_argument where `text` is no JSON.
  static Json parse(std::string_view text);
  const Json* find(const std::string& name) const;
};

/// `text` as a string of JSON, with its quotes.
std::string quoted(std::string_view text);

/// An argument is missing, or of another type; what() says which.
struct ArgumentError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// A call was not answered; `code` is one of the API's ("not_found", "denied", …).
struct CallError : std::runtime_error {
  CallError(std::string code_in, const std::string& message)
      : std::runtime_error(message + " (" + code_in + ")"), code(std::move(code_in)) {}
  std::string code;
};

class Method {
 public:
  /// Reads the arguments: of stdin, or where that brings none of the environment.
  Method();
  Method(const Method&) = delete;
  Method& operator=(const Method&) = delete;

  /// T: std::string, std::int64_t, double, bool, std::vector<std::string> or Json. Throws
  /// ArgumentError.
  template <typename T>
  T get(const std::string& name) const;
  template <typename T>
  T get(const std::string& name, T otherwise) const {
    return has(name) ? get<T>(name) : otherwise;
  }
  bool has(const std::string& name) const;
  /// Only say what would be done.
  bool noop() const { return get<bool>("_noop", false); }

  /// How far it is, for people who watch; call it as often as you like.
  void progress(std::optional<int> percent, std::string_view text = {});
  /// A line of the log, kept with the result. `level`: debug, info, warning or error;
  /// `fields`: a JSON object, or nothing.
  void log(std::string_view level, std::string_view message, std::string_view fields = {});
  /// Asks under the name of this run and waits for the answer. `body`: JSON. Throws CallError.
  Json call(std::string_view name, std::string_view body = "null");
  /// Where this file (module/files/name) of the method's own package lies now.
  std::string fetch(std::string_view path);

  /// Starts a run on other hosts and returns its id. `request`: what the API's RunRequest takes,
  /// as {"selector":"name=db1","method":{"name":"db::load"}}; who starts the first run says what
  /// is allowed. `key` names this start among those of this process: asked for again, it starts
  /// nothing twice. Tries again for a minute while the server is away, as the next two do.
  std::string start(std::string_view request, std::string_view key = {});
  /// Waits until it has ended: {"state","targets","counts":{"succeeded":…}}.
  Json wait(std::string_view run);
  /// What came of its first hosts: {"results":[{"name","state","result",…}],"next"}.
  Json run_result(std::string_view run);

  /// Writes the result: a JSON object. Nothing else may be written to stdout.
  void result(std::string_view object);
  /// Bytes of a result that is no JSON, or larger than memory: in pieces, as they come.
  void write(std::string_view chunk);
  /// The file becomes the result, whatever its size (output_bytes_max must allow it).
  void result_file(const std::string& path);

 private:
  Json argument(const std::string& name) const;
  bool say(const std::string& line);
  Json call_again(std::string_view name, const std::string& body);

  std::map<std::string, Json> arguments_;
  bool are_texts_ = false;  // of the environment: what is no text is JSON
  int channel_ = -1;
  std::string heard_;
  std::uint64_t calls_ = 0;
  std::uint64_t starts_ = 0;
};

/// Runs it and returns the exit status: 0, or 1 with the exception as the method's `_error`.
int run(const std::function<void(Method&)>& method);

}  // namespace muster_method
