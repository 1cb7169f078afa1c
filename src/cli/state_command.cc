// SPDX-License-Identifier: Apache-2.0
//
// muster state: what only the server's own machine can do, without its API.
#include <pwd.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/config.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/render.h"
#include "cli/text.h"
#include "server/state_transfer.h"

namespace muster::cli {
namespace {

struct StateOptions {
  std::string state;
  std::string database;
  std::string file;
  std::string to;
  bool json = false;
};

server::ServerConfig config_of(const Context& context, const StateOptions& options) {
  server::ServerConfig config;
  config.state = (options.state.empty() ? state_file(context.environment).parent_path()
                                        : std::filesystem::path(options.state)) /
                 "server";
  config.database = options.database.empty() ? context.environment("MUSTER_DATABASE").value_or("")
                                             : options.database;
  return config;
}

std::string local_user() {
  const auto* entry = ::getpwuid(::geteuid());
  return "local:" + (entry != nullptr ? std::string(entry->pw_name) : std::to_string(::geteuid()));
}

store::TableProgress progress_on(Terminal& terminal) {
  return [&terminal](const std::string& table, std::int64_t rows) {
    terminal.progress(table + ": " + count_of(static_cast<std::uint64_t>(rows), "row", "rows"));
  };
}

/// What was done, and what to do next.
int tell(Context& context, const core::Result<server::Transferred>& done, bool json,
         const std::string& what, const std::string& next) {
  context.terminal.progress("");
  if (!done) return report(context, done.error());
  if (json) {
    boost::json::object tables;
    for (const auto& sum : done->tables) tables[sum.table] = sum.rows;
    context.terminal.out_bytes(pretty(boost::json::object{{"tables", std::move(tables)},
                                                          {"rows", done->rows()},
                                                          {"files", done->files},
                                                          {"file_bytes", done->file_bytes}}));
    return kExitOk;
  }
  std::string text = what + ": " +
                     count_of(static_cast<std::uint64_t>(done->rows()), "row", "rows") + " in " +
                     count_of(done->tables.size(), "table", "tables");
  if (done->files > 0) text += ", " + count_of(done->files, "file", "files");
  context.terminal.out(text + ", verified\n" + next);
  return kExitOk;
}

int back_up(Context& context, const StateOptions& options) {
  const auto done = server::back_up_state(config_of(context, options), options.file,
                                          progress_on(context.terminal));
  return tell(context, done, options.json, "Backed up to " + in_line(options.file),
              "It holds the region's private keys: keep it as safe as those.\n");
}

int restore(Context& context, const StateOptions& options) {
  const auto config = config_of(context, options);
  const auto done =
      server::restore_state(config, options.file, local_user(), progress_on(context.terminal));
  return tell(context, done, options.json, "Restored to " + in_line(config.state.string()),
              "Start the server as it was started before; hosts come back by themselves.\n");
}

int move(Context& context, const StateOptions& options) {
  if (options.to.empty())
    return report(context,
                  {core::Code::kInvalid, "where to? give --to postgresql://user@host/name"});
  const auto done = server::move_state(config_of(context, options), options.to, local_user(),
                                       progress_on(context.terminal));
  return tell(context, done, options.json, "Moved to PostgreSQL",
              "From now on start the server with: --database " + in_line(options.to) +
                  "\nThe file is kept as region.db.moved: remove it when all is well.\n");
}

void add_place(Command& command, StateOptions& options, bool database) {
  command.option("--state", "FOLDER",
                 "the state folder, as of muster up (default: $MUSTER_STATE, else "
                 "~/.local/share/muster)",
                 options.state);
  if (database)
    command.option("--database", "URL",
                   "the region's PostgreSQL, where it has one (default: $MUSTER_DATABASE)",
                   options.database);
  command.flag("--json", "print what was done as JSON", options.json);
}

}  // namespace

void add_state_commands(Command& root) {
  Command& state = root.add("state", "back up, restore and move what a region keeps");
  state.section("Region")
      .details(
          "On the server's own machine. Only the server has state that is worth a backup: gateways "
          "and "
          "hosts get theirs again by themselves.")
      .example("muster state backup /backup/muster", "what a new machine can be made of");

  auto backup = std::make_shared<StateOptions>();
  Command& back = state.add("backup", "write everything into one file, also while the server runs");
  back.argument("FILE", "the file to make", backup->file)
      .details(
          "One moment of the database, then the keys, the certificates and the published methods. "
          "The file is whole when it has its name; it is an SQLite database, whatever the region "
          "runs on.")
      .example("muster state backup /backup/muster-$(date +%F)", "as a nightly job would")
      .action([backup](Context& context) { return back_up(context, *backup); });
  add_place(back, *backup, true);

  auto restored = std::make_shared<StateOptions>();
  Command& again = state.add("restore", "make a region from a backup");
  again.argument("FILE", "what muster state backup has made", restored->file)
      .details(
          "Into a state folder without a server in it, and an empty database where --database is "
          "given: all or nothing, every row and file checked. What is there already is never "
          "overwritten: move it away first. The backup of an older Muster is brought forward when "
          "the server starts.")
      .example("muster state restore /backup/muster-2026-11-20", "on the new machine")
      .action([restored](Context& context) { return restore(context, *restored); });
  add_place(again, *restored, true);

  auto moved = std::make_shared<StateOptions>();
  Command& mover = state.add("move", "move the region's tables from its file to PostgreSQL");
  mover.option("--to", "URL", "an empty database, as postgresql://user@host/name", moved->to)
      .required()
      .details(
          "With the server stopped. All or nothing: every table is compared row by row before it "
          "counts. The file stays as region.db.moved, and a server that is started without "
          "--database says so instead of going on with what is old.")
      .example("muster state move --to postgresql://muster@db.example.org/muster",
               "then start the server with --database and the same address")
      .action([moved](Context& context) { return move(context, *moved); });
  add_place(mover, *moved, false);
}

}  // namespace muster::cli
