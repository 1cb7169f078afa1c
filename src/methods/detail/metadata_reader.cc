// SPDX-License-Identifier: Apache-2.0
#include "methods/detail/metadata_reader.h"

#include <algorithm>
#include <set>

#include "core/bytes.h"
#include "core/duration_text.h"
#include "methods/task_name.h"
#include "wire/limits.h"

namespace muster::methods::detail {
namespace {

std::string_view kind_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "true or false";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      return "a number";
    case json::kind::string:
      return "text";
    case json::kind::array:
      return "a list";
    case json::kind::object:
      return "an object";
  }
  return "";
}

std::string expected(std::string_view what, const json::value& value) {
  return "expected " + std::string(what) + ", got " + std::string(kind_of(value));
}

// Null is as good as absent.
const json::value* find(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

// Letters, digits and a few signs: features are words, of whichever runner.
bool is_requirement(std::string_view text) {
  return !text.empty() && text.size() <= kRequirementBytesMax &&
         std::ranges::all_of(text, [](unsigned char c) {
           return c > 0x20 && c != 0x7f && c != '"' && c != '\\' && c != ',';
         });
}

// `module/{files,lib,scripts,tasks}/path`, or a folder of them.
std::string wrong_file_entry(std::string_view entry) {
  std::string path(entry);
  if (path.ends_with('/')) path += "x";  // the folder's own files decide later
  if (auto status = check_package_path(path); !status) return std::move(status.error().message);
  const auto first = path.find('/');
  const std::string_view folder = std::string_view(path).substr(first + 1);
  for (const char* allowed : {"files/", "lib/", "scripts/", "tasks/"}) {
    if (folder.starts_with(allowed)) return {};
  }
  return "'" + core::printable(entry, 200) +
         "' is not in a folder that tasks may name: expected module/files/…, module/lib/…, "
         "module/scripts/… or module/tasks/…";
}

}  // namespace

void MetadataReader::note(std::vector<Problem>& list, std::string message, Part part) {
  if (list.size() >= kProblemsMax) return;
  const Place place = place_of(text_, path_, part);
  list.push_back({std::string(file_), place.line, place.column, std::move(message)});
}

void MetadataReader::error(std::string message) {
  note(out_.errors, std::move(message), Part::kValue);
}

void MetadataReader::warn_unknown(const json::object& object,
                                  std::initializer_list<std::string_view> known) {
  for (const auto& member : object) {
    const std::string_view name = member.key();
    if (std::ranges::find(known, name) != known.end()) continue;
    const Inside inside(*this, name);
    note(out_.warnings, "unknown member '" + core::printable(name, 100) + "' is ignored",
         Part::kName);
  }
}

void MetadataReader::text(const json::object& object, std::string_view name, std::size_t bytes_max,
                          std::string& target) {
  const json::value* value = find(object, name);
  if (value == nullptr) return;
  const Inside inside(*this, name);
  if (!value->is_string()) {
    error("'" + std::string(name) + "': " + expected("text", *value));
  } else if (value->get_string().size() > bytes_max) {
    error("'" + std::string(name) + "' has more than " + std::to_string(bytes_max) + " bytes");
  } else {
    target = value->get_string();
  }
}

void MetadataReader::flag(const json::object& object, std::string_view name, bool& target) {
  const json::value* value = find(object, name);
  if (value == nullptr) return;
  const Inside inside(*this, name);
  if (value->is_bool()) {
    target = value->get_bool();
  } else {
    error("'" + std::string(name) + "': " + expected("true or false", *value));
  }
}

void MetadataReader::input_method(const json::object& object, InputMethod& target) {
  const json::value* value = find(object, "input_method");
  if (value == nullptr) return;
  const Inside inside(*this, "input_method");
  for (const InputMethod method : {InputMethod::kStdin, InputMethod::kEnvironment,
                                   InputMethod::kBoth, InputMethod::kPowershell}) {
    if (value->is_string() && value->get_string() == name(method)) {
      target = method;
      return;
    }
  }
  error("'input_method' must be stdin, environment, both or powershell");
}

