// SPDX-License-Identifier: Apache-2.0
#include "server/method_json.h"

#include "core/bytes.h"

namespace muster::server {
namespace {

std::string shown(const std::string& canonical) {
  const auto name = methods::TaskName::parse(canonical);
  return name ? name->shown() : canonical;
}

json::array to_json(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::object to_json(const methods::TypedParameter& parameter) {
  json::object object{{"name", parameter.name},
                      {"type", parameter.type.text()},
                      {"expected", parameter.type.describe()},
                      {"required", parameter.required},
                      {"sensitive", parameter.sensitive}};
  set(object, "description", parameter.description);
  if (parameter.default_value) object["default"] = *parameter.default_value;
  if (const auto choices = parameter.type.choices(); !choices.empty()) {
    object["choices"] = to_json(choices);
  }
  return object;
}

json::object to_json(const methods::Implementation& implementation,
                     const methods::Metadata& metadata) {
  const auto method = implementation.input_method == methods::InputMethod::kDefault
                          ? metadata.input_method
                          : implementation.input_method;
  return {{"name", implementation.name},
          {"requirements", to_json(implementation.requirements)},
          {"input_method", methods::name(method)}};
}

}  // namespace

json::object to_json(const catalog::Published& published) {
  json::object object{
      {"name", shown(published.name)},         {"version", published.version},
      {"current", published.current},          {"digest", published.digest.str()},
      {"private", published.is_private},       {"size_bytes", published.bytes},
      {"key", core::to_hex(published.key_id)}, {"published_at", time_text(published.published_at)},
      {"published_by", published.published_by}};
  set(object, "description", published.description);
  return object;
}

json::object to_json(const catalog::Listed& listed) {
  json::object object = to_json(listed.current);
  object["versions"] = listed.versions;
  return object;
}

json::object to_json(const Method& method) {
  const methods::Package& package = method.package;
  const methods::Metadata& metadata = package.metadata;
  json::object object = to_json(method.published);
  set(object, "description", metadata.description);
  object["supports_noop"] = metadata.supports_noop;
  object["idempotent"] = metadata.additions.idempotent;
  object["input_method"] = methods::name(metadata.input_method);
  object["any_parameters"] = method.parameters.open();
  json::array parameters;
  for (const auto& parameter : method.parameters.list()) parameters.push_back(to_json(parameter));
  object["parameters"] = std::move(parameters);
  json::array implementations;
  for (const auto& implementation : metadata.implementations) {
    implementations.push_back(to_json(implementation, metadata));
  }
  object["implementations"] = std::move(implementations);
  json::array files;
  for (const auto& file : package.files) {
    files.push_back(json::object{{"path", file.path},
                                 {"size_bytes", file.size},
                                 {"sha256", core::to_hex(file.sha256)},
                                 {"executable", file.executable}});
  }
  object["files"] = std::move(files);
  if (metadata.additions.timeout.count() > 0) {
    object["timeout_ms"] = metadata.additions.timeout.count();
  }
  if (metadata.additions.output_bytes_max > 0) {
    object["output_bytes_max"] = metadata.additions.output_bytes_max;
  }
  set(object, "user", metadata.additions.user);
  return object;
}

json::object to_json(const catalog::Key& key) {
  json::object object{{"id", core::to_hex(key.id)},
                      {"added_at", time_text(key.added_at)},
                      {"added_by", key.added_by}};
  set(object, "note", key.note);
  if (const auto read = identity::PublicKey::from_der(key.der))
    object["public_key_pem"] = read->pem();
  return object;
}

}  // namespace muster::server
