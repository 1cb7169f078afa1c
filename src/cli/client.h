// SPDX-License-Identifier: Apache-2.0
//
// Client is the REST API as functions: one call, one request (lists: as many as
// there are pages). Values are the API's JSON, because `--json` prints what the
// server said, also what this version does not know.
//
// Every failure is a core::Error whose message a person can act on; its code is
// the server's.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/transport.h"
#include "core/result.h"

namespace muster::cli {

using Json = boost::json::value;

/// Sees one element of a list; returns whether to go on.
using Visitor = std::function<bool(const Json& element)>;

class Client {
 public:
  Client(std::unique_ptr<Transport> transport, std::string server)
      : transport_(std::move(transport)), server_(std::move(server)) {}

  const std::string& server() const { return server_; }
  Transport& transport() { return *transport_; }

  core::Result<Json> me();
  core::Result<Json> region();

  /// Up to `limit` hosts (0: all) of the selector; the answer is {hosts, total, online}.
  core::Result<Json> hosts(std::string_view selector, std::size_t limit);
  core::Result<Json> host(std::string_view id);
  /// The one host of this id or exact name. kInvalid lists the candidates of an
  /// ambiguous name, kNotFound says how to look for it.
  core::Result<Json> find_host(std::string_view id_or_name);
  /// All hosts of the selector in one request; {matched, changed}.
  core::Result<Json> label_hosts(std::string_view selector,
                                 const std::map<std::string, std::string>& set,
                                 const std::vector<std::string>& remove);
  core::Status remove_host(std::string_view id);
  core::Status revoke_host(std::string_view id);
  core::Status revoke_gateway(std::string_view name);
  /// {version, text, …}; nothing: the one in force.
  core::Result<Json> policy(std::optional<std::uint64_t> version);
  core::Result<Json> set_policy(const Json& what);
  /// {matched, online, unreachable_names}.
  core::Result<Json> check_selector(std::string_view selector);

  core::Result<Json> create_run(const Json& order);
  core::Result<Json> run(std::string_view id);
  core::Result<Json> runs(std::size_t limit);
  core::Result<Json> cancel_run(std::string_view id);
  core::Result<Json> pause_run(std::string_view id, std::string_view reason);
  core::Result<Json> resume_run(std::string_view id);
  /// {waves}
  core::Result<Json> waves(std::string_view run);
  /// {stopped, by, reason, at, …}
  core::Result<Json> stop_everything(std::string_view reason);
  core::Result<Json> lift_stop();
  core::Result<Json> stop_state();
  core::Result<Json> folds(std::string_view run);
  core::Status targets(std::string_view run, std::string_view state, const Visitor& visit);
  /// All bytes that one host wrote; `stream` is "stdout" or "stderr".
  core::Result<std::string> output(std::string_view run, std::string_view endpoint,
                                   std::string_view stream);
  core::Status run_events(std::string_view run, EventReader& reader);
  /// What makes a machine a host, for `sh`.
  core::Result<std::string> install_script();

  /// `collection` is one of join-tokens, api-tokens, users, publishing-keys, schedules;
  /// methods for create().
  core::Result<Json> list(std::string_view collection);
  /// What stands at /v1/ and these parts.
  core::Result<Json> get(std::initializer_list<std::string_view> parts);
  core::Result<Json> create(std::string_view collection, const Json& what);
  /// POST to /v1/collection/name/verb, without a body.
  core::Status act(std::string_view collection, std::string_view name, std::string_view verb);
  core::Status change(std::string_view collection, std::string_view name, const Json& what);
  core::Status remove(std::string_view collection, std::string_view name);
  core::Status change_password(std::string_view old_one, std::string_view new_one);

  /// {methods}: the current version of each; private ones only where asked for.
  core::Result<Json> methods(bool with_private);
  /// One version with all about it; an empty version is the current one.
  core::Result<Json> method(std::string_view name, std::string_view version);
  core::Status use_method(std::string_view name, std::string_view version);
  /// An empty version: all of them.
  core::Status remove_method(std::string_view name, std::string_view version);
  /// Those of these objects (64 hexadecimal characters each) that the server has not.
  core::Result<std::vector<std::string>> missing_objects(const std::vector<std::string>& digests);
  core::Status send_object(std::string_view digest, std::string bytes);

  /// What another region needs to know of this one; `name`: what it shall be called there.
  core::Result<Json> region_card(std::string_view name);
  /// {regions: [{name, state, hosts, …}]}; `regions` is "a,b" or "all".
  core::Result<Json> hosts_of_regions(std::string_view regions, std::string_view selector,
                                      std::uint64_t limit);
  core::Result<Json> run_in_regions(const std::vector<std::string>& names,
                                    boost::json::object order);
  core::Result<Json> remote_runs(std::size_t limit);

  core::Result<Json> add_to_recording(std::string_view name, const boost::json::array& runs);
  core::Status change_retention(const boost::json::object& change);
  core::Result<Json> schedule(std::string_view name);
  core::Result<Json> replace_schedule(std::string_view name, const Json& what);
  /// The firing as it ended.
  core::Result<Json> fire_schedule(std::string_view name);
  /// {firings}, newest first, up to `limit` (0: all).
  core::Result<Json> firings(std::string_view schedule, std::size_t limit);
  /// {next, local}: when this would fire.
  core::Result<Json> preview_schedule(std::string_view cron, std::string_view zone,
                                      std::size_t count);

  /// Newest first, up to `limit` (0: all). `query`: members of GET /v1/host-events.
  core::Status events(const std::map<std::string, std::string>& query, std::size_t limit,
                      const Visitor& visit);

  /// Newest first; ends after `limit` entries (0: all).
  core::Status audit(std::size_t limit, const Visitor& visit);
  core::Result<Json> verify_audit();

 private:
  core::Result<Json> call(std::string method, std::string target, const Json* body = nullptr,
                          std::string idempotency_key = {});
  core::Status pages(const std::string& target, std::string_view list, std::string_view cursor,
                     std::size_t limit, const Visitor& visit, Json* last = nullptr);

  std::unique_ptr<Transport> transport_;
  std::string server_;
};

/// The error of an answer with a status of 400 and more, for messages to people.
core::Error error_of(const Answer& answer);

/// `text` with everything but unreserved characters percent-encoded.
std::string url_escape(std::string_view text);

}  // namespace muster::cli
