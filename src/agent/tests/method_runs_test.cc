// SPDX-License-Identifier: Apache-2.0
//
// Runs of methods from order to result: with a real cache, real packages signed by a key
// made here, and real processes. Only the gateway is played.
#include "agent/method_runs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "agent/work.h"
#include "core/bytes.h"
#include "identity/key.h"
#include "methods/package_builder.h"
#include "methods/runner.h"
#include "runtime/file.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using content::ContentId;

std::string id_of(const identity::PrivateKey& key) {
  return identity::PublicKey::from_der(key.public_key_der())->id();
}

struct MethodRunsTest : ::testing::Test, methods::CommandObserver {
  MethodRunsTest() {
    fs::create_directories(folder);
    fs::create_directories(folder / "public");
    auto opened = Content::open(loop, {.folder = folder, .public_parent = folder / "public"});
    EXPECT_TRUE(opened) << opened.error().message;
    content = std::move(*opened);
    make_runs();
  }
  ~MethodRunsTest() override {
    runs.reset();
    content.reset();
    fs::remove_all(folder);
  }

  void make_runs(std::set<std::string> pinned = {}) {
    runs = std::make_unique<MethodRuns>(
        content.get(), std::move(pinned), [this] { return features; },
        MethodRuns::Effects{
            .start =
                [this](core::RunId run, methods::Command command) {
                  commands[run] = command;
                  runner.run(run, std::move(command));
                },
            .finished = [this](core::RunId run,
                               link::RunResult result) { over(run, std::move(result)); }});
  }

  // The gateway: it has `objects`, and says what it has to say when the loop gets to it.
  void connect() {
    content->link_open([this](const wire::ContentRequest& request) {
      ++requests;
      loop.post([this, request] { answer(request); });
    });
  }
  void answer(const wire::ContentRequest& request) {
    if (stop_at_request == requests) return loop.stop();
    wire::ContentData data;
    data.set_digest(request.digest());
    const auto found = objects.find(*ContentId::from_bytes(request.digest()));
    if (found == objects.end()) {
      data.set_error("there is none");
      return content->receive(data);
    }
    data.set_offset(request.offset());
    data.set_total_bytes(found->second.size());
    data.set_data(found->second.substr(request.offset(), request.bytes_max()));
    content->receive(data);
  }

  void command_started(core::RunId) override {
    if (stop_at_start) loop.stop();
  }
  void command_output(core::RunId run, methods::Stream stream, std::uint64_t,
                      std::string_view data) override {
    if (runs->may_show(run, stream, data)) shown += data;
  }
  void command_done(core::RunId run, methods::Completion completion) override {
    over(run, runs->ended(run, std::move(completion)));
  }
  void over(core::RunId run, link::RunResult result) {
    results[run] = std::move(result);
    loop.stop();
  }

  /// A module of one task with these files; its package is signed by `key`.
  wire::Invoke package(const std::string& script, const std::string& metadata = "{}",
                       const std::map<std::string, std::string>& more = {}) {
    const fs::path module = folder / "modules" / "mod";
    fs::remove_all(module);
    const auto write = [&](const std::string& name, const std::string& text) {
      fs::create_directories((module / name).parent_path());
      std::ofstream(module / name) << text;
    };
    if (!script.empty()) write("tasks/init.sh", script);
    write("tasks/init.json", metadata);
    for (const auto& [name, text] : more) write(name, text);
    const auto found = methods::find_tasks(module);
    EXPECT_TRUE(found) << found.error().message;
    const auto built = methods::build_package(*found, found->found.at(0));
    EXPECT_TRUE(built) << built.error().message;
    for (const auto& [path, source] : built->sources) {
      const std::string bytes = *runtime::read_file(source);
      objects[ContentId::of(bytes)] = bytes;
    }
    executable = ContentId::of(script);
    return order_of(built->manifest, key);
  }
  wire::Invoke order_of(const std::string& manifest, const identity::PrivateKey& by) {
    objects[ContentId::of(manifest)] = manifest;
    wire::Invoke invoke;
    invoke.set_run(++last_run);
    wire::Method& method = *invoke.mutable_method();
    method.set_digest(methods::package_digest(manifest));
    method.set_manifest_bytes(static_cast<std::uint32_t>(manifest.size()));
    method.set_signature(methods::sign_manifest(manifest, by).signature);
    method.set_publishing_key(by.public_key_der());
    method.set_arguments("{}");
    return invoke;
  }

