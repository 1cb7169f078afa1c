// SPDX-License-Identifier: Apache-2.0
#include "gateway/metrics.h"

#include <gmock/gmock.h>

namespace muster::gateway {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(GatewayMetrics, ArePrometheusText) {
  GatewayStats stats;
  stats.links = 7;
  stats.logins = 9;
  ContentStats content;
  content.served.bytes = 5'000'000'000;
  const std::string text =
      metrics_text(stats, content, {.handshakes_cut = 3}, {.paced = 5}, "edge", true);
  EXPECT_THAT(text, StartsWith("# HELP muster_gateway_has_server "));
  EXPECT_THAT(text, HasSubstr("\n# TYPE muster_gateway_links gauge\n"
                              "muster_gateway_links{gateway=\"edge\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("\nmuster_gateway_logins_total{gateway=\"edge\"} 9\n"));
  EXPECT_THAT(
      text, HasSubstr("\nmuster_gateway_content_sent_bytes_total{gateway=\"edge\"} 5000000000\n"));
  EXPECT_THAT(text, HasSubstr("\nmuster_tls_handshakes_cut_total{gateway=\"edge\"} 3\n"));
  EXPECT_EQ(text.back(), '\n');
  EXPECT_THAT(metrics_text(stats, content, {}, {}, "edge", false),
              HasSubstr("muster_gateway_has_server{gateway=\"edge\"} 0\n"));
}

}  // namespace
}  // namespace muster::gateway
