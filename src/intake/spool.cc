// SPDX-License-Identifier: Apache-2.0
#include "intake/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/log.h"

namespace muster::intake {
namespace {

using core::Code;
using core::fail;

constexpr std::string_view kMagic = "muster intake 1\n";
constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kHeaderBytes = kMagic.size() + kIdBytes + 8;
constexpr std::size_t kSumBytes = 8;  // of a SHA-256: it tells damage, not forgery
/// A file of which nothing waits is left alone below this: what it holds is told from its numbers.
constexpr std::size_t kEmptyBytes = 64UL * 1024;
constexpr std::size_t kRecordBytesMax = 128UL * 1024;

std::string number(std::uint64_t value, std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i)
    text[i] = static_cast<char>(value >> (8 * (bytes - 1 - i)));
  return text;
}

std::uint64_t number_of(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string record_of(const wire::IntakeItem& item) {
  const std::string body = item.SerializeAsString();
  return number(body.size(), 4) + core::sha256(body).substr(0, kSumBytes) + body;
}

core::Error io_error(const char* what, const std::filesystem::path& path) {
  return {Code::kIo, std::string(what) + " " + path.string() + ": " + std::strerror(errno)};
}

core::Status write_all(int file, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return core::fail(io_error("cannot write", path));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

core::Result<std::string> read_all(int file, std::size_t bytes_max,
                                   const std::filesystem::path& path) {
  std::string bytes;
  char piece[64 * 1024];
  for (;;) {
    const ssize_t count = ::read(file, piece, sizeof piece);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return core::fail(io_error("cannot read", path));
    if (count == 0 || bytes.size() >= bytes_max) return bytes;
    bytes.append(piece, static_cast<std::size_t>(count));
  }
}

/// The items that are whole. What is behind the first that is not is lost.
void read_items(std::string_view bytes, Spool::Found& found) {
  constexpr std::size_t kHead = 4 + kSumBytes;
  while (bytes.size() >= kHead) {
    const std::uint64_t size = number_of(bytes.substr(0, 4));
    if (size > kRecordBytesMax || bytes.size() < kHead + size) break;
    const std::string_view body = bytes.substr(kHead, size);
    wire::IntakeItem item;
    if (core::sha256(body).substr(0, kSumBytes) != bytes.substr(4, kSumBytes) ||
        !item.ParseFromArray(body.data(), static_cast<int>(body.size())))
      break;
    found.next = std::max(found.next, item.sequence() + 1);
    found.items.push_back(std::move(item));
    bytes.remove_prefix(kHead + size);
  }
  if (!bytes.empty())
    core::log(core::Level::kWarn, "gateway",
              "the end of the spool is damaged, as after a power cut; what is before it is kept",
              {{"items", found.items.size()}, {"bytes_lost", bytes.size()}});
}

}  // namespace

Spool::Spool(Spool&& other) noexcept
    : path_(std::move(other.path_)),
      queue_(std::move(other.queue_)),
      file_(std::exchange(other.file_, -1)),
      bytes_(other.bytes_) {}

Spool& Spool::operator=(Spool&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(queue_, other.queue_);
  std::swap(file_, other.file_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Spool::~Spool() {
  if (file_ >= 0) ::close(file_);
}

core::Result<Spool> Spool::open(std::filesystem::path path, std::size_t bytes_max, Found& found) {
  found = {};
  std::string bytes;
  if (const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW); file >= 0) {
    auto read = read_all(file, bytes_max, path);
    ::close(file);
    MUSTER_ASSIGN(bytes, std::move(read));
  } else if (errno != ENOENT) {
    return core::fail(io_error("cannot open", path));
  }
  const bool ours = bytes.size() >= kHeaderBytes && bytes.starts_with(kMagic);
  if (ours) {
    found.queue = bytes.substr(kMagic.size(), kIdBytes);
    found.next = number_of(std::string_view(bytes).substr(kMagic.size() + kIdBytes, 8));
    read_items(std::string_view(bytes).substr(kHeaderBytes), found);
  } else {
    found.queue = core::random_bytes(kIdBytes);
    if (!bytes.empty())
      core::log(core::Level::kWarn, "gateway", "the spool cannot be read; a new one is begun",
                {{"file", path.string()}});
  }
  Spool spool(std::move(path), found.queue);
  const std::deque<wire::IntakeItem> items(found.items.begin(), found.items.end());
  // A full disk keeps nobody from starting; what was there is still there, and sent.
  if (const auto written = spool.write_anew(items, found.next); !written)
    core::log(core::Level::kWarn, "gateway",
              "events and inventory cannot be kept just now; it is tried again with the next one",
              {{"why", written.error().message}});
  return spool;
}

core::Status Spool::write_anew(const std::deque<wire::IntakeItem>& items, std::uint64_t next) {
  const std::filesystem::path fresh = path_.string() + ".new";
  const int file =
      ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return core::fail(io_error("cannot make", fresh));
  std::string bytes = std::string(kMagic) + queue_ + number(next, 8);
  std::size_t written = 0;
  core::Status outcome;
  for (const wire::IntakeItem& item : items) {
    bytes += record_of(item);
    if (bytes.size() < kCompactBytes) continue;
    outcome = write_all(file, bytes, fresh);
    if (!outcome) break;
    written += bytes.size();
    bytes.clear();
  }
  if (outcome) outcome = write_all(file, bytes, fresh);
  if (outcome && ::rename(fresh.c_str(), path_.c_str()) != 0)
    outcome = core::fail(io_error("cannot rename", fresh));
  if (!outcome) {
    ::close(file);
    ::unlink(fresh.c_str());
    return outcome;
  }
  if (file_ >= 0) ::close(file_);
  file_ = file;
  bytes_ = written + bytes.size();
  return {};
}

core::Status Spool::append(const std::deque<wire::IntakeItem>& items, std::uint64_t next) {
  if (file_ < 0) return write_anew(items, next);
  const std::string record = record_of(items.back());
  auto written = write_all(file_, record, path_);
  if (!written) {
    // A part of it would hide all that comes behind.
    if (::ftruncate(file_, static_cast<off_t>(bytes_)) != 0 ||
        ::lseek(file_, static_cast<off_t>(bytes_), SEEK_SET) < 0)
      core::log(core::Level::kError, "gateway", "the spool cannot be cut",
                {{"file", path_.string()}, {"why", std::strerror(errno)}});
    return written;
  }
  bytes_ += record.size();
  return {};
}

void Spool::left(const std::deque<wire::IntakeItem>& items, std::uint64_t next) {
  if (bytes_ < (items.empty() ? kEmptyBytes : kCompactBytes)) return;
  std::size_t waiting = 0;
  for (const auto& item : items) {
    waiting += item.body().size();
    if (waiting > bytes_ / 2) return;
  }
  if (const auto written = write_anew(items, next); !written)
    core::log(core::Level::kWarn, "gateway", "the spool cannot be made smaller",
              {{"why", written.error().message}});
}

}  // namespace muster::intake
