// SPDX-License-Identifier: Apache-2.0
//
// What bare OpenSSL costs on this machine: the limit that links are measured against.
//
// usage: tls_reference LINKS WINDOW BYTES ROUNDS
//
// A server and a client process, one thread each, epoll, OpenSSL on the socket with
// mutual P-256 certificates, TLS 1.3, no tickets, released buffers: the process layout of
// a gateway and a swarm, and nothing else. The client makes LINKS full handshakes, WINDOW
// at a time, then sends BYTES to each of all links at once, ROUNDS times, and waits for
// every echo. Then two processes move bytes one way over one link. Prints one JSON object.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void must(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::exit(1);
}

struct Identity {
  EVP_PKEY* key;
  X509* certificate;
};

Identity make_identity(const char* name, const Identity* issuer) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer ? 2 : 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -300);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(certificate,
                       X509_get_subject_name(issuer ? issuer->certificate : certificate));
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer ? issuer->certificate : certificate, certificate, nullptr,
                 nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, NID_basic_constraints,
                                                  issuer ? "CA:FALSE" : "critical,CA:TRUE");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  must(X509_sign(certificate, issuer ? issuer->key : key, EVP_sha256()) > 0, "sign");
  return {key, certificate};
}

SSL_CTX* make_context(const SSL_METHOD* method, const Identity& ca, const Identity& own) {
  SSL_CTX* context = SSL_CTX_new(method);
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.certificate);
  SSL_CTX_use_certificate(context, own.certificate);
  SSL_CTX_use_PrivateKey(context, own.key);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return context;
}

long pss_kb(pid_t pid) {
  std::FILE* file = std::fopen(("/proc/" + std::to_string(pid) + "/smaps_rollup").c_str(), "r");
  must(file != nullptr, "smaps_rollup");
  char line[256];
  long kb = 0;
  while (std::fgets(line, sizeof line, file))
    if (std::sscanf(line, "Pss: %ld", &kb) == 1) break;
  std::fclose(file);
  return kb;
}

double cpu_seconds(pid_t pid) {
  std::FILE* file = std::fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "r");
  must(file != nullptr, "stat");
  unsigned long user = 0, system = 0;
  must(std::fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                   &system) == 2,
       "stat");
  std::fclose(file);
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

struct Link {
  int fd;
  SSL* tls;
  bool open = false;
  std::size_t received = 0;
};

void set_up_socket(int fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(fd, F_SETFL, O_NONBLOCK);
}

