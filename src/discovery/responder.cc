// SPDX-License-Identifier: Apache-2.0
#include "discovery/responder.h"

namespace muster::discovery {

bool Responder::listens(core::MonoTime now) const {
  return heard_ < kHeardPerSecond || now >= resumes_at();
}

std::optional<std::string> Responder::hear(std::string_view datagram, const std::string& from,
                                           core::MonoTime now) {
  if (now >= resumes_at()) {
    second_ = now;
    heard_ = answered_ = 0;
    by_address_.clear();
  }
  ++heard_;
  const auto question = read_question(key_, datagram);
  if (!question) {
    ++stats_.strange;
    return std::nullopt;
  }
  if ((question->sought & is_) == 0) return std::nullopt;
  if (answered_ >= kAnswersPerSecond || by_address_[from] >= kAnswersPerAddress) {
    ++stats_.paced;
    return std::nullopt;
  }
  ++answered_;
  ++by_address_[from];
  ++stats_.answered;
  return write_answer(key_, question->nonce, answer_);
}

}  // namespace muster::discovery
