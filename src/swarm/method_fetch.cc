// SPDX-License-Identifier: Apache-2.0
#include "swarm/method_fetch.h"

#include "core/sha256.h"
#include "identity/key.h"
#include "methods/features.h"
#include "methods/package.h"

namespace muster::swarm {
namespace {

using namespace std::chrono_literals;
using content::ContentId;
using content::Object;
using content::ObjectPtr;
using core::Code;

constexpr core::Duration kPatience = 1h;

class Seen final : public Object {
 public:
  Seen(ContentId id, std::uint64_t size, std::string bytes)
      : id_(id), size_(size), bytes_(std::move(bytes)) {}
  const ContentId& id() const override { return id_; }
  std::uint64_t size() const override { return size_; }
  core::Result<std::string> read(std::uint64_t offset, std::size_t bytes) const override {
    if (bytes_.size() != size_) return core::fail(Code::kNotFound, "it was not kept");
    return bytes_.substr(offset, bytes);
  }

 private:
  ContentId id_;
  std::uint64_t size_;
  std::string bytes_;
};

class Arriving final : public content::Incoming {
 public:
  Arriving(const ContentId& id, bool keep) : id_(id), keep_(keep) {}
  core::Status append(std::string_view bytes) override {
    hash_.update(bytes);
    size_ += bytes.size();
    if (keep_) bytes_.append(bytes);
    return {};
  }
  std::uint64_t size() const override { return size_; }
  core::Result<ObjectPtr> finish() override {
    if (hash_.finish() != id_) return core::fail(Code::kCorrupt, "it is not what its name says");
    return std::make_shared<Seen>(id_, size_, std::move(bytes_));
  }

 private:
  const ContentId id_;
  const bool keep_;
  core::Sha256 hash_;
  std::uint64_t size_ = 0;
  std::string bytes_;
};

}  // namespace

core::Result<ObjectPtr> MethodFetch::Store::open(const ContentId&) {
  return core::fail(Code::kNotFound, "nothing is kept");
}

core::Result<std::unique_ptr<content::Incoming>> MethodFetch::Store::begin(const ContentId& id,
                                                                           std::uint64_t total) {
  return std::make_unique<Arriving>(id, total <= methods::kManifestBytesMax);
}

MethodFetch::MethodFetch(std::vector<std::string> features, Send send, Ready ready,
                         core::MonoTime now)
    : features_(std::move(features)),
      send_(std::move(send)),
      ready_(std::move(ready)),
      fetcher_(*this, store_, {}, now),
      now_(now) {}

void MethodFetch::begin(const wire::Invoke& invoke, core::MonoTime now) {
  now_ = now;
  const core::RunId id{invoke.run()};
  Run& run = runs_[id];
  run.method = invoke.method();
  const auto digest = ContentId::from_bytes(run.method.digest());
  run.tickets.push_back(fetcher_.want(
      digest.value_or(ContentId{}), run.method.manifest_bytes(), now + kPatience, now,
      [this, id](core::Result<ObjectPtr> manifest) {
        auto wanted = manifest ? want_files(id, **manifest)
                               : core::Status(std::unexpected(std::move(manifest.error())));
        if (!wanted) arrived(id, std::move(wanted));
      }));
}

core::Status MethodFetch::want_files(core::RunId id, const Object& manifest) {
  Run& run = runs_.at(id);
  MUSTER_ASSIGN(auto bytes, manifest.read(0, manifest.size()));
  MUSTER_ASSIGN(const auto key, identity::PublicKey::from_der(run.method.publishing_key()));
  MUSTER_ASSIGN(const auto package,
                methods::verify_package({std::move(bytes), run.method.signature(), key.id()},
                                        std::span(&key, 1)));
  MUSTER_ASSIGN(const auto* implementation,
                methods::select_implementation(package.name.shown(), package.metadata, features_));
  for (const methods::PackageFile* file : package.needed(implementation)) {
    ++run.missing;
    run.tickets.push_back(fetcher_.want(
        *ContentId::from_bytes(file->sha256), file->size, now_ + kPatience, now_,
        [this, id](core::Result<ObjectPtr> file_seen) {
          arrived(id, file_seen ? core::Status{}
                                : core::Status(std::unexpected(std::move(file_seen.error()))));
        }));
  }
  return {};
}

void MethodFetch::arrived(core::RunId id, core::Status status) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return;
  if (status && --found->second.missing > 0) return;
  cancel(id);
  ready_(id, std::move(status));
}

void MethodFetch::cancel(core::RunId id) {
  const auto run = runs_.extract(id);
  if (!run.empty())
    for (const auto ticket : run.mapped().tickets) fetcher_.cancel(ticket);
}

void MethodFetch::receive(const wire::ContentData& data, core::MonoTime now) {
  now_ = now;
  fetcher_.receive(data, now);
}

void MethodFetch::tick(core::MonoTime now) {
  now_ = now;
  if (fetcher_.deadline() <= now) fetcher_.tick(now);
}

}  // namespace muster::swarm
