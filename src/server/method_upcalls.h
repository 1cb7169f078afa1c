// SPDX-License-Identifier: Apache-2.0
//
// What a method may ask of the server while it runs (docs/protocols/method-channel.md).
#pragma once

#include <string>

#include "core/ids.h"
#include "core/result.h"
#include "runtime/task.h"
#include "server/chain_service.h"
#include "server/run_service.h"

namespace muster::server {

/// The answer, JSON. kDenied unless `run` goes on, on `endpoint`; kNotFound for a name that is
/// no method's to ask. `chains`: null where runs start no others. REQUIRES: the endpoint's own
/// gateway has asked for it.
runtime::Task<core::Result<std::string>> answer_method(RunService& runs, ChainService* chains,
                                                       core::EndpointId endpoint, core::RunId run,
                                                       std::string name, std::string body);

}  // namespace muster::server
