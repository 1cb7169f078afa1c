// SPDX-License-Identifier: Apache-2.0
#include "net/detail/websocket_frame.h"

#include <algorithm>
#include <cstring>

namespace muster::net::detail {
namespace {

constexpr unsigned kLength16 = 126, kLength64 = 127;  // length bytes with extended lengths
constexpr unsigned kFin = 0x80, kReserved = 0x70, kOpcode = 0x0f, kMask = 0x80, kLength = 0x7f;
constexpr std::uint16_t kProtocolError = 1002, kUnsupported = 1003, kTooBig = 1009;

bool is_control(Opcode opcode) {
  return (static_cast<unsigned>(opcode) & 0x8U) != 0;
}

void apply_mask(std::span<char> bytes, const std::array<char, 4>& key, std::size_t at) {
  std::uint64_t wide;  // the key twice, turned so that it fits the first byte
  char turned[8];
  for (std::size_t i = 0; i < 8; ++i) turned[i] = key[(at + i) % 4];
  std::memcpy(&wide, turned, 8);
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t block;
    std::memcpy(&block, bytes.data() + i, 8);
    block ^= wide;
    std::memcpy(bytes.data() + i, &block, 8);
  }
  for (; i < bytes.size(); ++i) bytes[i] = static_cast<char>(bytes[i] ^ turned[i % 8]);
}

std::uint64_t big_endian(const char* bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace

void append_frame(std::string& out, Opcode opcode, std::string_view payload,
                  const std::array<char, 4>* mask_key) {
  const unsigned mask = mask_key == nullptr ? 0 : kMask;
  const std::uint64_t size = payload.size();
  const std::size_t extended = size < kLength16 ? 0 : size <= 0xffff ? 2 : 8;
  out.push_back(static_cast<char>(kFin | static_cast<unsigned>(opcode)));
  const auto length = extended == 0   ? static_cast<unsigned>(size)
                      : extended == 2 ? kLength16
                                      : kLength64;
  out.push_back(static_cast<char>(mask | length));
  for (std::size_t i = extended; i > 0; --i)
    out.push_back(static_cast<char>(size >> (8 * (i - 1)) & 0xff));
  if (mask_key != nullptr) out.append(mask_key->data(), mask_key->size());
  const std::size_t start = out.size();
  out.append(payload);
  if (mask_key != nullptr) apply_mask(std::span(out).subspan(start), *mask_key, 0);
}

FrameReader::Step FrameReader::next(std::span<char>& bytes) {
  if (delivered_) {
    std::string().swap(is_control(opcode_) ? control_ : message_);
    delivered_ = false;
  }
  payload_ = {};
  if (close_code_ != 0) return Step::kBroken;
  for (;;) {
    if (!in_frame_) {
      if (!read_header(bytes)) return Step::kNeedMore;
      if (const Step step = check_header(); step == Step::kBroken) return step;
    }
    const bool was_last = fin_ || is_control(opcode_);
    const Step step = read_payload(bytes);
    if (step != Step::kNeedMore || in_frame_ || was_last) return step;
    // A fragment is complete, its message is not: go on with the next frame.
  }
}

bool FrameReader::read_header(std::span<char>& bytes) {
  for (;;) {
    std::size_t needed = 2;
    if (header_have_ >= 2) {
      const unsigned second = static_cast<unsigned char>(header_[1]);
      const unsigned length = second & kLength;
      needed += length == kLength16 ? 2 : length == kLength64 ? 8 : 0;
      needed += (second & kMask) != 0 ? 4 : 0;
      if (header_have_ == needed) return true;
    }
    const std::size_t take = std::min(needed - header_have_, bytes.size());
    if (take == 0) return false;
    std::memcpy(header_.data() + header_have_, bytes.data(), take);
    header_have_ = static_cast<std::uint8_t>(header_have_ + take);
    bytes = bytes.subspan(take);
  }
}

FrameReader::Step FrameReader::check_header() {
  const unsigned first = static_cast<unsigned char>(header_[0]);
  const unsigned second = static_cast<unsigned char>(header_[1]);
  const std::size_t have = header_have_;
  header_have_ = 0;
  if ((first & kReserved) != 0) return broken(kProtocolError, "a reserved bit is set");
  if (((second & kMask) != 0) != masked_)
    return broken(kProtocolError, masked_ ? "a client must mask" : "a server must not mask");
  fin_ = (first & kFin) != 0;
  opcode_ = static_cast<Opcode>(first & kOpcode);
  left_ = second & kLength;
  if (left_ == kLength16) {
    left_ = big_endian(header_.data() + 2, 2);
    if (left_ < kLength16) return broken(kProtocolError, "a length is not in its shortest form");
  } else if (left_ == kLength64) {
    left_ = big_endian(header_.data() + 2, 8);
    if (left_ <= 0xffff) return broken(kProtocolError, "a length is not in its shortest form");
  }
  if (masked_) std::copy_n(header_.data() + have - 4, 4, mask_key_.data());
  mask_at_ = 0;
  switch (opcode_) {
    case Opcode::kBinary:
    case Opcode::kContinuation:
      if ((opcode_ == Opcode::kContinuation) != in_message_)
        return broken(kProtocolError, "fragments are out of order");
      if (left_ > message_bytes_max_ - message_.size())
        return broken(kTooBig, "the message is too long");
      break;
    case Opcode::kText:
      return broken(kUnsupported, "messages must be binary");
    case Opcode::kClose:
    case Opcode::kPing:
    case Opcode::kPong:
      if (!fin_ || left_ > kControlBytesMax)
        return broken(kProtocolError, "a control frame is long or fragmented");
      break;
    default:
      return broken(kProtocolError, "the opcode is unknown");
  }
  in_frame_ = true;
  return Step::kNeedMore;
}

FrameReader::Step FrameReader::read_payload(std::span<char>& bytes) {
  std::string& pieces = is_control(opcode_) ? control_ : message_;
  const std::size_t take = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  const std::span<char> part = bytes.first(take);
  bytes = bytes.subspan(take);
  unmask(part);
  left_ -= take;
  const bool last = left_ == 0 && fin_;
  if (last && pieces.empty()) {
    payload_ = {part.data(), part.size()};
    return finish();
  }
  pieces.append(part.data(), part.size());
  if (left_ > 0) return Step::kNeedMore;
  if (last) {
    payload_ = pieces;
    delivered_ = true;
    return finish();
  }
  in_frame_ = false;
  in_message_ = true;
  return Step::kNeedMore;
}

FrameReader::Step FrameReader::finish() {
  in_frame_ = false;
  switch (opcode_) {
    case Opcode::kPing:
      return Step::kPing;
    case Opcode::kPong:
      return Step::kPong;
    case Opcode::kClose:
      if (payload_.size() == 1) return broken(kProtocolError, "a close frame has one byte");
      return Step::kClose;
    default:
      in_message_ = false;
      return Step::kMessage;
  }
}

FrameReader::Step FrameReader::broken(std::uint16_t code, const char* complaint) {
  close_code_ = code;
  complaint_ = complaint;
  return Step::kBroken;
}

void FrameReader::unmask(std::span<char> bytes) {
  if (!masked_ || bytes.empty()) return;
  apply_mask(bytes, mask_key_, mask_at_);
  mask_at_ = static_cast<std::uint8_t>((mask_at_ + bytes.size()) % 4);
}

}  // namespace muster::net::detail
