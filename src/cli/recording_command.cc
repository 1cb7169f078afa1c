// SPDX-License-Identifier: Apache-2.0
//
// `muster runs record|recordings|export|replay`.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/follow.h"
#include "cli/render.h"
#include "cli/replay.h"
#include "cli/results.h"
#include "cli/text.h"
#include "runtime/file.h"

namespace muster::cli {
namespace {

constexpr std::size_t kArchiveBytesMax = 256 * 1024 * 1024;
constexpr std::size_t kDifferencesShown = 20;

struct RecordOptions {
  std::string name;
  std::vector<std::string> runs;
  std::optional<std::string> description;
  bool start = false;
  bool stop = false;
};

core::Result<Json> record(Client& client, const RecordOptions& options) {
  if (options.stop) {
    MUSTER_TRY(client.change("recordings", options.name, boost::json::object{{"open", false}}));
    return client.get({"recordings", options.name});
  }
  const boost::json::array runs(options.runs.begin(), options.runs.end());
  const auto known = client.get({"recordings", options.name});
  if (!known) {
    if (known.error().code != core::Code::kNotFound) return known;
    boost::json::object made{{"name", options.name}, {"open", options.start}, {"runs", runs}};
    if (options.description) made["description"] = *options.description;
    return client.create("recordings", made);
  }
  if (options.start)
    MUSTER_TRY(client.change("recordings", options.name, boost::json::object{{"open", true}}));
  if (!runs.empty()) return client.add_to_recording(options.name, runs);
  return client.get({"recordings", options.name});
}

int record_runs(Context& context, const RecordOptions& options) {
  if ((options.start ? 1 : 0) + (options.stop ? 1 : 0) + (options.runs.empty() ? 0 : 1) != 1) {
    return report(context, {core::Code::kInvalid,
                            "say which runs, or --start to record what you order from now on, or "
                            "--stop\nMore: muster runs record --help"});
  }
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto recording = record(*client, options);
  if (!recording) return report(context, recording.error());
  context.terminal.err(
      in_line(text(*recording, "name")) + ": " +
      count_of(static_cast<std::uint64_t>(number(*recording, "runs")), "run", "runs") +
      (truth(*recording, "open") ? "; what you order is recorded until muster "
                                   "runs record --stop"
                                 : "") +
      "\n");
  return kExitOk;
}

int list_recordings(Context& context, bool json) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto list = client->list("recordings");
  if (!list) return report(context, list.error());
  if (json) {
    context.terminal.out_bytes(pretty(*list));
  } else if (elements(*list, "recordings").empty()) {
    context.terminal.err("No recordings: muster runs record NAME RUN… makes one\n");
  } else {
    context.terminal.out(render_recordings(*list, context.terminal, context.now()));
  }
  return kExitOk;
}

/// Of a recording or of a run of that name.
core::Result<Json> fetch_archive(Client& client, const std::string& name) {
  auto archive = client.get({"recordings", name, "archive"});
  if (archive || archive.error().code != core::Code::kNotFound) return archive;
  auto of_run = client.get({"runs", name, "archive"});
  if (of_run || of_run.error().code != core::Code::kNotFound) return of_run;
  return core::fail(core::Code::kNotFound, "there is no recording and no run '" + in_line(name) +
                                               "' (muster runs recordings, muster runs)");
}

core::Result<Json> read_archive(const std::string& file) {
  MUSTER_ASSIGN(const std::string bytes, runtime::read_file(file, kArchiveBytesMax));
  boost::system::error_code wrong;
  Json archive = boost::json::parse(bytes, wrong);
  if (wrong) return core::fail(core::Code::kInvalid, file + " is not JSON: " + wrong.message());
  return archive;
}

struct ReplayCommand {
  std::optional<std::string> name;
  std::optional<std::string> file;
  ReplayOptions options;
  std::vector<std::string> map;
  bool dry_run = false;
  bool no_dry_run = false;
  bool keep_going = false;
  bool compare_output = false;
  bool yes = false;
};

core::Status read_map(ReplayCommand& command) {
  for (const std::string& list : command.map) {
    for (std::size_t from = 0; from < list.size();) {
      const auto end = std::min(list.find(',', from), list.size());
      const std::string pair = list.substr(from, end - from);
      const auto equals = pair.find('=');
      if (equals == std::string::npos || equals == 0 || equals + 1 == pair.size())
        return core::fail(core::Code::kInvalid,
                          "--map: '" + in_line(pair) + "' is not of the form OLD=NEW");
      command.options.hosts[pair.substr(0, equals)] = pair.substr(equals + 1);
      from = end + 1;
    }
  }
  const int ways = (command.options.on ? 1 : 0) + (command.options.hosts.empty() ? 0 : 1) +
                   (command.options.same_hosts ? 1 : 0);
  if (ways != 1)
    return core::fail(core::Code::kInvalid,
                      "say where: --on SELECTOR, --map OLD=NEW,… or --same-hosts, one of them");
  if (command.name.has_value() == command.file.has_value())
    return core::fail(core::Code::kInvalid, "give the name of a recording or a run, or --file");
  return {};
}

/// Orders one step and waits for its end; its targets.
core::Result<std::vector<Json>> run_step(Context& context, Client& client,
                                         boost::json::object request) {
  MUSTER_ASSIGN(const auto created, client.create_run(Json(std::move(request))));
  MUSTER_ASSIGN(const auto followed, follow_run(context, client, created, {}));
  if (followed.detached || followed.cancelled)
    return core::fail(core::Code::kCancelled, "interrupted at the run " + text(created, "id"));
  context.terminal.err("   run " + in_line(text(created, "id")) + ": " + counts_text(followed.run) +
                       "\n");
  std::vector<Json> targets;
  MUSTER_TRY(client.targets(text(created, "id"), "", [&](const Json& target) {
    targets.push_back(target);
    return true;
  }));
  return targets;
}

/// What differs, for people; how many there are.
void show(Terminal& terminal, const std::vector<Difference>& found) {
  for (std::size_t i = 0; i < std::min(found.size(), kDifferencesShown); ++i)
    terminal.out("   " + in_line(found[i].host) + ": was " + in_line(found[i].then) + ", is " +
                 in_line(found[i].now) + "\n");
  if (found.size() > kDifferencesShown)
    terminal.out("   … and " + std::to_string(found.size() - kDifferencesShown) + " more\n");
}

class Replay {
 public:
  Replay(Context& context, Client& client, const ReplayCommand& command, const Json& archive,
         const std::vector<ReplayStep>& steps)
      : context_(context), client_(client), command_(command), archive_(archive), steps_(steps) {}

