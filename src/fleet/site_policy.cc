// SPDX-License-Identifier: Apache-2.0
//
// The policy's text. The TOML library is included here alone.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#include "fleet/site_policy.h"

#include <toml++/toml.h>

#include <algorithm>
#include <initializer_list>
#include <map>

#include "core/bytes.h"
#include "fleet/detail/selector_program.h"

namespace muster::fleet {
namespace {

constexpr std::size_t kNameBytesMax63 = 63;
constexpr std::size_t kAddressTextBytesMax = 260;

std::string quoted(std::string_view text) {
  return "'" + core::printable(text, 80) + "'";
}

bool all_of(std::string_view text, std::string_view more) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.contains(c);
  });
}

/// Walks the parsed tree. What is wrong first is kept, with its place; reading goes on
/// without effect.
class Reader {
 public:
  SitePolicy read(const toml::table& root) {
    keys(root, "a policy", {"new_hosts", "admission", "gateway", "site"});
    policy_.new_hosts = new_hosts(root).value_or(NewHosts::kAdd);
    tables(root, "admission", kAdmissionsMax, [&](const toml::table& t) { admission(t); });
    tables(root, "gateway", kGatewayRulesMax, [&](const toml::table& t) { gateway(t); });
    tables(root, "site", kSitesMax, [&](const toml::table& t) { site(t); });
    for (std::size_t i = 0; i < fallbacks_.size(); ++i)
      for (const toml::node* each : fallbacks_[i]) fallback(policy_.sites[i], i, *each);
    return std::move(policy_);
  }
  const std::optional<PolicyError>& error() const { return error_; }

