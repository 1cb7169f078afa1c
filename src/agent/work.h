// SPDX-License-Identifier: Apache-2.0
//
// Between the words of the wire and those of the runner.
#pragma once

#include "link/endpoint_runs.h"
#include "methods/command.h"

namespace muster::agent {

methods::CommandLimits limits_of(const wire::Limits& limits);
methods::Command command_of(const wire::Invoke& invoke);
link::RunResult result_of(methods::Completion completion);

}  // namespace muster::agent
