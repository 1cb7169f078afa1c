// SPDX-License-Identifier: Apache-2.0
#include "agent/packs_command.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstdio>
#include <functional>

#include "agent/user_request.h"
#include "core/bytes.h"
#include "runtime/descriptor.h"

namespace muster::agent {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;

constexpr std::size_t kLineBytesMax = 1UL << 20;
constexpr std::size_t kColumnMax = 40;

std::string text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_string() ? core::printable(std::string(value->get_string()), 500) : "";
}

std::uint64_t number(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  std::error_code failed;
  const auto read = value ? value->to_number<std::uint64_t>(failed) : 0;
  return failed ? 0 : read;
}

std::string size_text(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  constexpr std::string_view kUnits[] = {"KB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, value < 10 ? "%.1f %s" : "%.0f %s", value,
                kUnits[unit].data());
  return buffer;
}

core::Result<runtime::Descriptor> connect_to(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = path.string();
  if (name.empty() || name.size() >= sizeof address.sun_path)
    return fail(Code::kInvalid, "the path of a socket has at most 107 bytes: " + name);
  name.copy(address.sun_path, name.size());
  runtime::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return core::fail_errno(errno, "making a socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  if (errno == ENOENT)
    return fail(Code::kUnavailable,
                "there is no " + name +
                    ": the agent does not run, or it does not listen to users (muster-agent run "
                    "--user-socket FILE)");
  if (errno == ECONNREFUSED)
    return fail(Code::kUnavailable, "nobody listens at " + name + ": the agent does not run");
  return core::fail_errno(errno, "asking the agent at " + name);
}

/// Each line until `seen` has enough, or the agent ends.
core::Status read_lines(int socket,
                        const std::function<core::Result<bool>(std::string_view)>& seen) {
  std::string buffer;
  for (char part[4096];;) {
    const ssize_t count = ::read(socket, part, sizeof part);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return core::fail_errno(errno, "reading the agent's answer");
    if (count == 0)
      return fail(Code::kUnavailable,
                  "the agent has ended the connection: what it had begun goes on; ask again");
    buffer.append(part, static_cast<std::size_t>(count));
    for (std::size_t end; (end = buffer.find('\n')) != std::string::npos;) {
      MUSTER_ASSIGN(const bool enough, seen(std::string_view(buffer).substr(0, end)));
      if (enough) return {};
      buffer.erase(0, end + 1);
    }
    if (buffer.size() > kLineBytesMax) return fail(Code::kLimit, "the agent's answer is too long");
  }
}

core::Result<json::object> parse_line(std::string_view line) {
  std::error_code failed;
  json::value value = json::parse(line, failed);
  if (failed || !value.is_object())
    return fail(Code::kCorrupt, "the agent's answer cannot be read");
  if (const json::value* error = value.get_object().if_contains("error");
      error && error->is_object())
    return fail(core::code_from_name(text(error->get_object(), "code")),
                text(error->get_object(), "message"));
  return std::move(value.get_object());
}

void print_list(const json::object& answer) {
  using Row = std::array<std::string, 5>;
  std::vector<Row> rows{{"PACK", "VERSION", "INSTALLED", "SIZE", "DESCRIPTION"}};
  const json::value* packs = answer.if_contains("packs");
  if (packs && packs->is_array())
    for (const json::value& each : packs->get_array()) {
      if (!each.is_object()) continue;
      const json::object& pack = each.get_object();
      const std::string installed = text(pack, "installed");
      rows.push_back({text(pack, "name"), text(pack, "version"),
                      installed.empty() ? "-" : installed, size_text(number(pack, "size_bytes")),
                      text(pack, "description")});
    }
  if (rows.size() == 1) {
    std::puts("There is no file pack for this machine; an administrator allows them.");
  } else {
    std::array<std::size_t, 5> widths{};
    for (const Row& row : rows)
      for (std::size_t i = 0; i + 1 < row.size(); ++i)
        widths[i] = std::max(widths[i], std::min(row[i].size(), kColumnMax));
    for (const Row& row : rows) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i) {
        line += row[i];
        if (i + 1 < row.size())
          line.append(row[i].size() < widths[i] ? widths[i] - row[i].size() + 2 : 2, ' ');
      }
      std::puts(line.c_str());
    }
  }
  const json::value* more = answer.if_contains("more");
  if (more && more->is_bool() && more->get_bool()) std::puts("There are more than these.");
  if (answer.contains("age_s"))
    std::fprintf(stderr, "The server is away; this is as of %llu s ago.\n",
                 static_cast<unsigned long long>(number(answer, "age_s")));
}

