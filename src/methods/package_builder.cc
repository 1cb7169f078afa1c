// SPDX-License-Identifier: Apache-2.0
#include "methods/package_builder.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <set>

#include "core/bytes.h"
#include "methods/features.h"
#include "methods/parameters.h"
#include "runtime/file.h"

namespace muster::methods {
namespace {

namespace fs = std::filesystem;
using core::Code;
using core::fail;

constexpr std::size_t kModuleMetadataBytesMax = 1024 * 1024;
constexpr std::size_t kContentVersionDigits = 12;

std::string utf8_name(const fs::path& path) {
  return path.filename().string();
}

std::unexpected<core::Error> cannot(const fs::path& path, const std::error_code& why) {
  return fail(Code::kIo, "reading " + path.string() + ": " + why.message());
}

// The name of the task to which a file of a tasks folder belongs; empty: to none.
std::string task_of(const fs::path& file) {
  const std::string extension = file.extension().string();
  if (extension == ".md" || extension == ".conf") return {};
  std::string stem = file.stem().string();
  return is_name(stem) ? stem : std::string();
}

// `version` and the last part of `name` of a module's metadata.json, if it has one.
struct ModuleFacts {
  std::string name;
  std::string version;
};

ModuleFacts module_facts(const fs::path& root) {
  const auto text = runtime::read_file(root / "metadata.json", kModuleMetadataBytesMax);
  if (!text) return {};
  std::error_code failed;
  const json::value value = json::parse(*text, failed);
  if (failed || !value.is_object()) return {};
  ModuleFacts facts;
  const auto member = [&](std::string_view name, std::string& to) {
    const json::value* found = value.get_object().if_contains(name);
    if (found != nullptr && found->is_string()) to = found->get_string();
  };
  member("name", facts.name);
  member("version", facts.version);
  facts.name = facts.name.substr(facts.name.find_last_of("-/") + 1);  // npos + 1: all of it
  if (!check_version(facts.version)) facts.version.clear();
  return facts;
}

core::Result<std::string> module_name(const MethodFolder& folder, std::string_view given,
                                      const ModuleFacts& facts) {
  std::string name(given);
  if (name.empty()) name = facts.name;
  if (name.empty()) name = utf8_name(folder.root);
  if (is_name(name)) return name;
  return fail(Code::kInvalid, "'" + core::printable(name, 100) +
                                  "' cannot be a module's name: expected a-z, 0-9 and _, beginning "
                                  "with a letter; say how it is called (--module)");
}

// Marks tasks that are only what another one's metadata names as its implementation.
void mark_helpers(MethodFolder& folder) {
  std::set<std::string> named;
  for (const FoundTask& task : folder.found) {
    if (task.metadata.empty()) continue;
    const auto text = runtime::read_file(task.metadata, kMetadataBytesMax);
    if (!text) continue;
    for (const auto& implementation : parse_metadata("", *text).metadata.implementations) {
      if (task_of(implementation.name) != task.name.task)
        named.insert(task_of(implementation.name));
    }
  }
  for (FoundTask& task : folder.found) {
    task.helper = task.metadata.empty() && named.contains(task.name.task);
  }
}

core::Status list_tasks(MethodFolder& folder, const std::string& module) {
  std::error_code failed;
  std::map<std::string, FoundTask> found;
  for (const auto& entry : fs::directory_iterator(folder.tasks, failed)) {
    if (!entry.is_regular_file(failed)) continue;
    const std::string task = task_of(entry.path());
    const bool is_module_metadata =
        folder.tasks == folder.root && utf8_name(entry.path()) == "metadata.json";
    if (task.empty() || is_module_metadata) continue;
    FoundTask& to = found[task];
    to.name = {module, task};
    if (entry.path().extension() == ".json") to.metadata = entry.path();
  }
  if (failed) return cannot(folder.tasks, failed);
  for (auto& [task, value] : found) folder.found.push_back(std::move(value));
  mark_helpers(folder);
  return {};
}

}  // namespace

core::Result<MethodFolder> find_tasks(const fs::path& given, std::string_view module) {
  std::error_code failed;
  MethodFolder folder;
  folder.root = fs::canonical(given, failed);
  if (failed == std::errc::no_such_file_or_directory) {
    return fail(Code::kNotFound, "there is no folder " + given.string());
  }
  if (failed) return cannot(given, failed);
  if (!fs::is_directory(folder.root, failed)) {
    return fail(Code::kInvalid, given.string() +
                                    " is not a folder; name the one that holds the "
                                    "module (with tasks/ in it) or the task");
  }
  const bool is_module = fs::is_directory(folder.root / "tasks", failed);
  folder.tasks = is_module ? folder.root / "tasks" : folder.root;
  const ModuleFacts facts = module_facts(folder.root);
  folder.module_version = facts.version;
  MUSTER_ASSIGN(folder.module, module_name(folder, module, facts));
  MUSTER_TRY(list_tasks(folder, folder.module));
  if (folder.found.empty()) {
    return fail(Code::kNotFound, "there is no task in " + folder.tasks.string() +
                                     ": expected NAME.json or NAME.sh, NAME of a-z, 0-9 and _");
  }
  const auto tasks = std::ranges::count(folder.found, false, &FoundTask::helper);
  if (!is_module && tasks > 1) {
    return fail(Code::kInvalid, given.string() + " has no tasks/, and holds more than one task (" +
                                    folder.found[0].name.task + ", " + folder.found[1].name.task +
                                    "): put them into tasks/");
  }
  return folder;
}

namespace {

class Builder {
 public:
  Builder(const MethodFolder& folder, const FoundTask& task) : folder_(folder), task_(task) {}

