// SPDX-License-Identifier: Apache-2.0
//
// Beast, compiled once for the whole product.
#include <boost/beast/src.hpp>
