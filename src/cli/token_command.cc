// SPDX-License-Identifier: Apache-2.0
//
// Join tokens and API tokens.
#include <boost/json/object.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/reached_at.h"
#include "cli/render.h"
#include "cli/text.h"
#include "core/bytes.h"

namespace muster::cli {
namespace {

using Render = std::string (*)(const Json&, const Terminal&, core::WallTime);

int list_tokens(Context& context, const char* collection, bool json, Render render,
                const char* none) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto list = client->list(collection);
  if (!list) return report(context, list.error());
  if (json) {
    context.terminal.out_bytes(pretty(*list));
  } else if (elements(*list, "tokens").empty()) {
    context.terminal.err(none);
  } else {
    context.terminal.out(render(*list, context.terminal, context.now()));
  }
  return kExitOk;
}

void add_list(Command& tokens, const char* collection, Render render, const char* none) {
  auto json = std::make_shared<bool>(false);
  Command& list = tokens.add("list", "list the tokens that are valid");
  list.example(tokens.full_name() + " list",
               "which there are; their secrets are shown never again");
  tokens.details("Without a command it lists the tokens that are valid.");
  for (Command* each : {&tokens, &list})
    each->flag("--json", "print the server's JSON", *json).action([=](Context& context) {
      return list_tokens(context, collection, *json, render, none);
    });
}

void add_revoke(Command& tokens, const char* collection, const char* details) {
  auto id = std::make_shared<std::string>();
  tokens.add("revoke", "make a token void")
      .argument("ID", "the token's id, as list shows it", *id)
      .details(details)
      .example(tokens.full_name() + " revoke 4q3exk", "void one token")
      .action([=](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        if (const auto done = client->remove(collection, *id); !done) {
          return report(context, done.error());
        }
        context.terminal.err("The token " + in_line(*id) + " is void\n");
        return kExitOk;
      });
}

std::int64_t seconds(core::Duration duration) {
  return std::chrono::ceil<std::chrono::seconds>(duration).count();
}

struct JoinOptions {
  std::optional<std::uint64_t> uses;
  std::optional<core::Duration> expires;
  std::vector<std::string> labels;
  bool json = false;
  bool quiet = false;
  bool gateway = false;
};

void show_join_token(Context& context, const JoinOptions& options, const Json& made,
                     const std::string& server) {
  Terminal& terminal = context.terminal;
  const std::string token = in_line(text(made, "token"));
  const auto uses = static_cast<std::uint64_t>(number(made, "uses_left"));
  terminal.out(
      "Token    " + token + "\nValid    for " +
      (options.gateway ? count_of(uses, "gateway", "gateways") : count_of(uses, "host", "hosts")) +
      ", expires " + age(made, "expires_at", context.now()) + "\n");
  if (const Json* given = member(made, "labels"); given != nullptr && labels_text(*given) != "-") {
    terminal.out("Labels   " + in_line(labels_text(*given)) + "\n");
  }
  terminal.out("\nOn the new machine:\n  " +
               (options.gateway ? gateway_command(server, token) : enrol_command(server, token)) +
               "\n");
  if (!options.gateway)
    terminal.out("\nOr, where there is no agent yet:\n" + install_command(server, token));
  terminal.err(terminal.paint_error(Color::kDim, "The token is not shown again.") + "\n");
  if (is_loopback(server))
    terminal.err(
        "Only this machine reaches " + server +
        ": for others start the server with --listen, or put in its place how they reach it\n");
}

int create_join_token(Context& context, const JoinOptions& options) {
  boost::json::object wish;
  if (options.gateway) wish["role"] = "gateway";
  if (options.uses) wish["uses"] = *options.uses;
  if (options.expires) wish["expires_in_s"] = seconds(*options.expires);
  boost::json::object labels;
  for (const auto& label : options.labels) {
    const auto equals = label.find('=');
    if (equals == std::string::npos || equals == 0) {
      return report(context, {core::Code::kInvalid,
                              "--label: '" + in_line(label) + "' is not of the form key=value"});
    }
    labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  if (!labels.empty()) wish["labels"] = std::move(labels);
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto made = client->create("join-tokens", wish);
  if (!made) return report(context, made.error());
  if (options.json) {
    context.terminal.out_bytes(pretty(*made));
  } else if (options.quiet) {
    context.terminal.out(in_line(text(*made, "token")) + "\n");
  } else {
    show_join_token(context, options, *made, reached_at(*client));
  }
  return kExitOk;
}

void add_create_join(Command& tokens) {
  auto options = std::make_shared<JoinOptions>();
  tokens.add("create", "make a token and show how to enrol a machine with it")
      .option("--uses", "N", "how many machines may use it (default 1)", options->uses)
      .option("--expires", "DURATION", "how long it is valid (default 1h)", options->expires)
      .option("--label", "KEY=VALUE", "a label that its machines get; may be repeated",
              options->labels)
      .flag("--gateway", "for a gateway (muster gateway), not for a host", options->gateway)
      .flag("--json", "print the server's JSON", options->json)
      .flag("-q,--quiet", "print the token only", options->quiet)
      .details(
          "The token carries the fingerprint of the region's certificate authority, so that the "
          "new machine knows the right server before it tells it anything.")
      .example("muster token create", "let one machine in within the next hour")
      .example("muster token create --uses 50 --expires 7d --label site=a --label role=web",
               "for the installer of fifty")
      .example("muster token create --gateway", "for a gateway apart from the server")
      .action([options](Context& context) { return create_join_token(context, *options); });
}

struct ApiOptions {
  std::string name;
  std::optional<core::Duration> expires;
  std::optional<std::string> role;
  std::optional<std::string> selector;
  bool json = false;
};

int create_api_token(Context& context, const ApiOptions& options) {
  boost::json::object wish{{"name", options.name}};
  if (options.expires) wish["expires_in_s"] = seconds(*options.expires);
  if (options.role) wish["role"] = *options.role;
  if (options.selector) wish["selector"] = *options.selector;
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto made = client->create("api-tokens", wish);
  if (!made) return report(context, made.error());
  if (options.json) {
    context.terminal.out_bytes(pretty(*made));
    return kExitOk;
  }
  context.terminal.out(in_line(text(*made, "token")) + "\n");
  context.terminal.err(
      "The token is not shown again. Use it as MUSTER_TOKEN, with "
      "MUSTER_SERVER=" +
      client->server() + "\n");
  return kExitOk;
}

void add_create_api(Command& tokens) {
  auto options = std::make_shared<ApiOptions>();
  Command& create = tokens.add("create", "make a token for a script or a service");
  create.argument("NAME", "what it is for, to know it again", options->name)
      .option("--expires", "DURATION", "how long it is valid (default: until revoked)",
              options->expires)
      .option("--role", "ROLE", "what it may do; never more than you (default: as you)",
              options->role)
      .choices({"viewer", "operator", "admin"});
  create.option("--on", "SELECTOR", "only on these hosts", options->selector)
      .flag("--json", "print the server's JSON", options->json)
      .example("muster api-token create backup --role operator --on role=db --expires 90d",
               "a token that runs commands on databases only")
      .action([options](Context& context) { return create_api_token(context, *options); });
}

}  // namespace

std::string enrol_command(const std::string& server, const std::string& token) {
  return "muster-agent enrol --server " + std::string(without_scheme(server)) + " --token " +
         token + " && muster-agent run";
}

// The region's certificate is no public one: what curl gets without proof is compared by its hash
// first, and everything else is fetched with that proof.
std::string install_command(const std::string& server, const std::string& token) {
  const auto dot = token.rfind('.');
  const auto fingerprint =
      core::from_base32(dot == token.npos ? token : std::string_view(token).substr(dot + 1));
  if (!fingerprint || fingerprint->size() != 32) return {};
  const std::string base = "https://" + std::string(without_scheme(server));
  return "  curl -fsSk " + base + "/ca.pem -o muster-ca.pem &&\n" +
         "    sed '/^-/d' muster-ca.pem | base64 -d | sha256sum | grep -q ^" +
         core::to_hex(*fingerprint) + " &&\n    curl -fsS --cacert muster-ca.pem " + base +
         "/install.sh | sudo sh -s -- --token " + token + "\n";
}

std::string gateway_command(const std::string& server, const std::string& token) {
  return "muster gateway --server " + std::string(without_scheme(server)) + " --token " + token;
}

void add_token_commands(Command& root) {
  Command& tokens = root.add("token", "join tokens: let new machines in");
  tokens.section("Access");
  add_create_join(tokens);
  add_list(tokens, "join-tokens", render_join_tokens,
           "No join token is valid now: muster token create makes one\n");
  add_revoke(tokens, "join-tokens", "Machines that have used it stay; nobody can use it any more.");
  tokens.example("muster token create", "let a new machine in");
}

void add_api_token_commands(Command& root) {
  Command& tokens = root.add("api-token", "API tokens: access for scripts");
  tokens.section("Access");
  add_create_api(tokens);
  add_list(tokens, "api-tokens", render_api_tokens,
           "There is no API token: muster api-token create makes one\n");
  add_revoke(tokens, "api-tokens", "From now on it is refused.");
  tokens.example("muster api-token create ci --role operator", "access for a build server");
}

}  // namespace muster::cli
