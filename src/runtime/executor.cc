// SPDX-License-Identifier: Apache-2.0
#include "runtime/executor.h"

#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/prefer.hpp>

namespace muster::runtime {

Executor tracked(const Executor& executor) {
  return boost::asio::prefer(executor, boost::asio::execution::outstanding_work.tracked);
}

}  // namespace muster::runtime
