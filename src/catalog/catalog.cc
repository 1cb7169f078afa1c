// SPDX-License-Identifier: Apache-2.0
#include "catalog/catalog.h"

#include "core/bytes.h"

namespace muster::catalog {
namespace {

using core::Code;
using core::fail;
using store::Blob;
using store::Connection;
using store::Row;

// catalog_taken remembers what each name and version meant, also when it was removed.
constexpr store::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE catalog_methods(
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  digest BLOB NOT NULL UNIQUE,
  manifest BLOB NOT NULL,
  signature BLOB NOT NULL,
  key_id BLOB NOT NULL,
  description TEXT NOT NULL,
  private INTEGER NOT NULL,
  current INTEGER NOT NULL,
  bytes BIGINT NOT NULL,
  published_at BIGINT NOT NULL,
  published_by TEXT NOT NULL,
  PRIMARY KEY(name, version));
CREATE INDEX catalog_methods_current ON catalog_methods(current, name);
CREATE TABLE catalog_taken(
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY(name, version));
CREATE TABLE catalog_objects(
  method BLOB NOT NULL,
  object BLOB NOT NULL,
  bytes BIGINT NOT NULL,
  PRIMARY KEY(method, object));
CREATE INDEX catalog_objects_object ON catalog_objects(object);
CREATE TABLE catalog_keys(
  id BLOB NOT NULL PRIMARY KEY,
  der BLOB NOT NULL,
  note TEXT NOT NULL,
  added_at BIGINT NOT NULL,
  added_by TEXT NOT NULL);
)sql"}};

#define MUSTER_CATALOG_COLUMNS                                                       \
  "name, version, digest, signature, key_id, description, private, current, bytes, " \
  "published_at, published_by"

Published published_of(const Row& row) {
  Published method;
  method.name = row.string(0);
  method.version = row.string(1);
  if (auto digest = core::ContentId::from_bytes(row.blob(2))) method.digest = *digest;
  method.signature = row.bytes(3);
  method.key_id = row.bytes(4);
  method.description = row.string(5);
  method.is_private = row.integer(6) != 0;
  method.current = row.integer(7) != 0;
  method.bytes = static_cast<std::uint64_t>(row.integer(8));
  method.published_at = core::wall_from_unix_ms(row.integer(9));
  method.published_by = row.string(10);
  return method;
}

Published with_manifest(const Row& row) {
  Published method = published_of(row);
  method.manifest = row.bytes(11);
  return method;
}

std::unexpected<core::Error> no_method(std::string_view name, std::string_view version) {
  constexpr std::string_view kInit = "::init";  // `module` is how people call `module::init`
  const auto shown = name.ends_with(kInit) ? name.substr(0, name.size() - kInit.size()) : name;
  // To those who ask for it a pack is no method (ADR 20).
  constexpr std::string_view kPack = "pack::";
  std::string message =
      shown.starts_with(kPack)
          ? "there is no file pack " + core::printable(shown.substr(kPack.size()), 200)
          : "there is no method " + core::printable(shown, 200);
  if (!version.empty()) message += " of version " + core::printable(version, 100);
  return fail(Code::kNotFound, std::move(message));
}

// The digest that this name and version means or once meant.
core::Result<std::optional<std::string>> taken(Connection& connection, const Published& method) {
  return connection.first("SELECT digest FROM catalog_taken WHERE name = ? AND version = ?",
                          {method.name, method.version},
                          [](const Row& row) { return row.bytes(0); });
}

core::Status check_limits(Connection& connection, std::string_view name) {
  MUSTER_ASSIGN(const auto versions,
                connection.integer("SELECT count(*) FROM catalog_methods WHERE name = ?", {name}));
  if (versions >= static_cast<std::int64_t>(kVersionsMax)) {
    return fail(Code::kLimit, core::printable(name, 200) + " has " + std::to_string(versions) +
                                  " versions; remove some first");
  }
  MUSTER_ASSIGN(const auto all, connection.integer("SELECT count(*) FROM catalog_methods"));
  if (all >= static_cast<std::int64_t>(kMethodsMax)) {
    return fail(Code::kLimit,
                "there are " + std::to_string(all) + " versions of methods; remove some first");
  }
  return {};
}

core::Status insert(Connection& connection, const Published& method,
                    const std::vector<Object>& objects, bool current) {
  MUSTER_TRY(connection.execute(
      "INSERT INTO catalog_methods(" MUSTER_CATALOG_COLUMNS
      ", manifest) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {method.name, method.version, Blob{method.digest.bytes()}, Blob{method.signature},
       Blob{method.key_id}, method.description, method.is_private ? 1 : 0, current ? 1 : 0,
       static_cast<std::int64_t>(method.bytes), core::unix_ms(method.published_at),
       method.published_by, Blob{method.manifest}}));
  for (const Object& object : objects) {
    MUSTER_TRY(
        connection.execute("INSERT INTO catalog_objects(method, object, bytes) VALUES(?, ?, ?) "
                           "ON CONFLICT DO NOTHING",
                           {Blob{method.digest.bytes()}, Blob{object.id.bytes()},
                            static_cast<std::int64_t>(object.bytes)}));
  }
  return {};
}

