// SPDX-License-Identifier: Apache-2.0
#include "cli/results.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "cli/exit_code.h"
#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

constexpr std::size_t kLiveLineBytesMax = 64 * 1024;
constexpr std::string_view kRule = "---------------";

/// All bytes of one stream of a row: what came with it, or the whole from the server
/// where that is more than came.
core::Result<std::string> whole_output(Client& client, std::string_view run, const Json& row,
                                       const std::string& stream) {
  // A method's result of which something must not be shown comes without its bytes.
  if (const Json* result = member(row, "result"); result && stream == "stdout" &&
                                                  result->is_object() &&
                                                  result->get_object().contains("_sensitive"))
    return pretty(*result);
  const auto size = static_cast<std::uint64_t>(number(row, stream + "_bytes"));
  const auto present = bytes_of(row, stream);
  if (present && present->size() >= size) return *present;
  if (size == 0) return present.value_or("");
  const std::string sample = text(row, "sample_endpoint");
  return client.output(run, sample.empty() ? text(row, "endpoint") : sample, stream);
}

std::string head(const Terminal& terminal, const std::string& hosts) {
  const std::string rule = terminal.paint(Color::kCyan, kRule);
  return rule + "\n" + terminal.paint(Color::kCyan, in_line(hosts)) + "\n" + rule + "\n";
}

/// Hosts that wrote nothing. Those that did not succeed stand in the summary.
void print_silence(Terminal& terminal, const Json& row, const std::string& hosts) {
  if (text(row, "state") != "succeeded") return;
  const bool ping = !maybe_number(row, "exit_code");  // there was no process
  if (ping) {
    terminal.out(terminal.paint(Color::kCyan, in_line(hosts)) + ": answered\n");
  } else {
    terminal.err(terminal.paint_error(Color::kDim, in_line(hosts) + ": no output") + "\n");
  }
}

bool ends_line(std::string_view bytes) {
  return bytes.empty() || bytes.ends_with('\n');
}

core::Status print_folds(Context& context, Client& client, const Json& run, bool quiet) {
  const std::string id = text(run, "id");
  MUSTER_ASSIGN(const Json folds, client.folds(id));
  const auto& list = elements(folds, "folds");
  for (const Json& fold : list) {
    const auto count = number(fold, "count");
    const bool with_head = !(quiet && list.size() == 1 && count == 1);
    const std::string hosts = text(fold, "hosts") + " (" + std::to_string(count) + ")";
    MUSTER_TRY(print_output(context, client, id, fold, hosts, with_head));
  }
  return {};
}

core::Status print_targets(Context& context, Client& client, const Json& run, bool quiet) {
  const std::string id = text(run, "id");
  const bool with_head = !(quiet && number(run, "targets") == 1);
  core::Status status;
  MUSTER_TRY(client.targets(id, "", [&](const Json& target) {
    status = print_output(context, client, id, target, text(target, "name"), with_head);
    return status.has_value();
  }));
  return status;
}

core::Status print_json(Context& context, Client& client, const Json& run, bool lines) {
  boost::json::array targets;
  MUSTER_TRY(client.targets(text(run, "id"), "", [&](const Json& target) {
    if (lines) {
      context.terminal.out_bytes(boost::json::serialize(target) + "\n");
    } else {
      targets.push_back(target);
    }
    return true;
  }));
  if (!lines) {
    context.terminal.out_bytes(
        pretty(boost::json::object{{"run", run}, {"targets", std::move(targets)}}));
  }
  return {};
}

}  // namespace

