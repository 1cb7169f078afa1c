// SPDX-License-Identifier: Apache-2.0
#include "cli/host_client.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <thread>

#include "core/bytes.h"
#include "core/json.h"
#include "core/sha256.h"
#include "identity/certificate.h"
#include "manage/call.h"
#include "member/credential.h"
#include "net/http_client.h"
#include "runtime/descriptor.h"
#include "runtime/task_group.h"

namespace muster::cli {
namespace {

using core::Code;
using core::fail;
using core::Result;
using runtime::Task;

constexpr std::size_t kBlock = 256 * 1024;
constexpr auto kPause = std::chrono::seconds(1);
constexpr core::Duration kAnswerTime = std::chrono::minutes(15);  // a large file is read to its end

bool may_go_on(const core::Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kTimeout;
}

Result<runtime::Descriptor> open_file(const std::string& path, int flags) {
  runtime::Descriptor file(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  if (!file) return core::fail_errno(errno, "opening " + path);
  return file;
}

Result<std::uint64_t> size_of(int file, const std::string& path) {
  struct stat found{};
  if (::fstat(file, &found) != 0) return core::fail_errno(errno, "reading " + path);
  if (!S_ISREG(found.st_mode)) return fail(Code::kInvalid, path + " is no file");
  return static_cast<std::uint64_t>(found.st_size);
}

Result<std::string> read_at(int file, std::uint64_t at) {
  std::string bytes(kBlock, '\0');
  const ssize_t got = ::pread(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
  if (got < 0) return core::fail_errno(errno, "reading the file");
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

Result<std::string> digest_of(int file) {
  core::Sha256 digest;
  for (std::uint64_t at = 0;;) {
    MUSTER_ASSIGN(const std::string bytes, read_at(file, at));
    if (bytes.empty()) return digest.finish().str();
    digest.update(bytes);
    at += bytes.size();
  }
}

core::Status write_at(int file, std::string_view bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (put <= 0) return core::fail_errno(put == 0 ? ENOSPC : errno, "writing the file");
    at += static_cast<std::uint64_t>(put);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

/// The rest of a file, as a body.
class FileBody final : public net::BodyReader {
 public:
  FileBody(int file, std::uint64_t at, std::uint64_t size, const HostClient::Progress& progress)
      : file_(file), at_(at), size_(size), progress_(progress) {}
  Task<Result<std::string>> read() override {
    progress_(at_, size_);
    MUSTER_CO_ASSIGN(std::string bytes, read_at(file_, at_));
    if (bytes.empty() && at_ < size_)
      co_return fail(Code::kConflict, "the file became shorter while it was sent");
    bytes.resize(std::min<std::uint64_t>(bytes.size(), size_ - at_));
    at_ += bytes.size();
    co_return bytes;
  }

 private:
  const int file_;
  std::uint64_t at_;
  const std::uint64_t size_;
  const HostClient::Progress& progress_;
};

std::string target_of(const std::string& operation, const net::Pairs& arguments,
                      const std::vector<std::string>& via) {
  std::string target = "/" + operation;
  char mark = '?';
  const auto add = [&](const std::string& name, const std::string& value) {
    if (value.empty()) return;
    target += mark + name + "=" + net::percent_encode(value);
    mark = '&';
  };
  for (const auto& [name, value] : arguments) add(name, value);
  for (const auto& way : via) add("via", way);
  return target;
}

}  // namespace

class HostClient::Impl {
 public:
  explicit Impl(ManagedHost to) : host(std::move(to)) {}

  core::Status prepare() {
    if (client) return {};
    MUSTER_ASSIGN(auto address, net::ServerAddress::parse(host.address));
    net::TlsClientOptions options;
    options.identity = host.identity;
    if (!host.ca_pem.empty()) {
      options.ca_pem = host.ca_pem;
    } else {
      MUSTER_ASSIGN(options.ca_fingerprint, core::from_base32(host.fingerprint));
    }
    // An authority that was given as a file may have signed others' certificates, too.
    if (host.region_server)
      options.check_peer = member::check_server;
    else if (!host.ca_pem.empty())
      options.check_peer = [name = address.host](std::string_view der) -> core::Status {
        MUSTER_ASSIGN(const auto certificate, identity::Certificate::from_der(der));
        if (identity::names_host(certificate, name)) return {};
        return fail(Code::kUnauthorized, "the certificate there is not for " + name);
      };
    MUSTER_ASSIGN(auto tls, net::TlsClientContext::make(std::move(options)));
    client.emplace(loop, std::move(address), std::move(tls),
                   net::ClientLimits{.response_time_max = kAnswerTime});
    return {};
  }

  net::ClientRequest request(std::string target) const {
    net::ClientRequest made{.method = "POST", .target = std::move(target)};
    made.headers.emplace_back("Muster-Management", std::string(manage::kSignValue));
    if (!host.token.empty()) made.headers.emplace_back("Authorization", "Bearer " + host.token);
    return made;
  }

  /// Runs `task` on the loop, to its end.
  template <typename T>
  Result<T> run(Task<Result<T>> task) {
    Result<T> value = fail(Code::kInternal, "the call ended by an exception");
    tasks.spawn([](Task<Result<T>> inner, Result<T>& out) -> Task<void> {
      out = co_await std::move(inner);
    }(std::move(task), value));
    loop.run_until_idle();
    return value;
  }

  Result<Json> checked(const net::ClientResponse& response) const {
    if (!response.header(manage::kSign))
      return fail(Code::kUnavailable,
                  host.address +
                      " has no management interface: is it 'muster host' that listens "
                      "there?");
    if (response.status >= 400) {
      core::Error error = net::error_of(response);
      // The region's login is none here.
      if (error.code == Code::kUnauthorized && !host.region_server) {
        error.code = Code::kDenied;
        error.message += "\nmuster manage login keeps a token of that host here";
      }
      return fail(std::move(error));
    }
    auto json = core::read_json(response.body);
    if (!json) return fail(Code::kCorrupt, "the host's answer is not JSON");
    return json;
  }

  Result<Json> exchange(net::ClientRequest request) {
    MUSTER_TRY(prepare());
    const auto response = run(client->request(std::move(request)));
    if (!response) return fail(core::Error(response.error()));
    return checked(*response);
  }

  Task<Result<bool>> fetch(net::ClientRequest request, int file, std::uint64_t& at,
                           std::uint64_t size, Progress progress) {
    const bool whole = at == 0;
    MUSTER_CO_ASSIGN(auto stream, co_await client->open(std::move(request)));
    const auto& head = stream.response();
    if (head.status != (whole ? 200 : 206)) {
      net::ClientResponse refused = head;
      MUSTER_CO_ASSIGN(refused.body, co_await stream.read());
      if (head.status < 400)
        co_return fail(Code::kConflict,
                       "the file was changed there in the meantime; again, please");
      co_return fail(net::error_of(refused));
    }
    for (;;) {
      progress(at, size);
      MUSTER_CO_ASSIGN(const std::string bytes, co_await stream.read());
      if (bytes.empty()) co_return at == size;
      MUSTER_CO_TRY(write_at(file, bytes, at));
      at += bytes.size();
    }
  }

  ManagedHost host;
  runtime::Loop loop;
  std::optional<net::HttpClient> client;  // after the loop: it goes first
  runtime::TaskGroup tasks{loop, "cli"};
};

HostClient::HostClient(ManagedHost host) : impl_(std::make_unique<Impl>(std::move(host))) {}
HostClient::~HostClient() = default;

Result<Json> HostClient::call(const std::string& operation, net::Pairs arguments,
                              const std::vector<std::string>& via) {
  return impl_->exchange(impl_->request(target_of(operation, arguments, via)));
}

core::Status HostClient::get(const std::string& path, const std::string& to,
                             const Progress& progress) {
  MUSTER_ASSIGN(const Json info, call("file.info", {{"path", path}, {"digest", "1"}}));
  const std::string sha256 = text(info, "sha256");
  const Json* about = member(info, "file");
  if (sha256.size() != 64 || about == nullptr)
    return fail(Code::kCorrupt, "the host's answer says nothing about the file");
  const auto size = static_cast<std::uint64_t>(number(*about, "size"));
  const std::string part = to + "." + sha256.substr(0, 16) + ".part";
  MUSTER_ASSIGN(const auto file, open_file(part, O_RDWR | O_CREAT | O_NOFOLLOW));
  MUSTER_ASSIGN(std::uint64_t at, size_of(file.get(), part));
  if (at > size) at = 0;
  for (int left = kTries; at < size;) {
    auto request = impl_->request(target_of("file.get", {{"path", path}}, {}));
    if (at > 0) {
      request.headers.emplace_back("Range", "bytes=" + std::to_string(at) + "-");
      request.headers.emplace_back("If-Range", "\"" + text(*about, "tag") + "\"");
    }
    const std::uint64_t before = at;
    const auto done = impl_->run(impl_->fetch(std::move(request), file.get(), at, size, progress));
    if (done) break;
    if (at > before) left = kTries;  // it moves
    if (!may_go_on(done.error()) || --left == 0) return fail(core::Error(done.error()));
    std::this_thread::sleep_for(kPause);
  }
  MUSTER_ASSIGN(const std::string got, digest_of(file.get()));
  if (got != sha256) {
    ::unlink(part.c_str());
    return fail(Code::kCorrupt,
                "what came has not the SHA-256 that the host named: the file was "
                "changed in the meantime; again, please");
  }
  if (::fsync(file.get()) != 0) return core::fail_errno(errno, "saving " + part);
  if (::rename(part.c_str(), to.c_str()) != 0) return core::fail_errno(errno, "making " + to);
  return {};
}

Result<Json> HostClient::put(const Put& what, const Progress& progress) {
  MUSTER_ASSIGN(const auto file, open_file(what.file, O_RDONLY));
  MUSTER_ASSIGN(const std::uint64_t size, size_of(file.get(), what.file));
  MUSTER_ASSIGN(const std::string sha256, digest_of(file.get()));
  const net::Pairs same{{"path", what.path}, {"size", std::to_string(size)}, {"sha256", sha256}};
  std::uint64_t before = 0;
  for (int left = kTries;;) {
    const auto info = call("file.info", same);
    core::Error why;
    // Who may write and not read begins anew each time.
    if (info || info.error().code == Code::kDenied) {
      const auto at = info ? static_cast<std::uint64_t>(number(*info, "uploaded")) : 0;
      if (at > before) left = kTries;
      before = at;
      net::Pairs arguments = same;
      arguments.emplace_back("offset", std::to_string(at));
      arguments.emplace_back("mode", what.mode);
      arguments.emplace_back("owner", what.owner);
      FileBody body(file.get(), at, size, progress);
      auto request = impl_->request(target_of("file.put", arguments, {}));
      request.body_stream = &body;
      request.content_length = size - std::min(size, at);
      auto done = impl_->exchange(std::move(request));
      if (done) return done;
      why = done.error();
    } else {
      why = info.error();
    }
    // Somebody's other attempt that has not ended yet also lets go after a while.
    if ((!may_go_on(why) && why.code != Code::kConflict) || --left == 0)
      return fail(std::move(why));
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace muster::cli
