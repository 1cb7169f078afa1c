// SPDX-License-Identifier: Apache-2.0
#include "cli/config.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstdlib>

#include "cli/json_access.h"
#include "core/bytes.h"
#include "runtime/file.h"

namespace muster::cli {
namespace {

constexpr std::size_t kFileBytesMax = 1024 * 1024;

std::filesystem::path home(const Environment& environment) {
  return environment("HOME").value_or("/");
}

core::Result<Region> region_of_environment(const Environment& environment, std::string server) {
  Region region;
  region.source = "MUSTER_SERVER";
  MUSTER_TRY(set_servers(region, server));
  const auto token = environment("MUSTER_TOKEN");
  if (!token) {
    return core::fail(core::Code::kUnauthorized,
                      "MUSTER_SERVER is set, so MUSTER_TOKEN must hold an API token (make one with "
                      "muster api-token create)");
  }
  region.token = *token;
  if (const auto ca = environment("MUSTER_CA")) {
    MUSTER_ASSIGN(region.ca_pem, read_given_file(*ca, kFileBytesMax, "MUSTER_CA"));
    return region;
  }
  const auto fingerprint = environment("MUSTER_CA_FINGERPRINT");
  if (!fingerprint) {
    return core::fail(core::Code::kUnauthorized,
                      "MUSTER_SERVER is set, so MUSTER_CA must name the file of the region's CA "
                      "certificate (ca.pem in the server's state folder), or MUSTER_CA_FINGERPRINT "
                      "must hold its fingerprint");
  }
  MUSTER_ASSIGN(region.ca_fingerprint, read_fingerprint(*fingerprint, "MUSTER_CA_FINGERPRINT"));
  return region;
}

}  // namespace

core::Result<std::string> read_fingerprint(std::string text, std::string_view what) {
  std::erase(text, '-');
  std::erase(text, ' ');
  const auto bytes = core::from_base32(text);
  if (!bytes || bytes->size() != 32) {
    return core::fail(core::Code::kInvalid,
                      std::string(what) +
                          ": not the SHA-256 of a certificate in base 32 (muster up and muster "
                          "login show it)");
  }
  return core::to_base32(*bytes);
}

core::Result<std::string> read_given_file(const std::string& path, std::size_t bytes_max,
                                          std::string_view what) {
  auto bytes = runtime::read_file(path, bytes_max);
  if (bytes) return bytes;
  core::Error error = std::move(bytes.error()).while_doing(std::string(what));
  if (error.code == core::Code::kNotFound) error.code = core::Code::kInvalid;
  return core::fail(std::move(error));
}

std::optional<std::string> process_environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

std::filesystem::path login_file(const Environment& environment) {
  const auto base = environment("XDG_CONFIG_HOME");
  return (base ? std::filesystem::path(*base) : home(environment) / ".config") / "muster" /
         "client.json";
}

std::filesystem::path state_file(const Environment& environment) {
  const auto state = environment("MUSTER_STATE");
  return (state ? std::filesystem::path(*state) : home(environment) / ".local/share/muster") /
         "client.json";
}

core::Result<Region> load_region(const std::filesystem::path& file) {
  MUSTER_ASSIGN(const std::string content, runtime::read_file(file, kFileBytesMax));
  boost::system::error_code failed;
  const Json json = boost::json::parse(content, failed);
  Region region;
  region.server = text(json, "server");
  for (const Json& other : elements(json, "others"))
    if (const auto* address = other.if_string()) region.others.emplace_back(*address);
  region.ca_pem = text(json, "ca");
  region.ca_fingerprint = text(json, "ca_fingerprint");
  region.token = text(json, "token");
  region.token_id = text(json, "token_id");
  region.source = file.string();
  const bool whole = !region.server.empty() && !region.token.empty() &&
                     (!region.ca_pem.empty() || !region.ca_fingerprint.empty());
  if (failed || !whole) {
    return core::fail(core::Code::kCorrupt,
                      file.string() +
                          " cannot be used: it must be JSON with server, ca and token "
                          "(remove it and run muster login)");
  }
  return region;
}

core::Status save_region(const std::filesystem::path& file, const Region& region) {
  MUSTER_TRY(runtime::make_private_folder(file.parent_path()));
  boost::json::object json;
  json["server"] = region.server;
  if (!region.others.empty()) {
    boost::json::array others;
    for (const auto& other : region.others) others.emplace_back(other);
    json["others"] = std::move(others);
  }
  if (!region.ca_pem.empty()) json["ca"] = region.ca_pem;
  if (!region.ca_fingerprint.empty()) json["ca_fingerprint"] = region.ca_fingerprint;
  json["token"] = region.token;
  if (!region.token_id.empty()) json["token_id"] = region.token_id;
  return runtime::write_file(file, pretty(json), 0600);
}

core::Result<Region> find_region(const Environment& environment) {
  if (const auto server = environment("MUSTER_SERVER")) {
    return region_of_environment(environment, *server);
  }
  for (const auto& file : {login_file(environment), state_file(environment)}) {
    auto region = load_region(file);
    if (region || region.error().code != core::Code::kNotFound) return region;
  }
  std::string advice;
  if (!environment("MUSTER_STATE")) {  // else that region is meant, and no other
    auto region = load_region(std::filesystem::path(kSystemState) / "client.json");
    if (region) return region;
    if (region.error().code == core::Code::kDenied)
      advice = ", or be root, who may use the region of this machine's service";
  }
  return core::fail(core::Code::kUnauthorized,
                    "not logged in: run muster login https://SERVER:7443, or start a region on "
                    "this machine with muster up" +
                        advice);
}

core::Status set_servers(Region& region, std::string_view text) {
  region.others.clear();
  for (bool first = true; first || !text.empty(); first = false) {
    const std::size_t end = std::min(text.find(','), text.size());
    MUSTER_ASSIGN(auto server, normal_server(text.substr(0, end)));
    if (first)
      region.server = std::move(server);
    else
      region.others.push_back(std::move(server));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

core::Result<std::string> normal_server(std::string_view given) {
  const auto bad = [&](std::string_view why) {
    return core::fail(
        core::Code::kInvalid,
        "not a server's address: '" + core::printable(given, 128) + "' (" + std::string(why) + ")");
  };
  std::string_view address = given;
  if (address.starts_with("http://")) return bad("Muster speaks HTTPS only: write https://…");
  if (address.starts_with("https://")) address.remove_prefix(8);
  while (address.ends_with('/')) address.remove_suffix(1);
  const auto bracket = address.rfind(']');
  const auto colon = address.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  const std::string_view host = has_port ? address.substr(0, colon) : address;
  const std::string_view port = has_port ? address.substr(colon + 1) : "7443";
  const auto number = std::strtoul(std::string(port.substr(0, 6)).c_str(), nullptr, 10);
  const bool digits = !port.empty() && port.size() <= 5 &&
                      std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || number == 0 || number > 65535) return bad("the port is a number up to 65535");
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  const bool named = !host.empty() && std::ranges::all_of(host, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_' || (bracketed && (c == ':' || c == '[' || c == ']'));
  });
  if (!named) return bad("write https://box.example:7443 or https://[2001:db8::1]:7443");
  return "https://" + std::string(host) + ":" + std::string(port);
}

}  // namespace muster::cli
