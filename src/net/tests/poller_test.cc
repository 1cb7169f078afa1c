// SPDX-License-Identifier: Apache-2.0
#include "net/detail/poller.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <functional>

namespace muster::net::detail {
namespace {

/// One end of a socket pair under the poller, with the other end to poke it.
struct Wire final : Poller::Link, std::enable_shared_from_this<Wire> {
  explicit Wire(Poller& with) : poller(with) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    here = ends[0];
    there = ends[1];
  }
  ~Wire() {
    leave();
    ::close(there);
  }
  void enter() {
    ticket = poller.add(here, shared_from_this());
    EXPECT_NE(ticket, Poller::kNone);
  }
  void leave() {
    if (here < 0) return;
    poller.remove(here, ticket);
    ::close(here);
    here = -1;
  }
  void poke() const { EXPECT_EQ(::write(there, "x", 1), 1); }

  void on_ready(Poller::Ready ready) override {
    if (!ready.readable) return;  // the first event says that one may write
    ++readable;
    ended |= ready.ended;
    char block[64];
    while (::read(here, block, sizeof block) > 0) {
    }
    if (then) then();
  }
  void on_flush() override {
    ++flushed;
    if (then) then();
  }

  Poller& poller;
  int here = -1, there = -1;
  Poller::Ticket ticket = Poller::kNone;
  int readable = 0, flushed = 0;
  bool ended = false;
  std::function<void()> then;
};

class PollerTest : public ::testing::Test {
 protected:
  std::shared_ptr<Wire> wire() {
    auto made = std::make_shared<Wire>(Poller::of(loop));
    made->enter();
    return made;
  }
  /// Turns of the loop, until `done`.
  void turn(const std::function<bool()>& done) {
    for (int i = 0; i < 1000 && !done(); ++i) loop.context().run_one_for(std::chrono::seconds(5));
    EXPECT_TRUE(done());
  }

  runtime::Loop loop;
};

TEST_F(PollerTest, TellsEachEdgeOnceAndLetsTheLoopRestWithoutLinks) {
  const auto link = wire();
  link->poke();
  turn([&] { return link->readable == 1; });
  link->poke();
  turn([&] { return link->readable == 2; });
  link->leave();
  loop.run_until_idle();  // returns
  EXPECT_EQ(link->readable, 2);
}

TEST_F(PollerTest, HalfCloseIsAnEnd) {
  const auto link = wire();
  link->poke();
  ::shutdown(link->there, SHUT_WR);
  turn([&] { return link->ended; });
  link->leave();
}

TEST_F(PollerTest, EventsOfALinkThatIsGoneReachNobody) {
  auto first = wire();
  auto second = wire();
  std::shared_ptr<Wire> heir;
  // Whoever comes first ends the other, and gives its seat (and maybe its descriptor) away.
  const auto end_other = [&](std::shared_ptr<Wire>& other) {
    other->leave();
    heir = wire();
  };
  first->then = [&] {
    if (!heir) end_other(second);
  };
  second->then = [&] {
    if (!heir) end_other(first);
  };
  first->poke();
  second->poke();
  turn([&] { return heir != nullptr; });
  EXPECT_EQ(first->readable + second->readable, 1);
  EXPECT_EQ(heir->readable, 0);
  heir->poke();
  turn([&] { return heir->readable == 1; });
  EXPECT_EQ(first->readable + second->readable, 1);
  for (const auto& link : {first, second, heir}) link->leave();
  loop.run_until_idle();
}

TEST_F(PollerTest, OutlivesNobodyButKeepsALinkThroughItsOwnEnd) {
  auto link = wire();
  std::weak_ptr<Wire> watched = link;
  link->then = [&] {
    link->leave();
    link.reset();                     // the last owner
    EXPECT_FALSE(watched.expired());  // still inside its callback
  };
  link->poke();
  turn([&] { return !link; });
  loop.run_until_idle();
  EXPECT_TRUE(watched.expired());
}

TEST_F(PollerTest, FlushesEachOnceAtTheEndOfTheTurnAndWhatIsAddedMeanwhile) {
  std::vector<std::shared_ptr<Wire>> links;
  for (int i = 0; i < 300; ++i) links.push_back(wire());  // more than one batch
  for (const auto& link : links) Poller::of(loop).flush_later(link);
  links.front()->then = [&] {
    links.front()->then = nullptr;
    Poller::of(loop).flush_later(links.back());
  };
  EXPECT_EQ(links.front()->flushed, 0);
  turn([&] { return links.back()->flushed == 2; });
  for (const auto& link : links) {
    EXPECT_EQ(link->flushed, link == links.back() ? 2 : 1);
    link->leave();
  }
  loop.run_until_idle();
}

TEST_F(PollerTest, MoreThanOneBatchOfEventsIsServed) {
  std::vector<std::shared_ptr<Wire>> links;
  for (int i = 0; i < 300; ++i) links.push_back(wire());
  for (const auto& link : links) link->poke();
  turn([&] {
    return std::ranges::all_of(links, [](const auto& link) { return link->readable == 1; });
  });
  for (const auto& link : links) link->leave();
  loop.run_until_idle();
}

TEST(PollerEnd, TheLoopMayEndWithLinks) {
  std::weak_ptr<Poller::Link> watched;
  struct Quiet final : Poller::Link {
    void on_ready(Poller::Ready) override {}
    void on_flush() override {}
  };
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  {
    runtime::Loop loop;
    auto link = std::make_shared<Quiet>();
    watched = link;
    ASSERT_NE(Poller::of(loop).add(ends[0], link), Poller::kNone);
    Poller::of(loop).flush_later(link);
  }
  EXPECT_TRUE(watched.expired());
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace muster::net::detail
