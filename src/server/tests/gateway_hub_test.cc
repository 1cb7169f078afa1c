// SPDX-License-Identifier: Apache-2.0
#include "server/gateway_hub.h"

#include "core/bytes.h"
#include "identity/request.h"
#include "server/tests/fixture.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using testing::bytes_of;
using ::testing::HasSubstr;
using testing::host;
using ::testing::IsEmpty;
using testing::link_down;
using testing::link_up;
using ::testing::SizeIs;
using enum jobs::TargetState;

class GatewayHubTest : public testing::ServerTest {
 protected:
  std::string gateway_of(int number) {
    const auto* endpoint = registry.find(host(number));
    return endpoint && endpoint->online() ? endpoint->connection->gateway : "";
  }
  identity::Certificate gateway_certificate(const identity::PrivateKey& key) {
    identity::LeafSpec spec;
    spec.role = identity::Role::kGateway;
    spec.name = "edge";
    spec.dns_names = {"edge.example"};
    spec.validity = 24h;
    return authority.authority().issue(key.public_key_der(), spec, core::wall_now()).value();
  }
  static wire::UpcallUp upcall(std::string endpoint, std::uint64_t link, std::string name,
                               std::string body = "") {
    wire::UpcallUp up;
    up.set_endpoint(std::move(endpoint));
    up.set_link(link);
    up.mutable_upcall()->set_id(7);
    up.mutable_upcall()->set_name(std::move(name));
    up.mutable_upcall()->set_body(std::move(body));
    return up;
  }
};

TEST_F(GatewayHubTest, AdmitsWhomTheRegistryKnows) {
  add_hosts(1);
  auto& port = hub->connect("main", a);
  port.link_up(link_up(host(0), 5));
  EXPECT_THAT(a.admits, IsEmpty()) << "a port answered from inside a call";
  settle();
  ASSERT_THAT(a.admits, SizeIs(1));
  EXPECT_TRUE(a.admits[0].admitted());
  EXPECT_EQ(a.admits[0].link(), 5U);
  EXPECT_EQ(a.admits[0].endpoint(), bytes_of(host(0)));
  EXPECT_EQ(gateway_of(0), "main");

  port.link_up(link_up(host(1), 6));
  settle();
  ASSERT_THAT(a.admits, SizeIs(2));
  EXPECT_FALSE(a.admits[1].admitted());
  EXPECT_EQ(a.admits[1].goodbye().code(), wire::GOODBYE_UNKNOWN_ENDPOINT);
  EXPECT_THAT(a.admits[1].goodbye().reason(), Not(IsEmpty()));
}

TEST_F(GatewayHubTest, RefusesWhoIsRevoked) {
  add_hosts(2);
  auto& port = hub->connect("main", a);
  ASSERT_TRUE(run(revocations.revoke_endpoint(access::Principal::system(), host(0), "lost")));
  ASSERT_TRUE(registry.revoke(host(1)));  // in the registry only
  log_in(port, 2);
  ASSERT_THAT(a.admits, SizeIs(2));
  for (const auto& admit : a.admits) {
    EXPECT_FALSE(admit.admitted());
    EXPECT_EQ(admit.goodbye().code(), wire::GOODBYE_REVOKED);
    EXPECT_THAT(admit.goodbye().reason(), HasSubstr("revoked"));
  }
  EXPECT_EQ(registry.online(), 0U);
}

TEST_F(GatewayHubTest, EndpointThatMovesIsTakenFromTheOlderGateway) {
  add_hosts(1);
  auto& main = hub->connect("main", a);
  auto& edge = hub->connect("edge", b);
  main.link_up(link_up(host(0), 1));
  edge.link_up(link_up(host(0), 1));  // link numbers are each gateway's own
  settle();
  EXPECT_EQ(gateway_of(0), "edge");
  ASSERT_THAT(a.kicks, SizeIs(1));
  EXPECT_EQ(a.kicks[0].goodbye().code(), wire::GOODBYE_REPLACED);
  EXPECT_THAT(b.kicks, IsEmpty());

  main.link_down(link_down(host(0), 1));  // the old link's end is no news
  settle();
  EXPECT_EQ(gateway_of(0), "edge");

  const auto id = order(1);  // and work goes the new way
  EXPECT_THAT(a.dispatches, IsEmpty());
  ASSERT_THAT(b.dispatches, SizeIs(1));
  main.reports(testing::answer(host(0), id));  // of a link that it does not hold
  settle();
  EXPECT_EQ(stored_state(id, 0), kSent);
  edge.reports(testing::answer(host(0), id));
  testing::run_until(loop, [&] { return !b.all_acks.empty(); });
  EXPECT_THAT(a.all_acks, IsEmpty());
}

