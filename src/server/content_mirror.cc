// SPDX-License-Identifier: Apache-2.0
#include "server/content_mirror.h"

#include <algorithm>

#include "core/log.h"

namespace muster::server {
namespace {

using core::Code;
using core::ContentId;
using store::Blob;
using store::Connection;

constexpr store::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE content_objects(
  digest BLOB NOT NULL PRIMARY KEY,
  bytes BIGINT NOT NULL);
CREATE TABLE content_blocks(
  digest BLOB NOT NULL,
  block INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY(digest, block));
)sql"}};

core::Result<std::int64_t> bytes_of(Connection& connection, const ContentId& id) {
  return connection.integer("SELECT bytes FROM content_objects WHERE digest = ?",
                            {Blob{id.bytes()}}, -1);
}

}  // namespace

store::MigrationSet content_migrations() {
  return {"content", kMigrations};
}

runtime::Task<core::Result<bool>> ContentMirror::has(ContentId id) {
  co_return co_await database_.read([id](Connection& connection) -> core::Result<bool> {
    MUSTER_ASSIGN(const auto bytes, bytes_of(connection, id));
    return bytes >= 0;
  });
}

runtime::Task<core::Result<std::vector<ContentId>>> ContentMirror::missing(
    std::vector<ContentId> wanted) {
  if (shared_)
    co_return co_await database_.read(
        [wanted =
             std::move(wanted)](Connection& connection) -> core::Result<std::vector<ContentId>> {
          std::vector<ContentId> lacking;
          for (const auto& id : wanted) {
            MUSTER_ASSIGN(const auto bytes, bytes_of(connection, id));
            if (bytes < 0) lacking.push_back(id);
          }
          return lacking;
        });
  co_return co_await workers_.run(
      [this, wanted = std::move(wanted)]() -> core::Result<std::vector<ContentId>> {
        std::vector<ContentId> lacking;
        for (const auto& id : wanted)
          if (!cache_.has(id)) lacking.push_back(id);
        return lacking;
      });
}

runtime::Task<core::Status> ContentMirror::keep(ContentId id) {
  if (!shared_) co_return core::Status();
  MUSTER_CO_ASSIGN(const bool there, co_await has(id));
  if (there) co_return core::Status();
  using Opened = core::Result<content::ObjectPtr>;
  MUSTER_CO_ASSIGN(const auto object,
                   co_await workers_.run([this, id]() -> Opened { return cache_.open(id); }));
  std::int64_t block = 0;
  for (std::uint64_t at = 0; at < object->size();) {
    const auto bytes = static_cast<std::size_t>(
        std::min<std::uint64_t>(object->size() - at, kBlockBytes * kBlocksAtOnce));
    using Read = core::Result<std::string>;
    MUSTER_CO_ASSIGN(std::string read, co_await workers_.run([object, at, bytes]() -> Read {
      return object->read(at, bytes);
    }));
    MUSTER_CO_TRY(co_await database_.write([id, block, read = std::move(read)](
                                               Connection& connection) -> core::Status {
      std::int64_t number = block;
      // A whole block of the same object is the same, whoever wrote it.
      for (std::size_t done = 0; done < read.size(); done += kBlockBytes)
        MUSTER_TRY(connection.enqueue(
            "INSERT INTO content_blocks(digest, block, data) VALUES(?, ?, ?) ON CONFLICT DO "
            "NOTHING",
            {Blob{id.bytes()}, number++, Blob{std::string_view(read).substr(done, kBlockBytes)}}));
      return {};
    }));
    at += bytes;
    block += static_cast<std::int64_t>(kBlocksAtOnce);
  }
  co_return co_await database_.write([id, size = object->size()](Connection& c) -> core::Status {
    return c.enqueue(
        "INSERT INTO content_objects(digest, bytes) VALUES(?, ?) ON CONFLICT DO "
        "NOTHING",
        {Blob{id.bytes()}, size});
  });
}

runtime::Task<core::Result<content::ObjectPtr>> ContentMirror::fetch(ContentId id) {
  const auto size =
      co_await database_.read([id](Connection& connection) { return bytes_of(connection, id); });
  if (!size) co_return std::unexpected(size.error());
  if (*size < 0) co_return core::fail(Code::kNotFound, "there is no object " + id.brief() + "…");
  using Opened = core::Result<std::unique_ptr<content::Incoming>>;
  MUSTER_CO_ASSIGN(auto opened, co_await workers_.run([this, id, total = *size]() -> Opened {
    return cache_.begin(id, static_cast<std::uint64_t>(total));
  }));
  const std::shared_ptr<content::Incoming> incoming = std::move(opened);
  for (std::int64_t block = 0; incoming->size() < static_cast<std::uint64_t>(*size);
       block += static_cast<std::int64_t>(kBlocksAtOnce)) {
    auto piece = co_await database_.read([id, block](
                                             Connection& connection) -> core::Result<std::string> {
      std::string bytes;
      MUSTER_TRY(connection.query(
          "SELECT data FROM content_blocks WHERE digest = ? AND block >= ? AND block < ? ORDER BY "
          "block",
          {Blob{id.bytes()}, block, block + static_cast<std::int64_t>(kBlocksAtOnce)},
          [&](const store::Row& row) { bytes += row.blob(0); }));
      return bytes;
    });
    if (!piece) co_return std::unexpected(std::move(piece.error()));
    if (piece->empty())
      co_return core::fail(Code::kCorrupt, "the database has only a part of " + id.brief() + "…");
    MUSTER_CO_TRY(co_await workers_.run(
        [incoming, bytes = std::move(*piece)] { return incoming->append(bytes); }));
  }
  co_return co_await workers_.run([incoming] { return incoming->finish(); });
}

core::Status ContentMirror::check(Connection& connection,
                                  const std::vector<ContentId>& wanted) const {
  if (!shared_) return {};
  for (const auto& id : wanted) {
    MUSTER_ASSIGN(const auto bytes, bytes_of(connection, id));
    if (bytes < 0)
      return core::fail(Code::kConflict, "the file " + id.brief() +
                                             "… was removed just now: send it, then publish again");
  }
  return {};
}

core::Status ContentMirror::remove(Connection& connection, const std::vector<ContentId>& gone) {
  for (const auto& id : gone) {
    MUSTER_TRY(
        connection.enqueue("DELETE FROM content_objects WHERE digest = ?", {Blob{id.bytes()}}));
    MUSTER_TRY(
        connection.enqueue("DELETE FROM content_blocks WHERE digest = ?", {Blob{id.bytes()}}));
  }
  return {};
}

runtime::Task<void> ContentMirror::keep_all() {
  if (!shared_) co_return;
  const auto here = co_await workers_.run([this] { return cache_.list(); });
  std::size_t kept = 0;
  for (const auto& id : here) {
    const auto there = co_await has(id);
    if (!there) co_return;  // the next start goes on
    if (*there) continue;
    if (auto done = co_await keep(id); !done) {
      core::log(core::Level::kWarn, "server", "an object could not be put into the database",
                {{"object", id.brief()}, {"why", done.error().message}});
      if (done.error().code == Code::kUnavailable) co_return;
    } else {
      ++kept;
    }
  }
  if (kept > 0)
    core::log(core::Level::kInfo, "server", "published content is in the database now",
              {{"objects", kept}});
}

}  // namespace muster::server
