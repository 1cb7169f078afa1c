// SPDX-License-Identifier: Apache-2.0
//
// A whole agent against a small region on one loop: enrol, log in, work, stop.
#include "agent/agent.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>

#include "agent/enrol.h"
#include "agent/facts.h"
#include "agent/options.h"
#include "core/bytes.h"
#include "identity/authority.h"
#include "identity/join_token.h"
#include "identity/request.h"
#include "link/gateway_session.h"
#include "net/http_server.h"
#include "orders/signer.h"
#include "runtime/file.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

/// The gateway's end of one link; acknowledges what is inline.
struct TestLink final : link::GatewayPort, net::WebSocketHandler {
  TestLink(link::GatewayShared& shared, const orders::Signer& signs,
           std::unique_ptr<net::WebSocket> opened)
      : signer(signs),
        endpoint(
            identity::peer_identity(identity::Certificate::of(opened->peer_certificate_native()))
                ->endpoint),
        socket(std::move(opened)),
        session(*this, shared, core::mono_now()) {
    socket->start(*this);
  }
  const orders::Signer& signer;
  core::EndpointId endpoint;
  std::unique_ptr<net::WebSocket> socket;
  link::GatewaySession session;
  wire::Hello said;
  std::vector<wire::Announce> announces;
  std::string chunks, live;
  std::function<void(const wire::Upcall&)> on_upcall = [](const wire::Upcall&) {};
  link::Ending ending;
  bool over = false;

  void on_message(std::string_view message) override { session.receive(message, core::mono_now()); }
  void on_closed(core::Error why) override {
    session.broken(why.message);
    over = true;
  }
  void send(std::string_view frame) override { EXPECT_TRUE(socket->send(frame)); }
  void closed(const link::Ending& how) override {
    ending = how;
    socket->close(net::CloseCode::kNormal, how.reason);
  }
  void hello(wire::Hello&& message) override {
    said = std::move(message);
    session.admit(signer.ticket(endpoint.bytes(), said.nonce(), core::mono_now()), core::wall_now(),
                  core::mono_now());
  }
  /// As the server and an honest gateway would.
  wire::SignedInvoke signed_order(const wire::Invoke& invoke) const {
    wire::SignedInvoke message;
    message.set_invoke(invoke.SerializeAsString());
    auto order = signer.order(core::RunId(invoke.run()), message.invoke(), endpoint.bytes(),
                              said.instance(), core::mono_now());
    message.set_order(order.order);
    message.set_signature(order.signature);
    return message;
  }
  void started(wire::Started&&) override {}
  void output(wire::Output&& output) override { live += output.data(); }
  void announced(wire::Announce&& announce) override {
    announces.push_back(std::move(announce));
    if (announces.back().is_inline()) acknowledge(announces.back().run());
  }
  void chunk(wire::Chunk&& chunk, bool last) override {
    chunks += chunk.data();
    if (last) acknowledge(chunk.run());
  }
  void upcall(wire::Upcall&& upcall) override { on_upcall(upcall); }
  void content_request(wire::ContentRequest&&) override {}
  void acknowledge(std::uint64_t run) {
    wire::ResultAck ack;
    ack.add_runs(run);
    EXPECT_TRUE(session.send_message(ack));
  }
};

struct AgentTest : ::testing::Test {
  runtime::Loop loop;
  runtime::TaskGroup tasks{loop, "test"};
  identity::Authority authority =
      identity::Authority::create(core::wall_now(), std::chrono::hours(24));
  identity::JoinToken token = identity::JoinToken::make(authority.certificate().fingerprint());
  link::GatewayShared shared{"region", "gw"};
  orders::Signer signer = make_signer();
  std::unique_ptr<TestLink> peer;
  std::unique_ptr<net::HttpServer> server;
  std::filesystem::path root =
      std::filesystem::temp_directory_path() / ("muster-" + core::to_hex(core::random_bytes(6)));
  core::Duration validity = 12h;

  ~AgentTest() override { std::filesystem::remove_all(root); }

