// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include "net/tests/fixture.h"

namespace muster::net::testing {
namespace {

using ::testing::HasSubstr;

class TlsTest : public NetTest {
 protected:
  void SetUp() override {
    Router router;
    router.add("GET", "/", answer("hello"));
    router.add_websocket("/link", [](const Request&, std::unique_ptr<WebSocket>) {});
    serve(std::move(router));
  }
  TlsClientOptions options() {
    TlsClientOptions made;
    made.ca_pem = region.ca.pem();
    return made;
  }
  /// The error of a GET, or "" where it succeeded.
  core::Error get(TlsClientOptions with) {
    auto context = TlsClientContext::make(std::move(with));
    if (!context) return context.error();
    HttpClient http(loop, address(), *context);
    auto got = run(http.request({.target = "/"}));
    return got ? core::Error{Code::kInternal, ""} : got.error();
  }
  core::Error open_link(TlsClientOptions with) {
    with.alpn = kAlpnLink;
    auto context = TlsClientContext::make(std::move(with));
    if (!context) return context.error();
    auto got = run(connect_websocket(loop, address(), *context, "/link", {}, 5s));
    return got ? core::Error{Code::kInternal, ""} : got.error();
  }
};

TEST_F(TlsTest, ServesThoseWhoTrustTheRegion) {
  EXPECT_EQ(get(options()).message, "");
}

TEST_F(TlsTest, TrustMayBeShared) {
  auto with = options();
  TlsClientOptions sharing;
  sharing.trust_of = *TlsClientContext::make(with);
  EXPECT_EQ(get(sharing).message, "");
  with.ca_pem = Region().ca.pem();
  sharing.trust_of = *TlsClientContext::make(with);
  EXPECT_THAT(get(sharing).message, HasSubstr("foreign CA"));
  TlsClientOptions pinned;
  pinned.ca_fingerprint = region.ca.fingerprint();
  sharing.trust_of = *TlsClientContext::make(pinned);
  EXPECT_FALSE(TlsClientContext::make(sharing));
}

TEST_F(TlsTest, LinksAreNotSentTheCaThatTheyHave) {
  TlsClientOptions with;  // who knows the CA by its fingerprint only cannot open a link
  with.ca_fingerprint = region.ca.fingerprint();
  with.identity = region.identity_of(region.endpoint);
  with.alpn = kAlpnLink;
  EXPECT_THAT(get(with).message, HasSubstr("fingerprint"));
}

TEST_F(TlsTest, ForeignCaIsNamed) {
  auto with = options();
  with.ca_pem = Region().ca.pem();
  const auto error = get(with);
  EXPECT_EQ(error.code, Code::kDenied);
  EXPECT_THAT(error.message, HasSubstr("foreign CA"));
  EXPECT_THAT(error.message, HasSubstr("127.0.0.1:"));
}

TEST_F(TlsTest, FingerprintPinsTheCa) {
  TlsClientOptions with;
  with.ca_fingerprint = region.ca.fingerprint();
  EXPECT_EQ(get(with).message, "");
  with.ca_fingerprint = Region().ca.fingerprint();
  EXPECT_THAT(get(with).message, HasSubstr("fingerprint"));
  with.ca_fingerprint = region.server.fingerprint();  // no self-signed certificate
  EXPECT_THAT(get(with).message, HasSubstr("fingerprint"));
}

TEST_F(TlsTest, PinnedCaMustHaveSignedTheServer) {
  // A thief who shows the right CA certificate behind a leaf of its own.
  const Region thief;
  ASSERT_TRUE(
      tls->replace_identity({thief.server.pem() + region.ca.pem(), thief.server.key_pem()}));
  TlsClientOptions with;
  with.ca_fingerprint = region.ca.fingerprint();
  EXPECT_EQ(get(with).code, Code::kDenied);
}

TEST_F(TlsTest, ExpiredAndEarlyServerCertificates) {
  const Issued expired = issue(&region.ca, "server", {-7200, -3600});
  ASSERT_TRUE(tls->replace_identity({expired.pem() + region.ca.pem(), expired.key_pem()}));
  EXPECT_THAT(get(options()).message, HasSubstr("expired"));
  const Issued early = issue(&region.ca, "server", {3600, 7200});
  ASSERT_TRUE(tls->replace_identity({early.pem() + region.ca.pem(), early.key_pem()}));
  EXPECT_THAT(get(options()).message, HasSubstr("check the clock"));
  ASSERT_TRUE(tls->replace_identity(region.server_identity()));
  EXPECT_EQ(get(options()).message, "");
}

TEST_F(TlsTest, BadIdentityLeavesTheOldOne) {
  EXPECT_FALSE(tls->replace_identity({region.server.pem(), region.endpoint.key_pem()}));
  EXPECT_FALSE(tls->replace_identity({"nothing", "nothing"}));
  EXPECT_EQ(get(options()).message, "");
}

TEST_F(TlsTest, LinksNeedACertificateOfTheRegion) {
  auto with = options();
  const auto none = open_link(with);
  EXPECT_EQ(none.code, Code::kDenied);
  EXPECT_THAT(none.message, HasSubstr("enrol first"));

  const Region other;
  with.identity = other.identity_of(other.endpoint);
  EXPECT_THAT(open_link(with).message, HasSubstr("another region"));

  const Issued expired = issue(&region.ca, "endpoint", {-7200, -3600});
  with.identity = region.identity_of(expired);
  EXPECT_THAT(open_link(with).message, HasSubstr("expired"));

  const Issued early = issue(&region.ca, "endpoint", {3600, 7200});
  with.identity = region.identity_of(early);
  EXPECT_THAT(open_link(with).message, HasSubstr("check the clock"));

  with.identity = region.identity_of(region.endpoint);
  EXPECT_EQ(open_link(with).message, "");
}

TEST_F(TlsTest, LinksAndApiDoNotMix) {
  auto with = options();
  with.identity = region.identity_of(region.endpoint);  // the server does not ask for it
  auto context = *TlsClientContext::make(with);
  auto over_http = run(connect_websocket(loop, address(), context, "/link", {}, 5s));
  ASSERT_FALSE(over_http);
  EXPECT_EQ(over_http.error().code, Code::kDenied);

  with.alpn = kAlpnLink;
  HttpClient http(loop, address(), *TlsClientContext::make(with));
  auto got = run(http.request({.target = "/"}));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 403);
}

TEST_F(TlsTest, UnknownProtocolIsRefused) {
  auto with = options();
  with.alpn = "h2";
  EXPECT_THAT(get(with).message, HasSubstr("ALPN"));
}

TEST_F(TlsTest, PeerCheckDecides) {
  auto with = options();
  std::string seen;
  with.check_peer = [&](std::string_view der) -> Status {
    seen = der;
    return core::fail(Code::kDenied, "this is no server");
  };
  EXPECT_THAT(get(with).message, HasSubstr("this is no server"));
  EXPECT_EQ(core::sha256(seen), region.server.fingerprint());
}

TEST_F(TlsTest, NothingListensSaysSo) {
  const ServerAddress where = address();
  stop_server();
  auto got = run(connect_tls(loop, where, region.api_context(), 5s));
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().message, HasSubstr("nothing listens there"));
}

