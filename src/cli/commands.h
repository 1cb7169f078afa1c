// SPDX-License-Identifier: Apache-2.0
//
// The table of commands: every file x_command.cc offers one function that adds
// its part of the tree. A new command is one file, one line here, one line in
// build_tree() (app.cc).
#pragma once

#include "cli/command.h"

namespace muster::cli {

void add_region_commands(Command& root);        // up, server
void add_gateway_commands(Command& root);       // gateway, gateways list|drain|undrain|revoke
void add_host_command(Command& root);           // host, host token …, host neighbour …
void add_manage_commands(Command& root);        // manage login|status|operations|list|get|put|…
void add_servers_command(Command& root);        // servers
void add_regions_commands(Command& root);       // regions list|show|card|add|change|remove|runs
void add_policy_commands(Command& root);        // policy show|versions|check|set|restore|explain
void add_discover_command(Command& root);       // discover
void add_state_commands(Command& root);         // state backup|restore|move
void add_login_commands(Command& root);         // login, logout, whoami
void add_hosts_commands(Command& root);         // hosts list|show|label|pending|approve|refuse|…
void add_run_command(Command& root);            // run
void add_runs_commands(Command& root);          // runs list|show|watch
void add_run_control_commands(Command& runs);   // runs cancel|pause|resume
void add_runs_tree_command(Command& runs);      // runs tree
void add_events_command(Command& root);         // events
void add_inventory_command(Command& hosts);     // hosts inventory
void add_stop_command(Command& root);           // stop-everything
void add_recording_commands(Command& runs);     // runs record|recordings|export|forget|replay|…
void add_method_commands(Command& root);        // method publish|run|list|show|diff|…
void add_method_key_commands(Command& method);  // method key
void add_method_run_command(Command& method);   // method run
void add_schedule_commands(Command& root);      // schedule create|list|show|enable|disable|fire|…
void add_agents_commands(Command& root);        // agents list|publish|update
void add_adopt_command(Command& root);          // adopt
void add_token_commands(Command& root);         // token create|list|revoke
void add_api_token_commands(Command& root);     // api-token create|list|revoke
void add_user_commands(Command& root);          // user add|list|set-role|password|remove
void add_audit_commands(Command& root);         // audit list|verify
void add_config_commands(Command& root);        // config check|default
void add_completion_command(Command& root);     // completion bash|zsh|fish
void add_version_command(Command& root);        // version

/// What to type on a new machine to let it enrol.
/// "service::restart@1.2" → name and version; the version may be empty.
std::pair<std::string, std::string> split_version(const std::string& text);

std::string enrol_command(const std::string& server, const std::string& token);
/// The same where there is no agent yet; lines with an indent.
std::string install_command(const std::string& server, const std::string& token);
/// The same for a gateway.
std::string gateway_command(const std::string& server, const std::string& token);

}  // namespace muster::cli