  orders::Signer make_signer() {
    const auto key = identity::PrivateKey::generate();
    identity::LeafSpec spec;
    spec.role = identity::Role::kSigner;
    spec.name = "orders";
    spec.validity = 12h;
    return {authority.region(), key, *authority.issue(key.public_key_der(), spec, core::wall_now()),
            core::wall_now(), core::mono_now()};
  }
  std::string sign(const std::string& csr, core::Duration life) {
    const auto request = identity::parse_request(csr);
    EXPECT_TRUE(request);
    identity::LeafSpec spec;
    spec.name = request->endpoint.str();
    spec.validity = life;
    return authority.issue(request->public_key_der, spec, core::wall_now())->pem();
  }
  runtime::Task<net::Response> answer(std::string text) {
    const auto body = boost::json::parse(text).as_object();
    EXPECT_EQ(body.at("token").as_string(), token.short_form());
    co_return net::Response::json(boost::json::serialize(boost::json::object{
        {"certificate_pem", sign(std::string(body.at("csr_pem").as_string()), validity)},
        {"ca_pem", authority.certificate().pem()},
        {"endpoint_id", ""},
        {"region", authority.region()}}));
  }
  void SetUp() override {
    const identity::PrivateKey key = identity::PrivateKey::generate();
    identity::LeafSpec spec;
    spec.role = identity::Role::kServer;
    spec.name = "server";
    spec.validity = 12h;
    const auto leaf = authority.issue(key.public_key_der(), spec, core::wall_now());
    const std::string ca = authority.certificate().pem();
    const auto tls = net::TlsServerContext::make({leaf->pem() + ca, key.pem()}, ca);
    ASSERT_TRUE(tls) << tls.error().message;
    net::Router router;
    router.add("POST", "/v1/enrol", [this](net::Request& request) { return answer(request.body); });
    router.add_websocket("/link", [this](const net::Request&, std::unique_ptr<net::WebSocket> s) {
      peer = std::make_unique<TestLink>(shared, signer, std::move(s));
    });
    net::HttpServerOptions options;
    options.address = "127.0.0.1";
    options.port = 0;
    server = std::make_unique<net::HttpServer>(loop, *tls, std::move(router), std::move(options));
    ASSERT_TRUE(server->start());
  }
  template <typename Condition>
  void run_until(Condition condition) {
    const auto guard = boost::asio::make_work_guard(loop.context());
    const auto deadline = core::mono_now() + 30s;
    while (!condition()) {
      ASSERT_LT(core::mono_now(), deadline) << "it hangs";
      loop.context().restart();
      loop.context().run_one_for(1s);
    }
  }
  core::Result<Enrolment> enrol_with(std::string text) {
    std::optional<core::Result<Enrolment>> result;
    tasks.spawn([](runtime::Loop* on, std::string at, std::string t,
                   std::optional<core::Result<Enrolment>>* out) -> runtime::Task<void> {
      out->emplace(co_await enrol(*on, std::move(at), std::move(t)));
    }(&loop, "127.0.0.1:" + std::to_string(server->port()), std::move(text), &result));
    run_until([&] { return result.has_value(); });
    return std::move(*result);
  }
  void TearDown() override {
    bool stopped = false;
    tasks.spawn([](net::HttpServer* s, bool* done) -> runtime::Task<void> {
      co_await s->stop(0s);
      *done = true;
    }(server.get(), &stopped));
    run_until([&] { return stopped && tasks.size() == 0; });
  }
};