TEST_F(GatewayHubTest, NewerLinkOnTheSameGatewayKicksNobody) {
  add_hosts(1);
  auto& port = hub->connect("main", a);
  port.link_up(link_up(host(0), 1));
  port.link_up(link_up(host(0), 2));
  port.link_down(link_down(host(0), 1));
  settle();
  EXPECT_THAT(a.kicks, IsEmpty()) << "a kick names no link: it would hit the new one";
  EXPECT_EQ(gateway_of(0), "main");
  port.link_down(link_down(host(0), 2));
  settle();
  EXPECT_EQ(gateway_of(0), "");
}

TEST_F(GatewayHubTest, LostGatewayTakesItsLinksWithIt) {
  add_hosts(2);
  auto& main = hub->connect("main", a);
  auto& edge = hub->connect("edge", b);
  main.link_up(link_up(host(0), 1));
  edge.link_up(link_up(host(1), 1));
  settle();
  const auto id = order(2);
  edge.reports(testing::answer(host(1), id));  // said, but not heard before the end
  hub->disconnect("edge", b);
  EXPECT_EQ(gateway_of(0), "main");
  EXPECT_EQ(gateway_of(1), "");
  EXPECT_EQ(hub->find("edge"), nullptr);
  EXPECT_EQ(hub->find("main"), &a);
  settle();
  EXPECT_EQ(stored_state(id, 1), kSent) << "silence is not failure";

  hub->disconnect("main", b);  // not this one
  EXPECT_EQ(hub->find("main"), &a);
}

TEST_F(GatewayHubTest, GatewayHearsWhatIsOnTheDiskOrNeedsNone) {
  add_hosts(1);
  auto& port = hub->connect("edge", b);
  log_in(port, 1);
  const auto id = order(1);
  constexpr std::size_t kBytes = 2 * jobs::kOutputBlockBytes;
  auto begin = testing::answer(host(0), id, "");
  begin.mutable_reports(0)->mutable_announce()->set_is_inline(false);
  begin.mutable_reports(0)->mutable_announce()->set_stdout_bytes(kBytes);
  port.reports(std::move(begin));
  const auto say = [&](std::uint64_t run, std::uint64_t offset, std::size_t bytes) {
    wire::Reports reports;
    auto& report = *reports.add_reports();
    report.set_endpoint(bytes_of(host(0)));
    report.mutable_chunk()->set_run(run);
    report.mutable_chunk()->set_stream(wire::STREAM_STDOUT);
    report.mutable_chunk()->set_offset(offset);
    report.mutable_chunk()->set_data(std::string(bytes, 'x'));
    port.reports(std::move(reports));
  };
  say(4711, 0, 1000);  // of no run
  testing::run_until(loop, [&] { return b.chunk_bytes_taken == 1000; });
  say(id.value(), 0, 500);  // no whole block yet: it stays in memory
  testing::run_until(loop, [&] { return b.chunk_bytes_taken == 1500; });
  say(id.value(), 500, jobs::kOutputBlockBytes);
  testing::turn(loop);
  testing::run_until(loop, [&] { return b.chunk_bytes_taken == 1500 + jobs::kOutputBlockBytes; });
  say(id.value(), 500 + jobs::kOutputBlockBytes, jobs::kOutputBlockBytes - 500);
  testing::run_until(loop, [&] { return b.chunk_bytes_taken == 1000 + kBytes; });
  testing::run_until(loop, [&] { return !b.all_acks.empty(); });
  EXPECT_EQ(stored_state(id, 0), kSucceeded);
}

TEST_F(GatewayHubTest, GatewayThatReturnsIsToldTheWorkByItsEndpointsLogins) {
  add_hosts(1);
  log_in(hub->connect("edge", b), 1);
  const auto id = order(1);
  ASSERT_THAT(b.dispatches, SizeIs(1));
  hub->disconnect("edge", b);
  auto& again = hub->connect("edge", b);
  again.link_up(link_up(host(0), 1));  // the same agent, and it does not hold the run
  testing::run_until(loop, [&] { return b.dispatches.size() == 2; });
  again.reports(testing::answer(host(0), id));
  testing::run_until(loop, [&] { return !b.all_acks.empty(); });
  EXPECT_EQ(stored_state(id, 0), kSucceeded);
}

