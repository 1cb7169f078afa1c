// SPDX-License-Identifier: Apache-2.0
#include "cli/app.h"

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/exit_code.h"
#include "cli/pack_commands.h"
#include "cli/region_choice.h"
#include "cli/text.h"
#include "regions/card.h"

namespace muster::cli {

std::unique_ptr<Command> build_tree(std::shared_ptr<std::string> region) {
  auto root = std::make_unique<Command>("muster", "run a fleet of machines from one place");
  root->details(
      "Muster reaches ten or a hundred thousand machines at once. `muster up` makes this machine "
      "a region with itself as the first host; `muster login` connects to a region elsewhere.");
  root->option("--region", "NAME", "ask this other region (muster regions) through this one",
               *region)
      .checked([region](std::string_view name) -> core::Status {
        if (regions::is_valid_region_name(name)) return {};
        return core::fail(core::Code::kInvalid,
                          "no name of a region; several, or 'all', stand behind 'hosts' and 'run'");
      });
  add_hosts_commands(*root);
  add_run_command(*root);
  add_runs_commands(*root);
  add_events_command(*root);
  add_schedule_commands(*root);
  add_stop_command(*root);
  add_method_commands(*root);
  add_pack_commands(*root);
  add_login_commands(*root);
  add_token_commands(*root);
  add_adopt_command(*root);
  add_agents_commands(*root);
  add_api_token_commands(*root);
  add_user_commands(*root);
  add_region_commands(*root);
  add_state_commands(*root);
  add_gateway_commands(*root);
  add_host_command(*root);
  add_manage_commands(*root);
  add_servers_command(*root);
  add_regions_commands(*root);
  add_policy_commands(*root);
  add_discover_command(*root);
  add_audit_commands(*root);
  add_config_commands(*root);
  add_completion_command(*root);
  add_version_command(*root);
  root->example("muster hosts", "which machines are there, and which are online");
  root->example("muster run --on all -- uptime", "run a command on all of them");
  root->example("muster token create", "let a new machine in");
  return root;
}

int run_program(Context& context, const std::vector<std::string>& words) {
  auto region = std::make_shared<std::string>();
  const auto root = build_tree(region);
  context.root = root.get();
  if (words == std::vector<std::string>{"--version"}) return root->child("version")->run()(context);
  const auto parsed = parse(*root, words);
  if (!parsed) {
    report(context, parsed.error());
    return kExitUsage;
  }
  if (parsed->wants_help) {
    // A bare `muster` is a question, not a mistake, yet nothing was done.
    context.terminal.out(parsed->command->help());
    return kExitOk;
  }
  if (auto read = read_settings(*parsed, context.environment); !read) {
    report(context, read.error());
    return kExitUsage;
  }
  context.other_region = *region;
  return parsed->command->run()(context);
}

core::Result<Client> Context::connect() const {
  MUSTER_ASSIGN(Region region, find_region(environment));
  std::string server = region.server;
  auto transport = open(std::move(region));
  if (!other_region.empty()) transport = through_region(std::move(transport), other_region);
  return Client(std::move(transport), std::move(server));
}

int report(Context& context, const core::Error& error) {
  std::string text = error.message;
  if (error.code == core::Code::kUnauthorized && !text.contains("muster login") &&
      !text.contains("MUSTER_")) {
    text += context.environment("MUSTER_SERVER")
                ? "\nThe token comes from MUSTER_TOKEN: muster api-token create makes a new one"
                : "\nLog in with muster login";
  }
  if (error.code == core::Code::kCancelled) return exit_code_of(error.code);
  context.terminal.err(context.terminal.paint_error(Color::kRed, "muster: ") + text + "\n");
  return exit_code_of(error.code);
}

}  // namespace muster::cli
