// SPDX-License-Identifier: Apache-2.0
#include "cli/trust.h"

namespace muster::cli {

std::string grouped(const std::string& fingerprint) {
  std::string text;
  for (std::size_t i = 0; i < fingerprint.size(); ++i) {
    if (i > 0 && i % 4 == 0) text += '-';
    text += fingerprint[i];
  }
  return text;
}

std::string with_default_port(std::string_view address, std::uint16_t port) {
  std::string text(address);
  if (text.ends_with('/')) text.pop_back();
  const auto host = text.starts_with("https://") ? text.substr(8) : text;
  const auto colon = host.rfind(':');
  const bool has_port = colon != std::string::npos && host.find(']', colon) == std::string::npos;
  return has_port ? text : text + ":" + std::to_string(port);
}

core::Result<std::string> settle_fingerprint(Context& context, const Stranger& who,
                                             const std::string& server,
                                             const std::optional<std::string>& given) {
  if (given) return read_fingerprint(*given, "--fingerprint");
  MUSTER_ASSIGN(const std::string fingerprint, context.presented(server));
  const std::string what(who.what);
  context.terminal.err("The " + what + " at " + server +
                       " is not known here. Its certificate authority has the fingerprint\n\n  " +
                       grouped(fingerprint) + "\n\nCompare it with what " +
                       std::string(who.printed_by) + " printed there.\n");
  const auto sure = context.terminal.confirm("Trust it?");
  if (!sure && sure.error().code == core::Code::kInvalid)
    return core::fail(core::Code::kDenied, "the " + what +
                                               " is not trusted yet, and nobody is there to "
                                               "ask: give " +
                                               std::string(who.options));
  if (!sure) return core::fail(core::Error(sure.error()));
  if (!*sure) return core::fail(core::Code::kCancelled, "not trusted");
  return fingerprint;
}

}  // namespace muster::cli
