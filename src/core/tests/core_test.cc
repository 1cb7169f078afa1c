// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/duration_text.h"
#include "core/ids.h"
#include "core/sha256.h"

namespace muster::core {
namespace {

using namespace std::chrono_literals;

TEST(Bytes, SpellingsRoundTrip) {
  Random random(1);
  for (std::size_t length = 0; length < 70; ++length) {
    std::string bytes;
    for (std::size_t i = 0; i < length; ++i) bytes += static_cast<char>(random.next());
    EXPECT_EQ(from_hex(to_hex(bytes)).value(), bytes);
    EXPECT_EQ(from_base32(to_base32(bytes)).value(), bytes);
    EXPECT_EQ(from_base64(to_base64(bytes)).value(), bytes);
  }
}

TEST(Bytes, RefusesWhatIsNotASpelling) {
  EXPECT_FALSE(from_hex("abc"));
  EXPECT_FALSE(from_hex("zz"));
  EXPECT_FALSE(from_base32("u"));
  EXPECT_FALSE(from_base32("zz1"));
  EXPECT_FALSE(from_base64("a"));
  EXPECT_FALSE(from_base64("a=bc"));
  EXPECT_FALSE(from_base64("===="));
}

TEST(Bytes, KnownDigest) {
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Bytes, Utf8) {
  EXPECT_TRUE(is_utf8("Gr\xc3\xbc\xc3\x9f Gott \xe2\x82\xac \xf0\x9f\x98\x80"));
  EXPECT_FALSE(is_utf8("\xc0\x80"));          // overlong
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));  // beyond U+10FFFF
  EXPECT_FALSE(is_utf8("\xe2\x82"));          // cut
}

TEST(Bytes, PrintableHidesWhatSteersATerminal) {
  EXPECT_EQ(printable("a\x1b[2J\n\xff\xc2\x9b ok"), "a\\x1b[2J\\x0a\\xff\\xc2\\x9b ok");
  EXPECT_EQ(printable("abcdef", 3), "abc…");
}

TEST(Ids, RoundTripAndRefuse) {
  const auto endpoint = EndpointId::of_public_key("a key");
  EXPECT_EQ(endpoint.str().size(), 26U);
  EXPECT_EQ(EndpointId::parse(endpoint.str()).value(), endpoint);
  EXPECT_FALSE(EndpointId::parse("web1"));
  const auto run = RunId::make(1'790'000'000'000, 12345);
  EXPECT_EQ(run.str().size(), 13U);
  EXPECT_EQ(RunId::parse(run.str()).value(), run);
  EXPECT_LT(run, RunId::make(1'790'000'000'001, 0));
  EXPECT_FALSE(RunId::parse("0000000000000"));
  EXPECT_FALSE(RunId::parse("zzzzzzzzzzzzz"));
}

// The top bit of a run's id stays clear for signed databases. That leaves 41 bits to the
// milliseconds, which ran over on 2039-09-07: new runs would have sorted before all others.
TEST(Ids, RunsSortByAgeBeyond2039) {
  constexpr std::int64_t kYear = 31'557'600'000;
  constexpr std::uint64_t kAll = ~0ULL;
  RunId last = RunId::make(0, kAll);
  for (int year = 1; year < 290; ++year)
    for (const std::int64_t ms : {year * kYear, year * kYear + 1}) {
      const RunId least = RunId::make(ms, 0), most = RunId::make(ms, kAll);
      EXPECT_LT(last, least) << year;
      EXPECT_LT(least, most) << year;
      EXPECT_EQ(RunId::parse(most.str()).value(), most) << year;
      last = most;
    }
  // At the change of the spelling, and with clocks that are quite wrong.
  EXPECT_LT(RunId::make(2'082'758'399'999, kAll), RunId::make(2'082'758'400'000, 0));
  EXPECT_TRUE(RunId::parse(RunId::make(-5, kAll).str()));
  EXPECT_TRUE(RunId::parse(RunId::make(INT64_MAX, kAll).str()));
  // Ids of before 2036 are what they were.
  EXPECT_EQ(RunId::make(1'790'000'000'000, 12345).value(), 1'790'000'000'000ULL << 22 | 12345);
}

TEST(Clock, Rfc3339) {
  EXPECT_EQ(to_rfc3339(wall_from_unix_ms(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(wall_from_unix_ms(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(to_rfc3339(wall_from_unix_ms(1'795'313'881'123)), "2026-11-22T02:18:01.123Z");
}

TEST(Clock, DurationsReadAndWrite) {
  EXPECT_EQ(parse_duration("1h30m").value(), 90min);
  EXPECT_EQ(parse_duration("250ms").value(), 250ms);
  EXPECT_EQ(parse_duration("2w").value(), 24h * 14);
  for (const char* bad : {"", "5", "h", "5 m", "-1s", "5y", "999999999999w"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
  EXPECT_EQ(to_text(250ms), "250ms");
  EXPECT_EQ(to_text(3200ms), "3.2s");
  EXPECT_EQ(to_text(310s), "5m10s");
  EXPECT_EQ(to_text(50h), "2d2h");
}

TEST(Random, SameSeedSameNumbersWithinBounds) {
  Random a(7), b(7);
  for (int i = 0; i < 1000; ++i) {
    const auto value = a.below(10);
    EXPECT_LT(value, 10U);
    EXPECT_EQ(value, b.below(10));
  }
}

TEST(Errors, NamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(Code::kInternal); ++i) {
    const auto code = static_cast<Code>(i);
    EXPECT_EQ(code_from_name(name(code)), code);
  }
}

TEST(ContentId, HasOneSpelling) {
  const ContentId id = ContentId::of("abc");
  const std::string text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(id.str(), text);
  EXPECT_EQ(id.brief(), "ba7816bf8f01");
  EXPECT_EQ(ContentId::parse(text).value(), id);
  EXPECT_EQ(ContentId::from_bytes(id.bytes()).value(), id);
  std::string upper = text;
  upper[0] = 'B';
  for (const std::string& bad : {upper, text.substr(2), text + "00", std::string("../") + text,
                                 std::string(64, 'g'), std::string()})
    EXPECT_FALSE(ContentId::parse(bad)) << bad;
  EXPECT_FALSE(ContentId::from_bytes("short"));
}

TEST(Sha256, PiecesGiveTheSameAsTheWhole) {
  Sha256 hash;
  EXPECT_EQ(hash.finish(), ContentId::of(""));
  const std::string text(100'000, 'x');
  for (std::size_t at = 0; at < text.size(); at += 777) hash.update(text.substr(at, 777));
  EXPECT_EQ(hash.finish(), ContentId::of(text));
  hash.update("abc");
  Sha256 moved = std::move(hash);
  EXPECT_EQ(moved.finish(), ContentId::of("abc"));
}

}  // namespace
}  // namespace muster::core
