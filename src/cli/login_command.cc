// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/json_access.h"
#include "cli/text.h"
#include "cli/trust.h"
#include "core/bytes.h"
#include "runtime/file.h"

namespace muster::cli {
namespace {

constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::size_t kPasswordBytesMax = 64 * 1024;

struct LoginOptions {
  std::optional<std::string> url;
  std::optional<std::string> user;
  std::optional<std::string> ca;
  std::optional<std::string> fingerprint;
  bool password_stdin = false;
};

/// Sets what `region` trusts: given, or shown to the person and agreed to.
core::Status settle_trust(Context& context, const LoginOptions& options, Region& region) {
  if (options.ca) {
    MUSTER_ASSIGN(region.ca_pem, read_given_file(*options.ca, kFileBytesMax, "--ca"));
    return {};
  }
  // The region that is known already, for a second login to it.
  if (auto known = find_region(context.environment);
      !options.fingerprint && known && known->server == region.server) {
    region.ca_pem = known->ca_pem;
    region.ca_fingerprint = known->ca_fingerprint;
    return {};
  }
  MUSTER_ASSIGN(region.ca_fingerprint,
                settle_fingerprint(context, kRegionToTrust, region.server, options.fingerprint));
  return {};
}

core::Result<std::string> password_of(Context& context, const LoginOptions& options,
                                      const std::string& user) {
  if (!options.password_stdin) {
    return context.terminal.ask_secret("Password of " + user + ": ");
  }
  MUSTER_ASSIGN(std::string password, context.terminal.read_all(kPasswordBytesMax));
  if (password.ends_with('\n')) password.pop_back();
  return password;
}

std::string machine_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? std::string(name) : "unknown";
}

core::Result<Json> checked(const core::Result<Answer>& answer) {
  if (!answer) return core::fail(core::Error(answer.error()));
  if (answer->status >= 400) return core::fail(error_of(*answer));
  boost::system::error_code failed;
  const Json json = boost::json::parse(answer->body, failed);
  if (failed && !answer->body.empty()) {
    return core::fail(core::Code::kCorrupt, "the server's answer is not JSON");
  }
  return json;
}

/// Name and password for an API token of this machine; the session ends again.
core::Status get_token(Transport& transport, const std::string& user, const std::string& password,
                       Region& region) {
  const Json credentials = boost::json::object{{"user", user}, {"password", password}};
  const auto session =
      transport.request({"POST", "/v1/login", boost::json::serialize(credentials), "", ""});
  if (auto good = checked(session); !good) {
    return core::fail(std::move(good.error()).while_doing("logging in as " + user));
  }
  const std::string& cookie = session->cookie;
  const Json wish = boost::json::object{{"name", fit("muster on " + machine_name(), 64)}};
  const auto made = checked(
      transport.request({"POST", "/v1/api-tokens", boost::json::serialize(wish), "", cookie}));
  [[maybe_unused]] const auto ended = transport.request({"POST", "/v1/logout", "", "", cookie});
  if (!made) return core::fail(core::Error(made.error()).while_doing("making a token"));
  region.token = text(*made, "token");
  region.token_id = text(*made, "id");
  if (region.token.empty()) return core::fail(core::Code::kCorrupt, "the server sent no token");
  return {};
}

core::Status set_server(Context& context, const LoginOptions& options, Region& region) {
  if (options.url) return set_servers(region, *options.url);
  if (const auto server = context.environment("MUSTER_SERVER")) return set_servers(region, *server);
  if (auto known = find_region(context.environment)) {
    region.server = known->server;
    region.others = known->others;
    return {};
  }
  return set_servers(region, "localhost");
}

core::Status login(Context& context, const LoginOptions& options) {
  if (options.ca && options.fingerprint) {
    return core::fail(core::Code::kInvalid, "only one of --ca and --fingerprint can be given");
  }
  Region region;
  MUSTER_TRY(set_server(context, options, region));
  MUSTER_TRY(settle_trust(context, options, region));
  std::string user = options.user.value_or("");
  if (user.empty()) {
    MUSTER_ASSIGN(user, context.terminal.ask("User of " + region.server + ": "));
  }
  MUSTER_ASSIGN(const std::string password, password_of(context, options, user));
  const auto transport = context.open(region);
  MUSTER_TRY(get_token(*transport, user, password, region));
  const auto file = login_file(context.environment);
  MUSTER_TRY(save_region(file, region));
  context.terminal.err("Logged in to " + region.server + " as " + in_line(user) +
                       "; the token of this machine is in " + file.string() + "\n");
  if (context.environment("MUSTER_SERVER")) {
    context.terminal.err("MUSTER_SERVER is set and goes before it\n");
  }
  return {};
}

int logout(Context& context) {
  const auto file = login_file(context.environment);
  auto region = load_region(file);
  if (!region && region.error().code == core::Code::kNotFound) {
    context.terminal.err("Not logged in\n");
    return kExitOk;
  }
  int code = kExitOk;
  if (region && !region->token_id.empty()) {
    const std::string id = region->token_id;
    Client client(context.open(*region), region->server);
    const auto removed = client.remove("api-tokens", id);
    if (!removed && removed.error().code != core::Code::kUnauthorized &&
        removed.error().code != core::Code::kNotFound) {
      code = report(
          context,
          core::Error(removed.error()).while_doing("the token could not be voided on the server"));
    }
  }
  std::error_code failed;
  std::filesystem::remove(file, failed);
  if (failed) {
    return report(context,
                  {core::Code::kIo, "removing " + file.string() + ": " + failed.message()});
  }
  context.terminal.err("Logged out: " + file.string() + " is removed\n");
  return code;
}

int whoami(Context& context, bool json) {
  const auto region = find_region(context.environment);
  if (!region) return report(context, region.error());
  Client client(context.open(*region), region->server);
  const auto me = client.me();
  if (!me) return report(context, me.error());
  if (json) {
    context.terminal.out_bytes(pretty(*me));
    return kExitOk;
  }
  const std::string selector = text(*me, "selector");
  context.terminal.out(
      in_line(text(*me, "user")) + " (" + in_line(text(*me, "role")) + ") at " + region->server +
      "\n" + (selector.empty() ? "" : "Only on hosts that match: " + in_line(selector) + "\n") +
      "From " + region->source + "\n");
  return kExitOk;
}

}  // namespace