TEST_F(AgentTest, EnrolsLogsInWorksAndStops) {
  StateFolder folder(root);
  EXPECT_EQ(folder.load().error().code, core::Code::kNotFound);
  const auto enrolment = enrol_with(token.str());
  ASSERT_TRUE(enrolment) << enrolment.error().message;
  ASSERT_TRUE(folder.save(*enrolment));
  auto loaded = folder.load();
  ASSERT_TRUE(loaded) << loaded.error().message;
  Agent agent(loop, folder, std::move(*loaded));
  agent.start();
  run_until([&] { return peer && peer->session.open(); });
  EXPECT_EQ(peer->said.facts().os(), "linux");

  wire::Invoke invoke;
  invoke.set_run(1);
  invoke.set_live_output(true);
  for (const char* word : {"sh", "-c", "echo hello; exit 4"})
    invoke.mutable_command()->add_argv(word);
  EXPECT_TRUE(peer->session.send_message(peer->signed_order(invoke)));
  run_until([&] { return !peer->announces.empty(); });
  EXPECT_EQ(peer->announces[0].outcome(), wire::OUTCOME_FAILED);
  EXPECT_EQ(peer->announces[0].exit_code(), 4);
  EXPECT_EQ(peer->announces[0].stdout_inline(), "hello\n");
  EXPECT_EQ(peer->live, "hello\n");

  invoke.set_run(2);
  invoke.set_live_output(false);
  invoke.mutable_command()->set_argv(2, "head -c 900000 /dev/zero");
  EXPECT_TRUE(peer->session.send_message(peer->signed_order(invoke)));
  run_until([&] { return peer->chunks.size() == 900'000; });

  // A run that would go on for ever, cancelled; then a connection that breaks.
  invoke.set_run(3);
  invoke.mutable_command()->set_argv(2, "sleep 1000");
  EXPECT_TRUE(peer->session.send_message(peer->signed_order(invoke)));
  wire::Cancel cancel;
  cancel.set_run(3);
  EXPECT_TRUE(peer->session.send_message(cancel));
  run_until([&] { return peer->announces.size() == 3; });
  EXPECT_EQ(peer->announces[2].outcome(), wire::OUTCOME_CANCELLED);
  const std::string instance = peer->said.instance();
  peer.reset();
  run_until([&] { return peer && peer->session.open(); });
  EXPECT_EQ(peer->said.instance(), instance);

  agent.stop();
  run_until([&] { return loop.context().stopped() || peer->over; });
  EXPECT_EQ(peer->ending.code, wire::GOODBYE_STOPPING);
  run_until([&] { return folder.load_status()->explanation == "the agent was stopped"; });
}

// A gateway in foreign hands has seen orders and answers, and has its own certificate.
TEST_F(AgentTest, DoesNothingForACapturedGateway) {
  StateFolder folder(root);
  auto enrolment = enrol_with(token.str());
  ASSERT_TRUE(enrolment) << enrolment.error().message;
  ASSERT_TRUE(folder.save(*enrolment));
  const auto mark = root / "mark";
  wire::Invoke invoke;
  for (const std::string& word : {"sh", "-c"}) invoke.mutable_command()->add_argv(word);
  invoke.mutable_command()->add_argv("echo ran >> " + mark.string());
  const auto told = [&](const wire::SignedInvoke& message) {
    const std::size_t before = peer->announces.size();
    EXPECT_TRUE(peer->session.send_message(message));
    run_until([&] { return peer->announces.size() > before; });
    return peer->announces.back().outcome();
  };
  wire::SignedInvoke seen;
  {
    Agent agent(loop, folder, *enrolment);
    agent.start();
    run_until([&] { return peer && peer->session.open(); });
    invoke.set_run(1);
    wire::SignedInvoke bare;
    bare.set_invoke(invoke.SerializeAsString());
    EXPECT_EQ(told(bare), wire::OUTCOME_REFUSED);
    invoke.set_run(2);
    seen = peer->signed_order(invoke);
    auto altered = seen;
    invoke.mutable_command()->set_argv(2, "echo worse >> " + mark.string());
    altered.set_invoke(invoke.SerializeAsString());
    EXPECT_EQ(told(altered), wire::OUTCOME_REFUSED);
    EXPECT_FALSE(std::filesystem::exists(mark));
    EXPECT_EQ(told(seen), wire::OUTCOME_SUCCEEDED);
    // Done and acknowledged: the same order once more is met with silence.
    EXPECT_TRUE(peer->session.send_message(seen));
    invoke.set_run(3);
    bare.set_invoke(invoke.SerializeAsString());
    EXPECT_EQ(told(bare), wire::OUTCOME_REFUSED);
    agent.stop();
    run_until([&] { return folder.load_status()->explanation == "the agent was stopped"; });
  }
  peer.reset();
  Agent again(loop, folder, *enrolment);
  again.start();
  run_until([&] { return peer && peer->session.open(); });
  EXPECT_EQ(told(seen), wire::OUTCOME_REFUSED);
  EXPECT_EQ(runtime::read_file(mark, 100), "ran\n");
  again.stop();
  run_until([&] { return folder.load_status()->explanation == "the agent was stopped"; });
}

TEST_F(AgentTest, RenewsItsCertificate) {
  validity = 60s;  // with the authority's backdating five sixths of its life are over
  StateFolder folder(root);
  auto enrolment = enrol_with(token.str());
  ASSERT_TRUE(enrolment) << enrolment.error().message;
  ASSERT_TRUE(folder.save(*enrolment));
  const std::string before = enrolment->certificate.serial();
  validity = 10h;
  Agent agent(loop, folder, std::move(*enrolment));
  agent.start();
  run_until([&] { return peer && peer->session.open(); });
  peer->on_upcall = [&](const wire::Upcall& upcall) {
    EXPECT_EQ(upcall.name(), "certificate.renew");
    wire::UpcallReply reply;
    reply.set_id(upcall.id());
    reply.set_body(sign(upcall.body(), validity));
    EXPECT_TRUE(peer->session.send_message(reply));
  };
  run_until([&] { return folder.load()->certificate.serial() != before; });
  agent.stop();
  run_until([&] { return folder.load_status()->explanation == "the agent was stopped"; });
}

TEST_F(AgentTest, EnrolsNowhereButAtTheTokensRegion) {
  const auto foreign = enrol_with(identity::JoinToken::make(core::sha256("other")).str());
  EXPECT_FALSE(foreign);
  const auto cut = enrol_with(token.short_form());
  ASSERT_FALSE(cut);
  EXPECT_NE(cut.error().message.find("copy it whole"), std::string::npos);
  EXPECT_FALSE(member::check_gateway("garbage"));
}

TEST(Enrolment, ServerMovesBehindTheGateways) {
  const auto authority = identity::Authority::create(core::wall_now(), 24h);
  Enrolment enrolment{
      {identity::PrivateKey::generate(), authority.certificate(), authority.certificate()},
      {"gw:7443", "old:7443"},
      {},
      {}};
  enrolment.last_good = "gw:7443";
  enrolment.move_server("new:8443");
  EXPECT_EQ(enrolment.servers, (std::vector<std::string>{"gw:7443", "new:8443"}));
  EXPECT_EQ(enrolment.last_good, "gw:7443");
  enrolment.last_good = "new:8443";
  enrolment.move_server("newer:8443");
  EXPECT_EQ(enrolment.last_good, "");
}

TEST(StateFolder, OneAgentPerFolder) {
  const auto root =
      std::filesystem::temp_directory_path() / ("muster-" + core::to_hex(core::random_bytes(6)));
  StateFolder one(root), two(root);
  EXPECT_EQ(one.holder(), 0);
  ASSERT_TRUE(one.lock());
  EXPECT_EQ(two.lock().error().code, core::Code::kConflict);
  EXPECT_EQ(two.holder(), getpid());
  std::filesystem::remove_all(root);
}

TEST(Options, SayWhatIsWrong) {
  const auto parse = [](std::vector<std::string> words) {
    words.insert(words.begin(), "muster-agent");
    std::vector<char*> list;
    for (std::string& word : words) list.push_back(word.data());
    list.push_back(nullptr);
    return parse_options(static_cast<int>(words.size()), list.data());
  };
  EXPECT_EQ(parse({"run", "--state", "/x"})->state, "/x");
  EXPECT_EQ(parse({"enrol", "--server", "a", "--token", "t"})->server, "a");
  EXPECT_FALSE(parse({"enrol", "--server", "a"}));
  EXPECT_FALSE(parse({"rnu"}));
  EXPECT_FALSE(parse({"run", "more"}));
  EXPECT_FALSE(parse({"run", "--colour"}));
  EXPECT_FALSE(parse({}));
}

TEST(Facts, KnowThisMachine) {
  const wire::Facts facts = gather_facts();
  EXPECT_EQ(facts.os(), "linux");
  EXPECT_GT(facts.cpus(), 0U);
  EXPECT_GT(facts.memory_bytes(), 1U << 20);
  EXPECT_GT(facts.booted_unix_ms(), 0);
}

}  // namespace
}  // namespace muster::agent
