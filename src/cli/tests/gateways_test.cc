// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "cli/json_access.h"
#include "cli/render.h"
#include "cli/tests/fakes.h"

namespace muster::cli {
namespace {

using ::testing::HasSubstr;

std::string gateway(const std::string& name, const std::string& behind,
                    const std::string& limits = "") {
  return R"({"name":")" + name + R"(","state":"up","draining":false,"links":1,"expected":0,)" +
         R"("capacity":10,"behind":[)" + behind + R"(],"limits":[)" + limits + "]}";
}

std::string rendered(const std::string& gateways) {
  FakeTerminal terminal;
  return render_gateways(boost::json::parse(R"({"gateways":[)" + gateways + "]}"), terminal);
}

TEST(RenderGateways, ShowsWhoStandsBehindWhom) {
  const std::string text =
      rendered(gateway("deep", R"("far1","hub")") + "," + gateway("far1", R"("hub")") + "," +
               gateway("far2", R"("hub")", R"("to each host: 1M a second")") + "," +
               gateway("hub", "") + "," + gateway("lone", R"("gone")"));
  EXPECT_THAT(text, HasSubstr("\nhub "));
  EXPECT_THAT(text, HasSubstr("\n├─ far1 "));
  EXPECT_THAT(text, HasSubstr("\n│  └─ deep "));
  EXPECT_THAT(text, HasSubstr("\n└─ far2 "));
  EXPECT_THAT(text, HasSubstr("\nlone "));  // its upper one is not known here
  EXPECT_THAT(text, HasSubstr("\nfar2 delivers content to each host: 1M a second\n"));
}

// Each says what it likes about itself.
TEST(RenderGateways, ACircleIsShownOnce) {
  const std::string text = rendered(gateway("a", R"("b")") + "," + gateway("b", R"("a")"));
  EXPECT_EQ(text.find("a "), text.rfind("a "));
  EXPECT_THAT(text, HasSubstr("└─ b"));
}

}  // namespace
}  // namespace muster::cli