  void begin(const wire::Invoke& invoke) { runs->begin(invoke); }
  void spin() {
    loop.context().restart();
    loop.run();
  }
  /// Runs it to its end.
  const link::RunResult& result_of(const wire::Invoke& invoke) {
    const core::RunId run{invoke.run()};
    begin(invoke);
    while (!results.contains(run)) spin();
    EXPECT_FALSE(runs->has(run));
    EXPECT_EQ(runs->preparing(), 0U);
    return results[run];
  }
  void expect_refused(const wire::Invoke& invoke, std::string_view word) {
    const link::RunResult& result = result_of(invoke);
    EXPECT_EQ(result.announce.outcome(), wire::OUTCOME_REFUSED);
    EXPECT_NE(result.announce.reason().find(word), std::string::npos) << result.announce.reason();
    EXPECT_FALSE(commands.contains(core::RunId(invoke.run())));
    expect_no_folders();
  }
  void expect_no_folders() {
    EXPECT_TRUE(!fs::exists(folder / "runs") || fs::is_empty(folder / "runs"));
    for (const auto& entry : fs::directory_iterator(folder / "public"))
      EXPECT_TRUE(fs::is_empty(entry)) << entry.path();
  }

  const fs::path folder =
      fs::temp_directory_path() / ("muster-agent-" + core::to_base32(core::random_bytes(8)));
  runtime::Loop loop;
  std::unique_ptr<Content> content;
  methods::Runner runner{loop, *this,
                         std::make_shared<runtime::SpoolFolder>(
                             runtime::SpoolOptions{.folder = folder, .free_bytes_min = 0})};
  std::vector<std::string> features{"linux", "shell"};
  std::unique_ptr<MethodRuns> runs;
  identity::PrivateKey key = identity::PrivateKey::generate();
  std::map<ContentId, std::string> objects;
  ContentId executable;
  std::uint64_t last_run = 0;
  int requests = 0;
  int stop_at_request = -1;
  bool stop_at_start = false;
  std::string shown;
  std::map<core::RunId, methods::Command> commands;
  std::map<core::RunId, link::RunResult> results;
};

TEST_F(MethodRunsTest, FetchesVerifiesStartsAndAnswers) {
  connect();
  wire::Invoke invoke = package("echo \"$PT_name\"; cat");
  invoke.mutable_method()->set_arguments(R"({"name":"Ada"})");
  const link::RunResult& result = result_of(invoke);
  EXPECT_EQ(result.announce.outcome(), wire::OUTCOME_SUCCEEDED) << result.announce.reason();
  EXPECT_EQ(result.stdout_bytes, "Ada\n" + commands[core::RunId(invoke.run())].stdin_bytes);
  expect_no_folders();
  EXPECT_EQ(requests, 2);
  wire::Invoke again = invoke;
  again.set_run(++last_run);
  EXPECT_EQ(result_of(again).announce.outcome(), wire::OUTCOME_SUCCEEDED);
  EXPECT_EQ(requests, 2);  // from the cache
}

TEST_F(MethodRunsTest, WhatIsNotSignedAsTheOrderSaysNeverStarts) {
  connect();
  const wire::Invoke good = package("echo never");
  const auto other = identity::PrivateKey::generate();
  wire::Invoke bad = good;
  bad.mutable_method()->set_signature("no signature");
  bad.set_run(++last_run);
  expect_refused(bad, "not what its publisher signed");
  bad = good;  // by another key than the order names
  bad.mutable_method()->set_publishing_key(other.public_key_der());
  bad.set_run(++last_run);
  expect_refused(bad, "not what its publisher signed");
  bad.mutable_method()->set_publishing_key("no key");
  bad.set_run(++last_run);
  expect_refused(bad, "names no publishing key");
  bad = good;  // the signature of another package
  bad.mutable_method()->set_signature(package("echo other").method().signature());
  bad.set_run(++last_run);
  expect_refused(bad, "not what its publisher signed");
  bad = order_of("no manifest at all", key);  // signed, but nothing that can be read
  expect_refused(bad, "");
}

TEST_F(MethodRunsTest, DigestsAndSizesThatLieAreRefused) {
  connect();
  const wire::Invoke good = package("echo never");
  wire::Invoke bad = good;
  bad.mutable_method()->set_digest("short");
  bad.set_run(++last_run);
  expect_refused(bad, "names no method");
  bad = good;
  bad.mutable_method()->set_manifest_bytes(methods::kManifestBytesMax + 1);
  bad.set_run(++last_run);
  expect_refused(bad, "names no method");
  for (const std::uint32_t size : {0U, 1U, good.method().manifest_bytes() + 1}) {
    bad = good;
    bad.mutable_method()->set_manifest_bytes(size);
    bad.set_run(++last_run);
    expect_refused(bad, "could not be fetched");
  }
  bad = good;  // nobody has what it names
  bad.mutable_method()->set_digest(methods::package_digest("something else"));
  bad.set_run(++last_run);
  expect_refused(bad, "could not be fetched");
}