  core::Result<BuiltPackage> build(std::string_view version) {
    Package& package = built_.package;
    package.name = task_.name;
    MUSTER_TRY(read());
    add_executables();
    add_files(package.metadata.files, {"files"});
    for (std::size_t i = 0; i < package.metadata.implementations.size(); ++i) {
      add_files(package.metadata.implementations[i].files,
                {"implementations", std::to_string(i), "files"});
    }
    if (!errors_.empty()) return told();
    MUSTER_TRY(hash());
    MUSTER_TRY(choose_version(version));
    built_.manifest = manifest_of(package);
    // What a receiver would refuse is better refused here.
    auto checked = read_manifest(built_.manifest);
    if (!checked) return std::unexpected(std::move(checked.error()));
    return std::move(built_);
  }

 private:
  std::string file_name() const { return task_.metadata.string(); }

  std::unexpected<core::Error> told() const {
    std::string message;
    for (const Problem& problem : errors_) {
      message += (message.empty() ? "" : "\n") + problem.text();
    }
    return fail(Code::kInvalid, std::move(message));
  }

  // At `path` of the metadata, or of the task where it has none.
  void error(std::vector<std::string> path, std::string message) {
    if (errors_.size() >= kProblemsMax) return;
    if (task_.metadata.empty()) {
      errors_.push_back({(folder_.tasks / task_.name.task).string(), 0, 0, std::move(message)});
    } else {
      errors_.push_back(
          problem_at(file_name(), built_.package.metadata_text, path, std::move(message)));
    }
  }

  core::Status read() {
    if (task_.metadata.empty()) return {};
    Package& package = built_.package;
    MUSTER_ASSIGN(package.metadata_text, runtime::read_file(task_.metadata, kMetadataBytesMax));
    ParsedMetadata parsed = parse_metadata(file_name(), package.metadata_text);
    errors_ = std::move(parsed.errors);
    built_.warnings = std::move(parsed.warnings);
    package.metadata = std::move(parsed.metadata);
    if (errors_.empty()) {
      Parameters::compile(file_name(), package.metadata_text, package.metadata, errors_,
                          built_.warnings);
      warn_of_features();
    }
    return errors_.empty() ? core::Status() : told();
  }

  void warn_of_features() {
    const auto& implementations = built_.package.metadata.implementations;
    for (std::size_t i = 0; i < implementations.size(); ++i) {
      for (std::size_t j = 0; j < implementations[i].requirements.size(); ++j) {
        const std::string& feature = implementations[i].requirements[j];
        if (is_usual_feature(feature) || built_.warnings.size() >= kProblemsMax) continue;
        const std::vector<std::string> path = {"implementations", std::to_string(i), "requirements",
                                               std::to_string(j)};
        built_.warnings.push_back(problem_at(
            file_name(), built_.package.metadata_text, path,
            "no host announces '" + feature + "', unless its distribution is called so"));
      }
    }
  }

  void add_executables() {
    const auto& implementations = built_.package.metadata.implementations;
    for (std::size_t i = 0; i < implementations.size(); ++i) {
      const std::string& name = implementations[i].name;
      if (!add(task_.name.tasks_folder() + "/" + name, folder_.tasks / name, folder_.root)) {
        error({"implementations", std::to_string(i), "name"},
              "there is no implementation '" + name + "' in " + folder_.tasks.string());
      }
    }
    if (!implementations.empty()) return;
    std::error_code failed;
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder_.tasks, failed)) {
      if (entry.is_regular_file(failed) && task_of(entry.path()) == task_.name.task &&
          entry.path().extension() != ".json") {
        found.push_back(entry.path());
      }
    }
    std::ranges::sort(found);
    if (found.size() == 1) {
      if (!add(task_.name.tasks_folder() + "/" + utf8_name(found[0]), found[0], folder_.root))
        refuse_file({}, found[0]);
      return;
    }
    std::string names;
    for (const fs::path& path : found) names += (names.empty() ? "" : ", ") + utf8_name(path);
    error({}, found.empty() ? "the task has no executable: expected " + task_.name.task +
                                  ".sh or the like beside it, or 'implementations'"
                            : "the task has more than one executable (" + names +
                                  "): say by 'implementations' which is for whom");
  }

