// SPDX-License-Identifier: Apache-2.0
#include "cli/region_choice.h"

#include <algorithm>

#include "cli/exit_code.h"
#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

class ThroughRegion final : public Transport {
 public:
  ThroughRegion(std::unique_ptr<Transport> transport, std::string name)
      : transport_(std::move(transport)), prefix_("/v1/regions/" + url_escape(name)) {}

  core::Result<Answer> request(Request request) override {
    request.target = prefix_ + request.target;
    return transport_->request(std::move(request));
  }
  core::Status events(std::string target, EventReader& reader) override {
    return transport_->events(prefix_ + target, reader);
  }

 private:
  const std::unique_ptr<Transport> transport_;
  const std::string prefix_;
};

core::Error error_in(const Json& outcome) {
  const Json* error = member(outcome, "error");
  if (error == nullptr) return {core::Code::kCorrupt, "the server's answer cannot be read"};
  return {core::code_from_name(text(*error, "code")), in_line(text(*error, "message"))};
}

std::string heading(const Terminal& terminal, const std::string& name) {
  return terminal.paint(Color::kBold, in_line(name)) + "\n";
}

/// The worse of two exit codes of regions.
int worse(int a, int b) {
  return a == kExitOk ? b : a;
}

}  // namespace

std::unique_ptr<Transport> through_region(std::unique_ptr<Transport> transport, std::string name) {
  return std::make_unique<ThroughRegion>(std::move(transport), std::move(name));
}

std::vector<std::string> region_names(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    if (end > 0) names.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return names;
}

int list_hosts_of_regions(Context& context, const std::string& regions, const std::string& selector,
                          std::uint64_t limit, bool json) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  constexpr std::uint64_t kMost = 1000;  // of each region: an overview has no pages
  const auto list =
      client->hosts_of_regions(regions, selector, limit == 0 ? kMost : std::min(limit, kMost));
  if (!list) return report(context, list.error());
  Terminal& terminal = context.terminal;
  if (json) {
    terminal.out_bytes(pretty(*list));
    return kExitOk;
  }
  int code = kExitOk;
  for (const Json& each : elements(*list, "regions")) {
    const std::string name = text(each, "name");
    if (member(each, "error") != nullptr) {
      code = worse(code, report(context, error_in(each)));
      continue;
    }
    terminal.out(heading(terminal, name));
    terminal.out(elements(each, "hosts").empty() ? "no host\n"
                                                 : render_hosts(each, terminal, context.now()));
  }
  return code;
}

int run_in_regions(Context& context, std::vector<std::string> names, boost::json::object order,
                   const OrderOptions& options, const WatchOptions& watch) {
  if (watch.json)
    return report(context, {core::Code::kInvalid,
                            "--json prints one run: with several regions take --jsonl"});
  if (const auto good = add_to(order, options); !good) return report(context, good.error());
  if (watch.live) order["live_output"] = true;
  auto client = context.connect();
  if (!client) return report(context, client.error());
  if (names == std::vector<std::string>{"all"}) {
    const auto known = client->list("regions");
    if (!known) return report(context, known.error());
    names.clear();
    for (const Json& each : elements(*known, "regions")) names.push_back(text(each, "name"));
  }
  const auto outcomes = client->run_in_regions(names, std::move(order));
  if (!outcomes) return report(context, outcomes.error());
  int code = kExitOk;
  for (const Json& each : elements(*outcomes, "regions")) {
    const std::string name = text(each, "name");
    const Json* run = member(each, "run");
    if (run == nullptr) {
      code = worse(code, report(context, std::move(error_in(each)).while_doing(in_line(name))));
      continue;
    }
    if (!watch.quiet && !watch.jsonl) context.terminal.out(heading(context.terminal, name));
    Context there = context;
    there.other_region = name;
    auto asked = there.connect();
    if (!asked) return report(context, asked.error());
    code = worse(code, watch_run(there, *asked, *run, watch));
  }
  return code;
}

}  // namespace muster::cli
