// SPDX-License-Identifier: Apache-2.0
#include "server/pack_rules.h"

#include <algorithm>

#include "access/audit.h"
#include "core/log.h"
#include "packs/index.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using store::Connection;

constexpr store::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE pack_rules(
  id BIGINT NOT NULL PRIMARY KEY,
  pack TEXT NOT NULL,
  version TEXT NOT NULL,
  selector TEXT NOT NULL,
  deny INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL);
)sql"}};

PackRule rule_from(const store::Row& row) {
  PackRule rule;
  rule.id = row.integer(0);
  rule.pack = row.string(1);
  rule.version = row.string(2);
  rule.selector = row.string(3);
  rule.deny = row.integer(4) != 0;
  rule.created_by = row.string(5);
  rule.created_at = core::wall_from_unix_ms(row.integer(6));
  return rule;
}

core::Result<fleet::Selector> selector_of(const std::string& text) {
  auto selector = fleet::Selector::parse(text);
  if (selector) return std::move(*selector);
  return fail(Code::kInvalid, "selector: " + selector.error().message);
}

std::string detail_of(const PackRule& rule) {
  return access::audit_detail({{"rule", std::to_string(rule.id)},
                               {"version", rule.version.empty() ? "any" : rule.version},
                               {"selector", rule.selector}});
}

}  // namespace

store::MigrationSet pack_rule_migrations() {
  return {"pack_rules", kMigrations};
}

core::Status PackRules::open() {
  using Rules = std::vector<PackRule>;
  MUSTER_ASSIGN(
      Rules rules, database_.read_blocking([](Connection& connection) -> core::Result<Rules> {
        Rules found;
        MUSTER_TRY(connection.query(
            "SELECT id, pack, version, selector, deny, created_by, created_at FROM pack_rules "
            "ORDER BY id",
            {}, [&](const store::Row& row) { found.push_back(rule_from(row)); }));
        return found;
      }));
  for (PackRule& rule : rules) {
    auto selector = selector_of(rule.selector);
    // One that this version cannot read must not allow what it would have denied.
    if (!selector)
      return fail(Code::kCorrupt, "the rule " + std::to_string(rule.id) + " for the pack " +
                                      rule.pack + ": " + selector.error().message);
    rules_.push_back({std::move(rule), std::move(*selector)});
  }
  return {};
}

runtime::Task<core::Result<PackRule>> PackRules::add(access::Principal by, PackRule rule) {
  MUSTER_CO_TRY(access::require(by, access::Right::kManageMethods));
  MUSTER_CO_TRY(packs::check_name(rule.pack));
  if (!rule.version.empty()) MUSTER_CO_TRY(packs::check_version(rule.version));
  MUSTER_CO_ASSIGN(auto selector, selector_of(rule.selector));
  if (rules_.size() >= kRulesMax)
    co_return fail(Code::kLimit, "there are " + std::to_string(kRulesMax) +
                                     " rules for packs already: remove one first (muster pack "
                                     "allowed shows them)");
  rule.created_by = by.name;
  rule.created_at = core::wall_now();
  MUSTER_CO_ASSIGN(
      const std::int64_t id,
      co_await database_.write([rule, by](Connection& connection) -> core::Result<std::int64_t> {
        PackRule kept = rule;
        MUSTER_ASSIGN(const auto last,
                      connection.integer("SELECT COALESCE(MAX(id), 0) FROM pack_rules"));
        kept.id = last + 1;
        MUSTER_TRY(connection.execute(
            "INSERT INTO pack_rules (id, pack, version, selector, deny, created_by, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            {kept.id, kept.pack, kept.version, kept.selector, kept.deny ? 1 : 0, kept.created_by,
             core::unix_ms(kept.created_at)}));
        MUSTER_TRY(access::Audit::append(connection, kept.created_at, by,
                                         kept.deny ? "pack.deny" : "pack.allow", kept.pack,
                                         detail_of(kept)));
        return kept.id;
      }));
  rule.id = id;
  rules_.push_back({rule, std::move(selector)});
  co_return rule;
}

runtime::Task<core::Status> PackRules::remove(access::Principal by, std::int64_t id) {
  MUSTER_CO_TRY(access::require(by, access::Right::kManageMethods));
  const auto found =
      std::ranges::find(rules_, id, [](const Compiled& each) { return each.rule.id; });
  if (found == rules_.end())
    co_return fail(Code::kNotFound, "there is no rule " + std::to_string(id) +
                                        " for packs (muster pack allowed shows them)");
  const PackRule rule = found->rule;
  MUSTER_CO_TRY(co_await database_.write([rule, by](Connection& connection) -> core::Status {
    MUSTER_TRY(connection.execute("DELETE FROM pack_rules WHERE id = ?", {rule.id}));
    MUSTER_TRY(access::Audit::append(connection, core::wall_now(), by, "pack.remove_rule",
                                     rule.pack, detail_of(rule)));
    return {};
  }));
  std::erase_if(rules_, [id](const Compiled& each) { return each.rule.id == id; });
  co_return core::Status{};
}

std::vector<PackRule> PackRules::all() const {
  std::vector<PackRule> rules;
  for (const Compiled& each : rules_) rules.push_back(each.rule);
  return rules;
}

bool PackRules::speaks_of(std::string_view pack) const {
  return std::ranges::any_of(
      rules_, [&](const Compiled& each) { return !each.rule.deny && each.rule.pack == pack; });
}

bool PackRules::allows(std::string_view pack, std::string_view version, bool is_current,
                       const fleet::Subject& host) const {
  bool allowed = false;
  for (const auto& [rule, selector] : rules_) {
    if (rule.pack != pack) continue;
    const bool any = rule.version.empty() && (rule.deny || is_current);
    if ((!any && rule.version != version) || !selector.matches(host)) continue;
    if (rule.deny) return false;
    allowed = true;
  }
  return allowed;
}

}  // namespace muster::server
