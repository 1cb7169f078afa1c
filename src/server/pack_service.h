// SPDX-License-Identifier: Apache-2.0
//
// PackService reads what the region has of file packs. A pack is a method `pack::NAME` whose
// package holds the files (docs/formats/file-pack.md): publishing, running, trusting and
// removing it are MethodService's; what is in it stands in its index, an object of content.
//
// Lives on the server's loop; indexes are read and checked on a thread of its own, because
// large ones take a second.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/router.h"
#include "packs/tables.h"
#include "server/method_service.h"

namespace muster::server {

class Region;

class PackService {
 public:
  /// The module of the methods that are packs, and where their index lies.
  static constexpr std::string_view kPrefix = "pack::";
  static constexpr std::string_view kIndexPath = "pack/files/index";

  explicit PackService(MethodService& methods) : methods_(methods) {}

  /// Current versions, by name behind `after`; names without the prefix.
  runtime::Task<core::Result<catalog::Page>> list(std::size_t limit, std::string after);

  struct Pack {
    MethodPtr method;
    std::shared_ptr<const packs::Index> index;  ///< without chunks
  };
  /// An empty version is the current one. kNotFound, also where a method of this name is none
  /// of a pack; kCorrupt where its index cannot be read.
  runtime::Task<core::Result<Pack>> find(std::string name, std::string version);
  /// The index with its tables (wire::PackWhole): what the next version is made over.
  runtime::Task<core::Result<std::string>> index(std::string name, std::string version);
  /// Newest first; names as the pack's. kNotFound.
  runtime::Task<core::Result<std::vector<catalog::Published>>> versions(std::string name);

  /// Of the files, without the program that installs them.
  struct Sizes {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
  };
  /// Remembered: the first question about a version reads its index.
  runtime::Task<core::Result<Sizes>> sizes(catalog::Published version);

 private:
  runtime::Task<core::Result<std::string>> index_of(MethodPtr method);

  static constexpr std::size_t kSizesMax = 10'000;

  MethodService& methods_;
  std::map<core::ContentId, Sizes> sizes_;  // by the digest of the manifest
  runtime::WorkerPool workers_{1};
};

/// GET /v1/packs and what is below.
void add_pack_routes(net::Router& router, Region& region);
/// /v1/pack-rules, and which packs a host may have.
void add_pack_rule_routes(net::Router& router, Region& region);

}  // namespace muster::server
