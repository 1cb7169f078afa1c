// SPDX-License-Identifier: Apache-2.0
#include "agent/method_channels.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <set>
#include <utility>

#include "core/bytes.h"
#include "core/log.h"

namespace muster::agent {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;

json::value parsed(std::string_view body) {
  std::error_code failed;
  return json::parse(body, failed);
}

/// The text of a member; nothing where there is none.
std::string member_of(const json::value& object, std::string_view name) {
  const json::value* value = object.is_object() ? object.get_object().if_contains(name) : nullptr;
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool flag_of(const json::value& object, std::string_view name) {
  const json::value* value = object.is_object() ? object.get_object().if_contains(name) : nullptr;
  return value && value->is_bool() && value->get_bool();
}

/// Which file of its own package a method asks for.
core::Result<const methods::PackageFile*> wanted_file(const methods::Package& package,
                                                      const json::value& asked) {
  const std::string path = member_of(asked, "path");
  const auto sha256 = core::from_hex(member_of(asked, "sha256"));
  if (path.empty() && (!sha256 || sha256->empty()))
    return fail(Code::kInvalid,
                R"(say which file: {"path":"module/files/name"} or {"sha256":"…"})");
  for (const methods::PackageFile& file : package.files)
    if (path.empty() ? file.sha256 == *sha256 : file.path == path) return &file;
  return fail(Code::kNotFound, "the method's package has no such file");
}

}  // namespace

struct MethodChannels::Open {
  Open(runtime::Loop& loop, const methods::Package& of, bool other)
      : package(of), other_user(other), timer(loop) {}
  const methods::Package& package;
  const bool other_user;
  methods::Channel channel;
  runtime::Timer timer;  // for progress that waits
  std::set<Content::Ticket> fetching;
  std::vector<content::RunFolder> fetched;
  std::size_t files = 0;
  bool told_deaf = false;
};

MethodChannels::MethodChannels(runtime::Loop& loop, Content* content, Effects effects)
    : loop_(loop), content_(content), effects_(std::move(effects)) {}

MethodChannels::~MethodChannels() {
  *alive_ = false;
  while (!open_.empty()) close(open_.begin()->first);
}

void MethodChannels::open(core::RunId run, const methods::Package& package, bool other_user) {
  open_[run] = std::make_unique<Open>(loop_, package, other_user);
}

void MethodChannels::close(core::RunId run) {
  const auto found = open_.find(run);
  if (found == open_.end()) return;
  for (const Content::Ticket ticket : found->second->fetching) content_->cancel(ticket);
  open_.erase(found);
}

void MethodChannels::heard(core::RunId run, std::string_view bytes) {
  const auto found = open_.find(run);
  if (found == open_.end()) return;
  Open& open = *found->second;
  methods::Channel::Heard heard = open.channel.receive(bytes, core::mono_now());
  if (open.channel.deaf() && !std::exchange(open.told_deaf, true))
    core::log(core::Level::kWarn, "agent",
              "a method's channel makes no sense and is not heard any more", {{"run", run}});
  if (!heard.replies.empty()) effects_.tell(run, heard.replies);
  for (methods::Channel::Call& call : heard.calls) answer(run, open, std::move(call));
  pass_progress(run, open);
}

void MethodChannels::pass_progress(core::RunId run, Open& open) {
  const core::MonoTime now = core::mono_now();
  if (const auto progress = open.channel.take_progress(now)) effects_.progress(run, *progress);
  const core::MonoTime due = open.channel.progress_due();
  if (due == core::MonoTime::max()) return;
  open.timer.start(due - now, [this, run] {
    if (const auto found = open_.find(run); found != open_.end())
      pass_progress(run, *found->second);
  });
}

void MethodChannels::answer(core::RunId run, Open& open, methods::Channel::Call call) {
  if (call.name == "content.release") return release(run, open, call);
  if (call.name != "content.fetch") return ask_server(run, std::move(call));
  if (const core::Status begun = fetch(run, open, call); !begun)
    reply(run, call.id, core::fail(core::Error(begun.error())));
}

/// The file is removed and counts no more, so that a run may fetch many one after the other.
void MethodChannels::release(core::RunId run, Open& open, const methods::Channel::Call& call) {
  const std::string path = member_of(parsed(call.body), "path");
  const auto found = std::ranges::find_if(open.fetched, [&](const content::RunFolder& folder) {
    return path.starts_with(folder.path().string() + "/");
  });
  if (found == open.fetched.end())
    return reply(run, call.id, fail(Code::kNotFound, "this run has fetched no such file"));
  open.fetched.erase(found);
  --open.files;
  reply(run, call.id, "null");
}

void MethodChannels::ask_server(core::RunId run, methods::Channel::Call call) {
  if (upcalls_ >= kMethodUpcallsMax)
    return reply(run, call.id,
                 fail(Code::kLimit, "too many methods of this machine ask the server; try again"));
  ++upcalls_;
  effects_.upcall(run, std::move(call.name), std::move(call.body),
                  [this, run, id = call.id, alive = alive_](const core::Result<std::string>& body) {
                    if (!*alive) return;
                    --upcalls_;
                    reply(run, id, body);
                  });
}

core::Status MethodChannels::fetch(core::RunId run, Open& open,
                                   const methods::Channel::Call& call) {
  if (!content_) return fail(Code::kUnavailable, "this machine has no place for content");
  if (open.files >= kFilesMax)
    return fail(Code::kLimit,
                "this run has fetched " + std::to_string(kFilesMax) + " files already");
  const json::value asked = parsed(call.body);
  MUSTER_ASSIGN(const methods::PackageFile* file, wanted_file(open.package, asked));
  ++open.files;
  NeededFile needed;
  needed.path = file->path;
  needed.id = *core::ContentId::from_bytes(file->sha256);  // read_manifest() checked it
  needed.executable = file->executable;
  // Another user could not read it; and who runs as the agent can write where it likes anyway.
  needed.link = flag_of(asked, "link") && !open.other_user;
  needed.size = file->size;
  const auto ticket = std::make_shared<Content::Ticket>(0);
  *ticket = content_->prepare({std::move(needed)}, open.other_user, kContentPatience,
                              [this, run, id = call.id, path = file->path,
                               ticket](core::Result<content::RunFolder> folder) {
                                const auto found = open_.find(run);
                                if (found == open_.end()) return;
                                found->second->fetching.erase(*ticket);
                                if (!folder)
                                  return reply(run, id, core::fail(std::move(folder.error())));
                                const std::string where = (folder->path() / path).string();
                                found->second->fetched.push_back(std::move(*folder));
                                reply(run, id, json::serialize(json::object{{"path", where}}));
                              });
  open.fetching.insert(*ticket);
  return {};
}

void MethodChannels::reply(core::RunId run, std::uint64_t id,
                           const core::Result<std::string>& body) {
  if (const auto found = open_.find(run); found != open_.end())
    effects_.tell(run, found->second->channel.reply(id, body));
}

}  // namespace muster::agent
