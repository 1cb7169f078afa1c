// SPDX-License-Identifier: Apache-2.0
#include "cli/pack_source.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "core/bytes.h"
#include "runtime/file.h"

namespace muster::cli {
namespace {

namespace fs = std::filesystem;
using core::Code;
using core::fail;

constexpr std::size_t kProgramBytesMax = 64ULL << 20;
constexpr std::string_view kProgram = "muster-pack-apply";
/// A host that has to fetch 64 GiB over a slow link needs its time.
constexpr std::string_view kTimeout = "24h";

/// The machine type of an executable; empty: it is none that is known here.
std::string machine_of(std::string_view elf) {
  if (!elf.starts_with("\x7f"
                       "ELF") ||
      elf.size() < 20)
    return {};
  switch (static_cast<unsigned char>(elf[18]) | static_cast<unsigned char>(elf[19]) << 8) {
    case 62:
      return "x86_64";
    case 183:
      return "aarch64";
    default:
      return {};
  }
}

std::string metadata_of(const packs::Index& index, const std::vector<PackProgram>& programs) {
  boost::json::array implementations;
  for (const PackProgram& program : programs)
    implementations.push_back(
        boost::json::object{{"name", "apply_" + program.machine},
                            {"requirements", boost::json::array{"linux", program.machine}},
                            {"files", boost::json::array{"pack/files/index"}}});
  const boost::json::object action{
      {"type", "Enum['apply', 'rollback', 'remove', 'verify']"},
      {"default", "apply"},
      {"description", "install it, go back to the version before, take it away, or compare"}};
  return boost::json::serialize(boost::json::object{
      {"description", index.description.empty() ? "File pack " + index.name : index.description},
      {"private", true},
      {"input_method", "stdin"},
      {"parameters", boost::json::object{{"action", action}}},
      {"implementations", std::move(implementations)},
      {"extensions", boost::json::object{{"muster", boost::json::object{{"version", index.version},
                                                                        {"idempotent", true},
                                                                        {"timeout", kTimeout}}}}}});
}

fs::path own_folder() {
  std::error_code failed;
  return fs::read_symlink("/proc/self/exe", failed).parent_path();
}

}  // namespace

core::Result<std::vector<PackProgram>> find_pack_programs(const fs::path& folder) {
  std::vector<fs::path> folders = {folder};
  if (folder.empty()) folders = {own_folder(), own_folder().parent_path() / "lib/muster"};
  std::vector<PackProgram> found;
  for (const fs::path& place : folders) {
    for (const char* ending : {"", "-x86_64", "-aarch64"}) {
      const fs::path file = place / (std::string(kProgram) + ending);
      const auto bytes = runtime::read_file(file, kProgramBytesMax);
      const std::string machine = bytes ? machine_of(*bytes) : "";
      if (machine.empty() ||
          std::ranges::find(found, machine, &PackProgram::machine) != found.end())
        continue;
      found.push_back({machine, file});
    }
  }
  if (!found.empty()) return found;
  return fail(Code::kNotFound, "there is no " + std::string(kProgram) + " in " +
                                   folders.front().string() +
                                   ": it comes with muster; --programs says where it is");
}

core::Result<PackPackage> package_of(const packs::BuiltPack& pack,
                                     const std::vector<PackProgram>& programs) {
  PackPackage made;
  methods::Package& package = made.package;
  MUSTER_ASSIGN(package.name, methods::TaskName::parse("pack::" + pack.index.name));
  package.version = pack.index.version;
  package.metadata_text = metadata_of(pack.index, programs);
  package.files.push_back(
      {"pack/files/index", false, pack.encoded.size(), core::sha256(pack.encoded)});
  for (const auto& container : pack.index.containers)
    package.files.push_back({"pack/files/" + container.id.str(), false, container.size,
                             std::string(container.id.bytes())});
  for (const auto& table : pack.index.tables)
    package.files.push_back(
        {"pack/files/" + table.id.str(), false, table.size, std::string(table.id.bytes())});
  for (const PackProgram& program : programs) {
    MUSTER_ASSIGN(auto bytes, runtime::read_file(program.file, kProgramBytesMax));
    package.files.push_back(
        {"pack/tasks/apply_" + program.machine, true, bytes.size(), core::sha256(bytes)});
    made.programs.push_back(std::move(bytes));
  }
  std::ranges::sort(package.files, {}, &methods::PackageFile::path);
  made.manifest = methods::manifest_of(package);
  // What the server would refuse is better refused here.
  MUSTER_TRY(methods::read_manifest(made.manifest));
  return made;
}

}  // namespace muster::cli
