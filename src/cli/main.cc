// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>

#include "cli/app.h"
#include "cli/exit_code.h"

int main(int argc, char** argv) {
  using namespace muster;
  try {
    cli::SystemTerminal terminal;
    cli::Context context{terminal,       cli::process_environment, core::wall_now,
                         core::mono_now, cli::make_http_transport, cli::presented_fingerprint};
    return cli::run_program(context, {argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "muster: unexpected: %s\n", error.what());
    return cli::kExitFailed;
  }
}
