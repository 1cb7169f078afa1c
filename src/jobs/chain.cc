// SPDX-License-Identifier: Apache-2.0
#include "jobs/chain.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

#include "core/bytes.h"

namespace muster::jobs {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

std::string granted(const ChainGrant& grant) {
  std::string text = joined(grant.methods);
  if (grant.commands) text += text.empty() ? "commands" : " and commands";
  return text + " on " + grant.selector;
}

core::Status check_grant(const ChainGrant& grant) {
  if (grant.methods.empty() && !grant.commands)
    return fail(Code::kInvalid,
                "chain: say what may be started: 'methods', or 'commands': true, or both");
  if (grant.methods.size() > kGrantMethodsMax)
    return fail(Code::kLimit, "chain.methods names " + std::to_string(grant.methods.size()) +
                                  " methods, " + std::to_string(kGrantMethodsMax) + " are allowed");
  if (grant.selector.empty())
    return fail(Code::kInvalid,
                "chain.selector is missing: on which hosts may it be started? ('all': on every "
                "host)");
  return {};
}

core::Result<Chain> chain_of_child(const Chain& parent, ChainLink asks, std::string_view method) {
  if (method.empty()
          ? !parent.grant.commands
          : std::ranges::find(parent.grant.methods, method) == parent.grant.methods.end())
    return fail(Code::kDenied,
                (method.empty() ? std::string("a command")
                                : "'" + core::printable(method, kGrantMethodBytesMax) + "'") +
                    " is not among what this run may start (" + granted(parent.grant) + ")");
  if (parent.depth() + 1 > kChainDepthMax)
    return fail(Code::kLimit, "runs may start each other " + std::to_string(kChainDepthMax) +
                                  " deep, and this one is so deep already");
  Chain child = parent;
  child.above.push_back(std::move(asks));
  return child;
}

core::Status check_loop(const Chain& child, std::string_view method,
                        std::span<const core::EndpointId> targets) {
  if (method.empty()) return {};  // a command starts nothing further
  for (const ChainLink& link : child.above)
    if (link.method == method && std::ranges::find(targets, link.endpoint) != targets.end())
      return fail(Code::kConflict, "a loop: " + core::printable(method, kGrantMethodBytesMax) +
                                       " runs on " + link.endpoint.str() +
                                       " already, above in this tree (run " + link.run.str() + ")");
  return {};
}

std::string stored_text(const Chain& chain) {
  json::array methods, selectors, above;
  for (const auto& method : chain.grant.methods) methods.emplace_back(method);
  for (const auto& selector : chain.selectors) selectors.emplace_back(selector);
  for (const auto& link : chain.above)
    above.push_back(json::object{
        {"run", link.run.str()}, {"endpoint", link.endpoint.str()}, {"method", link.method}});
  return json::serialize(json::object{{"methods", std::move(methods)},
                                      {"commands", chain.grant.commands},
                                      {"selector", chain.grant.selector},
                                      {"role", chain.role},
                                      {"selectors", std::move(selectors)},
                                      {"above", std::move(above)}});
}

core::Result<Chain> chain_from(std::string_view text) {
  const auto unreadable = [] {
    return fail(Code::kCorrupt, "the stored chain of a run is not readable");
  };
  boost::system::error_code failed;
  const json::value value = json::parse(text, failed);
  if (failed) return unreadable();
  try {
    const json::object& object = value.as_object();
    Chain chain;
    chain.grant.methods = json::value_to<std::vector<std::string>>(object.at("methods"));
    chain.grant.commands = object.at("commands").as_bool();
    chain.grant.selector = json::value_to<std::string>(object.at("selector"));
    chain.role = json::value_to<std::uint8_t>(object.at("role"));
    chain.selectors = json::value_to<std::vector<std::string>>(object.at("selectors"));
    for (const json::value& entry : object.at("above").as_array()) {
      const json::object& link = entry.as_object();
      const auto run = core::RunId::parse(json::value_to<std::string>(link.at("run")));
      const auto endpoint =
          core::EndpointId::parse(json::value_to<std::string>(link.at("endpoint")));
      if (!run || !endpoint) return unreadable();
      chain.above.push_back({*run, *endpoint, json::value_to<std::string>(link.at("method"))});
    }
    return chain;
  } catch (const std::exception&) {  // of another type than it should be
    return unreadable();
  }
}

}  // namespace muster::jobs
