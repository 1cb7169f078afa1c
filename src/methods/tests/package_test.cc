// SPDX-License-Identifier: Apache-2.0
//
// Packages out of the task modules of tests/tasks, and what becomes of altered ones.
#include "methods/package.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/bytes.h"
#include "methods/package_builder.h"
#include "package.pb.h"

namespace muster::methods {
namespace {

namespace fs = std::filesystem;

const fs::path kTasks = MUSTER_TEST_TASKS;

core::Result<BuiltPackage> built(const fs::path& folder, std::string_view task,
                                 std::string_view version = {}) {
  auto found = find_tasks(folder);
  if (!found) return std::unexpected(found.error());
  for (const FoundTask& candidate : found->found) {
    if (candidate.name.task == task) return build_package(*found, candidate, version);
  }
  return core::fail(core::Code::kNotFound, "no such task");
}

std::vector<std::string> paths_of(const Package& package) {
  std::vector<std::string> paths;
  for (const PackageFile& file : package.files) paths.push_back(file.path);
  return paths;
}

struct TemporaryFolder {
  fs::path path = fs::temp_directory_path() / ("muster-package-" + std::to_string(getpid()));
  TemporaryFolder() { fs::remove_all(path), fs::create_directories(path); }
  ~TemporaryFolder() { fs::remove_all(path); }
  void write(const std::string& name, std::string_view text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name) << text;
  }
};

TEST(PackageBuilderTest, FindsTheTasksOfAModule) {
  const auto found = find_tasks(kTasks / "service_state");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->module, "service_state");
  std::map<std::string, bool> helpers;
  for (const FoundTask& task : found->found) helpers[task.name.task] = task.helper;
  // set_sh has metadata of its own, so it is a method by itself.
  EXPECT_EQ(helpers, (std::map<std::string, bool>{
                         {"set", false}, {"set_py", true}, {"set_rb", true}, {"set_sh", false}}));
  const auto greet = find_tasks(kTasks / "greet");
  ASSERT_TRUE(greet);
  EXPECT_EQ(greet->module, "greet");  // metadata.json: example-greet
  EXPECT_EQ(greet->module_version, "1.4.2");
  const auto legacy = find_tasks(kTasks / "legacy");
  ASSERT_TRUE(legacy);
  ASSERT_EQ(legacy->found.size(), 2U);  // neither say.md nor Not-A-Task.sh
}

TEST(PackageBuilderTest, SaysWhatItLookedFor) {
  EXPECT_EQ(find_tasks(kTasks / "nowhere").error().code, core::Code::kNotFound);
  EXPECT_NE(find_tasks(kTasks / "textkit").error().message.find("no task in"), std::string::npos);
  EXPECT_NE(find_tasks(kTasks / "README.md").error().message.find("not a folder"),
            std::string::npos);
  EXPECT_NE(find_tasks(kTasks / "greet" / "tasks", "Bad-Name").error().message.find("--module"),
            std::string::npos);
}

TEST(PackageBuilderTest, TakesExecutablesFilesAndWholeFolders) {
  const auto motd = built(kTasks / "motd", "write");
  ASSERT_TRUE(motd) << motd.error().message;
  EXPECT_EQ(paths_of(motd->package),
            (std::vector<std::string>{"motd/files/banners/kind.txt", "motd/files/banners/plain.txt",
                                      "motd/tasks/write.sh", "textkit/files/footer.txt",
                                      "textkit/lib/textkit/text.sh"}));
  EXPECT_TRUE(motd->package.file("motd/tasks/write.sh")->executable);
  EXPECT_FALSE(motd->package.file("textkit/files/footer.txt")->executable);
  EXPECT_EQ(motd->package.file("textkit/files/footer.txt")->size, 18U);
  EXPECT_EQ(motd->sources.at("textkit/files/footer.txt"),
            fs::canonical(kTasks / "textkit/files/footer.txt"));

  const auto service = built(kTasks / "service_state", "set");
  ASSERT_TRUE(service);
  const Implementation* shell = &service->package.metadata.implementations[2];
  EXPECT_EQ(service->package.executable(shell).path, "service_state/tasks/set_sh.sh");
  EXPECT_EQ(service->package.needed(shell).size(), 1U);  // only what this host runs
  EXPECT_EQ(service->package.files.size(), 3U);
}

