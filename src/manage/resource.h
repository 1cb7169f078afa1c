// SPDX-License-Identifier: Apache-2.0
//
// Resource answers the calls of the management interface: who asks, may they, what do they get,
// and what is noted about it. Hosts and servers give it their own handlers.
//
// Nothing of a call but its headers is looked at before its caller is known.
//
// Lives on one loop; must outlive the HTTP server that asks it.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "manage/access.h"
#include "manage/call.h"
#include "manage/failures.h"
#include "manage/operation.h"
#include "net/http_message.h"

namespace muster::manage {

/// One call under way. What it refers to lives until it is answered, not until a body is through.
struct Asked {
  const Caller& caller;
  const Call& call;
  net::Request& request;
  core::MonoTime deadline;
};

using Answer = runtime::Task<core::Result<net::Response>>;
using Handler = std::function<Answer(Asked)>;

/// Calls on further hosts for their part; the answers, in the order of the ways.
class FurtherHosts {
 public:
  virtual ~FurtherHosts() = default;
  virtual runtime::Task<boost::json::array> ask(Asked asked, std::string own_id) = 0;
};

struct ResourceStats {
  std::uint64_t answered = 0;     ///< calls that were let in
  std::uint64_t unknown = 0;      ///< callers that were not known
  std::uint64_t not_allowed = 0;  ///< known callers that may not
};

class Resource {
 public:
  /// Calls under way; further ones are refused.
  static constexpr std::size_t kUnderWayMax = 64;

  struct Ports {
    std::string host;  ///< the name under which it answers
    std::string id;    ///< by which it knows a call that comes back to it
    std::function<runtime::Task<core::Result<Caller>>(net::Request&)> authenticate;
    /// Notes a line; where it fails nothing is done. May be empty: somebody else notes.
    std::function<core::Status(const boost::json::object&)> note;
  };

  explicit Resource(Ports ports);

  /// REQUIRES: the operation is in the table.
  void offer(std::string_view operation, Handler handler);
  void call_further(std::unique_ptr<FurtherHosts> further) { further_ = std::move(further); }

  /// REQUIRES: has_sign(request.headers).
  runtime::Task<net::Response> answer(net::Request& request);

  const ResourceStats& stats() const { return stats_; }

 private:
  runtime::Task<core::Result<net::Response>> answer_known(Caller caller, net::Request& request);
  runtime::Task<core::Result<net::Response>> carry_out(const Operation* operation, Asked asked);
  core::Status check(const Operation& operation, const Asked& asked) const;
  core::Status note(const Asked& asked, const char* what, int status) const;
  net::Response refuse_unknown(const net::Request& request, const core::Error& why);
  core::Result<net::Response> list_operations() const;

  Ports ports_;
  std::map<std::string, Handler, std::less<>> handlers_;
  std::unique_ptr<FurtherHosts> further_;
  FailureLimit failures_;
  ResourceStats stats_;
  std::size_t under_way_ = 0;
};

/// A JSON answer of a handler.
net::Response json_answer(const boost::json::value& value, int status = 200);

}  // namespace muster::manage
