// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace muster::store::detail {

/// The one place where statements of the common subset become PostgreSQL's:
///   ?                                  $1, $2, …
///   INTEGER, BLOB, REAL in a table     BIGINT, BYTEA, DOUBLE PRECISION
///   TEXT in a table                    TEXT COLLATE "C": ordered by bytes, as SQLite does
///   id INTEGER PRIMARY KEY             filled by itself where it is left out
///   WITHOUT ROWID                      nothing
///   BEGIN IMMEDIATE                    BEGIN
///   CREATE TRIGGER t BEFORE UPDATE ON x BEGIN SELECT RAISE(ABORT, '…'); END
///                                      a function t() and its trigger
///   DROP TRIGGER t                     both gone
/// What it does not know stays as it is.
std::string to_postgres(std::string_view sql);

}  // namespace muster::store::detail
