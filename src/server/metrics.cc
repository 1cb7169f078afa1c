// SPDX-License-Identifier: Apache-2.0
#include "server/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <vector>

#include "server/region.h"

namespace muster::server {
namespace {

class Families {
 public:
  void counter(const char* name, const char* help, std::uint64_t value) {
    add(name, help, prometheus::MetricType::Counter, static_cast<double>(value), {});
  }
  void gauge(const char* name, const char* help, std::uint64_t value) {
    add(name, help, prometheus::MetricType::Gauge, static_cast<double>(value), {});
  }
  /// One more series of the family that was added last.
  void labelled(const char* name, const char* help, prometheus::MetricType type, double value,
                std::vector<prometheus::ClientMetric::Label> labels) {
    add(name, help, type, value, std::move(labels));
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  void add(const char* name, const char* help, prometheus::MetricType type, double value,
           std::vector<prometheus::ClientMetric::Label> labels) {
    if (families_.empty() || families_.back().name != name)
      families_.push_back({name, help, type, {}});
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    if (type == prometheus::MetricType::Counter)
      metric.counter.value = value;
    else
      metric.gauge.value = value;
    families_.back().metric.push_back(std::move(metric));
  }
  std::vector<prometheus::MetricFamily> families_;
};

void add_runs(Families& families, const jobs::LedgerStats& stats) {
  families.counter("muster_runs_total", "Runs created.", stats.runs);
  families.gauge("muster_runs_open", "Runs that are not finished.", stats.open_runs);
  families.gauge("muster_targets_open", "Targets that are not final.", stats.open_targets);
  families.counter("muster_targets_dispatched_total", "Orders passed on, repeats included.",
                   stats.dispatched);
  families.counter("muster_targets_dispatched_again_total",
                   "Orders passed on again, proven not to have arrived.", stats.dispatched_again);
  families.counter("muster_targets_restarted_total",
                   "Orders of idempotent runs sent anew to an agent that was restarted.",
                   stats.restarted);
  families.counter("muster_results_total", "Results that decided a final state.", stats.results);
  families.counter("muster_results_late_total", "Results for targets that were final already.",
                   stats.results_late);
  families.counter("muster_results_refused_total", "Results refused while too many waited.",
                   stats.results_refused);
  families.gauge("muster_results_pending_bytes", "Bytes of results that wait for the disk.",
                 stats.pending_bytes);
  families.counter("muster_ledger_write_failures_total", "Batches that could not be written.",
                   stats.write_failures);
}

void add_chains(Families& families, const ChainStats& stats) {
  families.counter("muster_chain_runs_total", "Runs that methods have started.", stats.started);
  families.counter("muster_chain_refused_total", "Starts that methods were refused.",
                   stats.refused);
  families.counter("muster_chain_cancelled_total",
                   "Runs cancelled because the method that started them had ended.",
                   stats.cancelled);
}

void add_intake(Families& families, const IntakeStats& stats) {
  families.counter("muster_events_total", "Events that methods have raised.", stats.events);
  families.counter("muster_inventory_tables_total", "Tables that methods have reported.",
                   stats.tables);
  families.counter("muster_intake_repeated_total", "Events and tables that had come before.",
                   stats.repeated);
  families.counter("muster_intake_dropped_total",
                   "Events and tables of no known run, malformed, or beyond a limit.",
                   stats.dropped);
}

void add_schedules(Families& families, const ScheduleStats& stats) {
  families.gauge("muster_schedules_enabled", "Schedules that can fire.", stats.enabled);
  families.counter("muster_schedule_firings_total", "Firings that made a run.", stats.ordered);
  families.counter("muster_schedule_firings_failed_total", "Firings that made none.", stats.failed);
  families.counter("muster_schedule_logins_dropped_total",
                   "Logins that no schedule could look at: too many waited.", stats.logins_dropped);
}

void add_content(Families& families, const content::RepeaterStats& stats) {
  families.counter("muster_content_requests_total", "Ranges of content that gateways asked for.",
                   stats.requests);
  families.counter("muster_content_sent_bytes_total", "Content sent to gateways.", stats.bytes);
}

void add_database(Families& families, const store::Stats& stats) {
  families.counter("muster_database_writes_total", "Pieces of work written.", stats.writes);
  families.counter("muster_database_failures_total", "Pieces of work that failed.", stats.failures);
  families.counter("muster_database_commits_total", "Transactions committed.", stats.commits);
  families.counter("muster_database_refused_total", "Work refused because the queue was full.",
                   stats.refused);
  families.gauge("muster_database_queued", "Pieces of work that wait.", stats.queued);
  families.counter("muster_database_outages_total", "Losses of the connection to the database.",
                   stats.outages);
  families.gauge("muster_database_lost", "1 while the connection to the database is lost.",
                 stats.lost ? 1 : 0);
}

void add_http(Families& families, const net::HttpServerStats& stats) {
  families.gauge("muster_http_connections", "HTTP connections, handshakes included.",
                 stats.connections);
  families.counter("muster_http_connections_refused_total", "Connections beyond a limit.",
                   stats.connections_refused);
  families.gauge("muster_tls_handshakes", "TLS handshakes under way.", stats.handshakes);
  families.counter("muster_tls_handshakes_failed_total", "TLS handshakes that failed.",
                   stats.handshakes_failed);
  families.counter("muster_tls_handshakes_cut_total", "Slow TLS handshakes cut to make room.",
                   stats.handshakes_cut);
  families.counter("muster_tls_handshakes_crowded_total",
                   "Connections that waited for the end of another's handshake.",
                   stats.handshakes_crowded);
  families.counter("muster_http_slow_headers_total", "Requests whose headers took too long.",
                   stats.slow_headers_cut);
  families.counter("muster_http_slow_requests_total", "Requests whose bodies came too slowly.",
                   stats.slow_requests_cut);
  families.counter("muster_http_slow_responses_total", "Answers that were taken too slowly.",
                   stats.slow_responses_cut);
}

void add_servers(Families& families, const store::ServersView& servers) {
  families.gauge("muster_leader", "1 while this server leads the region.", servers.counts ? 1 : 0);
  families.gauge("muster_term", "The term of the server that leads, as seen last.",
                 static_cast<std::uint64_t>(servers.last_term));
  families.counter("muster_takeovers_total", "How often this server has taken the lead.",
                   servers.takeovers);
  families.gauge(
      "muster_servers", "Servers of the region that are alive.",
      static_cast<std::uint64_t>(std::ranges::count_if(servers.servers, &store::ServerRow::alive)));
}

void add_regions(Families& families, const std::vector<Neighbours::Link>& links) {
  using prometheus::MetricType;
  const auto add = [&](const char* name, const char* help, MetricType type, auto value) {
    for (const auto& link : links)
      families.labelled(name, help, type, static_cast<double>(value(*link)),
                        {{"region", link->neighbour().name}});
  };
  add("muster_region_up", "1 where the other region answers, and grants something.",
      MetricType::Gauge,
      [](const NeighbourLink& link) { return link.state() == "up" || link.state() == "slow"; });
  add("muster_region_answer_seconds", "How long its last answer took.", MetricType::Gauge,
      [](const NeighbourLink& link) {
        return std::chrono::duration<double>(link.health().answered_within()).count();
      });
  add("muster_region_downs_total", "How often the other region went down.", MetricType::Counter,
      [](const NeighbourLink& link) { return link.health().downs(); });
}

void add_discovery(Families& families, const discovery::ResponderStats& stats) {
  families.counter("muster_discovery_answered_total", "Questions of discovery answered.",
                   stats.answered);
  families.counter("muster_discovery_paced_total", "Questions beyond a limit, not answered.",
                   stats.paced);
  families.counter("muster_discovery_strange_total",
                   "Datagrams that are no question, or another region's.", stats.strange);
}

}  // namespace

std::string metrics_text(Region& region) {
  Families families;
  families.gauge("muster_endpoints", "Endpoints enrolled.", region.registry().size());
  families.gauge("muster_endpoints_online", "Endpoints online.", region.registry().online());
  for (const auto& [name, links] : region.registry().gateways())
    families.labelled("muster_gateway_links", "Links by gateway.", prometheus::MetricType::Gauge,
                      static_cast<double>(links), {{"gateway", name}});
  add_runs(families, region.runs().ledger().stats());
  add_intake(families, region.intake().stats());
  add_chains(families, region.chains().stats());
  add_schedules(families, region.schedules().stats());
  families.gauge("muster_stopped", "1 while everything is stopped.",
                 region.stop_switch().stopped() ? 1 : 0);
  add_content(families, region.content().stats());
  add_database(families, region.database().stats());
  if (region.servers()) add_servers(families, region.servers()->view());
  for (const auto& [status, count] : region.http_stats().by_status)
    families.labelled("muster_http_responses_total", "Answers of the API by status.",
                      prometheus::MetricType::Counter, static_cast<double>(count),
                      {{"status", std::to_string(status)}});
  families.counter("muster_http_sent_bytes_total", "Bytes of answers sent.",
                   region.http_stats().bytes_sent);
  add_http(families, region.http_server_stats());
  add_discovery(families, region.discovery_stats());
  add_regions(families, region.neighbours().all());
  families.gauge("muster_live_watchers", "Open live views.", region.live().watchers());
  families.labelled("muster_start_time_seconds", "When this server started.",
                    prometheus::MetricType::Gauge,
                    static_cast<double>(core::unix_ms(region.started_at())) / 1000, {});
  return families.text();
}

std::string standing_metrics_text(const store::ServersView& servers, const ForwardStats& forwarded,
                                  std::size_t relayed_links, const net::HttpServerStats& http) {
  Families families;
  add_servers(families, servers);
  families.gauge("muster_database_lost", "1 while the database cannot be reached.",
                 servers.reachable ? 0 : 1);
  families.counter("muster_forwarded_total", "Requests that the leader has answered.",
                   forwarded.forwarded);
  families.counter("muster_forwarded_without_total", "Requests refused because nobody led.",
                   forwarded.without);
  families.counter("muster_forwarded_broken_total", "Requests during which the leader was lost.",
                   forwarded.broken);
  families.gauge("muster_relayed_gateways", "Gateways whose links are passed on.", relayed_links);
  add_http(families, http);
  return families.text();
}

}  // namespace muster::server
