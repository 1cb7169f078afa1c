// SPDX-License-Identifier: Apache-2.0
#include "server/method_service.h"

#include "access/audit.h"
#include "core/bytes.h"

namespace muster::server {
namespace {

using access::Audit;
using access::audit_detail;
using catalog::Catalog;
using core::Code;
using core::fail;
using store::Connection;

constexpr std::size_t kNoteBytesMax = 256;
constexpr std::size_t kDescriptionShownBytesMax = 1024;

core::Result<std::string> canonical(const std::string& name) {
  MUSTER_ASSIGN(const auto parsed, methods::TaskName::parse(name));
  return parsed.canonical();
}

core::Result<MethodPtr> read_method(catalog::Published published) {
  auto method = std::make_shared<Method>();
  MUSTER_ASSIGN(method->package, methods::read_manifest(published.manifest));
  std::vector<methods::Problem> errors;
  std::vector<methods::Problem> warnings;
  method->parameters = methods::Parameters::compile(method->package.name.task + ".json",
                                                    method->package.metadata_text,
                                                    method->package.metadata, errors, warnings);
  if (!errors.empty()) return fail(Code::kInvalid, errors.front().text());
  method->published = std::move(published);
  return method;
}

catalog::Published published_of(const methods::Package& package, methods::SignedManifest from,
                                const access::Principal& by, core::WallTime now) {
  catalog::Published made;
  made.name = package.name.canonical();
  made.version = package.version;
  made.digest = core::ContentId::of(from.manifest);
  made.manifest = std::move(from.manifest);
  made.signature = std::move(from.signature);
  made.key_id = std::move(from.key_id);
  made.description = package.metadata.description.substr(0, kDescriptionShownBytesMax);
  while (!core::is_utf8(made.description)) made.description.pop_back();
  made.is_private = package.metadata.is_private;
  for (const auto& file : package.files) made.bytes += file.size;
  made.published_at = now;
  made.published_by = by.name;
  return made;
}

std::vector<catalog::Object> objects_of(const methods::Package& package) {
  std::vector<catalog::Object> objects;
  for (const auto& file : package.files) {
    if (auto id = core::ContentId::from_bytes(file.sha256)) objects.push_back({*id, file.size});
  }
  return objects;
}

core::Result<std::vector<identity::PublicKey>> public_keys(
    const std::vector<catalog::Key>& stored) {
  std::vector<identity::PublicKey> keys;
  for (const auto& key : stored) {
    MUSTER_ASSIGN(auto read, identity::PublicKey::from_der(key.der));
    keys.push_back(std::move(read));
  }
  return keys;
}

}  // namespace

runtime::Task<core::Result<MethodPtr>> MethodService::find(std::string name, std::string version) {
  MUSTER_CO_ASSIGN(auto full, canonical(name));
  MUSTER_CO_ASSIGN(auto published, co_await database_.read([full, version](Connection& connection) {
    return Catalog::find(connection, full, version);
  }));
  co_return read_method(std::move(published));
}

runtime::Task<core::Result<MethodPtr>> MethodService::by_digest(core::ContentId digest) {
  MUSTER_CO_ASSIGN(auto published, co_await database_.read([digest](Connection& connection) {
    return Catalog::by_digest(connection, digest);
  }));
  co_return read_method(std::move(published));
}

runtime::Task<core::Result<MethodService::Ready>> MethodService::prepare(MethodOrder order) {
  MUSTER_CO_ASSIGN(const MethodPtr method, order.digest ? co_await by_digest(*order.digest)
                                                        : co_await find(order.name, order.version));
  const methods::Package& package = method->package;
  const std::string shown = package.name.shown() + " " + package.version;
  MUSTER_CO_ASSIGN(const auto trusted, co_await keys());
  const auto key = std::ranges::find(trusted, method->published.key_id, &catalog::Key::id);
  if (key == trusted.end())
    co_return fail(Code::kDenied, shown + " was signed by the publishing key " +
                                      core::to_hex(method->published.key_id) +
                                      ", which the region does not trust any more; sign it anew "
                                      "with a trusted key and publish it");
  if (package.metadata.remote)
    co_return fail(Code::kInvalid, shown +
                                       " acts on targets of another kind through a proxy; "
                                       "hosts are not such targets");
  if (order.noop && !package.metadata.supports_noop)
    co_return fail(Code::kInvalid, shown + " has no dry run (supports_noop)");
  auto arguments = method->parameters.check(order.arguments);
  if (!arguments)
    co_return std::unexpected(std::move(arguments.error()).while_doing(package.name.shown()));
  const std::string text = json::serialize(*arguments);
  Ready ready{method, {}};
  ready.work.label = {package.name.shown(), package.version,
                      json::serialize(method->parameters.redacted(*arguments)), false};
  ready.work.label.has_secrets = ready.work.label.arguments != text;
  wire::Method& work = ready.work.invoke;
  work.set_digest(std::string(method->published.digest.bytes()));
  work.set_manifest_bytes(static_cast<std::uint32_t>(method->published.manifest.size()));
  work.set_signature(method->published.signature);
  work.set_publishing_key(key->der);
  work.set_arguments(text);
  work.set_noop(order.noop);
  co_return ready;
}

runtime::Task<core::Result<std::vector<catalog::Published>>> MethodService::versions(
    std::string name) {
  MUSTER_CO_ASSIGN(auto full, canonical(name));
  co_return co_await database_.read(
      [full](Connection& connection) { return Catalog::versions(connection, full); });
}

runtime::Task<core::Result<catalog::Page>> MethodService::list(std::size_t limit, std::string after,
                                                               bool with_private) {
  co_return co_await database_.read([=](Connection& connection) {
    return Catalog::list(connection, limit, after, with_private);
  });
}

runtime::Task<core::Status> MethodService::check_content(std::vector<core::ContentId> wanted) {
  MUSTER_CO_ASSIGN(const auto lacking, co_await missing(std::move(wanted)));
  if (lacking.empty()) co_return core::Status();
  co_return fail(Code::kConflict, std::to_string(lacking.size()) +
                                      " of its files are not here yet, the first is " +
                                      lacking.front().brief() + "…: send them, then publish again");
}

runtime::Task<core::Result<MethodService::Outcome>> MethodService::publish(
    access::Principal by, methods::SignedManifest from, bool make_current) {
  MUSTER_CO_TRY(access::require(by, access::Right::kManageMethods));
  MUSTER_CO_ASSIGN(const auto stored, co_await keys());
  MUSTER_CO_ASSIGN(const auto trusted, public_keys(stored));
  MUSTER_CO_ASSIGN(const auto package, methods::verify_package(from, trusted));
  std::vector<core::ContentId> wanted;
  for (const auto& object : objects_of(package)) wanted.push_back(object.id);
  MUSTER_CO_TRY(co_await check_content(wanted));
  const auto now = core::wall_now();
  const auto published = published_of(package, std::move(from), by, now);
  MUSTER_CO_ASSIGN(auto method, read_method(published));  // types too, before it is kept
  // The manifest is content too: endpoints fetch it first.
  MUSTER_CO_TRY(co_await workers_.run([this, manifest = published.manifest]() -> core::Status {
    MUSTER_TRY(content_.put(manifest));
    return {};
  }));
  MUSTER_CO_TRY(co_await mirror_.keep(published.digest));
  std::vector<catalog::Object> objects = objects_of(package);
  objects.push_back({published.digest, published.manifest.size()});
  wanted.push_back(published.digest);
  MUSTER_CO_ASSIGN(
      const bool fresh,
      co_await database_.write([=, this](Connection& connection) -> core::Result<bool> {
        MUSTER_TRY(mirror_.check(connection, wanted));
        MUSTER_ASSIGN(const bool added,
                      Catalog::publish(connection, published, objects, make_current));
        MUSTER_TRY(Audit::append(connection, now, by, "method.publish", published.name,
                                 audit_detail({{"version", published.version},
                                               {"digest", published.digest.str()},
                                               {"key", core::to_hex(published.key_id)},
                                               {"current", make_current ? "true" : "as it was"},
                                               {"new", added ? "true" : "false"}})));
        return added;
      }));
  MUSTER_CO_ASSIGN(method, co_await find(published.name, published.version));
  co_return Outcome{std::move(method), fresh};
}

runtime::Task<core::Status> MethodService::mark_current(access::Principal by, std::string name,
                                                        std::string version) {
  MUSTER_CO_TRY(access::require(by, access::Right::kManageMethods));
  MUSTER_CO_ASSIGN(const auto full, canonical(name));
  co_return co_await database_.write([=](Connection& connection) -> core::Status {
    MUSTER_TRY(Catalog::mark_current(connection, full, version));
    MUSTER_TRY(Audit::append(connection, core::wall_now(), by, "method.mark_current", full,
                             audit_detail({{"version", version}})));
    return {};
  });
}

runtime::Task<core::Status> MethodService::remove(access::Principal by, std::string name,
                                                  std::string version) {
  MUSTER_CO_TRY(access::require(by, access::Right::kManageMethods));
  MUSTER_CO_ASSIGN(const auto full, canonical(name));
  MUSTER_CO_ASSIGN(const auto freed,
                   co_await database_.write(
                       [=](Connection& connection) -> core::Result<std::vector<core::ContentId>> {
                         MUSTER_ASSIGN(auto gone, Catalog::remove(connection, full, version));
                         MUSTER_TRY(ContentMirror::remove(connection, gone));
                         MUSTER_TRY(Audit::append(
                             connection, core::wall_now(), by, "method.remove", full,
                             audit_detail({{"version", version.empty() ? "all" : version}})));
                         return gone;
                       }));
  // Whoever publishes the same object at this moment finds it missing and sends it again.
  co_await workers_.run([this, freed] {
    for (const auto& id : freed) content_.remove(id);
    return true;
  });
  co_return core::Status();
}

runtime::Task<core::Result<std::vector<catalog::Key>>> MethodService::keys() {
  co_return co_await database_.read(Catalog::keys);
}

runtime::Task<core::Result<catalog::Key>> MethodService::trust_key(access::Principal by,
                                                                   std::string pem,
                                                                   std::string note) {
  MUSTER_CO_TRY(access::require(by, access::Right::kManageMethods));
  MUSTER_CO_ASSIGN(const auto key, identity::PublicKey::from_pem(pem));
  catalog::Key stored{key.id(), key.der(), core::printable(note, kNoteBytesMax), core::wall_now(),
                      by.name};
  MUSTER_CO_TRY(co_await database_.write([=](Connection& connection) -> core::Status {
    MUSTER_TRY(Catalog::add_key(connection, stored));
    MUSTER_TRY(Audit::append(connection, stored.added_at, by, "publishing_key.trust",
                             core::to_hex(stored.id), audit_detail({{"note", stored.note}})));
    return {};
  }));
  co_return stored;
}

runtime::Task<core::Status> MethodService::distrust_key(access::Principal by, std::string id) {
  MUSTER_CO_TRY(access::require(by, access::Right::kManageMethods));
  MUSTER_CO_ASSIGN(const auto bytes, core::from_hex(id));
  co_return co_await database_.write([=](Connection& connection) -> core::Status {
    MUSTER_TRY(Catalog::remove_key(connection, bytes));
    MUSTER_TRY(Audit::append(connection, core::wall_now(), by, "publishing_key.distrust", id));
    return {};
  });
}

runtime::Task<core::Result<std::vector<core::ContentId>>> MethodService::missing(
    std::vector<core::ContentId> wanted) {
  co_return co_await mirror_.missing(std::move(wanted));
}

runtime::Task<core::Result<content::ObjectPtr>> MethodService::object(core::ContentId id) {
  using Opened = core::Result<content::ObjectPtr>;
  auto here = co_await workers_.run([this, id]() -> Opened { return content_.open(id); });
  if (here || here.error().code != Code::kNotFound) co_return here;
  co_return co_await mirror_.fetch(id);
}

runtime::Task<core::Result<bool>> MethodService::keep_object(core::ContentId id,
                                                             std::uint64_t bytes, Reader read) {
  if (bytes > methods::kPackageFileBytesMax) {
    co_return fail(Code::kLimit, "an object may have " +
                                     std::to_string(methods::kPackageFileBytesMax) + " bytes");
  }
  const bool there = co_await workers_.run([this, id] { return content_.open(id).has_value(); });
  if (there) {
    MUSTER_CO_TRY(co_await mirror_.keep(id));
    co_return false;
  }
  using Opened = core::Result<std::unique_ptr<content::Incoming>>;
  MUSTER_CO_ASSIGN(auto opened, co_await workers_.run([this, id, bytes]() -> Opened {
    return content_.begin(id, bytes);
  }));
  const std::shared_ptr<content::Incoming> incoming = std::move(opened);
  for (;;) {
    MUSTER_CO_ASSIGN(std::string piece, co_await read());
    if (piece.empty()) break;
    MUSTER_CO_TRY(co_await workers_.run(
        [incoming, piece = std::move(piece)] { return incoming->append(piece); }));
  }
  auto kept = co_await workers_.run([incoming] { return incoming->finish(); });
  if (kept) {
    MUSTER_CO_TRY(co_await mirror_.keep(id));
    co_return true;
  }
  if (kept.error().code != Code::kCorrupt) co_return std::unexpected(std::move(kept.error()));
  co_return fail(Code::kInvalid,
                 "these bytes are not the object " + id.brief() + "…: " + kept.error().message);
}

}  // namespace muster::server
