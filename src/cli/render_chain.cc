// SPDX-License-Identifier: Apache-2.0
#include <boost/json/array.hpp>
#include <map>

#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

using Children = std::map<std::string, std::vector<const Json*>>;

void add_line(const Json& run, const std::string& lead, const std::string& first,
              std::string_view marked, const Terminal& terminal, std::string& result) {
  const bool running = text(run, "state") == "running";
  const Color color = running ? Color::kCyan : all_succeeded(run) ? Color::kGreen : Color::kRed;
  const std::string id = text(run, "id");
  result += lead + first + in_line(id) + "  " + in_line(command_text(run));
  if (const Json* parent = member(run, "parent")) {
    const std::string on = text(run, "selector");
    result += "  on " + in_line(on.empty() ? "all" : on) + ", by " + in_line(text(*parent, "name"));
  }
  result += "  " + terminal.paint(color, counts_text(run));
  if (const std::string by = text(run, "cancelled_by"); !by.empty())
    result += ", cancelled by " + in_line(by);
  result += id == marked ? "  <" : "";
  result += "\n";
}

void add_children(const Children& children, const std::string& of, const std::string& lead,
                  std::string_view marked, const Terminal& terminal, std::size_t depth,
                  std::string& result) {
  const auto found = children.find(of);
  constexpr std::size_t kDepthMax = 16;  // what the server says has an end, whatever it says
  if (found == children.end() || depth > kDepthMax) return;
  for (const Json* run : found->second) {
    const bool last = run == found->second.back();
    add_line(*run, lead, last ? "└─ " : "├─ ", marked, terminal, result);
    add_children(children, text(*run, "id"), lead + (last ? "   " : "│  "), marked, terminal,
                 depth + 1, result);
  }
}

}  // namespace

std::string render_tree(const Json& tree, std::string_view marked, const Terminal& terminal) {
  Children children;
  std::string result;
  for (const Json& run : elements(tree, "runs"))
    if (const Json* parent = member(run, "parent")) children[text(*parent, "run")].push_back(&run);
  // What retention has taken of it leaves several tops.
  std::map<std::string, bool> there;
  for (const Json& run : elements(tree, "runs")) there[text(run, "id")] = true;
  for (const Json& run : elements(tree, "runs")) {
    const Json* parent = member(run, "parent");
    if (parent && there.contains(text(*parent, "run"))) continue;
    add_line(run, "", "", marked, terminal, result);
    add_children(children, text(run, "id"), "", marked, terminal, 0, result);
  }
  return result;
}

std::string chain_text(const Json& run) {
  const Json* chain = member(run, "chain");
  if (!chain) return "";
  std::vector<std::string> what;
  for (const Json& method : elements(*chain, "methods"))
    if (method.is_string()) what.emplace_back(method.get_string());
  if (truth(*chain, "commands")) what.emplace_back("commands");
  return listed(what) + " on " + text(*chain, "selector");
}

}  // namespace muster::cli
