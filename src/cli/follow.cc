// SPDX-License-Identifier: Apache-2.0
#include "cli/follow.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "cli/render.h"
#include "cli/results.h"
#include "cli/text.h"
#include "core/json.h"

namespace muster::cli {
namespace {

/// Hosts whose progress is added up; the server keeps it of as many.
constexpr std::size_t kPercentsMax = 1000;
constexpr int kAttemptsMax = 30;  // of a stream that brought nothing; about one a second

class Follower final : public EventReader {
 public:
  Follower(Context& context, Client& client, Json run, const FollowOptions& options)
      : context_(context),
        client_(client),
        run_(std::move(run)),
        options_(options),
        lines_(context.terminal),
        started_(context.mono()) {}

  bool on_event(const Event& event) override {
    const auto read = core::read_json(event.data);
    if (!read) return true;  // an event that this version cannot read is not ours
    const Json& data = *read;
    heard_ = true;
    if (event.name == "run" || event.name == "end") run_ = data;
    if (event.name == "output" && options_.live) lines_.add(data);
    tell_hold();
    if (event.name == "progress") said_ = said_text(data);
    count(event.name, data);
    show();
    return event.name != "end";
  }

  bool on_tick() override {
    show();
    return true;
  }

  bool on_interrupt(bool terminate) override {
    context_.terminal.progress("");
    if (terminate || !context_.terminal.in_is_terminal) return detach();
    const auto answer = context_.terminal.ask(
        "\nThe run goes on. Cancel it, detach and leave it "
        "running, or watch on? [c/d/W] ");
    const bool again = !answer && answer.error().code == core::Code::kCancelled;
    if (again || (answer && (*answer == "c" || *answer == "C"))) return cancel();
    if (answer && (answer->empty() || *answer == "w" || *answer == "W")) return true;
    return detach();
  }

  bool finished() const { return text(run_, "state") == "finished"; }
  bool detached() const { return detached_; }
  bool cancelled() const { return cancelled_; }
  bool take_heard() { return std::exchange(heard_, false); }
  const Json& run() const { return run_; }
  void set_run(Json run) { run_ = std::move(run); }
  void end() {
    lines_.flush();
    context_.terminal.progress("");
  }

  /// Says where live output did not tell all: it is best effort, the ledger is not.
  core::Status tell_missed() {
    const std::string id = text(run_, "id");
    std::vector<std::string> missed;
    MUSTER_TRY(client_.targets(id, "", [&](const Json& target) {
      const std::string endpoint = text(target, "endpoint");
      for (const std::string stream : {"stdout", "stderr"}) {
        const auto kept = static_cast<std::uint64_t>(number(target, stream + "_bytes"));
        if (kept > lines_.seen(endpoint, stream)) {
          missed.push_back(in_line(text(target, "name")));
          break;
        }
      }
      return missed.size() < 20;
    }));
    if (!missed.empty()) {
      context_.terminal.err("Not all output was shown live for " + listed(missed) +
                            ": muster runs show " + in_line(id) + " has it whole\n");
    }
    return {};
  }

 private:
  /// Says once why the run stands still: somebody has to do something.
  void tell_hold() {
    std::string held = options_.progress ? hold_text(run_) : "";
    if (held == held_) return;
    held_ = std::move(held);
    if (!held_.empty()) context_.terminal.err(held_ + "\n");
  }

  void show() {
    if (!options_.progress) return;
    const std::string counts = progress_text(run_, context_.mono() - started_);
    context_.terminal.progress(said_.empty() || finished() ? counts
                                                           : counts + " · " + sum_text() + said_);
  }

  /// Keeps how far the hosts are that say it and go on.
  void count(const std::string& event, const Json& data) {
    const std::string host = text(data, "endpoint");
    if (event == "target" && text(data, "state") != "running") percents_.erase(host);
    const auto percent = event == "progress" ? maybe_number(data, "percent") : std::nullopt;
    if (percent && (percents_.contains(host) || percents_.size() < kPercentsMax))
      percents_[host] = *percent;
  }

  /// "62% of all", where several hosts say how far they are; who has ended counts as a whole.
  std::string sum_text() const {
    const auto targets = number(run_, "targets");
    if (percents_.empty() || targets < 2) return "";
    auto sum = static_cast<std::int64_t>(finished_targets(run_)) * 100;
    for (const auto& [host, percent] : percents_) sum += percent;
    return std::to_string(std::min<std::int64_t>(sum / targets, 100)) + "% of all · ";
  }

  /// What a host last said of its own progress: "web1: 42% copying".
  static std::string said_text(const Json& event) {
    std::string said = in_line(text(event, "name")) + ":";
    if (const auto percent = maybe_number(event, "percent"))
      said += " " + std::to_string(*percent) + "%";
    const std::string words = in_line(text(event, "text"));
    return words.empty() ? said : said + " " + words;
  }

  bool cancel() {
    auto run = client_.cancel_run(text(run_, "id"));
    if (!run) {
      context_.terminal.err("cannot cancel: " + run.error().message + "\n");
      return detach();
    }
    run_ = *std::move(run);
    cancelled_ = true;
    context_.terminal.err("Cancelling; waiting for what has started to end…\n");
    return !finished();
  }

  bool detach() {
    detached_ = true;
    const std::string id = in_line(text(run_, "id"));
    context_.terminal.err("Detached; the run goes on.\n  muster runs watch " + id +
                          "    follows it again\n  muster runs show " + id +
                          "     shows the answers\n  muster runs cancel " + id + "   stops it\n");
    return false;
  }

  Context& context_;
  Client& client_;
  Json run_;
  const FollowOptions options_;
  LiveLines lines_;
  std::string said_;
  std::map<std::string, std::int64_t> percents_;  // by endpoint
  const core::MonoTime started_;
  bool detached_ = false;
  bool cancelled_ = false;
  bool heard_ = false;
  std::string held_;
};

}  // namespace

core::Result<Followed> follow_run(Context& context, Client& client, Json run,
                                  const FollowOptions& options) {
  const std::string id = text(run, "id");
  Follower follower(context, client, std::move(run), options);
  for (int attempt = 0; !follower.finished() && !follower.detached();) {
    const auto status = client.run_events(id, follower);
    if (follower.finished() || follower.detached()) break;
    attempt = follower.take_heard() ? 0 : attempt + 1;
    if (!status && (attempt >= kAttemptsMax || (status.error().code != core::Code::kUnavailable &&
                                                status.error().code != core::Code::kTimeout))) {
      follower.end();
      return core::fail(core::Error(status.error()));
    }
    if (!status) std::this_thread::sleep_for(std::chrono::seconds(1));
    // The stream ended without an end: the ledger knows.
    if (auto again = client.run(id)) follower.set_run(*std::move(again));
    if (attempt >= kAttemptsMax) break;
  }
  follower.end();
  if (options.live && follower.finished()) MUSTER_TRY(follower.tell_missed());
  return Followed{follower.run(), follower.detached(), follower.cancelled()};
}

}  // namespace muster::cli
