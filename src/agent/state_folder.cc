// SPDX-License-Identifier: Apache-2.0
#include "agent/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
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

core::Result<identity::Certificate> load_certificate(const std::filesystem::path& path) {
  MUSTER_ASSIGN(const std::string pem, runtime::read_file(path, kFileBytesMax));
  auto certificate = identity::Certificate::from_pem(pem);
  if (!certificate) return core::fail(std::move(certificate.error()).while_doing(path.string()));
  return certificate;
}

}  // namespace

std::filesystem::path StateFolder::default_root() {
  if (const char* state = std::getenv("MUSTER_STATE"); state && *state) return state;
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home && *home ? home : "/root") / ".local/share/muster";
}

core::Status StateFolder::lock() {
  MUSTER_TRY(runtime::make_private_folder(path_));
  const std::string file = (path_ / "agent.lock").string();
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return core::fail_errno(errno, "opening " + file);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return core::fail(core::Code::kConflict, "another agent (process " + std::to_string(holder()) +
                                                 ") uses " + path_.string());
  }
  // Stays open, and locked, until this process ends.
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd, 0) != 0 || write(fd, pid.data(), pid.size()) < 0)
    return core::fail_errno(errno, "writing " + file);
  return {};
}

int StateFolder::holder() const {
  const int fd = open((path_ / "agent.lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const bool held = flock(fd, LOCK_SH | LOCK_NB) != 0;
  close(fd);
  if (!held) return 0;
  const auto text = runtime::read_file(path_ / "agent.lock", 64);
  return text ? std::atoi(text->c_str()) : 0;
}

bool StateFolder::enrolled() const {
  std::error_code ignored;
  return std::filesystem::exists(path_ / "agent.pem", ignored);
}

core::Result<Enrolment> StateFolder::load() const {
  if (!enrolled())
    return core::fail(
        core::Code::kNotFound,
        "this machine is not enrolled: run `muster-agent enrol --server HOST:7443 "
        "--token mjt1...` (an administrator makes the token by `muster token create`)");
  MUSTER_ASSIGN(identity::PrivateKey key, identity::PrivateKey::load(path_ / "agent.key"));
  MUSTER_ASSIGN(identity::Certificate certificate, load_certificate(path_ / "agent.pem"));
  MUSTER_ASSIGN(identity::Certificate authority, load_certificate(path_ / "ca.pem"));
  MUSTER_ASSIGN(const json::object config, read_json(path_ / "agent.json"));
  Enrolment enrolment{std::move(key),
                      std::move(certificate),
                      std::move(authority),
                      {},
                      text_of(config, "last_good"),
                      text_of(config, "region")};
  if (const json::value* servers = config.if_contains("servers"); servers && servers->is_array())
    for (const json::value& server : servers->as_array())
      if (server.is_string()) enrolment.servers.emplace_back(server.as_string());
  if (enrolment.servers.empty())
    return core::fail(
        core::Code::kCorrupt,
        (path_ / "agent.json").string() + " names no server: add \"servers\": [\"host:7443\"]");
  if (!identity::holds_key(enrolment.certificate, enrolment.key.public_key_der()))
    return core::fail(core::Code::kCorrupt, "agent.pem is not the certificate of agent.key in " +
                                                path_.string() +
                                                ": remove the folder and enrol again");
  return enrolment;
}

core::Status StateFolder::save(const Enrolment& enrolment) const {
  MUSTER_TRY(runtime::make_private_folder(path_));
  MUSTER_TRY(enrolment.key.save(path_ / "agent.key"));
  MUSTER_TRY(runtime::write_file(path_ / "ca.pem", enrolment.authority.pem()));
  MUSTER_TRY(save_servers(enrolment));
  return save_certificate(enrolment.certificate);  // last: its presence means enrolled
}

core::Status StateFolder::save_certificate(const identity::Certificate& certificate) const {
  return runtime::write_file(path_ / "agent.pem", certificate.pem());
}

core::Status StateFolder::save_servers(const Enrolment& enrolment) const {
  json::object config;
  json::array servers;
  for (const std::string& server : enrolment.servers) servers.emplace_back(server);
  config["servers"] = std::move(servers);
  config["last_good"] = enrolment.last_good;
  config["region"] = enrolment.region;
  return runtime::write_file(path_ / "agent.json", json::serialize(config) + "\n");
}

core::Status StateFolder::save_status(const LinkStatus& status) const {
  json::object object;
  object["open"] = status.open;
  object["server"] = status.server;
  object["gateway"] = status.gateway;
  object["explanation"] = status.explanation;
  object["since"] = status.since;
  return runtime::write_file(path_ / "status.json", json::serialize(object) + "\n");
}

core::Result<LinkStatus> StateFolder::load_status() const {
  MUSTER_ASSIGN(const json::object object, read_json(path_ / "status.json"));
  const json::value* open = object.if_contains("open");
  return LinkStatus{.open = open && open->is_bool() && open->as_bool(),
                    .server = text_of(object, "server"),
                    .gateway = text_of(object, "gateway"),
                    .explanation = text_of(object, "explanation"),
                    .since = text_of(object, "since")};
}

}  // namespace muster::agent