core::Status print_output(Context& context, Client& client, std::string_view run, const Json& row,
                          const std::string& hosts, bool with_head) {
  Terminal& terminal = context.terminal;
  MUSTER_ASSIGN(const std::string out, whole_output(client, run, row, "stdout"));
  MUSTER_ASSIGN(const std::string err, whole_output(client, run, row, "stderr"));
  if (out.empty() && err.empty()) {
    if (with_head) print_silence(terminal, row, hosts);
    return {};
  }
  if (with_head && !out.empty()) terminal.out(head(terminal, hosts));
  terminal.out_bytes(out);
  if (!ends_line(out) && (with_head || terminal.out_is_terminal)) terminal.out("\n");
  if (!err.empty()) {
    if (with_head) {
      terminal.err(terminal.paint_error(Color::kRed, "--- stderr: " + in_line(hosts)) + "\n");
    }
    terminal.err_bytes(err);
    if (!ends_line(err) && (with_head || terminal.err_is_terminal)) terminal.err("\n");
  }
  if (truth(row, "truncated")) {
    terminal.err(terminal.paint_error(Color::kYellow, "--- " + in_line(hosts) +
                                                          ": the output was cut at its limit "
                                                          "(--output-max raises it)") +
                 "\n");
  }
  return {};
}

core::Status print_results(Context& context, Client& client, const Json& run,
                           const ResultOptions& options) {
  if (options.json || options.jsonl) return print_json(context, client, run, options.jsonl);
  if (options.fold) return print_folds(context, client, run, options.quiet);
  return print_targets(context, client, run, options.quiet);
}

core::Status print_summary(Context& context, Client& client, const Json& run) {
  Terminal& terminal = context.terminal;
  const std::string id = text(run, "id");
  if (!all_succeeded(run)) {
    MUSTER_ASSIGN(const Json folds, client.folds(id));
    terminal.err(render_troubles(elements(folds, "folds"), terminal));
  }
  const auto from = parse_rfc3339(text(run, "created_at"));
  const auto to = parse_rfc3339(text(run, "finished_at"));
  std::string line = counts_text(run);
  if (from && to && *to >= *from) line += " in " + core::to_text(*to - *from);
  const Color color = all_succeeded(run) ? Color::kGreen : Color::kRed;
  terminal.err(terminal.paint_error(color, line) +
               terminal.paint_error(Color::kDim, "  (muster runs show " + in_line(id) + ")") +
               "\n");
  return {};
}

int exit_code_of_run(const Json& run) {
  return all_succeeded(run) ? kExitOk : kExitFailed;
}

void LiveLines::print(const std::string& stream, const std::string& name, std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (stream == "stderr") {
    terminal_.err(terminal_.paint_error(Color::kRed, in_line(name) + "! "));
    terminal_.err_bytes(line);
    terminal_.err("\n");
  } else {
    terminal_.out(terminal_.paint(Color::kCyan, in_line(name) + ": "));
    terminal_.out_bytes(line);
    terminal_.out("\n");
  }
}

void LiveLines::add(const Json& event) {
  const std::string stream_name = text(event, "stream");
  std::string bytes = text(event, "text");
  if (member(event, "base64") != nullptr) {
    const Json renamed = boost::json::object{{"b_base64", text(event, "base64")}};
    bytes = bytes_of(renamed, "b").value_or("");
  }
  Stream& stream = streams_[{text(event, "endpoint"), stream_name}];
  stream.name = text(event, "name");
  stream.bytes += bytes.size();
  stream.line += bytes;
  std::size_t start = 0;
  for (auto end = stream.line.find('\n'); end != std::string::npos;
       end = stream.line.find('\n', start)) {
    print(stream_name, stream.name, std::string_view(stream.line).substr(start, end - start));
    start = end + 1;
  }
  stream.line.erase(0, start);
  if (stream.line.size() > kLiveLineBytesMax) {
    print(stream_name, stream.name, stream.line);
    stream.line.clear();
  }
}

void LiveLines::flush() {
  for (auto& [key, stream] : streams_) {
    if (!stream.line.empty()) print(key.second, stream.name, stream.line);
    stream.line.clear();
  }
}

std::uint64_t LiveLines::seen(const std::string& endpoint, const std::string& stream) const {
  const auto found = streams_.find({endpoint, stream});
  return found == streams_.end() ? 0 : found->second.bytes;
}

}  // namespace muster::cli
