// SPDX-License-Identifier: Apache-2.0
#include "server/region_keys.h"

#include <map>

#include "access/region_secret.h"
#include "core/log.h"
#include "runtime/file.h"
#include "store/tables.h"

namespace muster::server {
namespace {

using access::RegionSecret;
using core::Code;
using core::fail;
using store::Connection;
namespace fs = std::filesystem;

constexpr store::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE region_keys(
  name TEXT NOT NULL PRIMARY KEY,
  sealed BLOB NOT NULL,
  sealed_at INTEGER NOT NULL);
)sql"}};
constexpr std::string_view kModule = "region_keys";

/// In the order in which they are written: what is there when ca.key is there is whole.
constexpr std::string_view kFiles[] = {"signer.key", "signer.pem", "ca.pem", "ca.key"};
constexpr std::size_t kFileBytesMax = 64 * 1024;

using Sealed = std::map<std::string, std::string>;

core::Result<Sealed> sealed_keys(Connection& connection) {
  Sealed found;
  MUSTER_TRY(
      connection.query("SELECT name, sealed FROM region_keys ORDER BY name", {},
                       [&](const store::Row& row) { found.emplace(row.string(0), row.bytes(1)); }));
  return found;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

core::Result<std::map<std::string, std::string>> unsealed(const Sealed& sealed,
                                                          const RegionSecret& secret) {
  std::map<std::string, std::string> keys;
  for (const std::string_view name : kFiles) {
    const auto at = sealed.find(std::string(name));
    if (at == sealed.end())
      return fail(Code::kCorrupt, "the database has not all keys of the region: " +
                                      std::string(name) + " is missing");
    auto bytes = secret.unseal(name, at->second);
    if (!bytes)
      return fail(Code::kDenied,
                  "the keys in the database were sealed with another secret than this server's: "
                  "take the one that 'muster server secret' prints on a server of this region");
    keys.emplace(at->first, std::move(*bytes));
  }
  return keys;
}

}  // namespace

store::MigrationSet region_key_migrations() {
  return {kModule, kMigrations};
}

core::Status take_region_secret(const fs::path& given, const fs::path& state) {
  if (given.empty()) return {};
  MUSTER_ASSIGN(const auto secret, RegionSecret::load(given));
  const auto own = state / kSecretFile;
  const auto known = RegionSecret::load(own);
  if (known && *known == secret) return {};
  if (known || known.error().code != Code::kNotFound)
    return fail(Code::kConflict, own.string() +
                                     " holds another secret: is this state folder another "
                                     "region's? Remove that file if not");
  return secret.save(own);
}

core::Result<KeysThere> fetch_region_keys(const store::Options& options, const fs::path& state) {
  if (is_there(state / "ca.key")) return KeysThere::kLocal;
  Sealed sealed;
  MUSTER_TRY(store::look(options, [&](Connection& connection) -> core::Status {
    MUSTER_ASSIGN(const auto versions, store::versions_of(connection));
    if (!versions.contains(std::string(kModule))) return {};
    MUSTER_ASSIGN(sealed, sealed_keys(connection));
    return {};
  }));
  if (sealed.empty()) return KeysThere::kNone;
  const auto secret = RegionSecret::load(state / kSecretFile);
  if (!secret && secret.error().code != Code::kNotFound) return fail(core::Error(secret.error()));
  if (!secret)
    return fail(Code::kDenied,
                "the database belongs to a region whose keys are not here: on a server that has "
                "them run 'muster server secret' and give what it prints, in a file, to "
                "--region-secret");
  MUSTER_ASSIGN(const auto keys, unsealed(sealed, *secret));
  for (const std::string_view name : kFiles)
    MUSTER_TRY(runtime::write_file(state / name, keys.at(std::string(name)),
                                   name.ends_with(".pem") ? 0644 : 0600));
  core::log(core::Level::kInfo, "server", "the region's keys are here, from the database");
  return KeysThere::kFetched;
}

core::Status publish_region_keys(store::Database& database, const fs::path& state) {
  MUSTER_ASSIGN(const auto sealed, database.read_blocking(sealed_keys));
  auto secret = RegionSecret::load(state / kSecretFile);
  if (!secret && secret.error().code != Code::kNotFound) return fail(core::Error(secret.error()));
  if (!secret && !sealed.empty()) {
    core::log(core::Level::kWarn, "server",
              "this server has the region's keys, but not the secret under which the database has "
              "them: it works, but cannot hand them on. Bring the secret with --region-secret");
    return {};
  }
  if (!secret) {
    secret = RegionSecret::generate();
    MUSTER_TRY(secret->save(state / kSecretFile));
  }
  std::map<std::string, std::string> changed;
  for (const std::string_view name : kFiles) {
    MUSTER_ASSIGN(auto bytes, runtime::read_file(state / name, kFileBytesMax));
    if (const auto at = sealed.find(std::string(name)); at != sealed.end()) {
      const auto known = secret->unseal(name, at->second);
      if (!known)
        return fail(Code::kDenied,
                    "the region's secret in " + (state / kSecretFile).string() +
                        " is not the one under which the database has the region's keys: take "
                        "the one of another server of this region");
      if (*known == bytes) continue;
    }
    changed.emplace(name, secret->seal(name, bytes));
  }
  if (changed.empty()) return {};
  return database.write_blocking([&](Connection& connection) -> core::Status {
    for (const auto& [name, bytes] : changed)
      MUSTER_TRY(connection.execute(
          "INSERT INTO region_keys(name, sealed, sealed_at) VALUES(?, ?, ?) ON CONFLICT(name) DO "
          "UPDATE SET sealed = excluded.sealed, sealed_at = excluded.sealed_at",
          {name, store::Blob{bytes}, core::unix_ms(core::wall_now())}));
    return {};
  });
}

}  // namespace muster::server
