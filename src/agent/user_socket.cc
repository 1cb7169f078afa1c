// SPDX-License-Identifier: Apache-2.0
#include "agent/user_socket.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>

#include "agent/installed_packs.h"
#include "agent/user_request.h"
#include "core/bytes.h"
#include "core/json.h"
#include "core/log.h"
#include "runtime/descriptor.h"

namespace muster::agent {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;

/// The name that /etc/passwd has for a user, else its number. Other sources of names may block,
/// and the agent has one thread.
std::string user_name(uid_t user) {
  std::string name = "#" + std::to_string(user);
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/etc/passwd", "re"), std::fclose);
  if (!file) return name;
  while (const passwd* entry = ::fgetpwent(file.get()))
    if (entry->pw_uid == user) return entry->pw_name;
  return name;
}

core::Result<sockaddr_un> address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.empty() || text.size() >= sizeof address.sun_path)
    return fail(Code::kInvalid, "the path of a socket has at most 107 bytes: " + text);
  text.copy(address.sun_path, text.size());
  return address;
}

const sockaddr* plain(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// Removes what a dead agent has left.
core::Status clear_way(const std::filesystem::path& path, const sockaddr_un& address) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode))
    return fail(Code::kConflict, path.string() + " is there and is no socket");
  const runtime::Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(probe.get(), plain(address), sizeof address) == 0 || errno == EAGAIN)
    return fail(Code::kConflict, "somebody listens at " + path.string() + " already");
  if (::unlink(path.c_str()) == 0) return {};
  return core::fail_errno(errno, "removing " + path.string());
}

const char* outcome_name(wire::Outcome outcome) {
  switch (outcome) {
    case wire::OUTCOME_SUCCEEDED:
      return "succeeded";
    case wire::OUTCOME_REFUSED:
      return "refused";
    case wire::OUTCOME_TIMED_OUT:
      return "timed_out";
    case wire::OUTCOME_CANCELLED:
      return "cancelled";
    case wire::OUTCOME_EXPIRED:
      return "expired";
    default:
      return "failed";
  }
}

std::string end_line(core::RunId run, const link::RunResult& result) {
  json::object line{
      {"done", true}, {"run", run.str()}, {"outcome", outcome_name(result.announce.outcome())}};
  if (!result.announce.reason().empty())
    line["reason"] = core::printable(result.announce.reason(), 1024);
  if (auto said = core::read_json(result.stdout_bytes); said && said->is_object())
    line["result"] = std::move(*said);
  return json::serialize(line);
}

}  // namespace

struct UserSocket::Client {
  explicit Client(runtime::Loop& loop) : timer(loop) {}
  uid_t user = 0;
  std::string heard;
  bool asked = false;
  core::RunId run;
  std::unique_ptr<runtime::ReadWatch> socket;
  runtime::Timer timer;
};

core::Result<std::unique_ptr<UserSocket>> UserSocket::open(runtime::Loop& loop,
                                                           std::filesystem::path path,
                                                           Upcall upcall) {
  MUSTER_ASSIGN(const sockaddr_un address, address_of(path));
  MUSTER_TRY(clear_way(path, address));
  runtime::Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) return core::fail_errno(errno, "making a socket");
  if (::bind(listener.get(), plain(address), sizeof address) != 0)
    return core::fail_errno(errno, "making " + path.string());
  // Whoever may enter the folder may ask; what they get is the server's to decide.
  if (::chmod(path.c_str(), 0666) != 0 || ::listen(listener.get(), kClientsMax) != 0)
    return core::fail_errno(errno, "listening at " + path.string());
  std::unique_ptr<UserSocket> made(new UserSocket(loop, std::move(path), std::move(upcall)));
  made->listening_ = std::make_unique<runtime::ReadWatch>(
      loop, ::fcntl(listener.get(), F_DUPFD_CLOEXEC, 0), [self = made.get()] { self->accept(); });
  return made;
}

UserSocket::UserSocket(runtime::Loop& loop, std::filesystem::path path, Upcall upcall)
    : loop_(loop), path_(std::move(path)), upcall_(std::move(upcall)) {}

UserSocket::~UserSocket() {
  *alive_ = false;
  ::unlink(path_.c_str());
}

UserSocket::Client* UserSocket::find(Number number) {
  const auto found = clients_.find(number);
  return found == clients_.end() ? nullptr : found->second.get();
}

