// SPDX-License-Identifier: Apache-2.0
#include "cli/render_managed.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "cli/text.h"
#include "core/clock.h"

namespace muster::cli {
namespace {

void row(std::string& shown, std::string_view name, const std::string& value) {
  if (!value.empty()) shown += hanging("  " + std::string(name), in_line(value), 16);
}

std::string disks_text(const Json& machine) {
  std::string text_of_all;
  for (const Json& disk : elements(machine, "disks"))
    text_of_all += (text_of_all.empty() ? "" : "; ") + text(disk, "mount") + " " +
                   size_text(static_cast<std::uint64_t>(number(disk, "free"))) + " free of " +
                   size_text(static_cast<std::uint64_t>(number(disk, "total")));
  return text_of_all;
}

std::string services_text(const Json& machine) {
  const Json* services = member(machine, "services");
  if (services == nullptr || !services->is_object()) return "not known";
  std::vector<std::string> failed;
  for (const Json& unit : elements(*services, "failed"))
    if (unit.is_string()) failed.emplace_back(unit.as_string());
  return failed.empty() ? "none failed" : "failed: " + listed(failed);
}

std::string load_text(const Json& machine) {
  std::vector<std::string> words;
  for (const Json& each : elements(machine, "load")) words.push_back(boost::json::serialize(each));
  return listed(words, " ") + " on " + std::to_string(number(machine, "processors")) +
         " processors";
}

std::string application_text(const Json& status) {
  const Json* application = member(status, "application");
  if (application == nullptr || !application->is_object()) return "";
  return text(*application, "address") + (truth(*application, "reachable")
                                              ? ", reachable"
                                              : ", not reachable: " + text(*application, "why"));
}

/// One host's own part.
std::string render_status(const Json& status) {
  std::string shown = in_line(text(status, "host")) + " (" + in_line(text(status, "kind")) +
                      ", Muster " + in_line(text(status, "version")) + ")\n";
  if (const Json* database = member(status, "database")) {
    row(shown, "database",
        text(*database, "kind") + (truth(*database, "lost") ? ", lost" : "") + ", " +
            std::to_string(number(*database, "queued")) + " waiting");
    row(shown, "gateways", std::to_string(elements(status, "gateways").size()));
    if (const Json* hosts = member(status, "endpoints"))
      row(shown, "hosts",
          std::to_string(number(*hosts, "online")) + " of " +
              std::to_string(number(*hosts, "total")) + " online");
  }
  row(shown, "application", application_text(status));
  if (const Json* machine = member(status, "machine")) {
    row(shown, "system", text(*machine, "os") + ", Linux " + text(*machine, "kernel"));
    row(shown, "up", core::to_text(std::chrono::seconds(number(*machine, "up_s"))));
    row(shown, "load", load_text(*machine));
    if (const Json* memory = member(*machine, "memory"))
      row(shown, "memory",
          size_text(static_cast<std::uint64_t>(number(*memory, "available"))) + " available of " +
              size_text(static_cast<std::uint64_t>(number(*memory, "total"))));
    row(shown, "disks", disks_text(*machine));
    row(shown, "services", services_text(*machine));
  }
  return shown;
}

}  // namespace

std::string render_managed(const Json& answer) {
  std::string shown;
  // A host that called on others says its own part as they say theirs.
  if (member(answer, "kind") != nullptr) shown = render_status(answer);
  if (const Json* error = member(answer, "error"))
    shown += in_line(text(answer, "host")) + ": " + in_line(text(*error, "message")) + "\n";
  if (const Json* own = member(answer, "answer")) shown += render_status(*own);
  for (const Json& each : elements(answer, "further")) shown += render_managed(each);
  return shown;
}

bool all_hosts_well(const Json& answer) {
  if (member(answer, "error") != nullptr) return false;
  for (const Json& each : elements(answer, "further"))
    if (!all_hosts_well(each)) return false;
  return true;
}

}  // namespace muster::cli