core::Status remove_one(Connection& connection, const Published& method,
                        std::vector<core::ContentId>& freed) {
  const Blob digest{method.digest.bytes()};
  MUSTER_TRY(connection.query(
      "SELECT object FROM catalog_objects WHERE method = ? AND NOT EXISTS "
      "(SELECT 1 FROM catalog_objects AS other WHERE other.object = catalog_objects.object "
      "AND other.method <> catalog_objects.method)",
      {digest}, [&](const Row& row) {
        if (auto id = core::ContentId::from_bytes(row.blob(0))) freed.push_back(*id);
      }));
  MUSTER_TRY(connection.execute("DELETE FROM catalog_objects WHERE method = ?", {digest}));
  MUSTER_TRY(connection.execute("DELETE FROM catalog_methods WHERE digest = ?", {digest}));
  return {};
}

}  // namespace

store::MigrationSet migrations() {
  return {"catalog", kMigrations};
}

core::Result<bool> Catalog::publish(Connection& connection, const Published& method,
                                    const std::vector<Object>& objects, bool make_current) {
  MUSTER_ASSIGN(const auto meant, taken(connection, method));
  if (meant && *meant != method.digest.bytes()) {
    return fail(Code::kConflict, method.name + " " + method.version +
                                     " is, or was, another package: give this one a new version");
  }
  MUSTER_ASSIGN(const auto there,
                connection.integer("SELECT count(*) FROM catalog_methods WHERE digest = ?",
                                   {Blob{method.digest.bytes()}}));
  if (there == 0) {
    MUSTER_TRY(check_limits(connection, method.name));
    MUSTER_TRY(connection.execute(
        "INSERT INTO catalog_taken(name, version, digest) VALUES(?, ?, ?) ON CONFLICT DO NOTHING",
        {method.name, method.version, Blob{method.digest.bytes()}}));
    MUSTER_ASSIGN(
        const auto others,
        connection.integer("SELECT count(*) FROM catalog_methods WHERE name = ?", {method.name}));
    MUSTER_TRY(insert(connection, method, objects, others == 0));
  }
  if (make_current) MUSTER_TRY(mark_current(connection, method.name, method.version));
  return there == 0;
}

core::Result<Page> Catalog::list(Connection& connection, std::size_t limit, std::string_view after,
                                 bool with_private) {
  Page page;
  MUSTER_TRY(connection.query(
      "SELECT " MUSTER_CATALOG_COLUMNS
      ", (SELECT count(*) FROM catalog_methods AS other WHERE other.name = catalog_methods.name) "
      "FROM catalog_methods WHERE current = 1 AND name > ? AND (private = 0 OR ? = 1) "
      "ORDER BY name LIMIT ?",
      {after, with_private ? 1 : 0, static_cast<std::int64_t>(limit + 1)}, [&](const Row& row) {
        page.methods.push_back({published_of(row), static_cast<std::uint64_t>(row.integer(11))});
      }));
  if (page.methods.size() > limit) {
    page.methods.resize(limit);
    page.next = page.methods.back().current.name;
  }
  return page;
}

