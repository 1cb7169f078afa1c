// SPDX-License-Identifier: Apache-2.0
//
// A server's inside without a network: registry, ledger, database and hub on one loop,
// and gateways that write down what they are told.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "access/schema.h"
#include "fleet/registry_store.h"
#include "jobs/run_store.h"
#include "runtime/testing.h"
#include "server/gateway_hub.h"

namespace muster::server::testing {

using namespace std::chrono_literals;

/// A folder that is gone with its owner.
struct TemporaryFolder {
  TemporaryFolder() {
    std::string made = ::testing::TempDir() + "/muster-server-XXXXXX";
    EXPECT_NE(::mkdtemp(made.data()), nullptr);
    path = made;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path path;
};

struct FakeGateway final : link::RegionGateway {
  std::vector<wire::Admit> admits;
  std::vector<wire::ContentDataDown> pieces;
  std::vector<wire::Dispatch> dispatches;
  std::vector<wire::CancelRun> cancels;
  std::vector<wire::Acks> all_acks;
  std::vector<wire::Kick> kicks;
  std::vector<wire::UpcallReplyDown> replies;
  std::function<void()> on_acks = [] {};

  void admit(wire::Admit message) override { admits.push_back(std::move(message)); }
  void dispatch(wire::Dispatch message) override { dispatches.push_back(std::move(message)); }
  void cancel_run(wire::CancelRun message) override { cancels.push_back(std::move(message)); }
  void acks(wire::Acks message) override {
    all_acks.push_back(std::move(message));
    on_acks();
  }
  void kick(wire::Kick message) override { kicks.push_back(std::move(message)); }
  void upcall_reply(wire::UpcallReplyDown message) override {
    replies.push_back(std::move(message));
  }
  std::uint64_t chunk_bytes_taken = 0;
  void chunks_taken(wire::ChunksTaken message) override { chunk_bytes_taken += message.bytes(); }
  void content_data(wire::ContentDataDown message) override {
    pieces.push_back(std::move(message));
  }
};

/// Turns `loop` until the condition holds, also where other threads work for it.
template <typename Condition>
void run_until(runtime::Loop& loop, Condition condition, int line = __builtin_LINE()) {
  const auto guard = boost::asio::make_work_guard(loop.context());
  const auto deadline = core::mono_now() + 30s;
  while (!condition()) {
    ASSERT_LT(core::mono_now(), deadline) << "it hangs at line " << line;
    loop.context().restart();  // the condition may have run a task to its end
    loop.context().run_one_for(1s);
  }
}

/// What is ready now, and nothing that another thread still works on.
inline void turn(runtime::Loop& loop) {
  loop.context().restart();
  loop.context().poll();
}

inline core::EndpointId host(int number) {
  return core::EndpointId::of_public_key("host " + std::to_string(number));
}
inline std::string bytes_of(const core::EndpointId& id) {
  return std::string(id.bytes());
}

inline wire::LinkUp link_up(const core::EndpointId& id, std::uint64_t link,
                            std::string instance = "0123456789abcdef") {
  wire::LinkUp up;
  up.set_endpoint(bytes_of(id));
  up.set_link(link);
  up.set_address("192.0.2.1");
  up.mutable_hello()->set_version(wire::kVersion);
  up.mutable_hello()->set_instance(std::move(instance));
  up.mutable_hello()->set_nonce("a nonce of bytes");
  up.mutable_hello()->mutable_facts()->set_hostname("h-" + id.str().substr(0, 6));
  return up;
}
inline wire::LinkDown link_down(const core::EndpointId& id, std::uint64_t link) {
  wire::LinkDown down;
  down.set_endpoint(bytes_of(id));
  down.set_link(link);
  return down;
}
inline wire::Reports answer(const core::EndpointId& id, core::RunId run, std::string out = "hi\n") {
  wire::Reports reports;
  auto& report = *reports.add_reports();
  report.set_endpoint(bytes_of(id));
  auto& announce = *report.mutable_announce();
  announce.set_run(run.value());
  announce.set_outcome(wire::OUTCOME_SUCCEEDED);
  announce.set_is_inline(true);
  announce.set_stdout_bytes(out.size());
  announce.set_stdout_inline(std::move(out));
  return reports;
}

/// Holds the database's writer until open() or its own end.
class WriterGate {
 public:
  WriterGate(store::Database& database, runtime::Loop& loop) {
    database.write_then(
        loop,
        [waiting = opened_.get_future().share()](store::Connection&) -> core::Status {
          waiting.wait();
          return {};
        },
        [](core::Status) {});
  }
  ~WriterGate() {
    if (!open_) open();
  }
  void open() {
    open_ = true;
    opened_.set_value();
  }

