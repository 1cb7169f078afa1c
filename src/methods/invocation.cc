// SPDX-License-Identifier: Apache-2.0
#include "methods/invocation.h"

#include <array>

#include "core/bytes.h"
#include "methods/detail/plain_json.h"

namespace muster::methods {
namespace {

using core::Code;
using core::fail;

constexpr std::array<std::string_view, 6> kPowershell = {
    "pwsh", "-NoLogo", "-NoProfile", "-NonInteractive", "-File", ""};

struct Interpreter {
  std::string_view extension;
  std::string_view program;
};
constexpr std::array<Interpreter, 3> kInterpreters = {{
    {".py", "python3"},
    {".rb", "ruby"},
    {".pl", "perl"},
}};

std::string text_of(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  return detail::plain_json(value);
}

// A file that the kernel starts by itself: a script that names its interpreter, or a binary.
bool starts_by_itself(std::string_view prefix) {
  if (prefix.starts_with("#!") || prefix.starts_with("\x7f"
                                                     "ELF"))
    return true;
  return prefix.find('\0') != std::string_view::npos;
}

InputMethod method_of(const InvocationInput& input, std::string_view path) {
  InputMethod method = input.package->metadata.input_method;
  if (input.implementation != nullptr &&
      input.implementation->input_method != InputMethod::kDefault) {
    method = input.implementation->input_method;
  }
  if (method != InputMethod::kDefault) return method;
  return path.ends_with(".ps1") ? InputMethod::kPowershell : InputMethod::kBoth;
}

std::vector<std::string> argv_of(const InvocationInput& input, const std::string& path,
                                 InputMethod method) {
  const bool powershell = path.ends_with(".ps1");
  if (method == InputMethod::kPowershell ||
      (powershell && !starts_by_itself(input.executable_prefix))) {
    std::vector<std::string> argv(kPowershell.begin(), kPowershell.end());
    argv.back() = path;
    return argv;
  }
  if (starts_by_itself(input.executable_prefix)) return {path};
  for (const auto& [extension, program] : kInterpreters) {
    if (path.ends_with(extension)) return {std::string(program), path};
  }
  return {"/bin/sh", path};
}

// Everything in the environment that it can hold; the rest's names.
core::Result<std::vector<std::string>> fill_environment(const json::object& arguments,
                                                        bool must_hold_all, Invocation& to) {
  std::vector<std::string> left_out;
  std::size_t total = 0;
  for (const auto& argument : arguments) {
    std::string variable = "PT_" + std::string(argument.key()) + "=" + text_of(argument.value());
    const bool fits = variable.find('\0') == std::string::npos &&
                      variable.size() <= kVariableBytesMax &&
                      total + variable.size() <= kVariablesBytesMax;
    if (fits) {
      total += variable.size();
      to.environment.push_back(std::move(variable));
    } else if (must_hold_all) {
      return fail(Code::kInvalid,
                  "the argument '" + std::string(argument.key()) +
                      "' does not fit into an environment variable, the only way in which the "
                      "method takes it: it has a zero byte, or more than 128 KiB");
    } else {
      left_out.emplace_back(argument.key());
    }
  }
  return left_out;
}

core::Status add_powershell_arguments(const json::object& arguments, Invocation& to) {
  for (const auto& argument : arguments) {
    const json::value& value = argument.value();
    if (value.is_bool()) {
      to.argv.push_back("-" + std::string(argument.key()) + ":$" +
                        (value.get_bool() ? "true" : "false"));
      continue;
    }
    std::string text = text_of(value);
    if (text.find('\0') != std::string::npos || text.size() > kVariableBytesMax) {
      return fail(Code::kInvalid, "the argument '" + std::string(argument.key()) +
                                      "' cannot be given on a command line: it has a zero byte, "
                                      "or more than 128 KiB");
    }
    to.argv.push_back("-" + std::string(argument.key()));
    to.argv.push_back(std::move(text));
  }
  return {};
}

core::Result<json::object> with_our_own(const InvocationInput& input) {
  const Package& package = *input.package;
  if (input.noop && !package.metadata.supports_noop) {
    return fail(Code::kInvalid, package.name.shown() + " has no dry run (supports_noop)");
  }
  json::object arguments;
  for (const auto& argument : input.arguments) {
    if (!is_name(argument.key())) {
      return fail(Code::kInvalid,
                  "'" + core::printable(argument.key(), 100) + "' is not the name of a parameter");
    }
    if (!argument.value().is_null()) arguments[argument.key()] = argument.value();
  }
  arguments["_task"] = package.name.shown();
  if (input.noop) arguments["_noop"] = true;
  if (package.has_files(input.implementation)) arguments["_installdir"] = input.install_folder;
  return arguments;
}

}  // namespace

core::Result<Invocation> make_invocation(const InvocationInput& input) {
  MUSTER_ASSIGN(const json::object arguments, with_our_own(input));
  const std::string path =
      input.install_folder + "/" + input.package->executable(input.implementation).path;
  const InputMethod method = method_of(input, path);
  Invocation made;
  made.argv = argv_of(input, path, method);
  if (method == InputMethod::kPowershell) {
    MUSTER_TRY(add_powershell_arguments(arguments, made));
    return made;
  }
  if (method != InputMethod::kEnvironment) made.stdin_bytes = detail::plain_json(arguments);
  if (method != InputMethod::kStdin) {
    MUSTER_ASSIGN(made.only_on_stdin,
                  fill_environment(arguments, method == InputMethod::kEnvironment, made));
  }
  return made;
}

}  // namespace muster::methods
