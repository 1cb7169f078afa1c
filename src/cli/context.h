// SPDX-License-Identifier: Apache-2.0
//
// Context is all that a command may touch of the world, so that tests can be one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/config.h"
#include "cli/terminal.h"
#include "cli/transport.h"
#include "core/clock.h"

namespace muster::cli {

struct Context {
  Terminal& terminal;
  Environment environment;
  std::function<core::WallTime()> now;
  std::function<core::MonoTime()> mono;
  std::function<std::unique_ptr<Transport>(Region)> open;                  // a region's
  std::function<core::Result<std::string>(std::string server)> presented;  // its fingerprint
  const Command* root = nullptr;  ///< The whole tree, for completion.
  std::string other_region = {};  ///< Asked through the configured one; empty: not.

  /// A client of the configured region; kUnauthorized with advice where there is none.
  core::Result<Client> connect() const;
};

/// Says on standard error why the command ends, and returns its exit code.
int report(Context& context, const core::Error& error);

}  // namespace muster::cli
