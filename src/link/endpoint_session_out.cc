// SPDX-License-Identifier: Apache-2.0
//
// What an endpoint says of its own accord: news of its runs, results, questions.
#include <algorithm>

#include "link/clean.h"
#include "link/endpoint_session.h"

namespace muster::link {

void EndpointSession::run_started(core::RunId run) {
  wire::Started started;
  started.set_run(run.value());
  send(started);
}

void EndpointSession::run_output(core::RunId run, wire::Stream stream, std::uint64_t offset,
                                 std::string_view data) {
  while (!data.empty() && port_.backlog_bytes() <= kLiveBacklogBytesMax) {
    const std::string_view piece = data.substr(0, wire::kChunkBytesMax);
    wire::Output output;
    output.set_run(run.value());
    output.set_stream(stream);
    output.set_offset(offset);
    output.set_data(piece.data(), piece.size());
    send(output);
    offset += piece.size();
    data.remove_prefix(piece.size());
  }
}

void EndpointSession::run_progress(core::RunId run, std::optional<std::uint32_t> percent,
                                   std::string_view text) {
  if (port_.backlog_bytes() > kLiveBacklogBytesMax) return;
  wire::Output output;
  output.set_run(run.value());
  output.set_stream(wire::STREAM_PROGRESS);
  output.set_data(clean_text(text, wire::kProgressTextBytesMax));
  if (percent) output.set_percent(*percent);
  send(output);
}

void EndpointSession::run_finished(core::RunId run) {
  announce(run);
}

void EndpointSession::run_refused(const wire::Announce& announce) {
  send(announce);
}

void EndpointSession::announce(core::RunId run) {
  if (transfers_.contains(run)) return;  // on its way: not twice at a time on one link
  const RunResult& result = *runs_.find(run)->result;
  wire::Announce message = result.announce;
  message.set_run(run.value());
  clean_text_in_place(*message.mutable_reason(), kReasonBytesMax);
  message.set_stdout_bytes(result.stdout_size());
  message.set_stderr_bytes(result.stderr_size());
  const std::uint64_t total = result.stdout_size() + result.stderr_size();
  message.set_is_inline(total <= inline_bytes_max_ && !result.stdout_source &&
                        !result.stderr_source);
  if (message.is_inline()) {
    message.set_stdout_inline(result.stdout_bytes);
    message.set_stderr_inline(result.stderr_bytes);
  } else {
    transfers_[run].total = total;
  }
  send(message);
}

void EndpointSession::pump() {
  for (auto at = transfers_.begin(); at != transfers_.end();) {
    auto& [run, transfer] = *at;
    while (transfer.credit > 0 && port_.backlog_bytes() <= kChunkBacklogBytesMax)
      if (!send_chunk(run, transfer)) return;  // the link is broken
    if (transfer.credit > 0) port_.notify_below(kChunkBacklogBytesMax / 2);
    at = transfer.sent == transfer.total ? transfers_.erase(at) : std::next(at);
  }
}

// False where the result cannot be read any more. It was announced with its size: on the
// next link it is announced without its output.
bool EndpointSession::send_chunk(core::RunId run, Transfer& transfer) {
  const RunResult& result = *runs_.find(run)->result;
  const std::uint64_t out_bytes = result.stdout_size();
  const bool out = transfer.sent < out_bytes;
  const core::ByteSource* source = (out ? result.stdout_source : result.stderr_source).get();
  const std::string& bytes = out ? result.stdout_bytes : result.stderr_bytes;
  const std::uint64_t offset = out ? transfer.sent : transfer.sent - out_bytes;
  const std::uint64_t end = out ? out_bytes : result.stderr_size();
  const std::uint64_t size =
      std::min<std::uint64_t>({transfer.credit, end - offset, wire::kChunkBytesMax});
  wire::Chunk chunk;
  chunk.set_run(run.value());
  chunk.set_stream(out ? wire::STREAM_STDOUT : wire::STREAM_STDERR);
  chunk.set_offset(offset);
  if (source) {
    auto data = source->read(offset, size);
    if (data && data->size() != size)
      data = core::fail(core::Code::kIo, "it is shorter than it was");
    if (!data) {
      runs_.lose_output(run, data.error().message);
      broken("a result could not be read: " + data.error().message);
      return false;
    }
    chunk.set_data(std::move(*data));
  } else {
    chunk.set_data(bytes.data() + offset, size);
  }
  transfer.sent += size;
  transfer.credit -= size;
  send(chunk);
  return true;
}

void EndpointSession::upcall(std::string name, std::string body, core::Duration timeout,
                             core::MonoTime now, UpcallDone done, core::RunId run) {
  if (state_ != State::kOpen)
    return done(core::fail(core::Code::kUnavailable, "there is no open link to a gateway"));
  if (upcalls_.size() >= kUpcallsPendingMax)
    return done(core::fail(core::Code::kLimit, "too many upcalls wait for their answer"));
  if (body.size() > wire::kUpcallBytesMax)
    return done(core::fail(
        core::Code::kLimit,
        "the upcall's body is larger than " + std::to_string(wire::kUpcallBytesMax) + " bytes"));
  now_ = now;
  wire::Upcall message;
  message.set_id(next_upcall_++);
  message.set_name(clean_text(name, kUpcallNameBytesMax));
  message.set_body(std::move(body));
  message.set_run(run.value());
  upcalls_[message.id()] = {now + timeout, std::move(done)};
  send(message);
}

// Those whose deadline is at `until` or before; max() means that the link has ended.
void EndpointSession::fail_upcalls(core::MonoTime until) {
  std::vector<UpcallDone> failed;
  std::erase_if(upcalls_, [&](auto& entry) {
    if (entry.second.deadline > until) return false;
    failed.push_back(std::move(entry.second.done));
    return true;
  });
  const bool ended = until == core::MonoTime::max();
  for (const UpcallDone& done : failed)
    done(ended ? core::fail(core::Code::kUnavailable, "the link ended before the answer")
               : core::fail(core::Code::kTimeout, "the gateway did not answer in time"));
}

core::Status EndpointSession::request_content(const wire::ContentRequest& request) {
  if (state_ != State::kOpen)
    return core::fail(core::Code::kUnavailable, "there is no open link to a gateway");
  if (request.digest().size() != core::ContentId::kBytes)
    return core::fail(core::Code::kInvalid, "a content digest has 32 bytes");
  send(request);
  return {};
}

}  // namespace muster::link
