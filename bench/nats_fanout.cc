// SPDX-License-Identifier: Apache-2.0
//
// What a message broker without durability costs: one request to N subscribers over TLS
// through a broker that speaks the NATS protocol, each answering once.
//
// usage: nats_fanout HOST PORT LINKS ROUNDS BYTES
//
// One process, epoll, no threads. Prints one JSON object with the median round.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr int kStalledMs = 10'000;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void must(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::exit(1);
}

struct Link {
  int fd;
  SSL* tls;
  std::string unread;

  void write(const std::string& text) {
    must(SSL_write(tls, text.data(), static_cast<int>(text.size())) > 0, "write");
  }
};

std::unique_ptr<Link> dial(SSL_CTX* context, const sockaddr_in& address) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  must(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  for (char c = 0; c != '\n';) must(recv(fd, &c, 1, 0) == 1, "greeting");  // INFO, in the clear
  auto link = std::make_unique<Link>(Link{fd, SSL_new(context), {}});
  SSL_set_fd(link->tls, fd);
  must(SSL_connect(link->tls) == 1, "TLS");
  link->write("CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":true}\r\nPING\r\n");
  std::string answer;
  while (answer.find("PONG") == std::string::npos) {
    char bytes[4096];
    const int got = SSL_read(link->tls, bytes, sizeof bytes);
    must(got > 0, "PONG");
    answer.append(bytes, static_cast<std::size_t>(got));
  }
  return link;
}

void subscribe(int epoll, Link& link, const char* subject) {
  link.write(std::string("SUB ") + subject + " 1\r\n");
  fcntl(link.fd, F_SETFL, O_NONBLOCK);
  epoll_event event{EPOLLIN, {.ptr = &link}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, link.fd, &event);
}

/// Whole answers among what the asker has read; they are taken out.
std::size_t take_answers(std::string& unread, std::size_t bytes) {
  std::size_t taken = 0, at = 0;
  for (std::size_t start; (start = unread.find("MSG inbox", at)) != std::string::npos; ++taken) {
    const std::size_t line = unread.find("\r\n", start);
    if (line == std::string::npos || unread.size() < line + 2 + bytes + 2) break;
    at = line + 2 + bytes + 2;
  }
  unread.erase(0, at);
  return taken;
}

double round(int epoll, Link& asker, std::size_t links, std::size_t bytes) {
  static char buffer[64 * 1024];
  const std::string body(bytes, 'x'), size = std::to_string(bytes);
  const std::string answer = "PUB inbox " + size + "\r\n" + body + "\r\n";
  const double start = now();
  asker.write("PUB ping inbox " + size + "\r\n" + body + "\r\n");
  epoll_event events[512];
  for (std::size_t answers = 0; answers < links;) {
    const int ready = epoll_wait(epoll, events, 512, kStalledMs);
    must(ready > 0, "stalled");
    for (int i = 0; i < ready; ++i) {
      auto& link = *static_cast<Link*>(events[i].data.ptr);
      for (int got; (got = SSL_read(link.tls, buffer, sizeof buffer)) > 0;) {
        const auto length = static_cast<std::size_t>(got);
        if (&link == &asker) {
          link.unread.append(buffer, length);
          answers += take_answers(link.unread, bytes);
        } else if (memmem(buffer, length, "MSG ping", 8)) {
          link.write(answer);
        } else if (memmem(buffer, length, "PING", 4)) {
          link.write("PONG\r\n");
        }
      }
    }
  }
  return now() - start;
}

}  // namespace

int main(int argc, char** argv) {
  must(argc == 6, "usage: nats_fanout HOST PORT LINKS ROUNDS BYTES");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[2])));
  must(inet_pton(AF_INET, argv[1], &address.sin_addr) == 1, "address");
  const auto count = std::strtoul(argv[3], nullptr, 10),
             rounds = std::strtoul(argv[4], nullptr, 10);
  const auto bytes = std::strtoul(argv[5], nullptr, 10);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  const int epoll = epoll_create1(0);
  std::vector<std::unique_ptr<Link>> links;
  for (std::size_t i = 0; i < count; ++i) {
    links.push_back(dial(context, address));
    subscribe(epoll, *links.back(), "ping");
  }
  const auto asker = dial(context, address);
  subscribe(epoll, *asker, "inbox");
  sleep(1);  // the broker has all subscriptions
  std::vector<double> times;
  for (std::size_t i = 0; i < rounds; ++i) times.push_back(round(epoll, *asker, count, bytes));
  std::sort(times.begin(), times.end());
  std::printf("{\"links\":%lu,\"fanout_s\":%.4f,\"answers_per_s\":%.0f}\n", count,
              times[times.size() / 2], static_cast<double>(count) / times[times.size() / 2]);
  return 0;
}
