// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "cli/render_managed.h"
#include "cli/trust.h"

namespace muster::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Managed, AHostWithoutAPortHasTheDefaultOne) {
  EXPECT_EQ(with_default_port("web1", 8443), "web1:8443");
  EXPECT_EQ(with_default_port("https://web1/", 8443), "https://web1:8443");
  EXPECT_EQ(with_default_port("web1:9", 8443), "web1:9");
  EXPECT_EQ(with_default_port("[::1]", 8443), "[::1]:8443");
  EXPECT_EQ(with_default_port("[::1]:9", 8443), "[::1]:9");
}

TEST(Managed, AReportIsTextAndForeignBytesAreHarmless) {
  const Json report = boost::json::parse(R"({"kind": "host", "host": "a\u001b[2J", "version": "1",
      "application": {"address": "http://x", "reachable": false, "why": "refused"},
      "machine": {"load": [0.5, 1, 2.25], "processors": 2, "up_s": 60, "services": null}})");
  const std::string shown = render_managed(report);
  EXPECT_THAT(shown, HasSubstr("0.50 1.00 2.25 on 2 processors"));
  EXPECT_THAT(shown, HasSubstr("not reachable: refused"));
  EXPECT_THAT(shown, Not(HasSubstr("\x1b")));
  EXPECT_TRUE(all_hosts_well(report));
}

TEST(Managed, PartsOfFurtherHostsAreShownAndCount) {
  const Json joined = boost::json::parse(R"({"host": "a", "status": 200,
      "answer": {"kind": "host", "host": "a", "version": "1"},
      "further": [{"host": "b", "status": 503, "error": {"code": "timeout", "message": "late"}}]})");
  EXPECT_THAT(render_managed(joined), HasSubstr("a (host, Muster 1)\nb: late\n"));
  EXPECT_FALSE(all_hosts_well(joined));
}

}  // namespace
}  // namespace muster::cli
