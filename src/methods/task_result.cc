// SPDX-License-Identifier: Apache-2.0
#include "methods/task_result.h"

#include <boost/json/serialize.hpp>
#include <optional>

#include "core/bytes.h"
#include "core/json.h"

namespace muster::methods {
namespace {

constexpr std::size_t kStderrShownBytesMax = 4096;
constexpr std::size_t kBadErrorShownBytesMax = 500;

std::optional<json::object> parse_object(std::string_view text) {
  auto value = core::read_json(text, kResultDepthMax);
  if (!value || !value->is_object()) return std::nullopt;
  return std::move(value->get_object());
}

json::object make_error(std::string_view kind, std::string_view message, json::object details) {
  return {{"kind", kind}, {"msg", message}, {"details", std::move(details)}};
}

// Exit status of the kind that shells tell, so that a signal is a number too.
int status_of(const TaskOutput& output) {
  return output.signal != 0 ? 128 + output.signal : output.exit_code;
}

json::object exit_details(const TaskOutput& output) {
  json::object details{{"exit_code", status_of(output)}};
  if (output.signal != 0) details["signal"] = output.signal;
  return details;
}

json::object exit_error(const TaskOutput& output) {
  std::string message = output.signal != 0
                            ? "The task was ended by signal " + std::to_string(output.signal)
                            : "The task failed with exit code " + std::to_string(output.exit_code);
  if (output.stdout_bytes.empty() && output.stderr_bytes.empty()) {
    message += " and no output";
  } else if (output.stdout_bytes.empty()) {
    // Foreign text becomes part of JSON, which is UTF-8; line feeds stay.
    message += " and no stdout, but stderr contained:\n";
    const std::string_view said = output.stderr_bytes.substr(0, kStderrShownBytesMax);
    message += core::is_utf8(said) ? std::string(said) : core::printable(said);
  }
  return make_error(kTaskError, message, exit_details(output));
}

// What the method gave as its error, in the form that others rely on.
void complete_error(const TaskOutput& output, json::object& value) {
  json::value& error = value["_error"];
  json::object details = status_of(output) == 0 ? json::object() : exit_details(output);
  const json::value* message = error.is_object() ? error.get_object().if_contains("msg") : nullptr;
  if (message == nullptr || !message->is_string()) {
    const std::string was = core::printable(json::serialize(error), kBadErrorShownBytesMax);
    details["original_error"] = std::move(error);
    error = make_error(kInvalidTaskError,
                       "Invalid error returned from task " + core::printable(output.task, 200) +
                           ": " + was + ". Error must be an object with a msg key.",
                       std::move(details));
    return;
  }
  json::object& object = error.get_object();
  const json::value* kind = object.if_contains("kind");
  if (kind == nullptr || !kind->is_string()) object["kind"] = kTaskError;
  const json::value* said = object.if_contains("details");
  if (said == nullptr || said->is_null()) object["details"] = std::move(details);
}

}  // namespace

std::string TaskResult::error_message() const {
  const json::value* error = value.if_contains("_error");
  if (error == nullptr || !error->is_object()) return {};
  const json::value* message = error->get_object().if_contains("msg");
  return message == nullptr || !message->is_string() ? std::string()
                                                     : std::string(message->get_string());
}

json::object TaskResult::shown() const {
  json::object result = value;
  if (sensitive) result["_sensitive"] = "[hidden]";
  return result;
}

TaskResult parse_task_output(const TaskOutput& output) {
  TaskResult result;
  if (!core::is_utf8(output.stdout_bytes)) {
    // A limit may have cut a character in two; that is no mistake of the method.
    std::string_view whole = output.stdout_bytes;
    for (int i = 0; i < 3 && output.stdout_cut && !whole.empty() && !core::is_utf8(whole); ++i) {
      whole.remove_suffix(1);
    }
    if (core::is_utf8(whole)) {
      result.value["_output"] = whole;
    } else {
      result.value["_error"] =
          make_error(kOutputEncodingError, "The task result contained invalid UTF-8 on stdout",
                     status_of(output) == 0 ? json::object() : exit_details(output));
    }
  } else if (auto object = output.stdout_cut ? std::nullopt : parse_object(output.stdout_bytes)) {
    result.value = *std::move(object);
    result.structured = true;
  } else {
    result.value["_output"] = output.stdout_bytes;
  }
  // A null in it is no success: the key is there. It only does not explain a bad status.
  const json::value* error = result.value.if_contains("_error");
  if (status_of(output) != 0 && (error == nullptr || error->is_null())) {
    result.value["_error"] = exit_error(output);
  } else if (error != nullptr) {
    complete_error(output, result.value);
  }
  result.succeeded = !result.value.contains("_error");
  result.sensitive = result.value.contains("_sensitive");
  return result;
}

TaskResult runner_error(std::string_view kind, std::string_view message) {
  TaskResult result;
  result.value["_error"] = make_error(kind, message, {});
  return result;
}

}  // namespace muster::methods
