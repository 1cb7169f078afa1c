// SPDX-License-Identifier: Apache-2.0
//
// The answers of a run on the screen or in a file: identical ones folded with the
// host set above them, as `clush -b` does, or host by host; output byte for byte.
//
// Standard output gets what hosts wrote to standard output, standard error what
// they wrote to standard error, each below a head that names the hosts.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "cli/client.h"
#include "cli/context.h"

namespace muster::cli {

struct ResultOptions {
  bool fold = true;
  bool quiet = false;  ///< No summary; and no head where there is one host only.
  bool json = false;   ///< One document {run, targets}.
  bool jsonl = false;  ///< One target a line.
};

/// Prints all answers of a finished run (or those that are there).
core::Status print_results(Context& context, Client& client, const Json& run,
                           const ResultOptions& options);

/// Prints what one fold or target wrote. `hosts` is the head's text.
core::Status print_output(Context& context, Client& client, std::string_view run, const Json& row,
                          const std::string& hosts, bool with_head);

/// The closing lines on standard error: troubles by state with their hosts, counts, how long,
/// where to read again.
core::Status print_summary(Context& context, Client& client, const Json& run);

/// kExitOk where every target succeeded, else kExitFailed.
int exit_code_of_run(const Json& run);

/// Lines of many hosts as they arrive, each behind its host's name.
class LiveLines {
 public:
  explicit LiveLines(Terminal& terminal) : terminal_(terminal) {}
  /// The data of an `output` event.
  void add(const Json& event);
  /// Prints what has no line feed yet.
  void flush();
  /// Bytes of a host's stream seen so far.
  std::uint64_t seen(const std::string& endpoint, const std::string& stream) const;

 private:
  struct Stream {
    std::string name;
    std::string line;  // begun, not ended
    std::uint64_t bytes = 0;
  };
  void print(const std::string& stream, const std::string& name, std::string_view line);

  Terminal& terminal_;
  std::map<std::pair<std::string, std::string>, Stream> streams_;  // by endpoint and stream
};

}  // namespace muster::cli
