// SPDX-License-Identifier: Apache-2.0
//
// Frames of RFC 6455: FrameReader turns bytes into messages, append_frame() messages
// into bytes. Pure: no sockets.
//
// FrameReader holds nothing between messages but a partial header; a message that lies
// whole in the bytes given is handed out from there, without a copy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace muster::net::detail {

inline constexpr std::size_t kFrameHeaderMax = 14;
inline constexpr std::size_t kControlBytesMax = 125;

enum class Opcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

/// Appends one final frame. With `mask_key` (clients must) the payload is masked.
void append_frame(std::string& out, Opcode opcode, std::string_view payload,
                  const std::array<char, 4>* mask_key);

class FrameReader {
 public:
  enum class Step { kNeedMore, kMessage, kPing, kPong, kClose, kBroken };

  /// `masked`: whether the peer must mask (it is a client) or must not.
  FrameReader(bool masked, std::size_t message_bytes_max)
      : message_bytes_max_(message_bytes_max), masked_(masked) {}

  /// Goes on to the next event; removes from `bytes` what it used, and unmasks in
  /// place. Call until kNeedMore, which uses all.
  Step next(std::span<char>& bytes);

  /// Payload of the last event; valid until the next call, while its bytes are.
  std::string_view payload() const { return payload_; }
  /// After kBroken: the status to close with, and the rule that was broken.
  std::uint16_t close_code() const { return close_code_; }
  std::string_view complaint() const { return complaint_; }
  /// Bytes that it keeps of unfinished messages.
  std::size_t held_bytes() const { return message_.capacity() + control_.capacity(); }

 private:
  bool read_header(std::span<char>& bytes);
  Step check_header();
  Step read_payload(std::span<char>& bytes);
  Step finish();
  Step broken(std::uint16_t code, const char* complaint);
  void unmask(std::span<char> bytes);

  const std::size_t message_bytes_max_;
  std::string message_;  // of a message that came in pieces
  std::string control_;  // of a control frame that came in pieces
  std::string_view payload_;
  const char* complaint_ = "";
  std::uint64_t left_ = 0;  // of the current frame's payload
  std::array<char, kFrameHeaderMax> header_{};
  std::uint8_t header_have_ = 0;
  std::uint8_t mask_at_ = 0;
  std::array<char, 4> mask_key_{};
  std::uint16_t close_code_ = 0;
  Opcode opcode_ = Opcode::kContinuation;
  const bool masked_;
  bool fin_ = false;
  bool in_frame_ = false;    // the header is read, its payload is not
  bool in_message_ = false;  // a fragment came, the last one did not
  bool delivered_ = false;   // the last event was made of message_ or control_
};

}  // namespace muster::net::detail
