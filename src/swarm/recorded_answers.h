// SPDX-License-Identifier: Apache-2.0
//
// Simulated endpoints that answer as real ones once did (docs/formats/recording.md).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "link/endpoint_runs.h"

namespace muster::swarm {

class RecordedAnswers {
 public:
  /// Reads an archive. kInvalid where it is none.
  static core::Result<RecordedAnswers> read(std::string_view archive);

  /// What endpoint number `endpoint` answers to this work: that of one of the recorded hosts,
  /// by the endpoint's number. Refused where nothing like it was recorded.
  link::RunResult answer(const wire::Invoke& invoke, std::uint64_t endpoint) const;

 private:
  struct Answer {
    wire::Announce announce;
    std::string out;
    std::string err;
    std::uint64_t hosts = 0;
  };
  /// By what was ordered: a method's digest, or a command's words.
  std::map<std::string, std::vector<Answer>> answers_;
};

}  // namespace muster::swarm
