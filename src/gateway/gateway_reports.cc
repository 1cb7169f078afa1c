// SPDX-License-Identifier: Apache-2.0
//
// What endpoints tell the server: gathered for a turn of the loop; pieces of large results
// wait until the server has taken those before them.
#include "gateway/gateway.h"

namespace muster::gateway {

wire::Report& Gateway::add_report(const LinkConnection& connection) {
  return add_report(connection.endpoint().bytes());
}

wire::Report& Gateway::add_report(std::string_view endpoint_bytes) {
  if (reports_.reports_size() >= static_cast<int>(wire::kReportsPerMessageMax)) flush_reports();
  if (!flush_posted_) {
    // At the end of this turn of the loop: what arrived together travels together.
    flush_posted_ = true;
    loop_.post([self = self_] {
      if (*self) (*self)->flush_reports();
    });
  }
  ++stats_.reports;
  wire::Report& report = *reports_.add_reports();
  report.set_endpoint(endpoint_bytes.data(), endpoint_bytes.size());
  return report;
}

void Gateway::flush_reports() {
  flush_posted_ = false;
  if (reports_.reports_size() == 0) return;
  wire::Reports batch;
  batch.Swap(&reports_);
  server_->reports(std::move(batch));
}

void Gateway::announced(LinkConnection& connection, wire::Announce&& announce) {
  connection.ended(announce.run());
  // Pieces of an earlier announcement of the same result would be out of place behind it.
  shared_.credit.returned(chunks_.drop(connection.number(), announce.run()));
  *add_report(connection).mutable_announce() = std::move(announce);
}

void Gateway::chunk(const LinkConnection& connection, wire::Chunk&& chunk) {
  shared_.credit.hold(chunk.data().size());
  chunks_.push(connection.number(), connection.endpoint(), std::move(chunk));
  report_chunks();
}

void Gateway::report_chunks() {
  while (auto next = server_reachable_ ? chunks_.next() : std::nullopt)
    *add_report(next->endpoint.bytes()).mutable_chunk() = std::move(next->chunk);
}

void Gateway::chunks_taken(wire::ChunksTaken message) {
  shared_.credit.returned(chunks_.taken(message.bytes()));
  report_chunks();
}

}  // namespace muster::gateway