void UserSocket::accept() {
  const int socket =
      ::accept4(listening_->descriptor(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket < 0) return;
  runtime::Descriptor guard(socket);
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  const auto others = std::ranges::count_if(
      clients_, [&](const auto& each) { return each.second->user == peer.uid; });
  if (clients_.size() >= kClientsMax || static_cast<std::size_t>(others) >= kClientsOfUserMax) {
    constexpr std::string_view kBusy =
        "{\"error\":{\"code\":\"limit\",\"message\":\"the agent is asked too much at the same "
        "time; try "
        "again\"}}\n";
    (void)::send(socket, kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  const Number number = next_++;
  auto client = std::make_unique<Client>(loop_);
  client->user = peer.uid;
  client->socket = std::make_unique<runtime::ReadWatch>(
      loop_, ::fcntl(guard.get(), F_DUPFD_CLOEXEC, 0), [this, number] { heard(number); });
  client->timer.start(kQuestionPatience, [this, number] { end(number); });
  clients_[number] = std::move(client);
}

void UserSocket::heard(Number number) {
  Client* client = find(number);
  if (!client) return;
  char buffer[kUserRequestBytesMax + 1];
  const ssize_t count = ::recv(client->socket->descriptor(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  // Whoever goes on talking after the question is not heard any more either.
  if (count <= 0 || client->asked) return end(number);
  client->heard.append(buffer, static_cast<std::size_t>(count));
  const auto line_end = client->heard.find('\n');
  if (line_end == std::string::npos && client->heard.size() <= kUserRequestBytesMax) return;
  client->asked = true;
  client->timer.cancel();
  ask(number, std::string_view(client->heard).substr(0, line_end));
}

bool UserSocket::may_ask(uid_t user) {
  if (user == 0) return true;
  const core::MonoTime now = core::mono_now();
  if (asked_.size() >= kUsersMax && !asked_.contains(user))
    std::erase_if(asked_, [&](const auto& each) {
      return each.second.ready_at(kQuestionsAtOnce, now) <= now;
    });
  if (asked_.size() >= 2 * kUsersMax && !asked_.contains(user)) return false;
  return asked_.try_emplace(user, 1, kQuestionsAtOnce, now).first->second.take(1, now);
}

void UserSocket::ask(Number number, std::string_view line) {
  const Client& client = *find(number);
  const auto request = read_user_request(line);
  if (!request) return tell_error(number, request.error());
  if (!may_ask(client.user))
    return tell_error(number, {Code::kLimit, "you ask too often; wait some seconds"});
  const auto answered = [this, number, alive = alive_](auto what) {
    return [this, number, alive, what](core::Result<std::string> answer) {
      if (*alive && find(number)) (this->*what)(number, std::move(answer));
    };
  };
  if (request->call == UserRequest::Call::kPackList)
    return upcall_("packs.list", "{}", answered(&UserSocket::listed));
  const std::string user = user_name(client.user);
  core::log(core::Level::kInfo, "agent", "a user of this machine asks for a file pack",
            {{"user", user}, {"pack", request->name}});
  json::object body{{"name", request->name}, {"version", request->version}, {"user", user}};
  upcall_("packs.get", json::serialize(body), answered(&UserSocket::ordered));
}

void UserSocket::listed(Number number, core::Result<std::string> list) {
  if (!list) return tell_error(number, list.error());
  std::error_code failed;
  json::value value = json::parse(*list, failed);
  if (failed || !value.is_object())
    return tell_error(number, {Code::kCorrupt, "the server's answer cannot be read"});
  if (json::value* packs = value.get_object().if_contains("packs"); packs && packs->is_array())
    for (json::value& pack : packs->get_array()) {
      if (!pack.is_object()) continue;
      const json::value* name = pack.get_object().if_contains("name");
      if (!name || !name->is_string()) continue;
      if (const auto version = installed_version(kPackState, std::string(name->get_string())))
        pack.get_object()["installed"] = *version;
    }
  if (tell(number, json::serialize(value))) end(number);
}

void UserSocket::ordered(Number number, core::Result<std::string> order) {
  if (!order) return tell_error(number, order.error());
  std::error_code failed;
  const json::value value = json::parse(*order, failed);
  const json::value* id =
      !failed && value.is_object() ? value.get_object().if_contains("run") : nullptr;
  const auto run = id && id->is_string() ? core::RunId::parse(std::string(id->get_string()))
                                         : core::fail(Code::kCorrupt, "there is no run in it");
  if (!run) return tell_error(number, {Code::kCorrupt, "the server's answer cannot be read"});
  if (!tell(number, *order)) return;
  // It may be faster than the answer.
  const auto ended = std::ranges::find(ended_, *run, &decltype(ended_)::value_type::first);
  if (ended != ended_.end()) {
    if (tell(number, ended->second)) end(number);
    return;
  }
  Client& client = *find(number);
  client.run = *run;
  client.timer.start(kStartPatience, [this, number, run = *run] {
    tell_error(number, {Code::kTimeout, "run " + run.str() +
                                            " was ordered and has not begun here; it may begin "
                                            "later: ask what is installed then"});
  });
}

void UserSocket::progress(core::RunId run, std::optional<std::uint32_t> percent,
                          std::string_view text) {
  std::vector<Number> interested;
  for (const auto& [number, client] : clients_)
    if (client->run == run) interested.push_back(number);
  if (interested.empty()) return;
  json::object line{{"text", core::printable(text, 200)}};
  if (percent) line["percent"] = *percent;
  const std::string encoded = json::serialize(line);
  for (const Number number : interested) {
    find(number)->timer.cancel();
    tell(number, encoded);
  }
}

void UserSocket::finished(core::RunId run, const link::RunResult& result) {
  if (clients_.empty()) return;
  const std::string line = end_line(run, result);
  ended_.emplace_back(run, line);
  if (ended_.size() > kEndedMax) ended_.pop_front();
  std::vector<Number> interested;
  for (const auto& [number, client] : clients_)
    if (client->run == run) interested.push_back(number);
  for (const Number number : interested)
    if (tell(number, line)) end(number);
}

bool UserSocket::tell(Number number, std::string_view line) {
  Client* client = find(number);
  if (!client) return false;
  const std::string text = std::string(line) + "\n";
  // Who does not read what the socket holds is not waited for.
  const ssize_t sent =
      ::send(client->socket->descriptor(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent == static_cast<ssize_t>(text.size())) return true;
  end(number);
  return false;
}

void UserSocket::tell_error(Number number, const core::Error& error) {
  const json::object line{
      {"error", json::object{{"code", core::name(error.code)}, {"message", error.message}}}};
  if (tell(number, json::serialize(line))) end(number);
}

void UserSocket::end(Number number) {
  clients_.erase(number);
}

}  // namespace muster::agent
