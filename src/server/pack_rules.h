// SPDX-License-Identifier: Apache-2.0
//
// PackRules says which file packs the users of which hosts may install by themselves
// (ADR 25). Nothing is allowed that no rule allows; a rule that denies goes before all that
// allow.
//
// Lives on the server's loop. All rules are in memory: they are few, and each list of a host's
// packs asks them all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "access/types.h"
#include "core/clock.h"
#include "fleet/selector.h"
#include "runtime/task.h"
#include "store/database.h"
#include "store/migration.h"

namespace muster::server {

store::MigrationSet pack_rule_migrations();

struct PackRule {
  std::int64_t id = 0;
  std::string pack;
  /// Empty: of a rule that allows, whichever version is the current one; of one that denies,
  /// every version.
  std::string version;
  std::string selector;
  bool deny = false;
  std::string created_by;
  core::WallTime created_at;
};

class PackRules {
 public:
  static constexpr std::size_t kRulesMax = 1000;

  explicit PackRules(store::Database& database) : database_(database) {}
  /// Blocking; once, first.
  core::Status open();

  /// Returns the rule with its id. kInvalid: a name or the selector; kLimit. Audited.
  runtime::Task<core::Result<PackRule>> add(access::Principal by, PackRule rule);
  /// kNotFound. Audited.
  runtime::Task<core::Status> remove(access::Principal by, std::int64_t id);
  /// In the order in which they were made.
  std::vector<PackRule> all() const;

  /// Whether any rule names this pack and allows something of it.
  bool speaks_of(std::string_view pack) const;
  bool allows(std::string_view pack, std::string_view version, bool is_current,
              const fleet::Subject& host) const;

 private:
  struct Compiled {
    PackRule rule;
    fleet::Selector selector;
  };

  store::Database& database_;
  std::vector<Compiled> rules_;
};

}  // namespace muster::server
