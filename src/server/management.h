// SPDX-License-Identifier: Apache-2.0
//
// The server's own management resource: the interface that full hosts have
// (docs/protocols/management.md), on the server itself. What stands behind it, where a host has
// its application, is the API and the console.
#pragma once

#include <memory>

#include "manage/resource.h"
#include "runtime/worker_pool.h"

namespace muster::server {

class Region;

/// Callers show an API token with the right "view". Both must outlive the resource.
std::unique_ptr<manage::Resource> server_management(Region& region, runtime::WorkerPool& workers);

}  // namespace muster::server
