// SPDX-License-Identifier: Apache-2.0
#include "methods/package.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/assert.h"
#include "core/bytes.h"
#include "package.pb.h"

namespace muster::methods {
namespace {

using core::Code;
using core::fail;

constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kDigestBytes = 32;
constexpr std::string_view kSignedAs = "muster method package 1\n";

// A file of the tasks folder that is an implementation of `task` by its name alone.
bool is_executable_of(std::string_view tasks_folder, std::string_view task, std::string_view path) {
  if (!path.starts_with(tasks_folder) || path.size() <= tasks_folder.size()) return false;
  std::string_view name = path.substr(tasks_folder.size() + 1);
  if (!name.starts_with(task)) return false;
  const std::string_view extension = name.substr(task.size());
  if (extension.empty()) return true;
  if (extension.front() != '.' || extension.find_first_of("./", 1) != std::string_view::npos) {
    return false;
  }
  return extension != ".json" && extension != ".md" && extension != ".conf";
}

std::vector<const PackageFile*> named_executables(const Package& package) {
  std::vector<const PackageFile*> found;
  const std::string folder = package.name.tasks_folder();
  for (const PackageFile& file : package.files) {
    if (is_executable_of(folder, package.name.task, file.path)) found.push_back(&file);
  }
  return found;
}

bool entry_matches(std::string_view entry, std::string_view path) {
  return entry.ends_with('/') ? path.starts_with(entry) : path == entry;
}

core::Status check_entries(const Package& package, const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) {
    if (!entry.ends_with('/') && package.file(entry) == nullptr) {
      return fail(Code::kInvalid, "the package lacks the file '" + entry + "' that it lists");
    }
  }
  return {};
}

core::Status check_executables(const Package& package) {
  MUSTER_TRY(check_entries(package, package.metadata.files));
  for (const Implementation& implementation : package.metadata.implementations) {
    const std::string path = package.name.tasks_folder() + "/" + implementation.name;
    if (package.file(path) == nullptr) {
      return fail(Code::kInvalid, "the package lacks its implementation '" + path + "'");
    }
    MUSTER_TRY(check_entries(package, implementation.files));
  }
  if (!package.metadata.implementations.empty()) return {};
  const std::size_t count = named_executables(package).size();
  if (count == 1) return {};
  return fail(Code::kInvalid, "the package has " + std::to_string(count) +
                                  " executables called like the method; expected one");
}

core::Status check_files(const Package& package) {
  std::set<std::string_view> seen;
  std::uint64_t total = 0;
  std::string_view before;
  for (const PackageFile& file : package.files) {
    MUSTER_TRY(check_package_path(file.path));
    if (file.path <= before) {
      return fail(Code::kInvalid, "the files are not sorted, or one stands twice: '" +
                                      core::printable(file.path, 200) + "'");
    }
    if (file.sha256.size() != kDigestBytes) {
      return fail(Code::kInvalid, "the file '" + file.path + "' has no SHA-256");
    }
    total += std::min(file.size, kPackageBytesMax);
    if (file.size > kPackageFileBytesMax || total > kPackageBytesMax) {
      return fail(Code::kLimit, "the file '" + file.path + "' makes the package too large");
    }
    for (auto slash = file.path.find('/'); slash != std::string::npos;
         slash = file.path.find('/', slash + 1)) {
      if (seen.contains(std::string_view(file.path).substr(0, slash))) {
        return fail(Code::kInvalid, "the file '" + file.path + "' lies below another file");
      }
    }
    seen.insert(file.path);
    before = file.path;
  }
  return {};
}

}  // namespace

const PackageFile* Package::file(std::string_view path) const {
  const auto found = std::ranges::lower_bound(
      files, path, std::ranges::less(),
      [](const PackageFile& candidate) { return std::string_view(candidate.path); });
  return found != files.end() && found->path == path ? &*found : nullptr;
}

const PackageFile& Package::executable(const Implementation* implementation) const {
  const PackageFile* found = nullptr;
  if (implementation != nullptr) {
    found = file(name.tasks_folder() + "/" + implementation->name);
  } else if (const auto named = named_executables(*this); named.size() == 1) {
    found = named.front();
  }
  MUSTER_ASSERT(found != nullptr);  // read_manifest() has seen to it
  return *found;
}

