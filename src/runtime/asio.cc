// SPDX-License-Identifier: Apache-2.0
//
// Asio, compiled once for the whole product.
#include <boost/asio/impl/src.hpp>