void MetadataReader::texts(const json::object& object, std::string_view name, std::size_t count_max,
                           std::vector<std::string>& target) {
  const json::value* value = find(object, name);
  if (value == nullptr) return;
  const Inside inside(*this, name);
  if (!value->is_array())
    return error("'" + std::string(name) + "': " + expected("a list", *value));
  if (value->get_array().size() > count_max) {
    return error("'" + std::string(name) + "' has more than " + std::to_string(count_max) +
                 " elements");
  }
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < value->get_array().size(); ++i) {
    const json::value& element = value->get_array()[i];
    const Inside at(*this, std::to_string(i));
    if (!element.is_string()) {
      error(expected("text", element));
    } else if (!seen.insert(element.get_string()).second) {
      error("'" + core::printable(element.get_string(), 100) + "' stands here twice");
    } else {
      target.emplace_back(element.get_string());
    }
  }
}

void MetadataReader::files(const json::object& object, std::vector<std::string>& target) {
  texts(object, "files", kFileEntriesMax, target);
  for (std::size_t i = 0; i < target.size(); ++i) {
    const Inside list(*this, "files");
    const Inside at(*this, std::to_string(i));
    if (std::string wrong = wrong_file_entry(target[i]); !wrong.empty()) error(std::move(wrong));
  }
}

void MetadataReader::read(const json::value& value) {
  if (!value.is_object()) return error("task metadata: " + expected("an object", value));
  const json::object& object = value.get_object();
  Metadata& to = out_.metadata;
  warn_unknown(object,
               {"description", "puppet_task_version", "supports_noop", "input_method", "parameters",
                "implementations", "files", "private", "remote", "extensions", "identifiers"});
  text(object, "description", kDescriptionBytesMax, to.description);
  flag(object, "supports_noop", to.supports_noop);
  flag(object, "private", to.is_private);
  flag(object, "remote", to.remote);
  input_method(object, to.input_method);
  files(object, to.files);
  if (const json::value* version = find(object, "puppet_task_version")) {
    const Inside inside(*this, "puppet_task_version");
    if (!version->is_int64()) {
      error("'puppet_task_version': " + expected("a whole number", *version));
    } else if (version->get_int64() != 1) {
      error("version " + std::to_string(version->get_int64()) +
            " of the task format is not known here; 1 is");
    }
  }
  if (const json::value* member = find(object, "parameters")) parameters(*member);
  if (const json::value* member = find(object, "implementations")) implementations(*member);
  if (const json::value* member = find(object, "extensions")) additions(*member);
}

void MetadataReader::parameters(const json::value& value) {
  const Inside inside(*this, "parameters");
  if (!value.is_object()) return error("'parameters': " + expected("an object", value));
  if (value.get_object().size() > kParametersMax) {
    return error("more than " + std::to_string(kParametersMax) + " parameters");
  }
  out_.metadata.parameters.emplace();
  for (const auto& member : value.get_object()) parameter(member.key(), member.value());
}

void MetadataReader::parameter(std::string_view name, const json::value& value) {
  const Inside inside(*this, name);
  if (!is_name(name)) {
    return note(out_.errors,
                "'" + core::printable(name, 100) +
                    "' is not the name of a parameter: expected a-z, 0-9 and _, beginning with a "
                    "letter, at most " +
                    std::to_string(kNamePartBytesMax) + " bytes",
                Part::kName);
  }
  if (!value.is_object()) return error("the parameter: " + expected("an object", value));
  const json::object& object = value.get_object();
  Parameter to;
  to.name = name;
  warn_unknown(object, {"type", "description", "sensitive", "default"});
  text(object, "type", kMetadataBytesMax, to.type);
  text(object, "description", kDescriptionBytesMax, to.description);
  flag(object, "sensitive", to.sensitive);
  if (const json::value* given = object.if_contains("default")) to.default_value = *given;
  out_.metadata.parameters->push_back(std::move(to));
}