 private:
  std::promise<void> opened_;
  bool open_ = false;
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    jobs::LedgerSettings quick;
    quick.retry_after = 1ms;
    runs = std::make_unique<RunService>(
        loop, *database, folder.path / "results", live, signer,
        [this](const std::string& name) { return hub ? hub->find(name) : nullptr; }, quick);
    hub = std::make_unique<GatewayHub>(loop, registry, *runs, enrolment, revocations, signer,
                                       authority.region());
  }
  ~ServerTest() override {
    run(stop_hub());
    hub.reset();
    runs.reset();
    database->stop();
    loop.run_until_idle();
  }

  template <typename T>
  T run(runtime::Task<T> task) {
    return runtime::run_to_end(loop, std::move(task));
  }
  void settle() { turn(loop); }
  void add_hosts(int count) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(registry.add(host(i), {}, core::wall_now()));
  }
  /// Logs `count` hosts in through one gateway, links 1 to count.
  void log_in(link::RegionServer& port, int count) {
    for (int i = 0; i < count; ++i)
      port.link_up(link_up(host(i), static_cast<std::uint64_t>(i) + 1));
    settle();
  }
  static RunService::Wanted wanted(int hosts, std::string key = "", std::string digest = "") {
    RunService::Wanted wanted;
    wanted.spec.argv = {"true"};
    wanted.spec.created_by = "ada";
    for (int i = 0; i < hosts; ++i) wanted.targets.push_back(host(i));
    wanted.idempotency_key = std::move(key);
    wanted.request_digest = std::move(digest);
    return wanted;
  }
  core::RunId order(int hosts) {
    auto created = run(runs->create(wanted(hosts)));
    EXPECT_TRUE(created) << created.error().message;
    return created ? created->run.id : core::RunId();
  }
  /// As an independent reader of the database sees it.
  jobs::TargetState stored_state(core::RunId id, int number) {
    const auto target = database->read_blocking([&](store::Connection& connection) {
      return jobs::RunStore::target(connection, id, host(number));
    });
    EXPECT_TRUE(target) << target.error().message;
    return target ? target->state : jobs::TargetState::kQueued;
  }

  FakeGateway a, b;  ///< outlive the hub
  TemporaryFolder folder;
  runtime::Loop loop;
  std::unique_ptr<store::Database> database =
      store::Database::open_temporary(
          {access::migrations(), fleet::registry_migrations(), jobs::run_migrations()})
          .value();
  access::RegionAuthority authority =
      access::RegionAuthority::open(folder.path / "ca", core::wall_now()).value();
  access::Revocations revocations{*database, core::wall_now};
  access::Enrolment enrolment{*database, authority, revocations, core::wall_now};
  orders::Signer signer = [this] {
    const auto credential = authority.signer_credential(core::wall_now()).value();
    return orders::Signer(authority.region(), credential.key, credential.certificate,
                          core::wall_now(), core::mono_now());
  }();
  fleet::Registry registry;
  Live live;
  std::unique_ptr<RunService> runs;
  std::unique_ptr<GatewayHub> hub;

 private:
  runtime::Task<bool> stop_hub() {
    co_await hub->stop();
    co_return true;
  }
};

}  // namespace muster::server::testing
