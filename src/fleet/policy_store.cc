// SPDX-License-Identifier: Apache-2.0
#include "fleet/policy_store.h"

namespace muster::fleet {
namespace {

StoredPolicy policy_of(const store::Row& row) {
  return {row.integer(0), row.string(1), row.string(2), core::wall_from_unix_ms(row.integer(3))};
}

}  // namespace

core::Result<StoredPolicy> PolicyStore::current(store::Connection& connection) {
  MUSTER_ASSIGN(auto found,
                connection.first("SELECT version, text, set_by, set_at FROM fleet_policies "
                                 "ORDER BY version DESC LIMIT 1",
                                 {}, policy_of));
  return std::move(found).value_or(StoredPolicy());
}

core::Result<StoredPolicy> PolicyStore::get(store::Connection& connection, std::int64_t version) {
  MUSTER_ASSIGN(auto found,
                connection.first("SELECT version, text, set_by, set_at FROM fleet_policies "
                                 "WHERE version = ?",
                                 {version}, policy_of));
  if (!found)
    return core::fail(core::Code::kNotFound,
                      "there is no version " + std::to_string(version) +
                          " of the policy (any more); muster policy versions lists them");
  return std::move(*found);
}

core::Result<std::vector<StoredPolicy>> PolicyStore::list(store::Connection& connection) {
  std::vector<StoredPolicy> versions;
  MUSTER_TRY(connection.query(
      "SELECT version, '', set_by, set_at FROM fleet_policies ORDER BY version DESC", {},
      [&](const store::Row& row) { versions.push_back(policy_of(row)); }));
  return versions;
}

core::Result<std::int64_t> PolicyStore::put(store::Connection& connection,
                                            const StoredPolicy& policy) {
  MUSTER_ASSIGN(const StoredPolicy newest, current(connection));
  if (newest.version != policy.version)
    return core::fail(core::Code::kConflict,
                      "the policy is at version " + std::to_string(newest.version) + ", set by " +
                          newest.set_by + ", and not at " + std::to_string(policy.version) +
                          " any more: read it again (muster policy show) and change that");
  const std::int64_t version = newest.version + 1;
  MUSTER_TRY(connection.execute(
      "INSERT INTO fleet_policies (version, text, set_by, set_at) VALUES (?, ?, ?, ?)",
      {version, policy.text, policy.set_by, core::unix_ms(policy.set_at)}));
  MUSTER_TRY(connection.execute("DELETE FROM fleet_policies WHERE version <= ?",
                                {version - kPolicyVersionsKept}));
  return version;
}

core::Result<std::vector<std::string>> PolicyStore::draining(store::Connection& connection) {
  std::vector<std::string> names;
  MUSTER_TRY(connection.query("SELECT gateway FROM fleet_drains", {},
                              [&](const store::Row& row) { names.push_back(row.string(0)); }));
  return names;
}

core::Status PolicyStore::set_draining(store::Connection& connection, const std::string& gateway,
                                       bool draining) {
  MUSTER_TRY(connection.execute("DELETE FROM fleet_drains WHERE gateway = ?", {gateway}));
  if (draining)
    MUSTER_TRY(connection.execute("INSERT INTO fleet_drains (gateway) VALUES (?)", {gateway}));
  return {};
}

}  // namespace muster::fleet