void MetadataReader::implementations(const json::value& value) {
  const Inside inside(*this, "implementations");
  if (!value.is_array()) return error("'implementations': " + expected("a list", value));
  const json::array& list = value.get_array();
  if (list.empty()) return error("'implementations' is empty: leave it out, or name one");
  if (list.size() > kImplementationsMax) {
    return error("more than " + std::to_string(kImplementationsMax) + " implementations");
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Inside at(*this, std::to_string(i));
    implementation(list[i]);
  }
}

void MetadataReader::implementation(const json::value& value) {
  if (!value.is_object()) return error("an implementation: " + expected("an object", value));
  const json::object& object = value.get_object();
  Implementation to;
  warn_unknown(object, {"name", "requirements", "files", "input_method", "remote"});
  text(object, "name", kPathPartBytesMax, to.name);
  if (find(object, "name") == nullptr) return error("the implementation has no 'name'");
  if (!find(object, "name")->is_string()) return;  // told already
  {
    const Inside inside(*this, "name");
    if (to.name.find('/') != std::string::npos || !check_package_path("m/tasks/" + to.name)) {
      return error("'" + core::printable(to.name, 100) +
                   "' is not the name of a file in the module's tasks folder");
    }
  }
  texts(object, "requirements", kRequirementsMax, to.requirements);
  for (std::size_t i = 0; i < to.requirements.size(); ++i) {
    const Inside list(*this, "requirements");
    const Inside at(*this, std::to_string(i));
    if (!is_requirement(to.requirements[i])) {
      error("'" + core::printable(to.requirements[i], 100) +
            "' is not a feature: expected one word of at most " +
            std::to_string(kRequirementBytesMax) + " bytes");
    }
  }
  files(object, to.files);
  input_method(object, to.input_method);
  if (find(object, "remote") != nullptr) {
    bool remote = false;
    flag(object, "remote", remote);
    to.remote = remote;
  }
  out_.metadata.implementations.push_back(std::move(to));
}

void MetadataReader::additions(const json::value& extensions) {
  const Inside inside(*this, "extensions");
  if (!extensions.is_object()) return error("'extensions': " + expected("an object", extensions));
  const json::value* ours = find(extensions.get_object(), "muster");
  if (ours == nullptr) return;  // other runners' members are none of our business
  const Inside at(*this, "muster");
  if (!ours->is_object()) return error("'muster': " + expected("an object", *ours));
  our_additions(ours->get_object());
}

void MetadataReader::our_additions(const json::object& object) {
  Additions& to = out_.metadata.additions;
  warn_unknown(object, {"version", "idempotent", "timeout", "output_bytes_max", "user"});
  text(object, "version", kVersionBytesMax, to.version);
  flag(object, "idempotent", to.idempotent);
  text(object, "user", 256, to.user);
  if (!to.version.empty()) {
    const Inside inside(*this, "version");
    if (auto status = check_version(to.version); !status) error(status.error().message);
  }
  std::string timeout;
  text(object, "timeout", 64, timeout);
  if (!timeout.empty()) {
    const Inside inside(*this, "timeout");
    const auto duration = core::parse_duration(timeout);
    if (!duration) {
      error(duration.error().message);
    } else if (*duration < std::chrono::milliseconds(1) || *duration > wire::kTimeoutCeiling) {
      error("'timeout' must be more than 0 and at most " + core::to_text(wire::kTimeoutCeiling));
    } else {
      to.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(*duration);
    }
  }
  if (const json::value* bytes = find(object, "output_bytes_max")) {
    const Inside inside(*this, "output_bytes_max");
    if (!bytes->is_int64() || bytes->get_int64() < 1 ||
        bytes->get_int64() > static_cast<std::int64_t>(wire::kOutputBytesCeiling)) {
      error("'output_bytes_max' must be a whole number from 1 to " +
            std::to_string(wire::kOutputBytesCeiling));
    } else {
      to.output_bytes_max = static_cast<std::uint64_t>(bytes->get_int64());
    }
  }
}

}  // namespace muster::methods::detail
