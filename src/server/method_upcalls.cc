// SPDX-License-Identifier: Apache-2.0
#include "server/method_upcalls.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "core/bytes.h"

namespace muster::server {
namespace {

namespace json = boost::json;

std::string describe(const jobs::Run& run) {
  json::object object{{"run", run.id.str()},          {"kind", jobs::name(run.kind)},
                      {"method", run.method.name},    {"version", run.method.version},
                      {"created_by", run.created_by}, {"description", run.description},
                      {"selector", run.selector},     {"targets", run.counts.total()}};
  return json::serialize(object);
}

}  // namespace

runtime::Task<core::Result<std::string>> answer_method(RunService& runs, ChainService* chains,
                                                       core::EndpointId endpoint, core::RunId run,
                                                       std::string name, std::string body) {
  if (!runs.ledger().is_running(run, endpoint))
    co_return core::fail(core::Code::kDenied, "this run does not go on on this machine");
  if (name == "run.describe") {
    MUSTER_CO_ASSIGN(const jobs::Run found, co_await runs.get(run));
    co_return describe(found);
  }
  if (chains && ChainService::knows(name))
    co_return co_await chains->answer(endpoint, run, std::move(name), std::move(body));
  co_return core::fail(core::Code::kNotFound,
                       "the server answers methods no call '" + core::printable(name, 64) + "'");
}

}  // namespace muster::server
