// SPDX-License-Identifier: Apache-2.0
//
// A whole server on a state folder, without its HTTP port: what it keeps, and who sees it.
#include "server/region.h"

#include "server/api.h"
#include "server/json.h"
#include "server/tests/fixture.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Code;
using testing::answer;
using testing::FakeGateway;
using ::testing::HasSubstr;
using testing::host;
using ::testing::IsEmpty;
using testing::link_up;
using testing::run_until;
using ::testing::SizeIs;
using testing::turn;
using enum jobs::TargetState;

class RegionTest : public ::testing::Test {
 protected:
  RegionTest() { start(folder.path); }
  ~RegionTest() override {
    stop();
    region.reset();
    loop.run_until_idle();
  }

  void start(const std::filesystem::path& state) {
    ServerConfig config;
    config.state = state;
    config.name = "server.example";
    region = std::make_unique<Region>(loop, std::move(config));
    const auto opened = region->open();
    ASSERT_TRUE(opened) << opened.error().message;
  }
  void stop() {
    run([](Region& r) -> runtime::Task<bool> {
      co_await r.stop(0s);
      co_return true;
    }(*region));
  }
  /// Ends the server in good order and starts it on the same folder.
  void restart() {
    stop();
    region.reset();
    loop.run_until_idle();
    start(folder.path);
  }
  template <typename T>
  T run(runtime::Task<T> task) {
    return runtime::run_to_end(loop, std::move(task));
  }
  void enrol(int number, const fleet::Labels& labels = {}) {
    const auto now = core::wall_now();
    ASSERT_TRUE(region->database().write_blocking([&](store::Connection& connection) {
      return fleet::RegistryStore::insert(connection, host(number), labels, now);
    }));
    ASSERT_TRUE(region->registry().add(host(number), labels, now));
  }
  void log_in(int hosts) {
    port = &region->gateways().connect("main", gateway);
    for (int i = 0; i < hosts; ++i)
      port->link_up(link_up(host(i), static_cast<std::uint64_t>(i) + 1));
    turn(loop);
  }
  core::RunId order(int hosts, std::string key = "", bool repeated = false) {
    RunService::Wanted wanted;
    wanted.spec.argv = {"true"};
    wanted.spec.created_by = "ada";
    wanted.idempotency_key = std::move(key);
    for (int i = 0; i < hosts; ++i) wanted.targets.push_back(host(i));
    auto created = run(region->runs().create(std::move(wanted)));
    EXPECT_TRUE(created) << created.error().message;
    EXPECT_EQ(created->repeated, repeated);
    return created->run.id;
  }
  jobs::TargetState state_of(core::RunId id, int number) {
    return region->database()
        .read_blocking([&](store::Connection& connection) {
          return jobs::RunStore::target(connection, id, host(number));
        })
        ->state;
  }

  /// What the API answers to somebody.
  net::Response ask(const access::Principal& by, std::string method, const std::string& path,
                    std::string body = "") {
    net::Router router;
    add_run_routes(router, *region);
    net::Request request;
    request.method = std::move(method);
    request.path = path;
    request.body = std::move(body);
    request.context = std::make_shared<access::Principal>(by);
    const auto match = router.match(request.method, *net::split_path(path));
    EXPECT_NE(match.route, nullptr) << path;
    request.params = match.params;
    return run(match.route->handler(request));
  }
  static access::Principal somebody(std::string name, std::vector<std::string> selectors = {}) {
    return {std::move(name), access::Role::kOperator, std::move(selectors), "session:1"};
  }

  FakeGateway gateway;
  testing::TemporaryFolder folder;
  runtime::Loop loop;
  std::unique_ptr<Region> region;
  link::RegionServer* port = nullptr;
};

TEST_F(RegionTest, FirstStartMakesARegionOnce) {
  ASSERT_TRUE(region->first_admin());
  EXPECT_EQ(region->first_admin()->name, "admin");
  const std::string id = region->id(), ca = region->ca_pem();
  restart();
  EXPECT_FALSE(region->first_admin()) << "a password nobody can see any more";
  EXPECT_EQ(region->id(), id);
  EXPECT_EQ(region->ca_pem(), ca);
}

TEST_F(RegionTest, TwoServersDoNotShareAFolder) {
  ServerConfig config;
  config.state = folder.path;
  Region second(loop, config);
  const auto opened = second.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kConflict);
}

TEST_F(RegionTest, RestartKeepsHostsAndRunsAndGoesOn) {
  enrol(0, {{"env", "prod"}});
  enrol(1);
  log_in(2);
  const auto id = order(2);
  port->reports(answer(host(0), id));
  run_until(loop, [&] { return !gateway.all_acks.empty(); });
  const std::string name = region->registry().find(host(0))->name;
  restart();

  const auto* endpoint = region->registry().find(host(0));
  ASSERT_NE(endpoint, nullptr);
  EXPECT_EQ(endpoint->name, name);
  EXPECT_EQ(endpoint->labels, (fleet::Labels{{"env", "prod"}}));
  EXPECT_EQ(region->registry().online(), 0U);
  const auto stored = run(region->runs().get(id));
  ASSERT_TRUE(stored);
  EXPECT_FALSE(stored->finished());
  EXPECT_EQ(stored->counts[kSucceeded], 1U);
  EXPECT_EQ(stored->counts[kSent], 1U);

  gateway = {};
  port = &region->gateways().connect("main", gateway);
  auto up = link_up(host(1), 1);
  auto& held = *up.mutable_hello()->add_held();
  held.set_run(id.value());
  held.set_state(wire::HELD_FINISHED);
  port->link_up(up);
  port->reports(answer(host(1), id));
  run_until(loop, [&] { return !gateway.all_acks.empty(); });
  EXPECT_THAT(gateway.dispatches, IsEmpty()) << "it had the order already";
  EXPECT_TRUE(run(region->runs().get(id))->finished());
  EXPECT_EQ(state_of(id, 1), kSucceeded);
}

