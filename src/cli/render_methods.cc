// SPDX-License-Identifier: Apache-2.0
//
// Methods as people read them.
#include <boost/json/serialize.hpp>
#include <map>

#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

std::string words_of(const Json& object, std::string_view key) {
  std::vector<std::string> words;
  for (const Json& word : elements(object, key)) {
    if (word.is_string()) words.emplace_back(word.get_string());
  }
  return in_line(listed(words));
}

std::string line(std::string_view label, const std::string& value) {
  if (value.empty()) return {};
  std::string left(label);
  left.resize(14, ' ');
  return left + value + "\n";
}

std::string parameter_text(const Json& parameter) {
  std::string about = in_line(text(parameter, "expected"));
  if (!text(parameter, "description").empty()) {
    about = in_line(text(parameter, "description")) + " (" + about + ")";
  }
  if (const Json* value = member(parameter, "default")) {
    about += "; default " + in_line(boost::json::serialize(*value));
  } else if (!truth(parameter, "required")) {
    about += "; may be left out";
  }
  if (truth(parameter, "sensitive")) about += "; kept secret";
  return hanging("  " + in_line(text(parameter, "name")), about, 20);
}

std::string parameters_text(const Json& method) {
  if (truth(method, "any_parameters")) return "\nParameters    any: its metadata names none\n";
  if (elements(method, "parameters").empty()) return "\nParameters    none\n";
  std::string result = "\nParameters\n";
  for (const Json& parameter : elements(method, "parameters")) result += parameter_text(parameter);
  return result;
}

// What two versions are compared by: a line for each thing, under a key that pairs them.
std::map<std::string, std::string> facts_of(const Json& method) {
  std::map<std::string, std::string> facts;
  for (const char* key : {"description", "supports_noop", "idempotent", "input_method", "private",
                          "timeout_ms", "output_bytes_max", "user"}) {
    if (const Json* value = member(method, key)) {
      facts["1 " + std::string(key)] = std::string(key) + ": " + boost::json::serialize(*value);
    }
  }
  for (const Json& parameter : elements(method, "parameters")) {
    facts["2 " + text(parameter, "name")] =
        "parameter " + text(parameter, "name") + ": " + text(parameter, "type") +
        (member(parameter, "default") == nullptr
             ? ""
             : " = " + boost::json::serialize(*member(parameter, "default"))) +
        (truth(parameter, "sensitive") ? " (secret)" : "");
  }
  for (const Json& implementation : elements(method, "implementations")) {
    facts["3 " + text(implementation, "name")] = "implementation " + text(implementation, "name") +
                                                 ": " + words_of(implementation, "requirements") +
                                                 " by " + text(implementation, "input_method");
  }
  for (const Json& file : elements(method, "files")) {
    facts["4 " + text(file, "path")] =
        "file " + text(file, "path") + ": " +
        size_text(static_cast<std::uint64_t>(number(file, "size_bytes"))) + ", " +
        text(file, "sha256").substr(0, 12) + (truth(file, "executable") ? ", executable" : "");
  }
  return facts;
}

}  // namespace

std::string render_methods(const Json& list, const Terminal& terminal, core::WallTime now) {
  Table table({"METHOD", "VERSION", "VERSIONS", "PUBLISHED", "BY", "DESCRIPTION"});
  for (const Json& method : elements(list, "methods")) {
    table.row({text(method, "name"), text(method, "version"),
               std::to_string(number(method, "versions")), age(method, "published_at", now),
               text(method, "published_by"), text(method, "description")});
  }
  return table.render(terminal);
}

std::string render_method(const Json& method, const Terminal& terminal, core::WallTime now) {
  std::string result = line("Method", in_line(text(method, "name")));
  result += line("Version", in_line(text(method, "version")) +
                                (truth(method, "current") ? " (current)" : " (not current)"));
  result += line("Description", in_line(text(method, "description")));
  result += line("Dry run", truth(method, "supports_noop") ? "yes" : "no");
  if (truth(method, "idempotent")) result += line("Idempotent", "yes");
  result += line("User", in_line(text(method, "user")));
  result += line("Digest", in_line(text(method, "digest")));
  result += line("Signed by", in_line(text(method, "key")));
  result += line("Published",
                 age(method, "published_at", now) + " by " + in_line(text(method, "published_by")));
  result += parameters_text(method);
  if (!elements(method, "implementations").empty()) {
    result += "\nImplementations, the first that fits\n";
    for (const Json& implementation : elements(method, "implementations")) {
      const std::string needs = words_of(implementation, "requirements");
      result += hanging("  " + in_line(text(implementation, "name")),
                        needs.empty() ? "anywhere" : "needs " + needs, 30);
    }
  }
  result += "\n";
  Table files({"FILE", "SIZE", "SHA-256"});
  for (const Json& file : elements(method, "files")) {
    files.row({text(file, "path"),
               size_text(static_cast<std::uint64_t>(number(file, "size_bytes"))),
               text(file, "sha256").substr(0, 12)});
  }
  result += files.render(terminal) + "\n";
  Table versions({"VERSION", "PUBLISHED", "BY", ""});
  for (const Json& version : elements(method, "versions")) {
    versions.row({text(version, "version"), age(version, "published_at", now),
                  text(version, "published_by"), truth(version, "current") ? "current" : ""});
  }
  return result + versions.render(terminal);
}

std::string render_method_diff(const Json& before, const Json& after, const Terminal& terminal) {
  const auto old_facts = facts_of(before);
  const auto new_facts = facts_of(after);
  std::string result;
  const auto gone = [&](const std::string& fact) {
    result += terminal.paint(Color::kRed, "- " + in_line(fact)) + "\n";
  };
  const auto come = [&](const std::string& fact) {
    result += terminal.paint(Color::kGreen, "+ " + in_line(fact)) + "\n";
  };
  std::map<std::string, int> keys;
  for (const auto& [key, fact] : old_facts) keys[key];
  for (const auto& [key, fact] : new_facts) keys[key];
  for (const auto& [key, nothing] : keys) {
    const auto was = old_facts.find(key);
    const auto is = new_facts.find(key);
    if (was != old_facts.end() && is != new_facts.end() && was->second == is->second) continue;
    if (was != old_facts.end()) gone(was->second);
    if (is != new_facts.end()) come(is->second);
  }
  return result;
}

std::string render_publishing_keys(const Json& list, const Terminal& terminal, core::WallTime now) {
  Table table({"KEY", "TRUSTED", "BY", "NOTE"});
  for (const Json& key : elements(list, "keys")) {
    table.row(
        {text(key, "id"), age(key, "added_at", now), text(key, "added_by"), text(key, "note")});
  }
  return table.render(terminal);
}

}  // namespace muster::cli
