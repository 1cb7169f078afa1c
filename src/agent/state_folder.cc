// SPDX-License-Identifier: Apache-2.0
#include "agent/state_folder.h"

#include <boost/json.hpp>
#include <cstdlib>

#include "runtime/file.h"

namespace muster::agent {
namespace {

namespace json = boost::json;

constexpr std::size_t kFileBytesMax = 64 * 1024;

core::Result<json::object> read_json(const std::filesystem::path& path) {
  MUSTER_ASSIGN(const std::string text, runtime::read_file(path, kFileBytesMax));
  boost::system::error_code failed;
  json::value value = json::parse(text, failed);
  if (failed || !value.is_object())
    return core::fail(core::Code::kCorrupt,
                      path.string() + " is damaged: remove the folder and enrol again");
  return std::move(value.as_object());
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

}  // namespace

void Enrolment::move_server(const std::string& address) {
  if (last_good == servers.back()) last_good.clear();
  servers.back() = address;
}

std::filesystem::path StateFolder::default_root() {
  if (const char* state = std::getenv("MUSTER_STATE"); state && *state) return state;
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home && *home ? home : "/root") / ".local/share/muster";
}

core::Result<Enrolment> StateFolder::load() const {
  if (!enrolled())
    return core::fail(
        core::Code::kNotFound,
        "this machine is not enrolled: run `muster-agent enrol --server HOST:7443 "
        "--token mjt1...` (an administrator makes the token by `muster token create`)");
  MUSTER_ASSIGN(auto credential, files_.load());
  MUSTER_ASSIGN(const json::object config, read_json(path() / "agent.json"));
  Enrolment enrolment{
      std::move(credential), {}, text_of(config, "last_good"), text_of(config, "region")};
  if (const json::value* servers = config.if_contains("servers"); servers && servers->is_array())
    for (const json::value& server : servers->as_array())
      if (server.is_string()) enrolment.servers.emplace_back(server.as_string());
  if (enrolment.servers.empty())
    return core::fail(
        core::Code::kCorrupt,
        (path() / "agent.json").string() + " names no server: add \"servers\": [\"host:7443\"]");
  return enrolment;
}

core::Status StateFolder::save(const Enrolment& enrolment) const {
  MUSTER_TRY(runtime::make_private_folder(path()));
  MUSTER_TRY(save_servers(enrolment));
  return files_.save(enrolment);  // last: the certificate's presence means enrolled
}

core::Status StateFolder::save_servers(const Enrolment& enrolment) const {
  json::object config;
  json::array servers;
  for (const std::string& server : enrolment.servers) servers.emplace_back(server);
  config["servers"] = std::move(servers);
  config["last_good"] = enrolment.last_good;
  config["region"] = enrolment.region;
  return runtime::write_file(path() / "agent.json", json::serialize(config) + "\n");
}

core::Status StateFolder::save_status(const LinkStatus& status) const {
  json::object object;
  object["open"] = status.open;
  object["server"] = status.server;
  object["gateway"] = status.gateway;
  object["explanation"] = status.explanation;
  object["since"] = status.since;
  return runtime::write_file(path() / "status.json", json::serialize(object) + "\n");
}

core::Result<LinkStatus> StateFolder::load_status() const {
  MUSTER_ASSIGN(const json::object object, read_json(path() / "status.json"));
  const json::value* open = object.if_contains("open");
  return LinkStatus{.open = open && open->is_bool() && open->as_bool(),
                    .server = text_of(object, "server"),
                    .gateway = text_of(object, "gateway"),
                    .explanation = text_of(object, "explanation"),
                    .since = text_of(object, "since")};
}

}  // namespace muster::agent
