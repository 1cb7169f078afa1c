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