  void wrong(const toml::source_region& at, const std::string& what) {
    if (error_) return;
    const std::size_t line = std::max<std::size_t>(at.begin.line, 1);
    const std::size_t column = std::max<std::size_t>(at.begin.column, 1);
    error_ = {line, column,
              "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + what};
  }

 private:
  void wrong(const toml::node& at, const std::string& what) { wrong(at.source(), what); }

  void keys(const toml::table& table, const std::string& what,
            std::initializer_list<std::string_view> known) {
    for (const auto& [key, value] : table) {
      if (std::ranges::find(known, key.str()) != known.end()) continue;
      std::string list;
      for (const auto& each : known)
        list += (list.empty()                 ? ""
                 : each == *(known.end() - 1) ? " and "
                                              : ", ") +
                std::string(each);
      return wrong(key.source(),
                   quoted(key.str()) + " is not known here; " + what + " has " + list);
    }
  }

  template <typename Each>
  void tables(const toml::table& root, std::string_view key, std::size_t count_max, Each each) {
    const toml::node* node = root.get(key);
    if (!node) return;
    const toml::array* list = node->as_array();
    const std::string shape =
        "write each " + std::string(key) + " below a line [[" + std::string(key) + "]]";
    if (!list) return wrong(*node, shape);
    if (list->size() > count_max)
      return wrong(*node, std::to_string(list->size()) + " of " + quoted(key) + ", at most " +
                              std::to_string(count_max) + " are read");
    for (const toml::node& element : *list) {
      if (const toml::table* table = element.as_table())
        each(*table);
      else
        wrong(element, shape);
    }
  }

  /// The text of `key`; nothing where it is absent (or wrong).
  const toml::value<std::string>* text(const toml::table& table, std::string_view key) {
    const toml::node* node = table.get(key);
    if (!node) return nullptr;
    if (!node->as_string()) wrong(*node, quoted(key) + " must be a text in quotes");
    return node->as_string();
  }

  std::vector<const toml::value<std::string>*> texts(const toml::table& table, std::string_view key,
                                                     std::size_t count_max) {
    std::vector<const toml::value<std::string>*> found;
    const toml::node* node = table.get(key);
    if (!node) return found;
    const toml::array* list = node->as_array();
    if (!list) {
      wrong(*node, quoted(key) + " must be a list: " + std::string(key) + " = [\"…\", \"…\"]");
      return found;
    }
    if (list->size() > count_max)
      wrong(*node, quoted(key) + " has " + std::to_string(list->size()) + " entries, at most " +
                       std::to_string(count_max) + " are read");
    for (const toml::node& element : *list) {
      if (!element.as_string())
        wrong(element, "an entry of " + quoted(key) + " must be a text in quotes");
      else if (found.size() < count_max)
        found.push_back(element.as_string());
    }
    return found;
  }

  std::optional<NewHosts> new_hosts(const toml::table& table) {
    const auto* word = text(table, "new_hosts");
    if (!word) return std::nullopt;
    for (const auto what : {NewHosts::kAdd, NewHosts::kHold, NewHosts::kRefuse})
      if (word->get() == name(what)) return what;
    wrong(*word, "new_hosts is \"add\", \"hold\" or \"refuse\", not " + quoted(word->get()));
    return std::nullopt;
  }

  std::optional<Selector> selector(const toml::table& table) {
    const auto* word = text(table, "selector");
    if (!word) return std::nullopt;
    auto parsed = Selector::parse(word->get());
    if (parsed) return std::move(*parsed);
    wrong(*word, "selector, " + parsed.error().message);
    return std::nullopt;
  }

  void admission(const toml::table& table) {
    keys(table, "an admission", {"selector", "new_hosts"});
    auto who = selector(table);
    const auto what = new_hosts(table);
    if (!who || !what)
      return wrong(table, "an admission needs selector = \"…\" and new_hosts = \"…\"");
    policy_.admissions.push_back({std::move(*who), *what});
  }

  void gateway(const toml::table& table) {
    keys(table, "a gateway", {"name", "capacity", "addresses"});
    GatewayRule rule;
    if (const auto* word = text(table, "name"))
      rule.pattern = pattern(*word);
    else
      wrong(table, "a gateway needs name = \"…\", its name or a pattern as \"north-*\"");
    if (const toml::node* node = table.get("capacity")) {
      const auto* number = node->as_integer();
      if (!number || number->get() < 1 || number->get() > kCapacityMax)
        wrong(*node, "capacity is a number of links, 1 to " + std::to_string(kCapacityMax));
      else
        rule.capacity = static_cast<std::uint32_t>(number->get());
    }
    for (const auto* each : texts(table, "addresses", kGatewayAddressesMax))
      rule.addresses.push_back(address(*each));
    policy_.gateways.push_back(std::move(rule));
  }

  std::string pattern(const toml::value<std::string>& word) {
    const std::string& text = word.get();
    if (text.empty() || text.size() > kNameBytesMax63 || !all_of(text, ".-_*?"))
      wrong(word, quoted(text) +
                      " is no name of a gateway: letters, digits, '.', '-', '_', up to " +
                      std::to_string(kNameBytesMax63) + "; '*' and '?' stand for others");
    return text;
  }

  std::string address(const toml::value<std::string>& word) {
    const std::string& text = word.get();
    if (text.empty() || text.size() > kAddressTextBytesMax || !all_of(text, ".-_:[]"))
      wrong(word, quoted(text) + " is no address: write HOST or HOST:PORT");
    return text;
  }

  void site(const toml::table& table) {
    keys(table, "a site", {"name", "subnets", "selector", "gateways", "fallback", "new_hosts"});
    Site site;
    if (const auto* word = text(table, "name")) {
      site.name = word->get();
      if (site.name.empty() || site.name.size() > kNameBytesMax63 || !all_of(site.name, ".-_"))
        wrong(*word, quoted(site.name) + " is no name of a site: letters, digits, '.', '-', '_'");
      if (!places_.emplace(site.name, policy_.sites.size()).second)
        wrong(*word, "there are two sites named " + quoted(site.name));
    } else {
      wrong(table, "a site needs name = \"…\"");
    }
    for (const auto* each : texts(table, "subnets", kSiteSubnetsMax)) {
      if (auto subnet = Subnet::parse(each->get()))
        site.subnets.push_back(*subnet);
      else
        wrong(*each, subnet.error().message);
    }
    site.selector = selector(table);
    for (const auto* each : texts(table, "gateways", kSiteGatewaysMax))
      site.gateways.push_back(pattern(*each));
    if (site.gateways.empty())
      wrong(table, "a site needs gateways = [\"…\"], the best first; the server's own is \"main\"");
    site.new_hosts = new_hosts(table);
    auto& names = fallbacks_.emplace_back();
    for (const auto* each : texts(table, "fallback", kSiteFallbacksMax)) names.push_back(each);
    policy_.sites.push_back(std::move(site));
  }

  void fallback(Site& site, std::size_t itself, const toml::node& node) {
    const std::string& wanted = node.as_string()->get();
    const auto found = places_.find(wanted);
    if (found == places_.end())
      return wrong(node, "there is no site named " + quoted(wanted) + " to fall back to");
    if (found->second == itself) return wrong(node, "a site cannot fall back to itself");
    site.fallback.push_back(found->second);
  }

  SitePolicy policy_;
  std::map<std::string, std::size_t, std::less<>> places_;
  std::vector<std::vector<const toml::node*>> fallbacks_;  ///< of each site
  std::optional<PolicyError> error_;
};

}  // namespace

std::string_view name(NewHosts what) {
  switch (what) {
    case NewHosts::kHold:
      return "hold";
    case NewHosts::kRefuse:
      return "refuse";
    default:
      return "add";
  }
}

std::expected<SitePolicy, PolicyError> SitePolicy::parse(std::string_view text) {
  if (text.size() > kPolicyBytesMax)
    return std::unexpected(PolicyError{1, 1,
                                       "line 1, column 1: the policy has " +
                                           std::to_string(text.size()) + " bytes, at most " +
                                           std::to_string(kPolicyBytesMax) + " are read"});
  Reader reader;
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    reader.wrong(parsed.error().source(), core::printable(parsed.error().description(), 300));
    return std::unexpected(*reader.error());
  }
  SitePolicy policy = reader.read(parsed.table());
  if (reader.error()) return std::unexpected(*reader.error());
  return policy;
}

const GatewayRule* SitePolicy::rule_of(std::string_view gateway) const {
  const auto found = std::ranges::find_if(
      gateways, [&](const GatewayRule& rule) { return detail::glob_fits(rule.pattern, gateway); });
  return found == gateways.end() ? nullptr : &*found;
}

}  // namespace muster::fleet
