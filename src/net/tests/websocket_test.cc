// SPDX-License-Identifier: Apache-2.0
#include "net/detail/websocket_frame.h"
#include "net/tests/fixture.h"

namespace muster::net::testing {
namespace {

using detail::append_frame;
using detail::FrameReader;
using detail::Opcode;
using ::testing::HasSubstr;

constexpr std::array<char, 4> kKey{'k', 'e', 'y', '!'};

// Keeps what came; answers each message where `echo` is set.
struct Recorder : WebSocketHandler {
  std::unique_ptr<WebSocket> socket;
  std::vector<std::string> messages;
  std::optional<core::Error> closed;
  int drained = 0;
  bool echo = false;
  bool drop_on_message = false;

  void take(std::unique_ptr<WebSocket> taken) {
    socket = std::move(taken);
    socket->start(*this);
  }
  void on_message(std::string_view message) override {
    if (drop_on_message) socket.reset();
    messages.emplace_back(message);
    if (echo && socket) EXPECT_TRUE(socket->send(message));
  }
  void on_closed(core::Error why) override { closed = std::move(why); }
  void on_drained() override { ++drained; }
};

class WebSocketTest : public NetTest {
 protected:
  void SetUp() override {
    WebSocketLimits limits;
    limits.message_bytes_max = 100'000;
    Router router;
    router.add_websocket(
        "/link",
        [this](const Request& request, std::unique_ptr<WebSocket> socket) {
          EXPECT_EQ(core::sha256(request.peer_certificate), region.endpoint.fingerprint());
          there.take(std::move(socket));
        },
        limits);
    serve(std::move(router));
  }
  void TearDown() override {
    here.socket.reset();  // what is open would keep the loop busy
    there.socket.reset();
    NetTest::TearDown();
  }
  void open(WebSocketLimits limits = {}) {
    auto made = run(connect_websocket(loop, address(), region.link_context(), "/link", limits, 5s));
    ASSERT_TRUE(made) << made.error().message;
    here.take(std::move(*made));
    run_until([&] { return there.socket != nullptr; });
  }
  /// A client without our WebSocket: writes `frames` after the upgrade, returns all
  /// frames of the server until it closes.
  std::string raw(std::string frames) {
    auto stream = connect(region.link_context());
    EXPECT_TRUE(stream);
    return run([](TlsStream& s, std::string sent) -> Task<std::string> {
      co_await s.write(
          "GET /link HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
          "websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
          "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
              sent,
          5s);
      std::string all;
      char block[4096];
      for (;;) {
        const auto got = co_await s.read_some(block, 5s);
        if (!got || *got == 0) break;
        all.append(block, *got);
      }
      EXPECT_THAT(all, HasSubstr("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));  // RFC 6455, 1.3
      co_return all.substr(all.find("\r\n\r\n") + 4);
    }(*stream, std::move(frames)));
  }
  static std::string close_code(std::string_view frame) {
    if (frame.size() < 4 || frame[0] != '\x88') return "no close frame";
    return std::to_string(static_cast<unsigned char>(frame[2]) << 8 |
                          static_cast<unsigned char>(frame[3]));
  }
  static std::string masked(Opcode opcode, std::string_view payload) {
    std::string out;
    append_frame(out, opcode, payload, &kKey);
    return out;
  }

  Recorder here, there;
};

TEST_F(WebSocketTest, AForgottenCertificateIsGoneAndTheLinkGoesOn) {
  open();
  ASSERT_FALSE(there.socket->peer_certificate().empty());
  there.socket->forget_peer_certificate();
  there.socket->forget_peer_certificate();
  EXPECT_EQ(there.socket->peer_certificate(), "");
  EXPECT_EQ(there.socket->peer_certificate_native(), nullptr);
  there.echo = true;
  ASSERT_TRUE(here.socket->send("still here"));
  run_until([&] { return !here.messages.empty(); });
  EXPECT_EQ(here.messages.front(), "still here");
  EXPECT_FALSE(here.socket->peer_certificate().empty());  // the other end's is another one
}

TEST_F(WebSocketTest, EchoesMessagesOfAllSizesInOrder) {
  there.echo = true;
  open();
  std::vector<std::string> sent;
  for (const std::size_t size : {0, 1, 125, 126, 127, 16'384, 65'535, 65'536, 99'999}) {
    sent.emplace_back(size, static_cast<char>('a' + sent.size()));
    ASSERT_TRUE(here.socket->send(sent.back()));
  }
  run_until([&] { return here.messages.size() == sent.size(); });
  EXPECT_EQ(here.messages, sent);
  EXPECT_EQ(here.socket->queued_bytes(), 0U);
}

TEST_F(WebSocketTest, CloseIsSeenByBothEnds) {
  open();
  here.socket->close(CloseCode::kNormal, "enough");
  EXPECT_FALSE(here.socket->send("late"));
  run_until([&] { return here.closed && there.closed; });
  EXPECT_EQ(here.closed->code, Code::kCancelled);
  EXPECT_EQ(there.closed->code, Code::kUnavailable);
  EXPECT_THAT(there.closed->message, HasSubstr("(1000): enough"));
}

TEST_F(WebSocketTest, DestroyingDropsTheLinkAfterWhatWasQueued) {
  open();
  ASSERT_TRUE(there.socket->send("goodbye"));
  there.socket.reset();
  run_until([&] { return here.closed.has_value(); });
  EXPECT_EQ(here.messages, std::vector<std::string>{"goodbye"});
  EXPECT_FALSE(there.closed);
}

TEST_F(WebSocketTest, MayBeDestroyedInsideItsCallback) {
  there.drop_on_message = true;
  open();
  ASSERT_TRUE(here.socket->send("one"));
  ASSERT_TRUE(here.socket->send("two"));
  run_until([&] { return here.closed.has_value(); });
  EXPECT_EQ(there.messages, std::vector<std::string>{"one"});
}

TEST_F(WebSocketTest, FullQueueRefusesAndDrains) {
  WebSocketLimits limits;
  limits.queue_bytes_max = 200'000;
  open(limits);
  there.socket->pause_reading(true);
  int sent = 0;
  while (here.socket->send(std::string(50'000, 'x'))) ++sent;
  EXPECT_EQ(sent, 3);
  there.socket->pause_reading(false);
  run_until([&] { return here.drained == 1 && there.messages.size() == 3; });
  EXPECT_TRUE(here.socket->send("more"));
}

TEST_F(WebSocketTest, OversizedMessageEndsWith1009) {
  open();
  ASSERT_TRUE(here.socket->send(std::string(100'001, 'x')));
  run_until([&] { return here.closed && there.closed; });
  EXPECT_EQ(there.closed->code, Code::kLimit);
  EXPECT_THAT(here.closed->message, HasSubstr("(1009)"));
}

TEST_F(WebSocketTest, FragmentsWithAPingBetween) {
  std::string frames = masked(Opcode::kBinary, "first ");
  frames[0] = static_cast<char>(frames[0] & 0x7f);  // not the last
  frames += masked(Opcode::kPing, "are you there");
  frames += masked(Opcode::kContinuation, "second") + masked(Opcode::kClose, "\x03\xe8");
  const std::string answer = raw(frames);
  EXPECT_EQ(there.messages, std::vector<std::string>{"first second"});
  EXPECT_EQ(answer.substr(0, 15),
            "\x8a\x0d"
            "are you there");
  EXPECT_EQ(close_code(answer.substr(15)), "1000");
}

TEST_F(WebSocketTest, BrokenRulesEndTheLink) {
  std::string unmasked;
  append_frame(unmasked, Opcode::kBinary, "naked", nullptr);
  EXPECT_EQ(close_code(raw(unmasked)), "1002");
  EXPECT_EQ(there.closed->code, Code::kInvalid);
  EXPECT_EQ(close_code(raw(masked(Opcode::kText, "text"))), "1003");
  EXPECT_EQ(close_code(raw(masked(Opcode::kContinuation, "x"))), "1002");
  EXPECT_EQ(close_code(raw(masked(Opcode::kPing, std::string(126, 'x')))), "1002");
  EXPECT_EQ(close_code(raw(masked(static_cast<Opcode>(3), "x"))), "1002");
  EXPECT_EQ(close_code(raw("\xc2\x80"
                           "abcd")),
            "1002");  // reserved bit
  EXPECT_EQ(close_code(raw(std::string("\x82\xff\0\0\0\0\x7f\0\0\0abcd", 14))), "1009");  // huge
  EXPECT_TRUE(there.messages.empty());
}

TEST_F(WebSocketTest, CutConnectionIsTold) {
  open();
  stop_server();  // does not touch what was handed over
  ASSERT_TRUE(here.socket->send("x"));
  run_until([&] { return there.messages.size() == 1; });
  here.socket.reset();
  run_until([&] { return there.closed.has_value(); });
  EXPECT_EQ(there.closed->code, Code::kUnavailable);
}

TEST(FrameReader, KeepsNothingBetweenMessagesAndTakesAnyCut) {
  std::string all;
  append_frame(all, Opcode::kBinary, std::string(300, 'a'), &kKey);
  append_frame(all, Opcode::kPing, "p", &kKey);
  append_frame(all, Opcode::kBinary, "", &kKey);
  append_frame(all, Opcode::kBinary, std::string(70'000, 'b'), &kKey);
  for (const std::size_t step : {1, 2, 3, 7, 1000, 100'000}) {
    FrameReader reader(true, 100'000);
    std::string got;
    for (std::size_t at = 0; at < all.size(); at += step) {
      std::string piece = all.substr(at, step);
      std::span<char> bytes(piece);
      FrameReader::Step event;
      while ((event = reader.next(bytes)) != FrameReader::Step::kNeedMore) {
        ASSERT_NE(event, FrameReader::Step::kBroken);
        got += std::string(reader.payload()) + ".";
      }
      EXPECT_TRUE(bytes.empty());
    }
    EXPECT_EQ(got, std::string(300, 'a') + ".p.." + std::string(70'000, 'b') + ".");
    EXPECT_LE(reader.held_bytes(), 2 * std::string().capacity());
  }
}

}  // namespace
}  // namespace muster::net::testing