TEST(PackageBuilderTest, ChoosesTheVersion) {
  EXPECT_EQ(built(kTasks / "greet", "init")->package.version, "1.4.2");     // the module's
  EXPECT_EQ(built(kTasks / "probe", "machine")->package.version, "2.0.0");  // its own
  EXPECT_EQ(built(kTasks / "probe", "machine", "9")->package.version, "9");
  const auto first = built(kTasks / "sum", "init");
  EXPECT_TRUE(first->package.version.starts_with("0-"));
  EXPECT_EQ(built(kTasks / "sum", "init")->manifest, first->manifest);
  EXPECT_FALSE(built(kTasks / "sum", "init", "a b"));
}

TEST(PackageBuilderTest, ASingleTaskIsAFolderToo) {
  const auto package = built(kTasks / "hostinfo", "hostinfo");
  ASSERT_TRUE(package) << package.error().message;
  EXPECT_EQ(package->package.name.canonical(), "hostinfo::hostinfo");
  EXPECT_EQ(paths_of(package->package), std::vector<std::string>{"hostinfo/tasks/hostinfo.sh"});
  EXPECT_EQ(package->package.metadata.additions.user, "nobody");
}

TEST(PackageBuilderTest, TellsMistakesWithTheirPlace) {
  const auto message = [](std::string_view task) {
    auto package = built(kTasks / "fails", task);
    return package ? std::string() : package.error().message;
  };
  const std::string wrong = message("wrong");
  EXPECT_NE(wrong.find("wrong.json:2:18: 'description'"), std::string::npos) << wrong;
  EXPECT_NE(wrong.find("wrong.json:3:19: 'input_method'"), std::string::npos) << wrong;
  EXPECT_NE(wrong.find("wrong.json:5:5: 'Port' is not"), std::string::npos) << wrong;
  const std::string missing = message("missing");
  EXPECT_NE(missing.find("missing.json:3:14: there is no implementation 'missing_sh.sh'"),
            std::string::npos)
      << missing;
  EXPECT_NE(missing.find("missing.json:4:37: there is no file 'nowhere/files/x'"),
            std::string::npos)
      << missing;
  EXPECT_NE(message("two_ways").find("more than one executable (two_ways.bash, two_ways.sh)"),
            std::string::npos);
}

TEST(PackageBuilderTest, WarnsOfFeaturesThatNobodyHas) {
  const TemporaryFolder folder;
  folder.write("m/tasks/t.json",
               R"({"implementations": [{"name": "t.sh", "requirements": ["shel"]}]})");
  folder.write("m/tasks/t.sh", "echo");
  const auto package = built(folder.path / "m", "t");
  ASSERT_TRUE(package) << package.error().message;
  ASSERT_EQ(package->warnings.size(), 1U);
  EXPECT_NE(package->warnings[0].text().find("t.json:1:56: no host announces 'shel'"),
            std::string::npos)
      << package->warnings[0].text();
}

TEST(PackageBuilderTest, FollowsNoLinkOutOfItsModule) {
  const TemporaryFolder folder;
  folder.write("secret", "key");
  folder.write("m/tasks/t.json", R"({"files": ["m/files/x"]})");
  folder.write("m/tasks/t.sh", "echo");
  folder.write("m/files/y", "y");
  fs::create_symlink("y", folder.path / "m/files/x");
  EXPECT_TRUE(built(folder.path / "m", "t"));
  fs::remove(folder.path / "m/files/x");
  fs::create_symlink("../../secret", folder.path / "m/files/x");
  EXPECT_FALSE(built(folder.path / "m", "t"));
  folder.write("m/tasks/t.json", R"({"files": ["m/files/"]})");
  EXPECT_FALSE(built(folder.path / "m", "t"));
  fs::remove(folder.path / "m/files/x");
  EXPECT_TRUE(built(folder.path / "m", "t"));
  // Once told as "the package has 0 executables", which helps nobody.
  fs::remove(folder.path / "m/tasks/t.sh");
  fs::create_symlink("../../secret", folder.path / "m/tasks/t.sh");
  const auto linked = built(folder.path / "m", "t");
  ASSERT_FALSE(linked);
  EXPECT_NE(linked.error().message.find("t.sh': it is no plain file, or leads out"),
            std::string::npos)
      << linked.error().message;
}

