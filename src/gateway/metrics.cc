// SPDX-License-Identifier: Apache-2.0
#include "gateway/metrics.h"

#include <functional>

namespace muster::gateway {

namespace {

/// Adds one metric: name, type, help, value.
using Add = std::function<void(const char*, const char*, const char*, std::uint64_t)>;

/// What the gateway answers to methods by itself.
void add_upcalls(const GatewayStats& stats, const Add& add) {
  add("muster_gateway_intake_total", "counter", "Events and inventory taken from methods.",
      stats.intake.taken);
  add("muster_gateway_intake_refused_total", "counter", "Events and inventory beyond a limit.",
      stats.intake.refused);
  add("muster_gateway_intake_waiting", "gauge", "Events and inventory that wait for the server.",
      stats.intake.items);
  add("muster_gateway_intake_waiting_bytes", "gauge", "Their bytes.", stats.intake.bytes);
  add("muster_gateway_handlers_asked_total", "counter", "Calls that went to handlers.",
      stats.handlers.asked);
  add("muster_gateway_handlers_failed_total", "counter", "Handlers that gave no answer.",
      stats.handlers.failed);
  add("muster_gateway_handlers_refused_total", "counter", "Calls beyond a limit of handlers.",
      stats.handlers.refused);
  add("muster_gateway_handlers_running", "gauge", "Handlers that run now.", stats.handlers.running);
}

/// Content for gateways behind this one, and what paces content.
void add_repeating(const ContentStats& content, std::size_t gateways, const Add& add) {
  add("muster_gateway_behind", "gauge", "Gateways that stand behind this one now.", gateways);
  add("muster_gateway_content_repeated_bytes_total", "counter",
      "Content sent to gateways behind this one.", content.repeated.bytes);
  add("muster_gateway_rate_hosts_bytes", "gauge",
      "Limit of content to all hosts now, bytes a second; 0: none.", content.rates.hosts);
  add("muster_gateway_rate_each_host_bytes", "gauge", "The same to one host.",
      content.rates.each_host);
  add("muster_gateway_rate_gateways_bytes", "gauge", "The same to all gateways behind this one.",
      content.rates.gateways);
  add("muster_gateway_rate_each_gateway_bytes", "gauge", "The same to one gateway behind this one.",
      content.rates.each_gateway);
  add("muster_gateway_rate_upstream_bytes", "gauge", "The same from above.",
      content.rates.upstream);
}

}  // namespace

std::string metrics_text(const GatewayStats& stats, const ContentStats& content,
                         const net::HttpServerStats& http,
                         const discovery::ResponderStats& discovery, std::string_view name,
                         bool has_server) {
  std::string text;
  const Add add = [&](const char* metric, const char* type, const char* help, std::uint64_t value) {
    // A gateway's name has no character that would need escaping (identity::is_valid_name).
    text.append("# HELP ").append(metric).append(" ").append(help);
    text.append("\n# TYPE ").append(metric).append(" ").append(type).append("\n");
    text.append(metric).append("{gateway=\"").append(name).append("\"} ");
    text.append(std::to_string(value)).append("\n");
  };
  add("muster_gateway_has_server", "gauge", "1 while the server is connected.", has_server);
  add("muster_gateway_links", "gauge", "Links that are open now.", stats.links);
  add("muster_gateway_logins_total", "counter", "Logins that were admitted.", stats.logins);
  add("muster_gateway_logins_paced_total", "counter", "Logins that were told to come back later.",
      stats.logins_paced);
  add("muster_gateway_logins_refused_total", "counter", "Logins that were refused.",
      stats.logins_refused);
  add("muster_gateway_reports_total", "counter", "Reports passed on to the server.", stats.reports);
  add("muster_gateway_result_bytes", "gauge",
      "Bytes of large results that were granted or wait for the server's disk.",
      stats.result_bytes);
  add("muster_gateway_protocol_errors_total", "counter",
      "Links ended for a breach of the protocol.", stats.protocol_errors);
  add("muster_gateway_duplicates_total", "counter", "Logins with a key that another agent uses.",
      stats.duplicates);
  add("muster_gateway_content_requests_total", "counter", "Ranges of content asked for.",
      content.served.requests);
  add("muster_gateway_content_refused_total", "counter", "Requests for content beyond a limit.",
      content.served.refused);
  add("muster_gateway_content_stalled_total", "counter",
      "Links ended because the content that was asked for was not read.", content.served.stalled);
  add("muster_gateway_content_sent_bytes_total", "counter", "Content sent to endpoints.",
      content.served.bytes);
  add("muster_gateway_content_fetched_bytes_total", "counter", "Content got from above.",
      content.fetched.bytes);
  add("muster_gateway_content_damaged_total", "counter",
      "Objects that did not match their digests, in the cache or on their way.",
      content.cache.damaged + content.fetched.damaged);
  add("muster_gateway_content_cache_bytes", "gauge", "Bytes of cached objects.",
      content.cache.bytes);
  add("muster_gateway_content_evicted_total", "counter", "Objects that made room for others.",
      content.cache.evicted);
  add_repeating(content, stats.behind, add);
  add_upcalls(stats, add);
  add("muster_tls_handshakes", "gauge", "TLS handshakes under way.", http.handshakes);
  add("muster_tls_handshakes_failed_total", "counter", "TLS handshakes that failed.",
      http.handshakes_failed);
  add("muster_tls_handshakes_cut_total", "counter", "Slow TLS handshakes cut to make room.",
      http.handshakes_cut);
  add("muster_tls_handshakes_crowded_total", "counter",
      "Connections that waited for the end of another's handshake.", http.handshakes_crowded);
  add("muster_http_connections_refused_total", "counter", "Connections beyond a limit.",
      http.connections_refused);
  add("muster_discovery_answered_total", "counter", "Questions of discovery answered.",
      discovery.answered);
  add("muster_discovery_paced_total", "counter", "Questions beyond a limit, not answered.",
      discovery.paced);
  add("muster_discovery_strange_total", "counter",
      "Datagrams that are no question, or another region's.", discovery.strange);
  return text;
}

}  // namespace muster::gateway