void add_login_commands(Command& root) {
  auto options = std::make_shared<LoginOptions>();
  root.add("login", "connect this machine's muster to a region")
      .section("Access")
      .optional_argument(
          "URL",
          "the server, or several of one region with commas between (default: the one known "
          "here, else localhost)",
          options->url)
      .option("--user", "NAME", "log in as this user (default: ask)", options->user)
      .option("--ca", "FILE", "trust the region CA in this file (PEM)", options->ca)
      .option("--fingerprint", "FP", "trust the region CA with this fingerprint",
              options->fingerprint)
      .flag("--password-stdin", "read the password from standard input", options->password_stdin)
      .details(
          "Asks for the password, makes an API token for this machine and keeps it in "
          "~/.config/muster/client.json, which only you can read. The password is not kept.\n\n"
          "The first time it shows the fingerprint of the region's certificate authority and asks "
          "whether to trust it; --ca and --fingerprint answer that beforehand.\n\n"
          "Scripts need no login: they set MUSTER_SERVER, MUSTER_TOKEN and MUSTER_CA (a file) or "
          "MUSTER_CA_FINGERPRINT.")
      .example("muster login https://box.example:7443 --user admin", "log in, asked for the rest")
      .example("muster login box --user ci --ca ca.pem --password-stdin <secret",
               "without questions")
      .action([options](Context& context) -> int {
        const auto done = login(context, *options);
        return done ? kExitOk : report(context, done.error());
      });
  root.add("logout", "void this machine's token and forget it")
      .section("Access")
      .example("muster logout", "leave the region that muster login connected to")
      .action(logout);
  auto json = std::make_shared<bool>(false);
  root.add("whoami", "show who you are, where, and what you may")
      .section("Access")
      .flag("--json", "print the server's JSON", *json)
      .example("muster whoami", "user, role, server and where that is configured")
      .action([json](Context& context) { return whoami(context, *json); });
}

}  // namespace muster::cli