TEST_F(GatewayHubTest, NewerGatewayOfTheSameNameTakesThePlace) {
  add_hosts(2);
  int replaced = 0;
  auto& old = hub->connect("edge", a, {{}, [&] { ++replaced; }, 0, {}});
  old.link_up(link_up(host(0), 1));
  settle();
  old.link_up(link_up(host(1), 2));  // on its way while the seat is lost
  auto& young = hub->connect("edge", b);
  EXPECT_EQ(replaced, 1);
  EXPECT_EQ(hub->find("edge"), &b);
  settle();
  EXPECT_EQ(registry.online(), 0U);
  EXPECT_THAT(a.admits, SizeIs(1)) << "a lost seat still speaks";
  hub->disconnect("edge", a);  // the old one's late farewell
  EXPECT_EQ(hub->find("edge"), &b);
  young.link_up(link_up(host(0), 1));
  settle();
  EXPECT_EQ(gateway_of(0), "edge");
}

TEST_F(GatewayHubTest, KickReachesTheGatewayThatHoldsTheLink) {
  add_hosts(2);
  hub->connect("main", a);
  auto& edge = hub->connect("edge", b);
  edge.link_up(link_up(host(0), 3));
  settle();
  hub->kick(host(0), wire::GOODBYE_REVOKED, "revoked");
  hub->kick(host(1), wire::GOODBYE_REVOKED, "it is offline");
  hub->kick(host(2), wire::GOODBYE_REVOKED, "nobody knows it");
  EXPECT_THAT(a.kicks, IsEmpty());
  ASSERT_THAT(b.kicks, SizeIs(1));
  EXPECT_EQ(b.kicks[0].endpoint(), bytes_of(host(0)));
  EXPECT_EQ(b.kicks[0].goodbye().reason(), "revoked");
}

TEST_F(GatewayHubTest, NoticeIsShownSafely) {
  add_hosts(1);
  auto& port = hub->connect("main", a);
  wire::Notice notice;
  notice.set_endpoint(bytes_of(host(0)));
  notice.set_text("two agents\x1b[31m " + std::string(2000, 'x'));
  port.notice(notice);
  settle();
  const std::string& warning = registry.find(host(0))->warning;
  EXPECT_EQ(warning.find('\x1b'), std::string::npos);
  EXPECT_THAT(warning, HasSubstr("two agents"));
  EXPECT_LT(warning.size(), 1100U);
}

TEST_F(GatewayHubTest, EndpointsCertificateIsRenewedOverItsOwnLinkOnly) {
  const auto key = identity::PrivateKey::generate();
  const core::EndpointId id = key.endpoint_id();
  ASSERT_TRUE(registry.add(id, {}, core::wall_now()));
  auto& main = hub->connect("main", a);
  auto& edge = hub->connect("edge", b);
  main.link_up(link_up(id, 4));
  settle();
  const std::string csr = identity::make_request(key);
  main.upcall(upcall(bytes_of(id), 3, "certificate.renew", csr));   // an older link
  edge.upcall(upcall(bytes_of(id), 4, "certificate.renew", csr));   // another gateway
  main.upcall(upcall("no endpoint", 4, "certificate.renew", csr));  // nobody
  main.upcall(upcall(bytes_of(host(1)), 4, "certificate.renew", csr));
  main.upcall(upcall(bytes_of(id), 4, "certificate.renew", csr));
  testing::run_until(loop, [&] { return !a.replies.empty(); });
  ASSERT_THAT(a.replies, SizeIs(1));
  EXPECT_THAT(b.replies, IsEmpty());
  EXPECT_EQ(a.replies[0].reply().id(), 7U);
  EXPECT_EQ(a.replies[0].link(), 4U);
  const auto renewed = identity::Certificate::from_pem(a.replies[0].reply().body());
  ASSERT_TRUE(renewed) << a.replies[0].reply().error();
  EXPECT_EQ(identity::peer_identity(*renewed)->endpoint, id);
}