  /// Each method that can, without changing anything. False: somebody shall look first.
  core::Result<bool> dry_run() {
    bool fine = true;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      MUSTER_ASSIGN(const bool can, has_dry_run(steps_[i]));
      head(i, can ? "dry run" : "no dry run: it would be run as it is");
      if (!can) continue;
      boost::json::object request = steps_[i].request;
      request["method"].as_object()["noop"] = true;
      MUSTER_ASSIGN(const auto targets, run_step(context_, client_, std::move(request)));
      for (const Json& target : targets) fine = fine && text(target, "state") == "succeeded";
    }
    return fine;
  }

  /// The exit code.
  core::Result<int> run() {
    const auto compare = command_.compare_output ? Compare::kOutput : Compare::kOutcome;
    std::size_t differing = 0;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      head(i, "");
      MUSTER_ASSIGN(const auto targets, run_step(context_, client_, steps_[i].request));
      const auto found =
          differences(elements(archive_, "steps").at(i), steps_[i], targets, compare);
      show(context_.terminal, found);
      differing += found.empty() ? 0 : 1;
      if (!found.empty() && !command_.keep_going && i + 1 < steps_.size()) {
        context_.terminal.err("Stopped at step " + std::to_string(i + 1) +
                              ", which did not go as recorded; --keep-going would go on\n");
        return kExitFailed;
      }
    }
    context_.terminal.err(differing == 0 ? "All steps went as recorded\n"
                                         : std::to_string(differing) + " of " +
                                               count_of(steps_.size(), "step", "steps") +
                                               " did not go as recorded\n");
    return differing == 0 ? kExitOk : kExitFailed;
  }

 private:
  core::Result<bool> has_dry_run(const ReplayStep& step) {
    if (!step.is_method) return false;
    MUSTER_ASSIGN(const Json method, client_.method(step.method, step.version));
    const Json request(step.request);
    if (text(request.at("method"), "digest") != text(method, "digest"))
      return core::fail(core::Code::kConflict,
                        step.method + " " + step.version +
                            " is another package in this region than the recorded one");
    return truth(method, "supports_noop");
  }

  void head(std::size_t i, const std::string& note) {
    context_.terminal.err(std::to_string(i + 1) + "/" + std::to_string(steps_.size()) + " " +
                          in_line(steps_[i].title) + (note.empty() ? "" : "  (" + note + ")") +
                          "\n");
  }

  Context& context_;
  Client& client_;
  const ReplayCommand& command_;
  const Json& archive_;
  const std::vector<ReplayStep>& steps_;
};