TEST_F(RegionTest, AgentThatWasStartedAnewMeanwhileEndsTheRunAsUnknown) {
  enrol(0);
  log_in(1);
  const auto id = order(1);
  restart();
  gateway = {};
  region->gateways().connect("main", gateway).link_up(link_up(host(0), 1, "another process."));
  run_until(loop, [&] { return run(region->runs().get(id))->finished(); });
  EXPECT_EQ(state_of(id, 0), kUnknown);
  EXPECT_THAT(gateway.dispatches, IsEmpty());
}

// The promise: what was acknowledged is on the disk. A copy of the state folder that is
// taken while the acknowledgement leaves is what a crash at that moment would leave.
TEST_F(RegionTest, WhatWasAcknowledgedSurvivesACrashAtThatMoment) {
  enrol(0);
  log_in(1);
  const testing::TemporaryFolder crashed;
  const auto id = order(1, "key");
  gateway.on_acks = [&] {
    std::filesystem::copy(folder.path, crashed.path,
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
  };
  port->reports(answer(host(0), id));
  run_until(loop, [&] { return !gateway.all_acks.empty(); });
  gateway.on_acks = [] {};
  stop();
  region.reset();
  loop.run_until_idle();
  start(crashed.path);
  const auto stored = run(region->runs().get(id));
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_TRUE(stored->finished());
  EXPECT_EQ(state_of(id, 0), kSucceeded);
  EXPECT_EQ(order(1, "key", true), id);
}

TEST_F(RegionTest, NarrowedUserReachesOnlyTheirHosts) {
  enrol(0, {{"team", "web"}});
  enrol(1, {{"team", "db"}});
  log_in(2);
  const auto web = somebody("wendy", {"team=web"});
  const std::string everything = R"({"selector": "", "command": {"shell": "id"}})";
  const auto created = ask(web, "POST", "/v1/runs", everything);
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(parse_object(created.body)->at("targets").as_int64(), 1);
  ASSERT_THAT(gateway.dispatches, SizeIs(1));
  EXPECT_EQ(gateway.dispatches[0].targets(), testing::bytes_of(host(0)));
  const auto none =
      ask(web, "POST", "/v1/runs", R"({"selector": "team=db", "command": {"shell": "id"}})");
  EXPECT_EQ(none.status, 409) << "hosts out of scope do not exist";
  EXPECT_EQ(ask(somebody("eve", {"team="}), "POST", "/v1/runs", everything).status, 403);
}

TEST_F(RegionTest, NarrowedUserSeesTheirOwnRunsOnly) {
  enrol(0, {{"team", "web"}});
  log_in(1);
  const auto web = somebody("wendy", {"team=web"}), all = somebody("ada");
  const std::string body = R"({"selector": "", "ping": {}})";
  const auto path_of = [](const net::Response& created) {
    return "/v1/runs/" + std::string(parse_object(created.body)->at("id").as_string());
  };
  const std::string hers = path_of(ask(web, "POST", "/v1/runs", body));
  const std::string theirs = path_of(ask(all, "POST", "/v1/runs", body));
  EXPECT_EQ(ask(web, "GET", hers).status, 200);
  EXPECT_EQ(ask(web, "GET", theirs).status, 404);
  EXPECT_EQ(ask(web, "POST", theirs + "/cancel").status, 404);
  EXPECT_THAT(gateway.cancels, IsEmpty());
  EXPECT_EQ(ask(all, "GET", hers).status, 200);
  EXPECT_EQ(ask(web, "GET", "/v1/runs/nonsense").status, 404);
  EXPECT_EQ(parse_object(ask(web, "GET", "/v1/runs").body)->at("runs").as_array().size(), 1U);
  EXPECT_EQ(parse_object(ask(all, "GET", "/v1/runs").body)->at("runs").as_array().size(), 2U);
  EXPECT_EQ(ask(web, "POST", hers + "/cancel").status, 200);
  EXPECT_THAT(gateway.cancels, SizeIs(1));
}

TEST_F(RegionTest, NoWorkForRevokedHostsAndNoneWhileStopping) {
  enrol(0);
  log_in(1);
  ASSERT_TRUE(region->registry().revoke(host(0)));
  const std::string ping = R"({"selector": "", "ping": {}})";
  const auto revoked = ask(somebody("ada"), "POST", "/v1/runs", ping);
  EXPECT_EQ(revoked.status, 409);
  EXPECT_THAT(revoked.body, HasSubstr("only revoked hosts"));
  stop();
  const auto refused = ask(somebody("ada"), "POST", "/v1/runs", ping);
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr("the server stops"));
}

}  // namespace
}  // namespace muster::server
