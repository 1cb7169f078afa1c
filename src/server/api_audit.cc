// SPDX-License-Identifier: Apache-2.0
//
// The audit log, and whether it is whole.
#include <charconv>

#include "access/audit.h"
#include "core/bytes.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

json::object to_json(const access::AuditEntry& entry) {
  boost::system::error_code failed;
  json::value detail = json::parse(entry.detail, failed);
  if (failed || !detail.is_object()) detail = json::object{{"text", entry.detail}};
  return {{"seq", entry.seq},
          {"at", time_text(entry.at)},
          {"actor", entry.actor},
          {"action", entry.action},
          {"object", entry.object},
          {"detail", std::move(detail)},
          {"hash", core::to_hex(entry.hash)}};
}

Answer list_audit(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const std::size_t limit, limit_of(request));
  std::optional<std::int64_t> before;
  if (const auto text = request.query_value("before")) {
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (failed != std::errc{} || end != text->data() + text->size() || number < 1)
      co_return fail(Code::kInvalid, "before must be the number of an entry");
    before = number;
  }
  MUSTER_CO_ASSIGN(auto page, co_await region.audit().page(limit, before));
  json::array entries;
  for (const auto& entry : page.entries) entries.push_back(to_json(entry));
  co_return json_response(
      json::object{{"entries", std::move(entries)},
                   {"next", page.next ? json::value(*page.next) : json::value(nullptr)}});
}

Answer verify_audit(Region& region, Request&) {
  MUSTER_CO_ASSIGN(auto check, co_await region.audit().verify());
  json::object answer{{"ok", check.ok},
                      {"entries", check.entries},
                      {"head", check.entries == 0 ? "" : core::to_hex(check.head)}};
  if (check.broken_at) answer["broken_at"] = *check.broken_at;
  co_return json_response(answer);
}

}  // namespace

void add_audit_routes(net::Router& router, Region& region) {
  add_route(router, "GET", "/v1/audit", "view_audit",
            [&region](Request& request) { return list_audit(region, request); });
  add_route(router, "GET", "/v1/audit/verify", "view_audit",
            [&region](Request& request) { return verify_audit(region, request); });
}

}  // namespace muster::server