class PlainTest : public TlsTest {
 protected:
  std::string plain(std::string bytes) {
    return run([](runtime::Loop& l, std::uint16_t port, std::string sent) -> Task<std::string> {
      using boost::asio::ip::tcp;
      tcp::socket socket(l.context());
      co_await socket.async_connect({boost::asio::ip::address_v4::loopback(), port},
                                    runtime::kAwait);
      ::send(socket.native_handle(), sent.data(), sent.size(), MSG_NOSIGNAL);
      std::string answer;
      char block[1024];
      for (;;) {
        const auto [failed, got] =
            co_await socket.async_read_some(boost::asio::buffer(block), runtime::kAwait);
        if (failed) co_return answer;
        answer.append(block, got);
      }
    }(loop, server->port(), std::move(bytes)));
  }
};

TEST_F(PlainTest, HttpIsToldToUseTls) {
  EXPECT_THAT(plain("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("speaks HTTPS"));
}

TEST_F(PlainTest, GarbageIsCut) {
  EXPECT_EQ(plain(std::string("\0\x01\x02garbage", 10)), "");
  EXPECT_EQ(plain("\x16garbage that looks like a record").find("HTTP"), std::string::npos);
  EXPECT_EQ(get(options()).message, "");
}

TEST(TlsClientContext, NeedsExactlyOneTrust) {
  EXPECT_FALSE(TlsClientContext::make({}));
  EXPECT_FALSE(TlsClientContext::make({.ca_pem = "x", .ca_fingerprint = std::string(32, 'x')}));
  EXPECT_FALSE(TlsClientContext::make({.ca_fingerprint = "short"}));
}

}  // namespace
}  // namespace muster::net::testing