TEST_F(MethodRunsTest, AManifestThatLiesAboutAFileIsRefused) {
  connect();
  (void)package("echo never");
  const auto found = methods::find_tasks(folder / "modules/mod");
  methods::Package lying = methods::build_package(*found, found->found.at(0))->package;
  lying.files.at(0).size += 1;
  expect_refused(order_of(methods::manifest_of(lying), key), "files could not be had");
  lying.files.at(0).size = 1;
  expect_refused(order_of(methods::manifest_of(lying), key), "files could not be had");
}

TEST_F(MethodRunsTest, PinnedKeysAreTheOnlyOnes) {
  connect();
  make_runs({id_of(identity::PrivateKey::generate())});
  expect_refused(package("echo never"), "--publishing-keys");
  make_runs({id_of(key)});
  EXPECT_EQ(result_of(package("echo ok")).stdout_bytes, "ok\n");
}

TEST_F(MethodRunsTest, DamagedObjectsAreFetchedAgain) {
  connect();
  const wire::Invoke first = package("echo right");
  EXPECT_EQ(result_of(first).stdout_bytes, "right\n");
  for (const auto& object : fs::directory_iterator(folder / "cache/objects")) {
    fs::permissions(object, fs::perms::owner_write, fs::perm_options::add);
    const auto size = fs::file_size(object);
    std::ofstream(object.path()) << std::string(size, 'x');
  }
  wire::Invoke again = first;
  again.set_run(++last_run);
  EXPECT_EQ(result_of(again).stdout_bytes, "right\n");
  EXPECT_EQ(requests, 4);  // manifest and executable, twice
}

TEST_F(MethodRunsTest, WhereNoImplementationFitsItSaysWhatWasMissing) {
  connect();
  const wire::Invoke invoke =
      package("", R"({"implementations": [{"name": "init.ps1", "requirements": ["powershell"]}]})",
              {{"tasks/init.ps1", "Write-Host never"}});
  expect_refused(invoke, "powershell");
  EXPECT_EQ(requests, 1);  // its files were not fetched
  features.emplace_back("powershell");
  wire::Invoke again = invoke;
  again.set_run(++last_run);
  (void)result_of(again);
  EXPECT_TRUE(commands.contains(core::RunId(again.run())));
}

TEST_F(MethodRunsTest, ArgumentsThatAreNoObjectAreRefused) {
  connect();
  for (const char* text : {"", "no json", "[1]", "{\"a\":"}) {
    wire::Invoke invoke = package("echo never");
    invoke.mutable_method()->set_arguments(text);
    expect_refused(invoke, "no JSON object");
  }
}

TEST_F(MethodRunsTest, CancelReachesEveryStage) {
  connect();
  const wire::Invoke order = package("echo begun; exec sleep 1000");
  for (const int stage : {1, 2}) {  // the manifest, then the executable is being fetched
    stop_at_request = stage;
    wire::Invoke invoke = order;
    invoke.set_run(++last_run);
    const core::RunId run{invoke.run()};
    begin(invoke);
    spin();
    EXPECT_EQ(runs->preparing(), 1U);
    EXPECT_TRUE(runs->cancel(run, "enough"));
    EXPECT_EQ(results.at(run).announce.outcome(), wire::OUTCOME_CANCELLED);
    EXPECT_NE(results[run].announce.reason().find("enough"), std::string::npos);
    EXPECT_FALSE(runs->cancel(run, "again"));
    EXPECT_EQ(runs->preparing(), 0U);
    stop_at_request = -1;
    requests = 0;
    content->link_over();  // what was asked for will not come
    connect();
    if (stage == 1) {
      // Its manifest is there from now on.
      wire::Invoke bad = order;
      bad.mutable_method()->set_signature("x");
      bad.set_run(++last_run);
      expect_refused(bad, "signed");
      requests = 1;
    }
  }
  stop_at_start = true;  // its process runs: the runner's business
  begin(order);
  spin();
  EXPECT_FALSE(runs->cancel(core::RunId(order.run()), "enough"));
  EXPECT_TRUE(runs->has(core::RunId(order.run())));
  runner.cancel(core::RunId(order.run()), "enough");
  while (!results.contains(core::RunId(order.run()))) spin();
  EXPECT_EQ(results[core::RunId(order.run())].announce.outcome(), wire::OUTCOME_CANCELLED);
  expect_no_folders();
}