core::Result<int> replay(Context& context, ReplayCommand& command) {
  MUSTER_TRY(read_map(command));
  MUSTER_ASSIGN(Client client, context.connect());
  MUSTER_ASSIGN(const Json archive,
                command.file ? read_archive(*command.file) : fetch_archive(client, *command.name));
  MUSTER_ASSIGN(const auto steps, plan_replay(archive, command.options));
  Replay replay(context, client, command, archive, steps);
  if (!command.no_dry_run) {
    MUSTER_ASSIGN(const bool fine, replay.dry_run());
    if (command.dry_run) return fine ? kExitOk : kExitFailed;
    if (!fine && !command.keep_going) {
      context.terminal.err("The dry run failed; nothing was changed\n");
      return kExitFailed;
    }
  }
  if (!command.yes) {
    if (!context.terminal.in_is_terminal)
      return core::fail(core::Code::kInvalid, "nothing was changed: --yes runs it without asking");
    MUSTER_ASSIGN(const bool sure, context.terminal.confirm(
                                       "Run " + count_of(steps.size(), "step", "steps") + " now?"));
    if (!sure) return kExitInterrupted;
  }
  return replay.run();
}

void add_replay(Command& runs) {
  auto command = std::make_shared<ReplayCommand>();
  runs.add("replay", "repeat a recording or a run, on other hosts too")
      .optional_argument("NAME", "the recording, or a run's id", command->name)
      .option("--file", "FILE", "what muster runs export wrote", command->file)
      .option("--on", "SELECTOR", "every step on these hosts", command->options.on)
      .option("--map", "OLD=NEW,…", "on the counterparts of the hosts of then; may be repeated",
              command->map)
      .flag("--same-hosts", "on the hosts of then", command->options.same_hosts)
      .option("--set", "STEP.NAME=VALUE", "another value of an argument; := takes JSON",
              command->options.arguments)
      .flag("--dry-run", "only the dry run", command->dry_run)
      .flag("--no-dry-run", "no dry run before it", command->no_dry_run)
      .flag("--compare-output", "answers must be the same too, not only how they ended",
            command->compare_output)
      .flag("--keep-going", "go on after a step that did not go as recorded", command->keep_going)
      .flag("-y,--yes", "do not ask before it is run", command->yes)
      .details(
          "The same packages by digest, the same arguments, one step after the other. First comes "
          "a dry run of the methods that have one. Where a counterpart's old name is a whole "
          "argument, it is replaced too. Each step is compared with what was recorded; the exit "
          "code is 0 where all went the same, so that a recording is a test.")
      .example("muster runs replay update --map web1=test1,db1=test2", "rehearse on other hosts")
      .example("muster runs replay --file update.json --on 'site=lab' --yes",
               "as a test, in a script")
      .action([command](Context& context) -> int {
        auto code = replay(context, *command);
        return code ? *code : report(context, code.error());
      });
}