void watch(int epoll, int fd, void* data, unsigned events) {
  epoll_event event{events, {.ptr = data}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

[[noreturn]] void serve(int listener, SSL_CTX* context) {
  const int epoll = epoll_create1(0);
  watch(epoll, listener, nullptr, EPOLLIN);
  static char bytes[64 * 1024];
  epoll_event events[512];
  for (;;) {
    const int count = epoll_wait(epoll, events, 512, -1);
    for (int i = 0; i < count; ++i) {
      auto* link = static_cast<Link*>(events[i].data.ptr);
      if (!link) {
        for (int fd; (fd = accept(listener, nullptr, nullptr)) >= 0;) {
          set_up_socket(fd);
          link = new Link{fd, SSL_new(context)};
          SSL_set_fd(link->tls, fd);
          SSL_set_accept_state(link->tls);
          watch(epoll, fd, link, EPOLLIN);
        }
        continue;
      }
      int got;
      while ((got = SSL_read(link->tls, bytes, sizeof bytes)) > 0)
        must(SSL_write(link->tls, bytes, got) == got, "echo");  // small: fits the socket buffer
      if (SSL_get_error(link->tls, got) == SSL_ERROR_WANT_READ) continue;
      SSL_free(link->tls);
      close(link->fd);
      delete link;
    }
  }
}

struct Client {
  int epoll;
  SSL_CTX* context;
  sockaddr_in address;
  std::vector<std::unique_ptr<Link>> links;

  /// Goes on with the handshake; after it, says the first byte.
  static void advance(Link& link) {
    if (link.open || SSL_do_handshake(link.tls) != 1) return;
    link.open = true;
    must(SSL_write(link.tls, "x", 1) == 1, "first byte");
  }

  void dial() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    must(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
    set_up_socket(fd);
    links.push_back(std::make_unique<Link>(Link{fd, SSL_new(context)}));
    SSL_set_fd(links.back()->tls, fd);
    SSL_set_connect_state(links.back()->tls);
    advance(*links.back());  // on a fast machine the answer is there already
    watch(epoll, fd, links.back().get(), EPOLLIN);
  }

  /// Full handshakes a second. A link counts when the server has answered one byte: only
  /// then has the server verified the client's certificate.
  double connect_all(std::size_t count, std::size_t window) {
    const double start = now();
    const std::size_t already = links.size();
    std::size_t done = already;
    epoll_event events[512];
    while (done < count) {
      while (links.size() < count && links.size() - done < window) dial();
      const int ready = epoll_wait(epoll, events, 512, 10'000);
      must(ready > 0, "handshakes stalled");
      for (int i = 0; i < ready; ++i) {
        auto* link = static_cast<Link*>(events[i].data.ptr);
        char byte;
        advance(*link);
        if (link->open && SSL_read(link->tls, &byte, 1) == 1) ++done;
      }
    }
    return static_cast<double>(count - already) / (now() - start);
  }

  /// Seconds until every link has its echo.
  double round(const std::string& message) {
    static char bytes[64 * 1024];
    const double start = now();
    std::size_t done = 0;
    for (auto& link : links) {
      link->received = 0;
      must(SSL_write(link->tls, message.data(), static_cast<int>(message.size())) > 0, "write");
    }
    epoll_event events[512];
    while (done < links.size()) {
      const int ready = epoll_wait(epoll, events, 512, 10'000);
      must(ready > 0, "echo stalled");
      for (int i = 0; i < ready; ++i) {
        auto* link = static_cast<Link*>(events[i].data.ptr);
        for (int got; (got = SSL_read(link->tls, bytes, sizeof bytes)) > 0;) {
          link->received += static_cast<std::size_t>(got);
          if (link->received == message.size()) ++done;
        }
      }
    }
    return now() - start;
  }
};

constexpr std::size_t kBulkBytes = 2'000'000'000;

/// Bytes a second from one process to another, in blocking writes of 64 KiB.
double bulk_bytes_per_s(int listener, SSL_CTX* server, SSL_CTX* client,
                        const sockaddr_in& address) {
  static char bytes[64 * 1024];
  fcntl(listener, F_SETFL, 0);
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    SSL* tls = SSL_new(server);
    SSL_set_fd(tls, accept(listener, nullptr, nullptr));
    must(SSL_accept(tls) == 1, "accept");
    while (SSL_write(tls, bytes, sizeof bytes) > 0) {
    }
    _exit(0);
  }
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  must(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
  SSL* tls = SSL_new(client);
  SSL_set_fd(tls, fd);
  must(SSL_connect(tls) == 1, "handshake");
  const double start = now();
  std::size_t received = 0;
  for (int got; received < kBulkBytes; received += static_cast<std::size_t>(got)) {
    got = SSL_read(tls, bytes, sizeof bytes);
    must(got > 0, "read");
  }
  const double seconds = now() - start;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return static_cast<double>(received) / seconds;
}

}  // namespace

int main(int argc, char** argv) {
  must(argc == 5, "usage: tls_reference LINKS WINDOW BYTES ROUNDS");
  const auto count = std::strtoul(argv[1], nullptr, 10),
             window = std::strtoul(argv[2], nullptr, 10);
  const auto bytes = std::strtoul(argv[3], nullptr, 10),
             rounds = std::strtoul(argv[4], nullptr, 10);
  const Identity ca = make_identity("ca", nullptr);
  const Identity server = make_identity("server", &ca), client = make_identity("client", &ca);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  must(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
  must(listen(listener, 4096) == 0, "listen");
  socklen_t length = sizeof address;
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);

  const pid_t child = fork();
  if (child == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);  // never outlives the measurement
  if (child == 0) serve(listener, make_context(TLS_server_method(), ca, server));
  Client load{epoll_create1(0), make_context(TLS_client_method(), ca, client), address, {}};
  load.connect_all(1, 1);  // what the first link loads is not a link's cost
  const long before = pss_kb(child);
  const double handshakes = load.connect_all(count, window);
  const long after = pss_kb(child);
  const double cpu_before = cpu_seconds(child);
  std::vector<double> times;
  for (std::size_t i = 0; i < rounds; ++i) times.push_back(load.round(std::string(bytes, 'x')));
  const double cpu = cpu_seconds(child) - cpu_before;
  std::sort(times.begin(), times.end());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  const double bulk = bulk_bytes_per_s(listener, make_context(TLS_server_method(), ca, server),
                                       make_context(TLS_client_method(), ca, client), address);
  std::printf(
      "{\"links\":%lu,\"bytes_per_link\":%.0f,\"handshakes_per_s\":%.1f,"
      "\"echo_s\":%.4f,\"echo_per_s\":%.0f,\"server_cpu_us_per_echo\":%.2f,"
      "\"bulk_bytes_per_s\":%.0f}\n",
      count, static_cast<double>(after - before) * 1024 / static_cast<double>(count - 1),
      handshakes, times[times.size() / 2], static_cast<double>(count) / times[times.size() / 2],
      cpu * 1e6 / static_cast<double>(count * std::max(rounds, 1UL)), bulk);
  return 0;
}
