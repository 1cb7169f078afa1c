// SPDX-License-Identifier: Apache-2.0
#include "net/presented_authority.h"

#include <netdb.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "core/bytes.h"

namespace muster::net {
namespace {

using core::Code;

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

core::Result<Socket> connect_to(const ServerAddress& server, core::Duration at_most) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed =
      ::getaddrinfo(server.host.c_str(), std::to_string(server.port).c_str(), &hints, &found);
  if (failed != 0) {
    return core::fail(Code::kUnavailable, server.str() + ": the name cannot be resolved (" +
                                              ::gai_strerror(failed) + ")");
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, ::freeaddrinfo);
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(at_most).count();
  const timeval limit{us / 1'000'000, us % 1'000'000};
  int why = ECONNREFUSED;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Socket socket(::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol));
    if (socket.get() < 0) {
      why = errno;
      continue;
    }
    // On Linux the time to send limits connect() as well.
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::connect(socket.get(), each->ai_addr, each->ai_addrlen) == 0) return socket;
    why = errno == EINPROGRESS ? ETIMEDOUT : errno;
  }
  return core::fail(Code::kUnavailable, server.str() + ": cannot connect (" + std::strerror(why) +
                                            "); is the server running and the address right?");
}

}  // namespace

core::Result<std::string> presented_authority(const ServerAddress& server, core::Duration at_most) {
  auto socket = connect_to(server, at_most);
  if (!socket) return std::unexpected(std::move(socket.error()));
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                             SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), SSL_free);
  SSL_set_fd(ssl.get(), socket->get());
  if (SSL_connect(ssl.get()) != 1) {
    return core::fail(Code::kUnavailable,
                      server.str() + ": the TLS handshake failed; is this a Muster server's port?");
  }
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl.get());
  X509* last = chain != nullptr && sk_X509_num(chain) > 0
                   ? sk_X509_value(chain, sk_X509_num(chain) - 1)
                   : nullptr;
  if (last == nullptr ||
      X509_NAME_cmp(X509_get_subject_name(last), X509_get_issuer_name(last)) != 0) {
    return core::fail(Code::kInvalid,
                      server.str() +
                          " does not show a region's certificate authority; is this a "
                          "Muster server's port?");
  }
  unsigned char* der = nullptr;
  const int size = i2d_X509(last, &der);
  if (size <= 0) return core::fail(Code::kInternal, "a certificate cannot be encoded");
  const std::string fingerprint =
      core::sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return fingerprint;
}

}  // namespace muster::net
