// SPDX-License-Identifier: Apache-2.0
#include "access/schema.h"

namespace muster::access {
namespace {

constexpr store::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE access_audit(
  seq INTEGER NOT NULL PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL,
  hash BLOB NOT NULL);
CREATE TRIGGER access_audit_no_update BEFORE UPDATE ON access_audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER access_audit_no_delete BEFORE DELETE ON access_audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TABLE access_users(
  name TEXT NOT NULL PRIMARY KEY,
  role INTEGER NOT NULL CHECK(role BETWEEN 0 AND 2),
  selector TEXT NOT NULL,
  password TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_login INTEGER);
CREATE TABLE access_sessions(
  id TEXT NOT NULL PRIMARY KEY,
  secret_hash BLOB NOT NULL,
  user_name TEXT NOT NULL REFERENCES access_users(name) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  last_seen INTEGER NOT NULL);
CREATE INDEX access_sessions_user ON access_sessions(user_name, last_seen);
CREATE TABLE access_api_tokens(
  id TEXT NOT NULL PRIMARY KEY,
  secret_hash BLOB NOT NULL,
  name TEXT NOT NULL,
  user_name TEXT NOT NULL REFERENCES access_users(name) ON DELETE CASCADE,
  role INTEGER CHECK(role BETWEEN 0 AND 2),
  selector TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  last_used INTEGER);
CREATE INDEX access_api_tokens_user ON access_api_tokens(user_name);
CREATE TABLE access_join_tokens(
  id TEXT NOT NULL PRIMARY KEY,
  secret_hash BLOB NOT NULL,
  uses_left INTEGER CHECK(uses_left >= 0),
  role INTEGER NOT NULL,
  labels TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  created_by TEXT NOT NULL);
CREATE TABLE access_revocations(
  subject TEXT NOT NULL PRIMARY KEY,
  at INTEGER NOT NULL,
  revoked_by TEXT NOT NULL,
  reason TEXT NOT NULL);
)sql"},
                                            {2, R"sql(
CREATE TABLE access_region(
  one INTEGER NOT NULL PRIMARY KEY,
  region TEXT NOT NULL);
)sql"}};

}  // namespace

store::MigrationSet migrations() {
  return {"access", kMigrations};
}

}  // namespace muster::access
