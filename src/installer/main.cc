// SPDX-License-Identifier: Apache-2.0
//
// muster-pack-apply: the executable of every file pack's method. What it shall do comes as the
// method's arguments, the index lies in its folder, containers come by the channel.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "core/bytes.h"
#include "installer/installer.h"
#include "muster_method.h"
#include "runtime/file.h"

namespace {

using namespace muster;
using core::Code;
using core::fail;

/// Of a call that is refused because there were too many.
constexpr int kTriesMax = 40;
constexpr useconds_t kPauseMicroseconds = 250'000;

volatile std::sig_atomic_t asked_to_stop = 0;

void stop(int) {
  asked_to_stop = 1;
}

/// Containers are files of the method's own package.
class FromAgent final : public installer::Containers {
 public:
  explicit FromAgent(muster_method::Method& method) : method_(method) {}
  core::Result<runtime::Descriptor> fetch(const packs::Container& container) override {
    return fetch(container.id);
  }
  core::Result<std::string> fetch_table(const packs::Table& table) override {
    MUSTER_ASSIGN(const auto file, fetch(table.id));
    std::string bytes(table.size, '\0');
    const ssize_t count = ::read(file.get(), bytes.data(), bytes.size());
    if (count < 0) return core::fail_errno(errno, "reading " + path_);
    bytes.resize(static_cast<std::size_t>(count));
    release();
    return bytes;
  }
  void release(const packs::Container&) override { release(); }

 private:
  core::Result<runtime::Descriptor> fetch(const core::ContentId& id) {
    try {
      // Each chunk is hashed when it is put to its place: a link will do.
      const auto answer =
          patiently("content.fetch", R"({"sha256":")" + id.str() + R"(","link":true})");
      const auto* path = answer.find("path");
      path_ = path ? path->text : "";
      runtime::Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
      if (!file) return core::fail_errno(errno, "reading " + path_);
      return file;
    } catch (const muster_method::CallError& error) {
      return fail(core::code_from_name(error.code), std::string("fetching: ") + error.what());
    }
  }
  void release() {
    try {
      patiently("content.release", "{\"path\":" + muster_method::quoted(path_) + "}");
    } catch (const muster_method::CallError&) {
      return;  // an older agent keeps it until the run ends
    }
  }
  /// An agent answers so many calls a second; small containers come faster than that.
  muster_method::Json patiently(std::string_view name, const std::string& body) {
    for (int tries = 0;; ++tries) try {
        return method_.call(name, body);
      } catch (const muster_method::CallError& error) {
        if (error.code != "limit" || tries == kTriesMax || asked_to_stop != 0) throw;
        ::usleep(kPauseMicroseconds);
      }
  }

  muster_method::Method& method_;
  std::string path_;
};

std::string json_of(const installer::Report& report) {
  const auto number = [](const char* name, std::uint64_t value) {
    return ",\"" + std::string(name) + "\":" + std::to_string(value);
  };
  std::string text = "{\"outcome\":" + muster_method::quoted(report.outcome) +
                     ",\"version\":" + muster_method::quoted(report.version) +
                     ",\"before\":" + muster_method::quoted(report.before) +
                     ",\"recovered\":" + (report.recovered ? "true" : "false");
  if (report.outcome == "installed")
    text += number("files", report.counts.files) + number("bytes", report.counts.bytes) +
            number("bytes_reused", report.counts.reused) +
            number("bytes_kept", report.counts.kept) +
            number("bytes_fetched", report.counts.fetched);
  if (report.outcome == "changed") {
    text += number("changed_count", report.changed_count) + ",\"changed\":[";
    for (std::size_t i = 0; i < report.changed.size(); ++i)
      text += (i > 0 ? "," : "") + muster_method::quoted(core::printable(report.changed[i], 1024));
    text += R"(],"_error":{"kind":"muster/pack_changed","msg":)" +
            muster_method::quoted(
                std::to_string(report.changed_count) +
                " of the pack's files are not as they were installed; send the pack again to "
                "repair them") +
            ",\"details\":{}}";
  }
  return text + "}";
}

core::Result<installer::Report> work(muster_method::Method& method) {
  const auto pack = method.get<std::string>("_task").substr(std::string_view("pack::").size());
  const auto action = method.get<std::string>("action", "apply");
  installer::Options options;
  options.progress = [&method](std::string_view doing, std::uint64_t done, std::uint64_t all) {
    std::string text(doing);
    if (all > 1)
      text += " " + std::to_string(done >> 20) + " of " + std::to_string(all >> 20) + " MB";
    std::optional<int> percent;
    if (all > 0) percent = static_cast<int>(done * 100 / all);
    static std::string last;
    if (text != last) method.progress(percent, text);
    last = text;
  };
  options.stopped = [] { return asked_to_stop != 0; };
  options.checkpoint = [](std::string_view) {};
  MUSTER_ASSIGN(auto work, installer::Installer::open(pack, std::move(options)));
  if (action == "rollback") return work.roll_back();
  if (action == "remove") return work.remove();
  if (action == "verify") return work.verify();
  const auto folder = method.get<std::string>("_installdir");
  MUSTER_ASSIGN(const auto index,
                runtime::read_file(folder + "/pack/files/index", packs::kIndexBytesMax));
  FromAgent containers(method);
  return work.apply(index, containers);
}

}  // namespace

int main() {
  struct sigaction action{};
  action.sa_handler = stop;  // without SA_RESTART: who waits for a step is woken
  ::sigaction(SIGTERM, &action, nullptr);
  ::umask(022);
  return muster_method::run([](muster_method::Method& method) {
    const auto report = work(method);
    if (!report) throw std::runtime_error(report.error().message);
    method.result(json_of(*report));
  });
}