  // Where an entry's files lie on this disk, and the module that they must stay in.
  std::pair<fs::path, fs::path> locate(const std::string& entry) const {
    const auto slash = entry.find('/');
    const std::string module = entry.substr(0, slash);
    const std::string inside = entry.substr(slash + 1);
    if (module != folder_.module) {
      const fs::path root = folder_.root.parent_path() / module;
      return {root / inside, root};
    }
    if (inside.starts_with("tasks/")) {
      return {folder_.tasks / inside.substr(std::string_view("tasks/").size()), folder_.root};
    }
    return {folder_.root / inside, folder_.root};
  }

  void add_files(const std::vector<std::string>& entries, std::vector<std::string> path) {
    path.emplace_back();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      path.back() = std::to_string(i);
      const auto [source, module] = locate(entries[i]);
      std::error_code failed;
      const bool is_folder = entries[i].ends_with('/');
      if (is_folder && fs::is_directory(source, failed)) {
        add_folder(entries[i], source, module, path);
      } else if (is_folder || !add(entries[i], source, module)) {
        error(path, "there is no " + std::string(is_folder ? "folder" : "file") + " '" +
                        entries[i] + "': looked for " + source.string());
      }
    }
  }

  void add_folder(const std::string& entry, const fs::path& source, const fs::path& module,
                  const std::vector<std::string>& path) {
    std::error_code failed;
    for (auto it = fs::recursive_directory_iterator(source, failed);
         !failed && it != fs::recursive_directory_iterator(); it.increment(failed)) {
      if (built_.sources.size() > kPackageFilesMax) {
        return error(path, "more than " + std::to_string(kPackageFilesMax) + " files");
      }
      if (it->is_directory(failed)) continue;
      const std::string inside = it->path().lexically_relative(source).generic_string();
      if (!add(entry + inside, it->path(), module)) {
        return refuse_file(path, it->path());
      }
    }
    if (failed) error(path, "reading " + source.string() + ": " + failed.message());
  }

  void refuse_file(const std::vector<std::string>& path, const fs::path& file) {
    error(path,
          "cannot take '" + file.string() + "': it is no plain file, or leads out of its module");
  }

  // False where it is no file, or a link that leads out of `module`.
  bool add(const std::string& path, const fs::path& source, const fs::path& module) {
    std::error_code failed;
    const fs::path real = fs::canonical(source, failed);
    if (failed || !fs::is_regular_file(real, failed)) return false;
    const fs::path root = fs::canonical(module, failed);
    const fs::path inside = real.lexically_relative(root);
    if (failed || inside.empty() || *inside.begin() == "..") return false;
    built_.sources[path] = real;
    return true;
  }

  core::Status hash() {
    if (built_.sources.size() > kPackageFilesMax) {
      return fail(Code::kLimit,
                  "the package has more than " + std::to_string(kPackageFilesMax) + " files");
    }
    const std::string tasks = task_.name.tasks_folder() + "/";
    for (const auto& [path, source] : built_.sources) {
      MUSTER_ASSIGN(const std::string bytes, runtime::read_file(source, kPackageFileBytesMax));
      std::error_code failed;
      const auto mode = fs::status(source, failed).permissions();
      const bool executable =
          path.starts_with(tasks) || (mode & fs::perms::owner_exec) != fs::perms::none;
      built_.package.files.push_back({path, executable, bytes.size(), core::sha256(bytes)});
    }
    return {};
  }

  core::Status choose_version(std::string_view given) {
    Package& package = built_.package;
    package.version = given;
    if (given.empty()) package.version = package.metadata.additions.version;
    if (package.version.empty()) package.version = folder_.module_version;
    if (package.version.empty()) {
      package.version =
          "0-" +
          core::to_hex(package_digest(manifest_of(package))).substr(0, kContentVersionDigits);
    }
    return check_version(package.version);
  }

  const MethodFolder& folder_;
  const FoundTask& task_;
  BuiltPackage built_;
  std::vector<Problem> errors_;
};

}  // namespace

core::Result<BuiltPackage> build_package(const MethodFolder& folder, const FoundTask& task,
                                         std::string_view version) {
  return Builder(folder, task).build(version);
}

}  // namespace muster::methods