struct RetentionOptions {
  std::optional<core::Duration> age;
  std::optional<std::uint64_t> size;
  std::optional<std::uint64_t> runs;
  bool json = false;
};

int retention(Context& context, const RetentionOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  boost::json::object change;
  if (options.age)
    change["age_max_s"] = std::chrono::ceil<std::chrono::seconds>(*options.age).count();
  if (options.size) change["bytes_max"] = *options.size;
  if (options.runs) change["runs_max"] = *options.runs;
  if (!change.empty()) {
    if (auto set = client->change_retention(change); !set) return report(context, set.error());
  }
  const auto now = client->list("retention");
  if (!now) return report(context, now.error());
  context.terminal.out_bytes(options.json ? pretty(*now) : render_retention(*now));
  return kExitOk;
}

void add_retention(Command& runs) {
  auto options = std::make_shared<RetentionOptions>();
  runs.add("retention", "what is kept of finished runs, and how much that is now")
      .option("--age", "DURATION", "remove runs that ended longer ago (90d); 0s: no limit",
              options->age)
      .size_option("--size", "SIZE", "bytes of answers in all (10G); 0: no limit", options->size)
      .option("--runs", "N", "runs in all; 0: no limit", options->runs)
      .flag("--json", "print the server's JSON", options->json)
      .details(
          "Without options it only shows. The oldest go first, as soon as a limit is set. "
          "Recorded runs stay.")
      .example("muster runs retention --age 30d", "a month is enough")
      .action([options](Context& context) { return retention(context, *options); });
}

}  // namespace

void add_recording_commands(Command& runs) {
  auto options = std::make_shared<RecordOptions>();
  runs.add("record", "keep runs under a name, to repeat them")
      .argument("NAME", "of the recording; it is made where there is none", options->name)
      .optional_arguments("RUN", "runs that are over, in this order", options->runs)
      .flag("--start", "record what you order from now on", options->start)
      .flag("--stop", "no further", options->stop)
      .option("--description", "TEXT", "what it is for", options->description)
      .details("Recorded runs stay, however old they are.")
      .example("muster runs record update --start", "from now on, until --stop")
      .example("muster runs record update 0dp7c3k8r6qaz 0dp7c3kb2v1fw", "what was done already")
      .action([options](Context& context) { return record_runs(context, *options); });
  auto json = std::make_shared<bool>(false);
  runs.add("recordings", "list the recordings")
      .flag("--json", "print the server's JSON", *json)
      .example("muster runs recordings", "what can be repeated")
      .action([json](Context& context) { return list_recordings(context, *json); });
  auto name = std::make_shared<std::string>();
  runs.add("export", "print a recording or a run as an archive")
      .argument("NAME", "the recording, or a run's id", *name)
      .example("muster runs export update >update.json", "for another region, or to keep it")
      .action([name](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        const auto archive = fetch_archive(*client, *name);
        if (!archive) return report(context, archive.error());
        context.terminal.out_bytes(pretty(*archive));
        return kExitOk;
      });
  auto gone = std::make_shared<std::string>();
  runs.add("forget", "remove a recording; its runs stay until they are too old")
      .argument("NAME", "the recording", *gone)
      .example("muster runs forget update", "the recording is not needed any more")
      .action([gone](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        if (auto done = client->remove("recordings", *gone); !done)
          return report(context, done.error());
        context.terminal.err("Removed the recording " + in_line(*gone) + "\n");
        return kExitOk;
      });
  add_replay(runs);
  add_retention(runs);
}

}  // namespace muster::cli
