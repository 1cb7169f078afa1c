// SPDX-License-Identifier: Apache-2.0
//
// The operations file.list, file.info, file.get and file.put of a Resource, over Files.
//
// Lives on one loop; all that blocks runs on the workers. Both must outlive the resource.
#pragma once

#include "manage/files.h"
#include "manage/resource.h"
#include "runtime/worker_pool.h"

namespace muster::manage {

void offer_files(Resource& resource, Files& files, runtime::WorkerPool& workers);

}  // namespace muster::manage
