// SPDX-License-Identifier: Apache-2.0
#include <boost/json/array.hpp>
#include <map>
#include <set>

#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

using Children = std::map<std::string, std::vector<const Json*>>;

std::string upper_of(const Json& gateway) {
  for (const Json& name : elements(gateway, "behind"))
    if (name.is_string()) return std::string(name.get_string());
  return "";
}

void add_row(const Json& gateway, const std::string& lead, Table& table) {
  const std::string state = text(gateway, "state");
  const auto links = number(gateway, "links"), expected = number(gateway, "expected");
  const auto capacity = std::max<std::int64_t>(number(gateway, "capacity"), 1);
  table.row({lead + text(gateway, "name"),
             {state == "away" && truth(gateway, "draining") ? "away, draining" : state,
              state == "up" ? Color::kGreen : Color::kYellow},
             std::to_string(links),
             std::to_string(expected),
             std::to_string(capacity),
             std::to_string((links + expected) * 100 / capacity) + " %"});
}

/// Each once, whatever they say about each other.
void add_below(const Children& children, const std::string& upper, const std::string& lead,
               std::set<std::string>& shown, Table& table) {
  const auto found = children.find(upper);
  if (found == children.end()) return;
  for (const Json* gateway : found->second) {
    if (!shown.insert(text(*gateway, "name")).second) continue;
    const bool last = gateway == found->second.back();
    add_row(*gateway, lead + (last ? "└─ " : "├─ "), table);
    add_below(children, text(*gateway, "name"), lead + (last ? "   " : "│  "), shown, table);
  }
}

}  // namespace

std::string render_gateways(const Json& list, const Terminal& terminal) {
  Table table({"NAME", "STATE", "LINKS", "ON THE WAY", "CAPACITY", "LOAD"});
  std::set<std::string> known, shown;
  for (const Json& gateway : elements(list, "gateways")) known.insert(text(gateway, "name"));
  Children children;
  for (const Json& gateway : elements(list, "gateways"))
    if (const std::string upper = upper_of(gateway); known.contains(upper))
      children[upper].push_back(&gateway);
  const auto add = [&](const Json& gateway) {
    const std::string name = text(gateway, "name");
    if (!shown.insert(name).second) return;
    add_row(gateway, "", table);
    add_below(children, name, "", shown, table);
  };
  for (const Json& gateway : elements(list, "gateways"))
    if (!known.contains(upper_of(gateway))) add(gateway);
  for (const Json& gateway : elements(list, "gateways")) add(gateway);
  std::string result = table.render(terminal);
  for (const Json& gateway : elements(list, "gateways"))
    for (const Json& limit : elements(gateway, "limits"))
      if (limit.is_string())
        result += in_line(text(gateway, "name")) + " delivers content " +
                  in_line(std::string(limit.get_string())) + "\n";
  return result;
}

}  // namespace muster::cli
