// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/clock.h"
#include "discovery/responder.h"
#include "discovery/seeker.h"

namespace muster::discovery {
namespace {

using namespace std::chrono_literals;
using testing::Test;

const RegionKey kHere(std::string(32, 'h'));
const RegionKey kElsewhere(std::string(32, 'e'));
const std::string kNonce(kNonceBytes, 'n');

core::MonoTime at(core::Duration since) {
  return core::MonoTime{} + 1h + since;
}

std::string question(std::uint8_t sought = kServers, const RegionKey& key = kHere) {
  return write_question(key, {sought, kNonce});
}

Answer a_gateway() {
  return {.places = {{kGateways, "", 7443}, {kServers, "muster.example", 8443}}};
}

TEST(Message, AQuestionIsReadInItsRegionOnly) {
  const std::string datagram = question(kGateways | kServers);
  EXPECT_EQ(datagram.size(), kDatagramBytes);
  const auto read = read_question(kHere, datagram);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->sought, kGateways | kServers);
  EXPECT_EQ(read->nonce, kNonce);
  EXPECT_FALSE(read_question(kElsewhere, datagram));
}

TEST(Message, EveryBitOfAQuestionIsUnderItsTag) {
  const std::string whole = question();
  for (std::size_t i = 0; i < whole.size() * 8; ++i) {
    std::string bent = whole;
    bent[i / 8] = static_cast<char>(bent[i / 8] ^ (1 << (i % 8)));
    ASSERT_FALSE(read_question(kHere, bent)) << "bit " << i;
  }
  EXPECT_FALSE(read_question(kHere, whole.substr(0, whole.size() - 1)));
  EXPECT_FALSE(read_question(kHere, whole + '\0'));
  EXPECT_FALSE(read_question(kHere, ""));
}

TEST(Message, AnAnswerIsNeverLargerThanItsQuestionAndIsReadByWhoAsked) {
  Answer most;
  for (int i = 0; i < 9; ++i)
    most.places.push_back(
        {kGateways, std::string(kHostBytesMax, static_cast<char>('a' + i)), 65535});
  most.endpoint = core::EndpointId::of_public_key("key");
  most.link_open = true;
  const std::string datagram = write_answer(kHere, kNonce, most);
  EXPECT_LE(datagram.size(), kDatagramBytes);
  const auto read = read_answer(kHere, kNonce, datagram);
  ASSERT_TRUE(read);
  most.places.resize(kPlacesMax);
  EXPECT_EQ(*read, most);
  EXPECT_FALSE(read_answer(kElsewhere, kNonce, datagram));
  EXPECT_FALSE(read_answer(kHere, std::string(kNonceBytes, 'x'), datagram));
  EXPECT_FALSE(read_question(kHere, datagram));
}

TEST(Message, AHostThatIsNoneIsLeftOut) {
  const auto read = read_answer(
      kHere, kNonce,
      write_answer(kHere, kNonce, {.places = {{kServers, "a b", 1}, {kServers, "ok", 2}}}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->places, (std::vector<Place>{{kServers, "ok", 2}}));
}

TEST(Responder, AnswersItsRegionsQuestionsForWhatItIs) {
  Responder responder(kHere, kServers);
  responder.set_answer(a_gateway());
  const auto answer = responder.hear(question(), "10.1.1.1", at(0s));
  ASSERT_TRUE(answer);
  EXPECT_EQ(*read_answer(kHere, kNonce, *answer), a_gateway());
  EXPECT_FALSE(responder.hear(question(kGateways), "10.1.1.1", at(0s)));
  EXPECT_FALSE(responder.hear(question(kServers, kElsewhere), "10.1.1.1", at(0s)));
  EXPECT_FALSE(responder.hear("GET / HTTP/1.1\r\n\r\n", "10.1.1.1", at(0s)));
  EXPECT_EQ(responder.stats().answered, 1U);
  EXPECT_EQ(responder.stats().strange, 2U);
}

TEST(Responder, AnAddressGetsAFewAnswersASecond) {
  Responder responder(kHere, kServers);
  unsigned answers = 0;
  for (unsigned i = 0; i < 100; ++i)
    answers += responder.hear(question(), "10.1.1.1", at(0s)).has_value() ? 1 : 0;
  EXPECT_EQ(answers, Responder::kAnswersPerAddress);
  EXPECT_TRUE(responder.hear(question(), "10.1.1.2", at(0s)));
  EXPECT_TRUE(responder.hear(question(), "10.1.1.1", at(1s)));
}

TEST(Responder, AFloodOfForgedAddressesIsAnsweredInPartAndThenNotEvenRead) {
  Responder responder(kHere, kServers);
  unsigned answers = 0, heard = 0;
  for (; responder.listens(at(500ms)) && heard < 100'000; ++heard)
    answers += responder.hear(question(), "10.1.1." + std::to_string(heard), at(500ms)).has_value()
                   ? 1
                   : 0;
  EXPECT_EQ(answers, Responder::kAnswersPerSecond);
  EXPECT_EQ(heard, Responder::kHeardPerSecond);
  EXPECT_TRUE(responder.listens(responder.resumes_at()));
  EXPECT_TRUE(responder.hear(question(), "10.1.1.1", responder.resumes_at()));
}

TEST(Seeker, AsksAFewTimesAndTakesWhatAnswers) {
  Seeker seeker(kHere, kGateways | kServers, kNonce, at(0s));
  ASSERT_TRUE(seeker.send(at(0s)));
  EXPECT_FALSE(seeker.send(at(0s)));
  EXPECT_EQ(seeker.wake_at(), at(500ms));
  EXPECT_TRUE(seeker.send(at(500ms)));
  EXPECT_TRUE(seeker.send(at(1500ms)));
  EXPECT_FALSE(seeker.done(at(3s)));
  EXPECT_TRUE(seeker.done(at(3500ms)));
  EXPECT_TRUE(seeker.found().empty());
}

TEST(Seeker, EndsSoonAfterTheFirstAnswerWithGatewaysFirst) {
  Seeker seeker(kHere, kGateways | kServers, kNonce, at(0s));
  (void)seeker.send(at(0s));
  seeker.hear(write_answer(kHere, kNonce, {.places = {{kServers, "", 7443}}}), "10.1.1.9",
              at(10ms));
  seeker.hear(write_answer(kHere, kNonce, a_gateway()), "fe80::1%eth0", at(20ms));
  seeker.hear(write_answer(kHere, kNonce, a_gateway()), "fe80::1%eth0", at(30ms));
  EXPECT_FALSE(seeker.done(at(300ms)));
  EXPECT_TRUE(seeker.done(at(310ms)));
  EXPECT_EQ(seeker.found(), (std::vector<std::string>{"[fe80::1%eth0]:7443", "10.1.1.9:7443",
                                                      "muster.example:8443"}));
}

TEST(Seeker, ForgedAnswersAreNothingAndNeighboursThatShoutAreBounded) {
  Seeker seeker(kHere, kServers, kNonce, at(0s));
  (void)seeker.send(at(0s));
  seeker.hear(write_answer(kElsewhere, kNonce, a_gateway()), "10.1.1.1", at(1ms));
  seeker.hear(write_answer(kHere, std::string(kNonceBytes, 'o'), a_gateway()), "10.1.1.1", at(1ms));
  seeker.hear(question(), "10.1.1.1", at(1ms));
  EXPECT_TRUE(seeker.found().empty());
  for (unsigned i = 0; i < 100; ++i)
    seeker.hear(write_answer(kHere, kNonce, {.places = {{kServers, "", 7443}}}),
                "10.1.2." + std::to_string(i), at(2ms));
  EXPECT_EQ(seeker.found().size(), Seeker::kFoundMax);
  Seeker drowned(kHere, kServers, kNonce, at(0s));
  for (std::size_t i = 0; i < Seeker::kHeardMax; ++i) drowned.hear("x", "10.1.1.1", at(1ms));
  EXPECT_TRUE(drowned.done(at(1ms)));
}

}  // namespace
}  // namespace muster::discovery