/// The last line of an installation.
core::Status print_end(const json::object& line, const std::string& name) {
  const json::value* said = line.if_contains("result");
  const json::object result = said && said->is_object() ? said->get_object() : json::object();
  const std::string outcome = text(line, "outcome");
  if (outcome != "succeeded") {
    std::string why = text(line, "reason");
    const json::value* error = result.if_contains("_error");
    if (error && error->is_object()) why = text(error->get_object(), "msg");
    return fail(Code::kConflict, name + " was not installed (" + outcome + "): " +
                                     (why.empty() ? "nothing is known of the reason" : why));
  }
  const std::string version = text(result, "version"), before = text(result, "before");
  if (text(result, "outcome") == "unchanged") {
    std::printf("%s %s is installed already\n", name.c_str(), version.c_str());
    return {};
  }
  std::string line_text = name + " " + version + " is installed";
  if (!before.empty()) line_text += ", in place of " + before;
  std::printf("%s: %llu files, %s, of which %s were fetched\n", line_text.c_str(),
              static_cast<unsigned long long>(number(result, "files")),
              size_text(number(result, "bytes")).c_str(),
              size_text(number(result, "bytes_fetched")).c_str());
  return {};
}

core::Status get(int socket, const std::string& name, bool json_lines) {
  const bool live = ::isatty(STDERR_FILENO) == 1;
  core::Status ended;
  MUSTER_TRY(read_lines(socket, [&](std::string_view text_line) -> core::Result<bool> {
    MUSTER_ASSIGN(const auto line, parse_line(text_line));
    const bool done = line.contains("done");
    if (json_lines) {
      std::printf("%.*s\n", static_cast<int>(text_line.size()), text_line.data());
      std::fflush(stdout);
      if (done && text(line, "outcome") != "succeeded")
        ended = fail(Code::kConflict, name + " was not installed");
      return done;
    }
    if (done) {
      if (live) std::fputs("\r\x1b[K", stderr);
      ended = print_end(line, name);
    } else if (line.contains("run")) {
      std::fprintf(stderr, "%s %s: ordered as run %s\n", name.c_str(),
                   text(line, "version").c_str(), text(line, "run").c_str());
    } else if (live) {
      std::fprintf(stderr, "\r\x1b[K%3llu %%  %s",
                   static_cast<unsigned long long>(number(line, "percent")),
                   text(line, "text").c_str());
    }
    return done;
  }));
  return ended;
}

core::Status list(int socket, bool json_lines) {
  return read_lines(socket, [&](std::string_view text_line) -> core::Result<bool> {
    MUSTER_ASSIGN(const auto line, parse_line(text_line));
    if (json_lines)
      std::printf("%.*s\n", static_cast<int>(text_line.size()), text_line.data());
    else
      print_list(line);
    return true;
  });
}

}  // namespace

core::Status ask_for_packs(const std::filesystem::path& socket,
                           const std::vector<std::string>& words, bool json_lines) {
  UserRequest request;
  if (words.size() == 2 && words.front() == "get") {
    MUSTER_ASSIGN(request, parse_pack_name(words.back()));
  } else if (words != std::vector<std::string>{"list"}) {
    return fail(Code::kInvalid, "say `packs list`, or `packs get NAME`");
  }
  MUSTER_ASSIGN(const auto connected, connect_to(socket));
  const std::string line = encode(request) + "\n";
  // An agent that takes no more questions has said so and gone: that is read below.
  if (::send(connected.get(), line.data(), line.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(line.size()) &&
      errno != EPIPE)
    return core::fail_errno(errno, "asking the agent");
  if (request.call == UserRequest::Call::kPackList) return list(connected.get(), json_lines);
  return get(connected.get(), request.name, json_lines);
}

}  // namespace muster::agent