TEST_F(GatewayHubTest, MethodsAskUnderTheirRunsNameWhileItGoesOn) {
  add_hosts(2);
  auto& port = hub->connect("main", a);
  log_in(port, 2);
  const core::RunId id = order(1);
  const auto ask = [&](int number, core::RunId run_id, std::string name) {
    const std::size_t before = a.replies.size();
    wire::UpcallUp up =
        upcall(bytes_of(host(number)), static_cast<std::uint64_t>(number) + 1, std::move(name));
    up.mutable_upcall()->set_run(run_id.value());
    port.upcall(up);
    testing::run_until(loop, [&] { return a.replies.size() > before; });
    return a.replies.back().reply();
  };
  const wire::UpcallReply told = ask(0, id, "run.describe");
  EXPECT_EQ(told.error_code(), "") << told.error();
  EXPECT_THAT(told.body(), HasSubstr("\"created_by\":\"ada\""));
  EXPECT_THAT(told.body(), HasSubstr("\"targets\":1"));
  EXPECT_EQ(ask(1, id, "run.describe").error_code(), "denied");  // it runs elsewhere
  EXPECT_EQ(ask(0, core::RunId(99), "run.describe").error_code(), "denied");
  // What only the agent may ask, no method may.
  EXPECT_EQ(ask(0, id, "certificate.renew").error_code(), "not_found");
  EXPECT_EQ(ask(0, id, "order.ticket").error_code(), "not_found");
  port.reports(testing::answer(host(0), id));
  testing::run_until(loop, [&] { return stored_state(id, 0) == jobs::TargetState::kSucceeded; });
  EXPECT_EQ(ask(0, id, "run.describe").error_code(), "denied");  // it has ended
}

TEST_F(GatewayHubTest, UpcallsThatCannotBeServedAreAnswered) {
  add_hosts(1);
  auto& port = hub->connect("main", a);
  log_in(port, 1);
  port.upcall(upcall(bytes_of(host(0)), 1, "no.such\x01upcall"));
  port.upcall(upcall(bytes_of(host(0)), 1, "certificate.renew", "no request"));
  port.upcall(upcall(bytes_of(host(0)), 1, "certificate.renew",
                     identity::make_request(identity::PrivateKey::generate())));
  testing::run_until(loop, [&] { return a.replies.size() == 3; });
  std::vector<std::string> codes;
  for (const auto& reply : a.replies) {
    codes.push_back(reply.reply().error_code());
    EXPECT_THAT(reply.reply().error(), Not(IsEmpty()));
    EXPECT_EQ(reply.reply().error().find('\x01'), std::string::npos);
  }
  EXPECT_THAT(codes, ::testing::UnorderedElementsAre("not_found", "invalid", "denied"));
}

TEST_F(GatewayHubTest, GatewayRenewsForItselfWithItsCertificateOnly) {
  const auto key = identity::PrivateKey::generate();
  auto& main = hub->connect("main", a);  // in this process: it has none
  auto& edge = hub->connect("edge", b, {gateway_certificate(key), [] {}, 0, {}});
  const std::string csr = identity::make_request(key);
  main.upcall(upcall("", 0, "certificate.renew", csr));
  edge.upcall(upcall("", 0, "another.question", csr));
  edge.upcall(upcall("", 0, "certificate.renew", csr));
  testing::run_until(loop, [&] { return !b.replies.empty(); });
  EXPECT_THAT(a.replies, IsEmpty());
  ASSERT_THAT(b.replies, SizeIs(1));
  const auto renewed = identity::Certificate::from_pem(b.replies[0].reply().body());
  ASSERT_TRUE(renewed) << b.replies[0].reply().error();
  EXPECT_EQ(identity::peer_identity(*renewed)->name, "edge");
  EXPECT_TRUE(identity::names_host(*renewed, "edge.example"));
}

// A gateway in foreign hands could have the server hold any number of questions.
TEST_F(GatewayHubTest, TooManyUpcallsAtATimeAreRefused) {
  const auto key = identity::PrivateKey::generate();
  auto& edge = hub->connect("edge", b, {gateway_certificate(key), [] {}, 0, {}});
  const std::string csr = identity::make_request(key);
  {
    testing::WriterGate gate(*database, loop);
    for (std::size_t i = 0; i < GatewayHub::kUpcallsMax + 3; ++i)
      edge.upcall(upcall("", 0, "certificate.renew", csr));
    settle();
    ASSERT_THAT(b.replies, SizeIs(3));
    EXPECT_EQ(b.replies[0].reply().error_code(), "limit");
  }
  testing::run_until(loop, [&] { return b.replies.size() == GatewayHub::kUpcallsMax + 3; });
  EXPECT_EQ(b.replies.back().reply().error_code(), "");
  b.replies.clear();
  edge.upcall(upcall("", 0, "certificate.renew", csr));
  testing::run_until(loop, [&] { return !b.replies.empty(); });
  EXPECT_EQ(b.replies[0].reply().error_code(), "");
}

}  // namespace
}  // namespace muster::server
