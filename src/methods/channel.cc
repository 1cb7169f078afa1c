// SPDX-License-Identifier: Apache-2.0
#include "methods/channel.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <utility>

#include "core/bytes.h"
#include "core/json.h"
#include "wire/limits.h"

namespace muster::methods {
namespace {

namespace json = boost::json;

constexpr std::size_t kNameBytesMax = 64;

std::optional<json::object> parse_line(std::string_view text) {
  auto value = core::read_json(text, kChannelDepthMax);
  if (!value || !value->is_object()) return std::nullopt;
  return std::move(value->get_object());
}

std::optional<Progress> progress_of(const json::object& line) {
  Progress progress;
  if (const json::value* percent = line.if_contains("percent"); percent && percent->is_number()) {
    const double value = percent->to_number<double>();
    if (!(value >= 0 && value <= 100)) return std::nullopt;
    progress.percent = static_cast<std::uint32_t>(value);
  }
  if (const json::value* text = line.if_contains("text"); text && text->is_string())
    progress.text = core::printable(std::string(text->get_string()), wire::kProgressTextBytesMax);
  if (!progress.percent && progress.text.empty()) return std::nullopt;
  return progress;
}

std::optional<Channel::Call> call_of(const json::object& line) {
  const json::value* id = line.if_contains("id");
  const json::value* name = line.if_contains("name");
  std::error_code failed;
  if (!id || !id->is_number() || !name || !name->is_string() || name->get_string().empty() ||
      name->get_string().size() > kNameBytesMax)
    return std::nullopt;
  Channel::Call call;
  call.id = id->to_number<std::uint64_t>(failed);
  if (failed) return std::nullopt;
  call.name = core::printable(std::string(name->get_string()), kNameBytesMax);
  const json::value* body = line.if_contains("body");
  call.body = body ? json::serialize(*body) : "null";
  return call;
}

std::string reply_line(std::uint64_t id, std::string_view what, std::string_view value) {
  std::string line = R"({"type":"reply","id":)" + std::to_string(id) + ",\"";
  line.append(what).append("\":").append(value);
  return line += "}\n";
}

std::string error_line(std::uint64_t id, const core::Error& error) {
  return reply_line(
      id, "error",
      json::serialize(json::object{{"code", core::name(error.code)},
                                   {"message", core::printable(error.message, 1024)}}));
}

}  // namespace

Channel::Heard Channel::receive(std::string_view bytes, core::MonoTime now) {
  Heard heard;
  if (now >= second_ + std::chrono::seconds(1) || second_ == core::MonoTime::min()) {
    second_ = now;
    lines_ = calls_ = 0;
  }
  while (!deaf_ && !bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (partial_.size() + piece.size() >= kChannelLineBytesMax) {
      ++dropped_;
      deaf_ = true;
      std::string().swap(partial_);
      break;
    }
    partial_ += piece;
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    const std::string text = std::exchange(partial_, {});
    if (++lines_ > kChannelLinesPerSecond)
      ++dropped_;
    else
      line(text, heard);
  }
  return heard;
}

void Channel::line(std::string_view text, Heard& heard) {
  const auto object = parse_line(text);
  const json::value* type = object ? object->if_contains("type") : nullptr;
  if (!type || !type->is_string()) return nonsense();
  if (type->get_string() == "progress") {
    if (auto progress = progress_of(*object)) return void(progress_ = std::move(progress));
    return nonsense();
  }
  if (type->get_string() == "call") {
    if (auto asked = call_of(*object)) return call(*std::move(asked), heard);
    return nonsense();
  }
}

void Channel::call(Call call, Heard& heard) {
  if (pending_ >= kChannelCallsPendingMax || ++calls_ > kChannelCallsPerSecond) {
    heard.replies += error_line(
        call.id,
        {core::Code::kLimit, "too many calls at a time: wait for replies, then ask again"});
    return;
  }
  ++pending_;
  heard.calls.push_back(std::move(call));
}

void Channel::nonsense() {
  ++dropped_;
  if (++bad_ >= kChannelBadLinesMax) deaf_ = true;
}

std::string Channel::reply(std::uint64_t id, const core::Result<std::string>& body) {
  if (pending_ > 0) --pending_;
  if (!body) return error_line(id, body.error());
  // Foreign too: it becomes one line, whatever it was.
  const auto value = core::read_json(*body, kChannelDepthMax);
  if (!value) return error_line(id, {core::Code::kInternal, "the answer is no JSON"});
  const std::string line = reply_line(id, "body", json::serialize(*value));
  if (line.size() > kChannelLineBytesMax)
    return error_line(id, {core::Code::kLimit, "the answer is larger than a line may be"});
  return line;
}

std::optional<Progress> Channel::take_progress(core::MonoTime now) {
  if (now < progress_due()) return std::nullopt;
  progress_at_ = now;
  return std::exchange(progress_, std::nullopt);
}

core::MonoTime Channel::progress_due() const {
  if (!progress_) return core::MonoTime::max();
  return progress_at_ == core::MonoTime::min() ? progress_at_ : progress_at_ + kProgressPause;
}

}  // namespace muster::methods