class ManifestTest : public ::testing::Test {
 protected:
  ManifestTest() {
    auto package = built(kTasks / "motd", "write");
    EXPECT_TRUE(package);
    manifest_ = package->manifest;
    message_.ParseFromString(manifest_);
  }
  std::string refused() {
    const auto read = read_manifest(message_.SerializeAsString());
    return read ? "" : read.error().message;
  }
  std::string manifest_;
  wire::MethodManifest message_;
};

TEST_F(ManifestTest, IsTheSameBytesAgain) {
  const auto package = read_manifest(manifest_);
  ASSERT_TRUE(package) << package.error().message;
  EXPECT_EQ(manifest_of(*package), manifest_);
  EXPECT_EQ(package_digest(manifest_), core::sha256(manifest_));
}

TEST_F(ManifestTest, RefusesWhatRunningWouldTripOver) {
  EXPECT_EQ(refused(), "");
  const auto check = [&](auto&& change, std::string_view reason) {
    message_.ParseFromString(manifest_);
    change();
    const std::string told = refused();
    EXPECT_NE(told.find(reason), std::string::npos) << "'" << told << "' without " << reason;
  };
  check([&] { message_.set_format(2); }, "format 2");
  check([&] { message_.set_name("Motd"); }, "not the name of a method");
  check([&] { message_.set_name("greet"); }, "not canonical");
  check([&] { message_.set_version("a b"); }, "not a version");
  check([&] { message_.set_metadata("{"); }, "write.json:1:");
  check([&] { message_.mutable_files(0)->set_path("../x/y"); }, "relative and plain");
  check([&] { message_.mutable_files(0)->set_path("motd/files/../../../x"); }, "relative");
  check([&] { message_.mutable_files()->SwapElements(0, 1); }, "not sorted");
  check([&] { *message_.add_files() = message_.files(4); }, "stands twice");
  check([&] { message_.mutable_files(0)->set_sha256("short"); }, "no SHA-256");
  check([&] { message_.mutable_files(0)->set_size(kPackageFileBytesMax + 1); }, "too large");
  check([&] { message_.mutable_files(4)->set_path("textkit/files/footer.txt/x"); },
        "below another file");
  check([&] { message_.mutable_files()->DeleteSubrange(2, 1); }, "lacks its implementation");
  check([&] { message_.mutable_files()->DeleteSubrange(4, 1); }, "lacks the file");
  check(
      [&] {
        message_.clear_metadata();
        message_.mutable_files(2)->set_path("motd/tasks/x.sh");
      },
      "0 executables");
  EXPECT_FALSE(read_manifest("\xff not protobuf"));
  EXPECT_FALSE(read_manifest(std::string(kManifestBytesMax + 1, 'x')));
}

TEST_F(ManifestTest, HoldsOnlyWithTheSignatureOfAKnownKey) {
  const auto key = identity::PrivateKey::generate();
  const auto other = identity::PrivateKey::generate();
  const std::vector<identity::PublicKey> keys = {identity::PublicKey::of(other),
                                                 identity::PublicKey::of(key)};
  const SignedManifest good = sign_manifest(manifest_, key);
  const auto package = verify_package(good, keys);
  ASSERT_TRUE(package) << package.error().message;
  EXPECT_EQ(package->name.shown(), "motd::write");

  SignedManifest bad = good;
  bad.manifest[bad.manifest.size() / 2] ^= 1;
  EXPECT_EQ(verify_package(bad, keys).error().code, core::Code::kDenied);
  bad = good;
  bad.signature[10] ^= 1;
  EXPECT_EQ(verify_package(bad, keys).error().code, core::Code::kDenied);
  bad = good;
  bad.key_id = keys[0].id();  // a known key, but not the one that signed
  EXPECT_EQ(verify_package(bad, keys).error().code, core::Code::kDenied);
  EXPECT_EQ(verify_package(good, std::span(keys).first(1)).error().code, core::Code::kDenied);
  EXPECT_EQ(verify_package(good, {}).error().code, core::Code::kDenied);
  // A signature over the bare bytes, as for another purpose, is none.
  bad = good;
  bad.signature = identity::sign(key, manifest_);
  EXPECT_EQ(verify_package(bad, keys).error().code, core::Code::kDenied);
}

}  // namespace
}  // namespace muster::methods
