// SPDX-License-Identifier: Apache-2.0
//
// What only the region knows: names of methods, and the parameters that their metadata tells.
#include <algorithm>
#include <set>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/json_access.h"

namespace muster::cli {
namespace {

/// The words that are no options, nor values of options.
std::vector<std::string> operands(const Command& command, std::span<const std::string> words) {
  std::vector<std::string> found;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].starts_with('-')) {
      found.push_back(words[i]);
      continue;
    }
    const auto option = std::ranges::find_if(command.options(), [&](const Option& one) {
      return ("," + one.names + ",").contains("," + words[i] + ",");
    });
    if (option != command.options().end() && !option->value.empty()) ++i;
  }
  return found;
}

std::vector<std::string> names(Client& client) {
  std::vector<std::string> found;
  const auto list = client.methods(false);
  if (!list) return found;
  for (const Json& method : elements(*list, "methods")) found.push_back(text(method, "name"));
  return found;
}

std::vector<std::string> pack_names(Client& client) {
  std::vector<std::string> found;
  const auto list = client.get({"packs"});
  if (!list) return found;
  for (const Json& pack : elements(*list, "packs")) found.push_back(text(pack, "name"));
  return found;
}

std::vector<std::string> parameters(Client& client, std::span<const std::string> operands,
                                    std::string_view current) {
  std::vector<std::string> found;
  const auto [name, version] = split_version(operands.front());
  const auto method = client.method(name, version);
  if (!method) return found;
  std::set<std::string> given;
  for (const auto& word : operands.subspan(1))
    given.insert(word.substr(0, word.find_first_of(":=")));
  for (const Json& parameter : elements(*method, "parameters")) {
    const std::string begin = text(parameter, "name") + "=";
    if (given.contains(text(parameter, "name"))) continue;
    if (!current.starts_with(begin)) {
      found.push_back(begin);
      continue;
    }
    for (const Json& choice : elements(parameter, "choices"))
      if (choice.is_string()) found.push_back(begin + std::string(choice.get_string()));
  }
  return found;
}

}  // namespace

std::vector<std::string> completion_words(Client& client, const Command& root,
                                          std::span<const std::string> words) {
  if (words.size() < 3 || (words[0] != "method" && words[0] != "pack")) return {};
  const bool pack = words[0] == "pack";
  const Command* group = root.child(words[0]);
  const Command* command = group ? group->child(words[1]) : nullptr;
  if (!command || words[1] == "publish" || command->positionals().empty()) return {};
  const auto before = operands(*command, words.subspan(2, words.size() - 3));
  std::vector<std::string> found;
  if (before.empty()) found = pack ? pack_names(client) : names(client);
  if (!before.empty() && !pack && words[1] == "run")
    found = parameters(client, before, words.back());
  std::erase_if(found, [&](const std::string& word) { return !word.starts_with(words.back()); });
  return found;
}

}  // namespace muster::cli
