// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

std::string system_text(const Json& host) {
  const Json* facts = member(host, "facts");
  if (facts == nullptr) return "-";
  std::string system = text(*facts, "distribution");
  if (system.empty()) system = text(*facts, "os");
  if (const auto version = text(*facts, "distribution_version"); !version.empty()) {
    system += " " + version;
  }
  return system.empty() ? "-" : system;
}

Table::Cell status_cell(const Json& host) {
  if (text(host, "state") == "revoked") return {"revoked", Color::kRed};
  if (text(host, "state") == "held") return {"held", Color::kYellow};
  if (!truth(host, "online")) return {"offline", Color::kYellow};
  return {"online", Color::kGreen};
}

/// "Name:      value" lines of one host.
class Lines {
 public:
  void add(std::string_view name, std::string value) {
    if (value.empty() || value == "-") return;
    constexpr std::size_t kColumn = 14;
    text_ += std::string(name) + std::string(kColumn - name.size(), ' ') + in_line(value) + "\n";
  }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

std::string words(const Json& object, std::string_view key) {
  std::vector<std::string> list;
  for (const Json& element : elements(object, key)) {
    if (element.is_string()) list.emplace_back(element.get_string().c_str());
  }
  return listed(list);
}

}  // namespace

std::string labels_text(const Json& labels) {
  if (!labels.is_object() || labels.get_object().empty()) return "-";
  std::vector<std::string> pairs;
  for (const auto& [key, value] : labels.get_object()) {
    pairs.push_back(std::string(key) + "=" + text(labels, {key.data(), key.size()}));
  }
  std::ranges::sort(pairs);
  return listed(pairs, ",");
}

std::string render_hosts(const Json& list, const Terminal& terminal, core::WallTime now) {
  Table table({"NAME", "STATUS", "SYSTEM", "ADDRESS", "LAST CONTACT", "ID", "LABELS"});
  const auto& hosts = elements(list, "hosts");
  for (const Json& host : hosts) {
    const Json* labels = member(host, "labels");
    const std::string address = text(host, "address");
    table.row({text(host, "name"), status_cell(host), system_text(host),
               address.empty() ? "-" : address, age(host, "last_contact", now), text(host, "id"),
               labels == nullptr ? "-" : labels_text(*labels)});
  }
  std::string result = table.empty() ? "" : table.render(terminal);
  for (const Json& host : hosts) {
    if (const auto warning = text(host, "warning"); !warning.empty()) {
      result += terminal.paint(Color::kYellow, "warning: ") + in_line(text(host, "name")) + ": " +
                in_line(warning) + "\n";
    }
  }
  const auto total = static_cast<std::uint64_t>(number(list, "total"));
  if (terminal.out_is_terminal) {
    const std::string summary =
        count_of(total, "host", "hosts") + ", " + std::to_string(number(list, "online")) +
        " online" + (hosts.size() < total ? " (" + std::to_string(hosts.size()) + " shown)" : "");
    result += terminal.paint(Color::kDim, summary) + "\n";
  }
  return result;
}

std::string render_host(const Json& host, const Terminal& terminal, core::WallTime now) {
  Lines lines;
  lines.add("Name", text(host, "name"));
  lines.add("Id", text(host, "id"));
  const auto status = status_cell(host);
  const std::string contact = age(host, "last_contact", now);
  std::string result = lines.str() + "Status        " + terminal.paint(status.color, status.text) +
                       (contact == "-" ? "" : ", last contact " + contact) + "\n";
  Lines rest;
  rest.add("Warning", text(host, "warning"));
  const Json* labels = member(host, "labels");
  rest.add("Labels", labels == nullptr ? "" : labels_text(*labels));
  rest.add("Address", text(host, "address"));
  rest.add("Gateway", text(host, "gateway"));
  rest.add("Enrolled", age(host, "enrolled_at", now));
  if (const Json* facts = member(host, "facts")) {
    rest.add("Host name", text(*facts, "hostname"));
    rest.add("System", system_text(host));
    rest.add("Kernel", text(*facts, "kernel"));
    rest.add("Machine", text(*facts, "machine"));
    if (number(*facts, "cpus") > 0) rest.add("Processors", std::to_string(number(*facts, "cpus")));
    if (const auto memory = number(*facts, "memory_bytes"); memory > 0) {
      rest.add("Memory", size_text(static_cast<std::uint64_t>(memory)));
    }
    rest.add("Addresses", words(*facts, "addresses"));
    rest.add("Booted", age(*facts, "booted_at", now));
    rest.add("Agent", text(*facts, "agent_version"));
    rest.add("Features", words(*facts, "features"));
  }
  return result + rest.str();
}

}  // namespace muster::cli
