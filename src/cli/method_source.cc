// SPDX-License-Identifier: Apache-2.0
#include "cli/method_source.h"

#include "package.pb.h"
#include "runtime/file.h"

namespace muster::cli {
namespace {

using core::Code;
using core::fail;

constexpr std::size_t kSignedBytesMax = methods::kManifestBytesMax + 1024;

const methods::FoundTask* find(const methods::MethodFolder& folder, std::string_view wanted) {
  for (const auto& task : folder.found) {
    if (task.name.task == wanted || task.name.canonical() == wanted) return &task;
  }
  return nullptr;
}

core::Result<std::vector<const methods::FoundTask*>> chosen(const methods::MethodFolder& folder,
                                                            const MethodChoice& choice) {
  std::vector<const methods::FoundTask*> tasks;
  for (const std::string& wanted : choice.tasks) {
    const auto* task = find(folder, wanted);
    if (task == nullptr) {
      std::string there;
      for (const auto& other : folder.found) {
        there += (there.empty() ? "" : ", ") + other.name.task;
      }
      return fail(Code::kNotFound, "there is no task '" + wanted + "' in " + choice.folder +
                                       "; there are: " + there);
    }
    tasks.push_back(task);
  }
  if (!tasks.empty()) return tasks;
  for (const auto& task : folder.found) {
    if (!task.helper) tasks.push_back(&task);
  }
  return tasks;
}

}  // namespace

core::Result<std::vector<methods::BuiltPackage>> build_methods(const MethodChoice& choice) {
  MUSTER_ASSIGN(const auto folder, methods::find_tasks(choice.folder, choice.module));
  MUSTER_ASSIGN(const auto tasks, chosen(folder, choice));
  std::vector<methods::BuiltPackage> packages;
  std::string wrong;
  for (const auto* task : tasks) {
    auto built = methods::build_package(folder, *task, choice.version);
    if (built) {
      packages.push_back(*std::move(built));
    } else if (built.error().code == Code::kInvalid) {
      wrong += (wrong.empty() ? "" : "\n") + built.error().message;  // all mistakes at once
    } else {
      return std::unexpected(std::move(built.error()));
    }
  }
  if (!wrong.empty()) return fail(Code::kInvalid, wrong);
  return packages;
}

std::filesystem::path publishing_key_file(const Environment& environment,
                                          const std::optional<std::string>& given) {
  if (given) return *given;
  if (const auto named = environment("MUSTER_PUBLISHING_KEY")) return *named;
  return login_file(environment).parent_path() / "publishing-key.pem";
}

core::Result<identity::PrivateKey> load_publishing_key(const std::filesystem::path& file) {
  auto key = identity::PrivateKey::load(file);
  if (key || key.error().code != Code::kNotFound) return key;
  return fail(Code::kNotFound,
              "there is no publishing key in " + file.string() + "; muster method key makes one");
}

std::string signed_file_name(const methods::Package& package) {
  return package.name.module + "." + package.name.task + "-" + package.version + ".method";
}

core::Status write_signed(const std::filesystem::path& folder, const methods::Package& package,
                          const methods::SignedManifest& manifest) {
  wire::SignedMethod message;
  message.set_manifest(manifest.manifest);
  message.set_signature(manifest.signature);
  message.set_key_id(manifest.key_id);
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return fail(Code::kIo, "making " + folder.string() + ": " + failed.message());
  return runtime::write_file(folder / signed_file_name(package), message.SerializeAsString(), 0644);
}

core::Result<methods::SignedManifest> read_signed(const std::filesystem::path& folder,
                                                  const methods::BuiltPackage& built) {
  const auto file = folder / signed_file_name(built.package);
  MUSTER_ASSIGN(const auto bytes, runtime::read_file(file, kSignedBytesMax));
  wire::SignedMethod message;
  if (!message.ParseFromString(bytes)) {
    return fail(Code::kInvalid, file.string() + " is no signed method");
  }
  if (message.manifest() != built.manifest) {
    return fail(Code::kConflict, file.string() +
                                     " was signed for another content than what the folder holds "
                                     "now: sign it again");
  }
  return methods::SignedManifest{message.manifest(), message.signature(), message.key_id()};
}

}  // namespace muster::cli
