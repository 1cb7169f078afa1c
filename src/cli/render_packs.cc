// SPDX-License-Identifier: Apache-2.0
//
// File packs as people read them.
#include "cli/pack_commands.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

std::string line(std::string_view label, const std::string& value) {
  if (value.empty()) return {};
  std::string left(label);
  left.resize(14, ' ');
  return left + value + "\n";
}

/// One host's answer in a person's words.
std::string answer_text(const Json& result) {
  const std::string outcome = text(result, "outcome"), version = in_line(text(result, "version"));
  const std::string before = in_line(text(result, "before"));
  const std::string was = before.empty() ? "" : ", was " + before;
  if (outcome == "installed")
    return version + " installed" + (before == version ? ", repaired" : was);
  if (outcome == "unchanged") return version + " was there already";
  if (outcome == "rolled_back")
    return version.empty() ? "taken away, there was nothing before" : "back to " + version + was;
  if (outcome == "removed") return "taken away" + was;
  if (outcome == "intact") return version + " is as it was installed";
  if (outcome == "changed")
    return std::to_string(number(result, "changed_count")) + " files changed since " + version +
           " was installed";
  if (outcome == "absent") return "not installed";
  return in_line(outcome);
}

std::string size_of(const Json& object, std::string_view key) {
  return size_text(static_cast<std::uint64_t>(number(object, key)));
}

}  // namespace

std::string render_packs(const Json& list, const Terminal& terminal, core::WallTime now) {
  Table table({"PACK", "VERSION", "VERSIONS", "SIZE", "PUBLISHED", "BY", "DESCRIPTION"});
  for (const Json& pack : elements(list, "packs")) {
    table.row({text(pack, "name"), text(pack, "version"), std::to_string(number(pack, "versions")),
               size_of(pack, "size_bytes"), age(pack, "published_at", now),
               text(pack, "published_by"), text(pack, "description")});
  }
  return table.render(terminal);
}

std::string render_pack_answers(const boost::json::array& targets, const Terminal& terminal) {
  Table table({"HOST", "RESULT", "FILES", "SIZE", "FETCHED", "OWN"});
  std::string changed;
  std::uint64_t fetched = 0, reused = 0, installed = 0;
  for (const Json& target : targets) {
    const Json* result = member(target, "result");
    if (!result || text(*result, "outcome").empty()) continue;
    const std::string host = in_line(text(target, "name"));
    const bool sized = member(*result, "bytes") != nullptr;
    const auto own = static_cast<std::uint64_t>(number(*result, "bytes_reused")) +
                     static_cast<std::uint64_t>(number(*result, "bytes_kept"));
    table.row({host, answer_text(*result), sized ? std::to_string(number(*result, "files")) : "",
               sized ? size_of(*result, "bytes") : "",
               sized ? size_of(*result, "bytes_fetched") : "", sized ? size_text(own) : ""});
    installed += sized ? 1 : 0;
    fetched += static_cast<std::uint64_t>(number(*result, "bytes_fetched"));
    reused += own;
    for (const Json& path : elements(*result, "changed"))
      if (path.is_string()) changed += host + ": " + in_line(std::string(path.get_string())) + "\n";
  }
  if (table.empty()) return {};
  std::string all = table.render(terminal);
  if (installed > 1)
    all += "In sum " + size_text(fetched) + " fetched, " + size_text(reused) +
           " taken from the hosts' own files\n";
  return all + changed;
}

std::string render_packs_of_host(const Json& list, const Terminal& terminal) {
  Table table({"PACK", "VERSION", "FILES", "SIZE", "DESCRIPTION"});
  for (const Json& pack : elements(list, "packs"))
    table.row({text(pack, "name"), text(pack, "version"), std::to_string(number(pack, "files")),
               size_of(pack, "size_bytes"), text(pack, "description")});
  return table.render(terminal);
}

std::string render_pack_rules(const Json& list, const Terminal& terminal, core::WallTime now) {
  Table table({"RULE", "PACK", "VERSION", "USERS OF", "MAY", "MADE", "BY"});
  for (const Json& rule : elements(list, "rules")) {
    const bool deny = text(rule, "effect") == "deny";
    const std::string version = text(rule, "version");
    table.row({std::to_string(number(rule, "id")), text(rule, "pack"),
               !version.empty() ? version
               : deny           ? std::string("every")
                                : std::string("current"),
               text(rule, "selector"), deny ? "not install it" : "install it",
               age(rule, "created_at", now), text(rule, "created_by")});
  }
  return table.render(terminal);
}

std::string render_pack(const Json& pack, const Json& files, const Terminal& terminal,
                        core::WallTime now) {
  std::string result = line("Pack", in_line(text(pack, "name")));
  result += line("Version", in_line(text(pack, "version")) +
                                (truth(pack, "current") ? " (current)" : " (not current)"));
  result += line("Description", in_line(text(pack, "description")));
  result +=
      line("Files", std::to_string(number(pack, "files")) + ", " + size_of(pack, "files_bytes"));
  for (const Json& target : elements(pack, "targets"))
    result += line("Goes to", in_line(text(target, "path")) +
                                  (truth(target, "owned") ? " (the whole folder)" : ""));
  result += line("Step before", in_line(text(pack, "pre")));
  result += line("Step after", in_line(text(pack, "post")));
  result += line("Digest", in_line(text(pack, "digest")));
  result += line("Signed by", in_line(text(pack, "key")));
  Table versions({"VERSION", "CURRENT", "SIZE", "PUBLISHED", "BY"});
  for (const Json& version : elements(pack, "versions"))
    versions.row({text(version, "version"), truth(version, "current") ? "yes" : "",
                  size_of(version, "size_bytes"), age(version, "published_at", now),
                  text(version, "published_by")});
  result += "\n" + versions.render(terminal);
  if (elements(files, "files").empty()) return result;
  Table table({"MODE", "OWNER", "GROUP", "SIZE", "PATH"});
  for (const Json& file : elements(files, "files")) {
    const std::string link = text(file, "link");
    table.row({text(file, "mode"), text(file, "owner"), text(file, "group"),
               member(file, "size_bytes") ? size_of(file, "size_bytes") : text(file, "kind"),
               text(file, "path") + (link.empty() ? "" : " -> " + link)});
  }
  return result + "\n" + table.render(terminal);
}

}  // namespace muster::cli