TEST_F(MethodRunsTest, AllPreparationsEndTogether) {
  const wire::Invoke order = package("echo never");  // no link: they wait for one
  for (int i = 0; i < 3; ++i) {
    wire::Invoke invoke = order;
    invoke.set_run(++last_run);
    begin(invoke);
  }
  EXPECT_EQ(runs->preparing(), 3U);
  runs->cancel_all("stopped");
  EXPECT_EQ(runs->preparing(), 0U);
  EXPECT_EQ(results.size(), 3U);
  begin(order);
  runs.reset();  // with one under way: nothing of it is called later
  connect();
  loop.post([this] { loop.stop(); });
  spin();
  EXPECT_EQ(results.size(), 3U);
}

TEST_F(MethodRunsTest, FetchingMayTakeAsLongAsRunning) {
  wire::Invoke invoke = package("echo never");
  invoke.mutable_limits()->set_timeout_ms(1);
  expect_refused(invoke, "could not be fetched");
}

TEST_F(MethodRunsTest, WithoutAPlaceForContentNothingRuns) {
  content.reset();
  make_runs();
  expect_refused(package("echo never"), "no place for methods");
}

TEST_F(MethodRunsTest, AnotherUsersRunLiesWhereThatUserMayEnter) {
  connect();
  wire::Invoke invoke = package("cat \"$PT__installdir/mod/files/note\"; id -un",
                                R"({"files": ["mod/files/note"]})", {{"files/note", "a note\n"}});
  if (geteuid() != 0) {
    // An agent that is not root cannot become another user, and says so.
    invoke.mutable_method()->set_user("nobody");
    EXPECT_EQ(result_of(invoke).announce.outcome(), wire::OUTCOME_REFUSED);
    return;
  }
  fs::permissions(folder, fs::perms::others_exec | fs::perms::group_exec, fs::perm_options::add);
  invoke.mutable_method()->set_user("nobody");
  const link::RunResult& result = result_of(invoke);
  EXPECT_EQ(result.stdout_bytes, "a note\nnobody\n") << result.stderr_bytes;
  const std::string path = commands[core::RunId(invoke.run())].argv.back();
  EXPECT_NE(path.find("/public/"), std::string::npos) << path;
  expect_no_folders();
}

TEST_F(MethodRunsTest, ResultsAreNotShownLiveButTextIs) {
  connect();
  (void)result_of(package("printf '  \\n'; printf ' {\"a\":'; echo 1 >&2; printf '\"}\"}'"));
  EXPECT_EQ(shown, "1\n");
  shown.clear();
  (void)result_of(package("echo text; echo '{}'"));
  EXPECT_EQ(shown, "text\n{}\n");
  EXPECT_TRUE(runs->may_show(core::RunId(999), methods::Stream::kStdout, "{"));  // no method
}

// What lies on the disk is not read as JSON.
TEST_F(MethodRunsTest, OfALargeResultTheExitStatusDecides) {
  connect();
  const std::string script =
      "echo '{\"_error\":{\"msg\":\"text\"},\"pad\":\"'; "
      "head -c 2000000 /dev/zero | tr '\\0' x; echo '\"}'; ";
  for (const int status : {0, 3}) {
    wire::Invoke invoke = package(script + "exit " + std::to_string(status));
    invoke.mutable_limits()->set_output_bytes_max(4'000'000);
    const link::RunResult& result = result_of(invoke);
    EXPECT_EQ(result.announce.outcome(),
              status == 0 ? wire::OUTCOME_SUCCEEDED : wire::OUTCOME_FAILED);
    EXPECT_EQ(result.stdout_bytes, "");
    EXPECT_GT(result.stdout_size(), 2'000'000U);
    if (status != 0) EXPECT_NE(result.announce.reason().find("exit code 3"), std::string::npos);
  }
}

TEST_F(MethodRunsTest, WhatItSaysDecides) {
  connect();
  const link::RunResult error =
      result_of(package(R"(echo '{"_error":{"msg":"the disk is full","kind":"k"}}')"));
  EXPECT_EQ(error.announce.outcome(), wire::OUTCOME_FAILED);
  EXPECT_EQ(error.announce.reason(), "the disk is full");
  const link::RunResult status = result_of(package("echo '{}'; exit 3"));
  EXPECT_EQ(status.announce.outcome(), wire::OUTCOME_FAILED);
  EXPECT_EQ(status.announce.exit_code(), 3);
  const link::RunResult silent = result_of(package(R"(echo '{"_error":{}}')"));
  EXPECT_EQ(silent.announce.outcome(), wire::OUTCOME_FAILED);
  EXPECT_FALSE(silent.announce.reason().empty());
}

}  // namespace
}  // namespace muster::agent
