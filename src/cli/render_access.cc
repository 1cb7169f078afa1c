// SPDX-License-Identifier: Apache-2.0
#include <boost/json/serialize.hpp>

#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

std::string or_all(std::string selector) {
  return selector.empty() ? "every host" : selector;
}

}  // namespace

std::string render_join_tokens(const Json& list, const Terminal& terminal, core::WallTime now) {
  Table table({"ID", "FOR", "USES LEFT", "EXPIRES", "CREATED", "BY", "LABELS"});
  for (const Json& token : elements(list, "tokens")) {
    const Json* labels = member(token, "labels");
    table.row({text(token, "id"), text(token, "role"), std::to_string(number(token, "uses_left")),
               age(token, "expires_at", now), age(token, "created_at", now),
               text(token, "created_by"), labels == nullptr ? "-" : labels_text(*labels)});
  }
  return table.empty() ? "" : table.render(terminal);
}

std::string render_api_tokens(const Json& list, const Terminal& terminal, core::WallTime now) {
  Table table({"ID", "NAME", "USER", "ROLE", "CREATED", "LAST USED", "EXPIRES", "HOSTS"});
  for (const Json& token : elements(list, "tokens")) {
    const std::string expires = age(token, "expires_at", now);
    const std::string used = age(token, "last_used", now);
    table.row({text(token, "id"), text(token, "name"), text(token, "user"), text(token, "role"),
               age(token, "created_at", now), used == "-" ? "never" : used,
               expires == "-" ? "never" : expires, or_all(text(token, "selector"))});
  }
  return table.empty() ? "" : table.render(terminal);
}

std::string render_users(const Json& list, const Terminal& terminal, core::WallTime now) {
  Table table({"NAME", "ROLE", "CREATED", "LAST LOGIN", "HOSTS"});
  for (const Json& user : elements(list, "users")) {
    const std::string login = age(user, "last_login", now);
    table.row({text(user, "name"), text(user, "role"), age(user, "created_at", now),
               login == "-" ? "never" : login, or_all(text(user, "selector"))});
  }
  return table.empty() ? "" : table.render(terminal);
}

std::string render_audit(const std::vector<Json>& entries, const Terminal& terminal) {
  Table table({"SEQ", "AT", "WHO", "WHAT", "OBJECT", "DETAIL"});
  for (const Json& entry : entries) {
    const Json* detail = member(entry, "detail");
    const bool empty = detail == nullptr || (detail->is_object() && detail->get_object().empty());
    table.row({std::to_string(number(entry, "seq")), text(entry, "at"), text(entry, "actor"),
               text(entry, "action"), text(entry, "object"),
               empty ? "-" : boost::json::serialize(*detail)});
  }
  return table.empty() ? "" : table.render(terminal);
}

}  // namespace muster::cli