core::Result<std::vector<Published>> Catalog::versions(Connection& connection,
                                                       std::string_view name) {
  std::vector<Published> found;
  MUSTER_TRY(connection.query("SELECT " MUSTER_CATALOG_COLUMNS
                              " FROM catalog_methods WHERE name = ? "
                              "ORDER BY published_at DESC, version DESC",
                              {name}, [&](const Row& row) { found.push_back(published_of(row)); }));
  if (found.empty()) return no_method(name, "");
  return found;
}

core::Result<Published> Catalog::find(Connection& connection, std::string_view name,
                                      std::string_view version) {
  MUSTER_ASSIGN(auto found, connection.first("SELECT " MUSTER_CATALOG_COLUMNS
                                             ", manifest FROM catalog_methods WHERE name = ? AND "
                                             "(version = ? OR (? = '' AND current = 1))",
                                             {name, version, version}, with_manifest));
  if (!found) return no_method(name, version);
  return *std::move(found);
}

core::Result<Published> Catalog::by_digest(Connection& connection, const core::ContentId& digest) {
  MUSTER_ASSIGN(auto found, connection.first("SELECT " MUSTER_CATALOG_COLUMNS
                                             ", manifest FROM catalog_methods WHERE digest = ?",
                                             {Blob{digest.bytes()}}, with_manifest));
  if (!found) return fail(Code::kNotFound, "there is no method of the digest " + digest.brief());
  return *std::move(found);
}

core::Status Catalog::mark_current(Connection& connection, std::string_view name,
                                   std::string_view version) {
  MUSTER_ASSIGN(
      const auto there,
      connection.integer("SELECT count(*) FROM catalog_methods WHERE name = ? AND version = ?",
                         {name, version}));
  if (there == 0) return no_method(name, version);
  MUSTER_TRY(connection.execute(
      "UPDATE catalog_methods SET current = CASE WHEN version = ? THEN 1 ELSE 0 END WHERE name = ?",
      {version, name}));
  return {};
}

core::Result<std::vector<core::ContentId>> Catalog::remove(Connection& connection,
                                                           std::string_view name,
                                                           std::string_view version) {
  MUSTER_ASSIGN(const auto all, versions(connection, name));
  std::vector<core::ContentId> freed;
  bool removed = false;
  for (const Published& method : all) {
    if (!version.empty() && method.version != version) continue;
    if (!version.empty() && method.current && all.size() > 1) {
      return fail(Code::kConflict, method.name + " " + method.version +
                                       " is the current version: mark another one current first");
    }
    MUSTER_TRY(remove_one(connection, method, freed));
    removed = true;
  }
  if (!removed) return no_method(name, version);
  return freed;
}

core::Status Catalog::add_key(Connection& connection, const Key& key) {
  MUSTER_ASSIGN(const auto count, connection.integer("SELECT count(*) FROM catalog_keys"));
  if (count >= static_cast<std::int64_t>(kKeysMax)) {
    return fail(Code::kLimit, "there are " + std::to_string(count) + " publishing keys");
  }
  auto added = connection.execute(
      "INSERT INTO catalog_keys(id, der, note, added_at, added_by) VALUES(?, ?, ?, ?, ?)",
      {Blob{key.id}, Blob{key.der}, key.note, core::unix_ms(key.added_at), key.added_by});
  if (added) return {};
  if (added.error().code != Code::kExists) return std::unexpected(std::move(added.error()));
  return fail(Code::kExists, "this publishing key is trusted already");
}

core::Result<std::vector<Key>> Catalog::keys(Connection& connection) {
  std::vector<Key> found;
  MUSTER_TRY(connection.query(
      "SELECT id, der, note, added_at, added_by FROM catalog_keys ORDER BY added_at, id", {},
      [&](const Row& row) {
        found.push_back({row.bytes(0), row.bytes(1), row.string(2),
                         core::wall_from_unix_ms(row.integer(3)), row.string(4)});
      }));
  return found;
}

core::Status Catalog::remove_key(Connection& connection, std::string_view id) {
  MUSTER_ASSIGN(const auto gone,
                connection.execute("DELETE FROM catalog_keys WHERE id = ?", {Blob{id}}));
  if (gone == 0) return fail(Code::kNotFound, "there is no such publishing key");
  return {};
}

}  // namespace muster::catalog
