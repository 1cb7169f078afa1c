// SPDX-License-Identifier: Apache-2.0
#include "server/pack_service.h"

#include "core/bytes.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;

std::string method_name(const std::string& pack) {
  return std::string(PackService::kPrefix) + pack;
}

core::Error no_pack(const std::string& name) {
  return {Code::kNotFound, "there is no file pack " + core::printable(name, 100)};
}

}  // namespace

runtime::Task<core::Result<catalog::Page>> PackService::list(std::size_t limit, std::string after) {
  MUSTER_CO_ASSIGN(auto page, co_await methods_.list(limit, method_name(after), true));
  const bool more = page.next && page.next->starts_with(kPrefix);
  std::erase_if(page.methods, [](const catalog::Listed& listed) {
    return !listed.current.name.starts_with(kPrefix);
  });
  for (auto& listed : page.methods) listed.current.name.erase(0, kPrefix.size());
  page.next = more ? std::optional(page.next->substr(kPrefix.size())) : std::nullopt;
  co_return page;
}

runtime::Task<core::Result<PackService::Pack>> PackService::find(std::string name,
                                                                 std::string version) {
  MUSTER_CO_TRY(packs::check_name(name));
  Pack pack;
  MUSTER_CO_ASSIGN(pack.method, co_await methods_.find(method_name(name), version));
  MUSTER_CO_ASSIGN(auto bytes, co_await index_of(pack.method));
  MUSTER_CO_ASSIGN(auto read, co_await workers_.run([bytes = std::move(bytes)] {
    return packs::read_outline(bytes);
  }));
  pack.index = std::make_shared<const packs::Index>(std::move(read));
  co_return pack;
}

runtime::Task<core::Result<std::string>> PackService::index(std::string name, std::string version) {
  MUSTER_CO_TRY(packs::check_name(name));
  MUSTER_CO_ASSIGN(auto method, co_await methods_.find(method_name(name), version));
  MUSTER_CO_ASSIGN(auto bytes, co_await index_of(std::move(method)));
  MUSTER_CO_ASSIGN(const auto index,
                   co_await workers_.run([&] { return packs::read_outline(bytes); }));
  packs::Tables tables;
  std::uint64_t total = bytes.size();
  for (const packs::Table& table : index.tables) {
    total += table.size;
    if (total > packs::kWholeBytesMax) co_return fail(Code::kLimit, "its tables are too large");
    MUSTER_CO_ASSIGN(const auto object, co_await methods_.object(table.id));
    MUSTER_CO_ASSIGN(auto read, co_await workers_.run([&]() -> core::Result<std::string> {
      return object->read(0, table.size);
    }));
    tables.emplace(table.id, std::move(read));
  }
  co_return packs::encode_whole(index, bytes, tables);
}

runtime::Task<core::Result<std::vector<catalog::Published>>> PackService::versions(
    std::string name) {
  MUSTER_CO_TRY(packs::check_name(name));
  co_return co_await methods_.versions(method_name(name));
}

runtime::Task<core::Result<PackService::Sizes>> PackService::sizes(catalog::Published version) {
  const core::ContentId digest = version.digest;
  if (const auto known = sizes_.find(digest); known != sizes_.end()) co_return known->second;
  MUSTER_CO_ASSIGN(auto method, co_await methods_.by_digest(digest));
  MUSTER_CO_ASSIGN(const auto bytes, co_await index_of(std::move(method)));
  MUSTER_CO_ASSIGN(const auto index,
                   co_await workers_.run([&] { return packs::read_outline(bytes); }));
  Sizes sizes{.files = 0, .bytes = index.bytes()};
  for (const auto& entry : index.entries) sizes.files += entry.kind == packs::Kind::kFile ? 1 : 0;
  if (sizes_.size() >= kSizesMax) sizes_.clear();
  sizes_[digest] = sizes;
  co_return sizes;
}

runtime::Task<core::Result<std::string>> PackService::index_of(MethodPtr method) {
  const methods::PackageFile* file = method->package.file(kIndexPath);
  if (!file) co_return core::fail(no_pack(method->package.name.task));
  if (file->size > packs::kIndexBytesMax) co_return fail(Code::kLimit, "its index is too large");
  MUSTER_CO_ASSIGN(const auto id, core::ContentId::from_bytes(file->sha256));
  MUSTER_CO_ASSIGN(const auto object, co_await methods_.object(id));
  using Read = core::Result<std::string>;
  co_return co_await workers_.run(
      [object, size = file->size]() -> Read { return object->read(0, size); });
}

}  // namespace muster::server