bool Package::has_files(const Implementation* implementation) const {
  return !metadata.files.empty() || (implementation != nullptr && !implementation->files.empty());
}

std::vector<const PackageFile*> Package::needed(const Implementation* implementation) const {
  std::vector<const PackageFile*> found = {&executable(implementation)};
  const auto listed = [&](const PackageFile& candidate, const std::vector<std::string>& entries) {
    return std::ranges::any_of(
        entries, [&](const std::string& entry) { return entry_matches(entry, candidate.path); });
  };
  for (const PackageFile& candidate : files) {
    if (&candidate == found.front()) continue;
    if (listed(candidate, metadata.files) ||
        (implementation != nullptr && listed(candidate, implementation->files))) {
      found.push_back(&candidate);
    }
  }
  return found;
}

std::string manifest_of(const Package& package) {
  wire::MethodManifest message;
  message.set_format(kFormat);
  message.set_name(package.name.canonical());
  message.set_version(package.version);
  message.set_metadata(package.metadata_text);
  for (const PackageFile& file : package.files) {
    wire::MethodFile& to = *message.add_files();
    to.set_path(file.path);
    to.set_executable(file.executable);
    to.set_size(file.size);
    to.set_sha256(file.sha256);
  }
  return message.SerializeAsString();  // fields by number, no maps: one encoding
}

core::Result<Package> read_manifest(std::string_view manifest) {
  if (manifest.size() > kManifestBytesMax) {
    return fail(Code::kLimit, "the manifest has " + std::to_string(manifest.size()) + " bytes; " +
                                  std::to_string(kManifestBytesMax) + " are allowed");
  }
  wire::MethodManifest message;
  if (!message.ParseFromArray(manifest.data(), static_cast<int>(manifest.size()))) {
    return fail(Code::kInvalid, "not the manifest of a method");
  }
  if (message.format() != kFormat) {
    return fail(Code::kInvalid, "the manifest is of format " + std::to_string(message.format()) +
                                    "; this version reads " + std::to_string(kFormat));
  }
  if (static_cast<std::size_t>(message.files_size()) > kPackageFilesMax) {
    return fail(Code::kLimit, "more than " + std::to_string(kPackageFilesMax) + " files");
  }
  Package package;
  MUSTER_ASSIGN(package.name, TaskName::parse(message.name()));
  if (package.name.canonical() != message.name()) {
    return fail(Code::kInvalid, "the manifest's name is not canonical");
  }
  MUSTER_TRY(check_version(message.version()));
  package.version = message.version();
  package.metadata_text = message.metadata();
  for (const wire::MethodFile& from : message.files()) {
    package.files.push_back({from.path(), from.executable(), from.size(), from.sha256()});
  }
  MUSTER_TRY(check_files(package));
  if (!package.metadata_text.empty()) {
    MUSTER_ASSIGN(package.metadata,
                  read_metadata(package.name.task + ".json", package.metadata_text));
  }
  MUSTER_TRY(check_executables(package));
  return package;
}

std::string package_digest(std::string_view manifest) {
  return core::sha256(manifest);
}

SignedManifest sign_manifest(std::string manifest, const identity::PrivateKey& key) {
  SignedManifest made;
  made.signature = identity::sign(key, std::string(kSignedAs) + manifest);
  made.key_id = identity::PublicKey::of(key).id();
  made.manifest = std::move(manifest);
  return made;
}

core::Result<Package> verify_package(const SignedManifest& package,
                                     std::span<const identity::PublicKey> keys) {
  if (package.manifest.size() > kManifestBytesMax) {
    return fail(Code::kLimit, "the manifest is too large");
  }
  const auto key = std::ranges::find_if(
      keys, [&](const identity::PublicKey& candidate) { return candidate.id() == package.key_id; });
  if (key == keys.end()) {
    return fail(Code::kDenied, keys.empty()
                                   ? "the region trusts no publishing key yet; let it trust yours: "
                                     "muster method key --trust"
                                   : "the method is signed with a key that this region does not "
                                     "trust; if it should: muster method key --trust");
  }
  if (!key->verifies(std::string(kSignedAs) + package.manifest, package.signature)) {
    return fail(Code::kDenied, "the method's signature does not fit its manifest");
  }
  return read_manifest(package.manifest);
}

}  // namespace muster::methods
