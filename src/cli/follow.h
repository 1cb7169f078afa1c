// SPDX-License-Identifier: Apache-2.0
//
// Following a run to its end: the progress line, live output, and what Ctrl-C
// means. Survives a server that restarts in between: it asks again until the run
// is finished or the patience limit is reached.
#pragma once

#include "cli/client.h"
#include "cli/context.h"

namespace muster::cli {

struct FollowOptions {
  bool progress = true;  ///< Show the line (on a terminal).
  bool live = false;     ///< Print live output.
};

/// How following ended.
struct Followed {
  Json run;                ///< As last seen.
  bool detached = false;   ///< By Ctrl-C: the run goes on.
  bool cancelled = false;  ///< By Ctrl-C.
};

/// Blocks until the run is finished or the person detaches. On Ctrl-C at a
/// terminal it asks: cancel, detach or go on; a second Ctrl-C at the question
/// cancels. Without a terminal, and on SIGTERM, it detaches.
core::Result<Followed> follow_run(Context& context, Client& client, Json run,
                                  const FollowOptions& options);

}  // namespace muster::cli
