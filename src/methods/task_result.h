// SPDX-License-Identifier: Apache-2.0
//
// What a method's process said, as other runners of the task format understand it:
// a JSON object on stdout is the result, any other text becomes `_output`, and success
// is exit status 0 without `_error`.
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::methods {

namespace json = boost::json;

/// Depth of a result's JSON; what is deeper is text.
inline constexpr std::size_t kResultDepthMax = 100;

/// Errors of the runner itself, in `_error.kind`.
inline constexpr std::string_view kTaskError = "puppetlabs.tasks/task-error";
inline constexpr std::string_view kTaskFileError = "puppetlabs.tasks/task_file_error";
inline constexpr std::string_view kUnexecutableTask = "puppetlabs.tasks/unexecutable_task";
inline constexpr std::string_view kOutputEncodingError = "puppetlabs.tasks/output_encoding_error";
inline constexpr std::string_view kInvalidTaskError = "muster/invalid-task-error";

/// How a method's process ended. Views: valid during the call.
struct TaskOutput {
  std::string_view task;  ///< as people say it, for messages
  std::string_view stdout_bytes;
  std::string_view stderr_bytes;
  int exit_code = 0;
  int signal = 0;           ///< not 0: it was killed by this
  bool stdout_cut = false;  ///< more was said than is kept
};

struct TaskResult {
  json::object value;  ///< with `_output` or `_error` where those belong
  bool succeeded = false;
  bool structured = false;  ///< stdout was a JSON object
  bool sensitive = false;   ///< it has `_sensitive`, which logs and screens must not show

  /// `_error.msg`, empty without an error.
  std::string error_message() const;
  /// `value` with `_sensitive` replaced by "[hidden]".
  json::object shown() const;
};

TaskResult parse_task_output(const TaskOutput& output);

/// The result of a method that the runner could not start or finish.
TaskResult runner_error(std::string_view kind, std::string_view message);

}  // namespace muster::methods
