// SPDX-License-Identifier: Apache-2.0
#include <boost/json/object.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

constexpr std::size_t kPasswordBytesMax = 64 * 1024;

/// Asked for twice, or read from standard input.
core::Result<std::string> new_password(Context& context, const std::string& user, bool from_stdin) {
  if (from_stdin) {
    MUSTER_ASSIGN(std::string password, context.terminal.read_all(kPasswordBytesMax));
    if (password.ends_with('\n')) password.pop_back();
    return password;
  }
  MUSTER_ASSIGN(std::string first,
                context.terminal.ask_secret("New password of " + in_line(user) + ": "));
  MUSTER_ASSIGN(const std::string second, context.terminal.ask_secret("Once more: "));
  if (first != second) {
    return core::fail(core::Code::kInvalid, "the two passwords differ; nothing was changed");
  }
  return first;
}

struct UserOptions {
  std::string name;
  std::string role = "viewer";
  std::optional<std::string> selector;
  bool password_stdin = false;
  bool yes = false;
};

int add_user(Context& context, const UserOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  auto password = new_password(context, options.name, options.password_stdin);
  if (!password) return report(context, password.error());
  boost::json::object user{{"name", options.name}, {"password", *password}, {"role", options.role}};
  if (options.selector) user["selector"] = *options.selector;
  if (const auto made = client->create("users", user); !made) {
    return report(context, made.error());
  }
  context.terminal.err("Added " + in_line(options.name) + " (" + options.role + ")\n");
  return kExitOk;
}

int set_role(Context& context, const UserOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  boost::json::object change{{"role", options.role}};
  if (options.selector) change["selector"] = *options.selector == "all" ? "" : *options.selector;
  if (const auto done = client->change("users", options.name, change); !done) {
    return report(context, done.error());
  }
  context.terminal.err(in_line(options.name) + " is " + options.role + " now\n");
  return kExitOk;
}

/// Of another user, as an admin; or of oneself, with the old password.
int set_password(Context& context, const std::optional<std::string>& name, bool from_stdin) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  core::Status done;
  if (name) {
    const auto password = new_password(context, *name, from_stdin);
    if (!password) return report(context, password.error());
    done = client->change("users", *name, boost::json::object{{"password", *password}});
  } else {
    if (from_stdin) {
      return report(context, {core::Code::kInvalid, "--password-stdin needs the user's NAME"});
    }
    const auto old = context.terminal.ask_secret("Your password as it is: ");
    if (!old) return report(context, old.error());
    const auto password = new_password(context, "yours", false);
    if (!password) return report(context, password.error());
    done = client->change_password(*old, *password);
  }
  if (!done) return report(context, done.error());
  context.terminal.err("The password is changed\n");
  return kExitOk;
}

int remove_user(Context& context, const UserOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  if (!options.yes) {
    const auto sure = context.terminal.confirm("Remove the user " + in_line(options.name) +
                                               " with all sessions and API tokens?");
    if (!sure) return report(context, sure.error());
    if (!*sure) return kExitInterrupted;
  }
  if (const auto done = client->remove("users", options.name); !done) {
    return report(context, done.error());
  }
  context.terminal.err("Removed " + in_line(options.name) + "\n");
  return kExitOk;
}

int list_users(Context& context, bool json) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto list = client->list("users");
  if (!list) return report(context, list.error());
  if (json) {
    context.terminal.out_bytes(pretty(*list));
  } else {
    context.terminal.out(render_users(*list, context.terminal, context.now()));
  }
  return kExitOk;
}

void describe_add(Command& users) {
  auto options = std::make_shared<UserOptions>();
  Command& add = users.add("add", "add a user");
  add.argument("NAME", "letters, digits and _ . @ -", options->name)
      .option("--role", "ROLE", "viewer, operator or admin (default viewer)", options->role)
      .choices({"viewer", "operator", "admin"});
  add.option("--on", "SELECTOR", "rights hold on these hosts only", options->selector)
      .flag("--password-stdin", "read the password from standard input", options->password_stdin)
      .example("muster user add anna --role operator", "anna may run commands everywhere")
      .example("muster user add ben --role operator --on site=b", "ben only on site b")
      .action([options](Context& context) { return add_user(context, *options); });
}

void describe_set_role(Command& users) {
  auto options = std::make_shared<UserOptions>();
  Command& command = users.add("set-role", "change what a user may do, and where");
  command.argument("NAME", "the user", options->name)
      .argument("ROLE", "viewer, operator or admin", options->role)
      .choices({"viewer", "operator", "admin"});
  command
      .option("--on", "SELECTOR", "rights hold on these hosts only; 'all' lifts that",
              options->selector)
      .example("muster user set-role anna admin", "make anna an admin")
      .example("muster user set-role ben operator --on 'site in (a,b)'", "narrow ben's rights")
      .action([options](Context& context) { return set_role(context, *options); });
}

void describe_password(Command& users) {
  struct Options {
    std::optional<std::string> name;
    bool from_stdin = false;
  };
  auto options = std::make_shared<Options>();
  users.add("password", "change your password, or as an admin another user's")
      .optional_argument("NAME", "another user; yourself where it is left out", options->name)
      .flag("--password-stdin", "read the new password from standard input", options->from_stdin)
      .details("Ends the user's other sessions.")
      .example("muster user password", "change your own; asks for the old one")
      .example("muster user password anna", "give anna a new one")
      .action([options](Context& context) {
        return set_password(context, options->name, options->from_stdin);
      });
}

}  // namespace

void add_user_commands(Command& root) {
  Command& users = root.add("user", "users: who may do what, on which hosts");
  users.section("Access")
      .details(
          "Without a command it lists users.\n\nRoles: a viewer reads; an operator also runs "
          "commands, cancels runs and sets labels; an "
          "admin also manages users, tokens and hosts and reads the audit log.")
      .example("muster user add anna --role operator", "add somebody who runs commands");
  describe_add(users);
  auto json = std::make_shared<bool>(false);
  Command& list = users.add("list", "list users");
  list.example("muster user list", "users with their roles and hosts");
  for (Command* each : {&users, &list})
    each->flag("--json", "print the server's JSON", *json).action([json](Context& context) {
      return list_users(context, *json);
    });
  describe_set_role(users);
  describe_password(users);
  auto removed = std::make_shared<UserOptions>();
  users.add("remove", "remove a user with all sessions and API tokens")
      .argument("NAME", "the user", removed->name)
      .flag("-y,--yes", "do not ask", removed->yes)
      .example("muster user remove ben", "ben can do nothing from now on")
      .action([removed](Context& context) { return remove_user(context, *removed); });
}

}  // namespace muster::cli
