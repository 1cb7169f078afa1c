// SPDX-License-Identifier: Apache-2.0
//
// MethodService: what the server does with methods: verifies and keeps what is published,
// finds what is to be run.
//
// The publishing key's private half is never here. Content comes first, object by object,
// then the signed manifest that names it; a manifest without all of its content is
// refused, so what is in the catalog can be delivered.
//
// Lives on the server's loop; files and hashing on its workers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "access/types.h"
#include "catalog/catalog.h"
#include "content/cache.h"
#include "jobs/run_spec.h"
#include "methods/package.h"
#include "methods/parameters.h"
#include "runtime/worker_pool.h"
#include "server/content_mirror.h"
#include "server/json.h"
#include "store/database.h"

namespace muster::server {

/// A method as it can be shown and run: what is published, read.
struct Method {
  catalog::Published published;
  methods::Package package;
  methods::Parameters parameters;
};
using MethodPtr = std::shared_ptr<const Method>;

/// The method of a RunRequest.
struct MethodOrder {
  std::string name;
  std::string version;                    ///< empty: the current one
  std::optional<core::ContentId> digest;  ///< instead of name and version: this very package
  json::object arguments;
  bool noop = false;
};

class MethodService {
 public:
  /// Objects named in one question which of them are missing.
  static constexpr std::size_t kObjectsMax = methods::kPackageFilesMax;

  MethodService(store::Database& database, runtime::WorkerPool& workers, content::Cache& content,
                ContentMirror& mirror)
      : database_(database), workers_(workers), content_(content), mirror_(mirror) {}

  /// `name` as people say it; an empty version is the current one. kNotFound, kInvalid.
  runtime::Task<core::Result<MethodPtr>> find(std::string name, std::string version);
  /// The one that runs name by this digest.
  runtime::Task<core::Result<MethodPtr>> by_digest(core::ContentId digest);
  /// Everything that an endpoint needs in order to do `order`: found, trusted, arguments
  /// checked and complete. kNotFound, kInvalid; kDenied where its key is not trusted any more.
  struct Ready {
    MethodPtr method;
    jobs::MethodWork work;
  };
  runtime::Task<core::Result<Ready>> prepare(MethodOrder order);
  runtime::Task<core::Result<std::vector<catalog::Published>>> versions(std::string name);
  runtime::Task<core::Result<catalog::Page>> list(std::size_t limit, std::string after,
                                                  bool with_private);

  struct Outcome {
    MethodPtr method;
    bool fresh = false;  ///< false: this very package was there
  };
  /// Verifies and keeps a version. kDenied: no trusted key has signed it; kInvalid: it is
  /// no package; kConflict: content is missing (the message counts it), or the name and
  /// version mean another package.
  runtime::Task<core::Result<Outcome>> publish(access::Principal by, methods::SignedManifest from,
                                               bool make_current);
  runtime::Task<core::Status> mark_current(access::Principal by, std::string name,
                                           std::string version);
  /// An empty version: all of them.
  runtime::Task<core::Status> remove(access::Principal by, std::string name, std::string version);

  runtime::Task<core::Result<std::vector<catalog::Key>>> keys();
  runtime::Task<core::Result<catalog::Key>> trust_key(access::Principal by, std::string pem,
                                                      std::string note);
  runtime::Task<core::Status> distrust_key(access::Principal by, std::string id);

  /// Those of `wanted` that are not in the content store.
  runtime::Task<core::Result<std::vector<core::ContentId>>> missing(
      std::vector<core::ContentId> wanted);
  /// One that was published, from the folder or, where that has lost it, from the database.
  runtime::Task<core::Result<content::ObjectPtr>> object(core::ContentId id);
  using Reader = std::function<runtime::Task<core::Result<std::string>>()>;
  /// Keeps an object of `bytes` that `read` brings until it returns nothing. True where it
  /// is new; what is there already is not read. kInvalid: it is not what its name says.
  runtime::Task<core::Result<bool>> keep_object(core::ContentId id, std::uint64_t bytes,
                                                Reader read);

 private:
  runtime::Task<core::Status> check_content(std::vector<core::ContentId> wanted);

  store::Database& database_;
  runtime::WorkerPool& workers_;
  content::Cache& content_;
  ContentMirror& mirror_;
};

}  // namespace muster::server
