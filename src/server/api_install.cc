// SPDX-License-Identifier: Apache-2.0
//
// What a machine needs that has no agent yet. All of it is public: the region's certificate, the
// script, and the programs that the script fetches and verifies. A machine is let in by its token
// alone. The same programs are what agents are updated to (docs/updates.md).
#include "server/agent_programs.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"

namespace muster::server {
namespace {

using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

constexpr std::size_t kChunkBytes = 64 * 1024;

/// One of kDownloadsMax places, given back at its end.
using Place = std::shared_ptr<int>;

Response send(const AgentProgram& program, Place place) {
  auto response =
      Response::stream("application/octet-stream",
                       [bytes = program.bytes, place = std::move(place)](
                           net::BodyWriter& writer) -> runtime::Task<core::Status> {
                         for (std::size_t at = 0; at < bytes->size(); at += kChunkBytes)
                           MUSTER_CO_TRY(co_await writer.write(bytes->substr(at, kChunkBytes)));
                         co_return core::Status{};
                       });
  response.content_length = program.bytes->size();
  return response;
}

Response script(Region& region, const AgentPrograms& programs, std::string_view host) {
  const auto address = address_of_host(host);
  if (!address)
    return Response::error({core::Code::kInvalid, "the Host header is no address of a server"});
  return Response::bytes(install_script(programs, *address, region.ca_pem()),
                         "text/x-shellscript; charset=utf-8");
}

}  // namespace

void add_install_routes(net::Router& router, Region& region) {
  const auto programs = std::make_shared<const AgentPrograms>(
      AgentPrograms::load(region.config().agents, region.config().own_agent));
  add_route(router, "GET", "/ca.pem", "public", [&region](Request&) -> Answer {
    co_return Response::bytes(region.ca_pem(), "application/x-pem-file");
  });
  add_route(router, "GET", "/install.sh", "public",
            [&region, programs](Request& request) -> Answer {
              co_return script(region, *programs, request.header("host").value_or(""));
            });
  add_route(router, "GET", "/v1/agents", "view", [programs](Request&) -> Answer {
    json::array agents;
    for (const AgentProgram& program : programs->all()) {
      json::object agent{{"type", program.type},
                         {"digest", program.digest},
                         {"size_bytes", program.bytes->size()}};
      set(agent, "version", program.version);
      agents.push_back(std::move(agent));
    }
    co_return json_response(json::object{{"agents", std::move(agents)}});
  });
  auto taken = std::make_shared<int>(0);
  add_route(router, "GET", "/download/{file}", "public",
            [programs, taken](Request& request) -> Answer {
              constexpr std::string_view kBegin = "muster-agent-";
              const std::string_view file = request.param("file");
              const AgentProgram* program =
                  file.starts_with(kBegin) ? programs->find(file.substr(kBegin.size())) : nullptr;
              if (!program)
                co_return core::fail(core::Code::kNotFound,
                                     "there is no such agent here; /install.sh names them");
              if (*taken == kDownloadsMax)
                co_return core::fail(core::Code::kUnavailable,
                                     "the server sends as many agents as it does at a time; try "
                                     "again in a minute");
              ++*taken;
              co_return send(*program, Place(taken.get(), [taken](int* count) { --*count; }));
            });
}

}  // namespace muster::server
