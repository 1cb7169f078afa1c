// SPDX-License-Identifier: Apache-2.0
#include "server/chain_service.h"

#include <algorithm>
#include <set>

#include "core/bytes.h"
#include "core/log.h"
#include "jobs/run_store.h"
#include "methods/task_name.h"
#include "server/run_json.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;

/// Names a child among those of one target: with it a start that is asked for again starts
/// nothing twice.
constexpr std::size_t kStartKeyBytesMax = 64;
constexpr std::size_t kResultTargetsMax = 100;
constexpr std::uint32_t kStreamBytesMax = 16UL * 1024;

/// What of a RunRequest a method may use.
constexpr std::string_view kStartMembers[] = {
    "selector", "method", "command", "limits", "key", "queue_for_ms", "description", "idempotent"};

core::Status check_members(const json::object& body) {
  for (const auto& member : body)
    if (std::ranges::find(kStartMembers, std::string_view(member.key())) == std::end(kStartMembers))
      return fail(Code::kInvalid,
                  "run.start takes no '" + core::printable(std::string(member.key()), 64) + "'");
  const json::value* selector = body.if_contains("selector");
  if (!selector || !selector->is_string() || selector->get_string().empty())
    return fail(Code::kInvalid, "say on which hosts: 'selector'");
  if (body.contains("method") == body.contains("command"))
    return fail(Code::kInvalid, "give exactly one of 'method' and 'command'");
  return {};
}

/// The method's shown name; empty for a command.
core::Result<std::string> wanted_method(const json::object& body) {
  const json::value* method = body.if_contains("method");
  if (!method) return std::string();
  const json::value* name =
      method->is_object() ? method->get_object().if_contains("name") : nullptr;
  if (!name || !name->is_string())
    return fail(Code::kInvalid, R"(say which method by its name: {"method":{"name":"…"}})");
  MUSTER_ASSIGN(const auto parsed, methods::TaskName::parse(std::string(name->get_string())));
  return parsed.shown();
}

core::Result<std::string> wanted_key(const json::object& body) {
  const json::value* key = body.if_contains("key");
  if (!key) return std::string();
  if (!key->is_string() || key->get_string().size() > kStartKeyBytesMax)
    return fail(Code::kInvalid,
                "key must be a text of at most " + std::to_string(kStartKeyBytesMax) + " bytes");
  return std::string(key->get_string());
}

/// Small enough for a line of the channel, and says where something was left out.
json::object fitting(json::object target) {
  for (const auto& names : {std::vector<const char*>{"result"},
                            {"stdout", "stdout_base64", "stderr", "stderr_base64"}}) {
    if (json::serialize(target).size() <= ChainService::kResultBytesMax) break;
    for (const char* name : names) target.erase(name);
    target["cut"] = true;
  }
  return target;
}

json::object state_json(const jobs::Run& run) {
  json::object counts;
  for (std::size_t i = 0; i < jobs::kTargetStates; ++i)
    if (run.counts.of[i] > 0)
      counts[jobs::name(static_cast<jobs::TargetState>(i))] = run.counts.of[i];
  return {{"run", run.id.str()},
          {"state", run.finished() ? "finished" : "running"},
          {"targets", run.counts.total()},
          {"counts", std::move(counts)}};
}

}  // namespace

runtime::Task<core::Result<access::Principal>> starter_rights(
    access::Users& users, std::string author, std::shared_ptr<const jobs::Chain> chain) {
  auto user = co_await users.get(author);
  if (!user && user.error().code == Code::kNotFound)
    co_return fail(Code::kDenied, core::printable(author, 64) +
                                      ", who started this tree of runs, is no user any more; "
                                      "nothing more can be started in it");
  if (!user) co_return fail(std::move(user.error()));
  access::Principal rights{std::move(author),
                           std::min(user->role, static_cast<access::Role>(chain->role)),
                           chain->selectors, "chain"};
  if (!user->selector.empty() &&
      std::ranges::find(rights.selectors, user->selector) == rights.selectors.end())
    rights.selectors.push_back(user->selector);
  if (!rights.may(access::Right::kRun))
    co_return fail(Code::kDenied, core::printable(rights.name, 64) +
                                      ", who started this tree of runs, may not start runs any "
                                      "more; nothing more can be started in it");
  co_return rights;
}

ChainService::ChainService(runtime::Loop& loop, store::Database& database,
                           const fleet::Registry& registry, RunService& runs, Ports ports)
    : loop_(loop),
      database_(database),
      registry_(registry),
      runs_(runs),
      ports_(std::move(ports)),
      trees_([this](core::RunId run, const core::EndpointId& endpoint) {
        return goes_on(run, endpoint);
      }),
      self_(std::make_shared<ChainService*>(this)) {
  runs_.watch_runs([this](const jobs::Run& run, std::span<const jobs::TargetEvent> targets) {
    run_changed(run, targets);
  });
}

ChainService::~ChainService() {
  *self_ = nullptr;
  runs_.watch_runs({});
}

bool ChainService::goes_on(core::RunId run, const core::EndpointId& endpoint) {
  const jobs::Run* open = runs_.ledger().find(run);
  return open && open->cancelled_by.empty() && runs_.ledger().is_running(run, endpoint);
}

core::Status ChainService::restore() {
  std::set<core::RunId> roots;
  for (const jobs::Run* run : runs_.ledger().open_runs())
    if (run->chain) roots.insert(run->chain->is_child() ? run->chain->above.front().run : run->id);
  for (const core::RunId root : roots) {
    MUSTER_ASSIGN(auto rows, database_.read_blocking([root](store::Connection& connection) {
      return jobs::RunStore::chain_rows(connection, root);
    }));
    for (auto& row : rows)
      trees_.restore(row.run, std::make_shared<const jobs::Chain>(std::move(row.chain)),
                     row.finished);
  }
  cancel(trees_.sweep());
  return {};
}

/// Called from within the ledger, which must not be called back before it returns.
void ChainService::run_changed(const jobs::Run& run, std::span<const jobs::TargetEvent> targets) {
  if (!run.chain) return;
  jobs::ChainTrees::News news{run.id, run.chain, run.finished(), run.cancelled_by, {}};
  for (const jobs::TargetEvent& target : targets)
    if (jobs::is_final(target.state)) news.ended.push_back(target.endpoint);
  loop_.post([self = self_, news = std::move(news)] {
    ChainService* service = *self;
    if (!service) return;
    service->cancel(service->trees_.changed(news));
    service->news_->notify();
  });
}

void ChainService::cancel(const std::vector<jobs::ChainTrees::Cancel>& cancels) {
  for (const auto& wanted : cancels) {
    const jobs::Run* open = runs_.ledger().find(wanted.run);
    if (!open || !open->cancelled_by.empty()) continue;
    if (runs_.ledger().cancel(wanted.run, wanted.by, wanted.reason, RunService::now()))
      ++stats_.cancelled;
  }
  if (!cancels.empty()) runs_.changed();
}

bool ChainService::knows(std::string_view call) {
  return call == "run.start" || call == "run.wait" || call == "run.result" ||
         call == "run.children";
}

runtime::Task<core::Result<std::string>> ChainService::answer(core::EndpointId endpoint,
                                                              core::RunId run, std::string call,
                                                              std::string text) {
  json::object body;
  if (call != "run.children") {
    MUSTER_CO_ASSIGN(body, parse_object(text));
  }
  if (call == "run.children") {
    MUSTER_CO_ASSIGN(const auto answer, co_await children(endpoint, run));
    co_return json::serialize(answer);
  }
  if (call == "run.wait") {
    MUSTER_CO_ASSIGN(const auto answer, co_await wait(endpoint, run, std::move(body)));
    co_return json::serialize(answer);
  }
  if (call == "run.result") {
    MUSTER_CO_ASSIGN(const auto answer, co_await result(endpoint, run, std::move(body)));
    co_return json::serialize(answer);
  }
  auto started = co_await start(endpoint, run, std::move(body));
  if (started) co_return json::serialize(*started);
  ++stats_.refused;
  core::log(core::Level::kInfo, "chains", "a method may not start what it asked for",
            {{"run", run}, {"endpoint", endpoint}, {"why", started.error().message}});
  co_return fail(std::move(started.error()));
}

ChainService::Answer ChainService::start(core::EndpointId endpoint, core::RunId run,
                                         json::object body) {
  MUSTER_CO_ASSIGN(const jobs::Run parent, co_await runs_.get(run));
  if (!parent.chain)
    co_return fail(Code::kDenied,
                   "this run may start nothing further: who starts it says what (muster method run "
                   "… --may-start METHOD --may-start-on SELECTOR)");
  if (!parent.cancelled_by.empty())
    co_return fail(Code::kDenied, "this run was cancelled; it can start nothing more");
  MUSTER_CO_TRY(check_members(body));
  MUSTER_CO_ASSIGN(const std::string method, wanted_method(body));
  MUSTER_CO_ASSIGN(
      auto made, jobs::chain_of_child(*parent.chain, {run, endpoint, parent.method.name}, method));
  const auto child = std::make_shared<const jobs::Chain>(std::move(made));
  MUSTER_CO_ASSIGN(std::string key, wanted_key(body));
  const std::string digest = core::sha256(json::serialize(body));
  body.erase("key");
  if (!key.empty()) key = "chain " + run.str() + ' ' + endpoint.str() + ' ' + key;
  // Never more than the starter may do now, and never beyond the hosts of the grant.
  MUSTER_CO_ASSIGN(access::Principal by, co_await ports_.rights(parent.created_by, child));
  by.selectors.push_back(child->grant.selector);
  MUSTER_CO_TRY(trees_.reserve(*child, core::mono_now()));
  auto created =
      co_await ports_.order(std::move(by), std::move(body), std::move(key), digest, child);
  if (!created || created->repeated) trees_.give_back(*child);
  if (!created) co_return fail(std::move(created.error()));
  if (!created->repeated) ++stats_.started;
  json::object answer{{"run", created->run.id.str()}, {"targets", created->run.counts.total()}};
  if (created->repeated) answer["repeated"] = true;
  co_return answer;
}

runtime::Task<core::Result<jobs::Run>> ChainService::find_child(core::EndpointId endpoint,
                                                                core::RunId run, std::string id) {
  const auto parsed = core::RunId::parse(id);
  const auto none = [&] {
    return fail(Code::kNotFound,
                "this method has started no run '" + core::printable(id, 64) + "'");
  };
  if (!parsed) co_return none();
  auto found = co_await runs_.get(*parsed);
  if (!found && found.error().code != Code::kNotFound) co_return found;
  if (!found || !found->chain || !found->chain->is_child() || found->chain->parent().run != run ||
      found->chain->parent().endpoint != endpoint)
    co_return none();
  co_return found;
}

ChainService::Answer ChainService::wait(core::EndpointId endpoint, core::RunId run,
                                        json::object body) {
  Members members(body);
  std::string id = members.required_text("run", 64);
  const auto at_most = std::chrono::milliseconds(
      members.maybe_integer("wait_ms", 0, kWaitMax.count()).value_or(kWaitMax.count()));
  MUSTER_CO_TRY(members.done());
  const auto until = core::mono_now() + at_most;
  struct Place {  // also when the task is cancelled
    explicit Place(std::size_t& waits) : count(waits) { ++count; }
    ~Place() { --count; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    std::size_t& count;
  };
  const bool has_room = waits_ < kWaitsMax;
  const Place place(waits_);
  for (const auto news = news_;;) {
    const auto seen = news->count();
    MUSTER_CO_ASSIGN(const jobs::Run child, co_await find_child(endpoint, run, id));
    const auto left = until - core::mono_now();
    if (child.finished() || !has_room || left <= core::Duration::zero() || !goes_on(run, endpoint))
      co_return state_json(child);
    co_await news->wait(seen, left);
  }
}

ChainService::Answer ChainService::result(core::EndpointId endpoint, core::RunId run,
                                          json::object body) {
  Members members(body);
  std::string id = members.required_text("run", 64);
  const auto after = members.maybe_integer("after", 0, jobs::kChildTargetsMax);
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_ASSIGN(const jobs::Run child, co_await find_child(endpoint, run, id));
  std::optional<std::uint32_t> slot;
  if (after) slot = static_cast<std::uint32_t>(*after);
  MUSTER_CO_ASSIGN(auto page, co_await database_.read([&](store::Connection& connection) {
    return jobs::RunStore::targets(connection, child.id, {}, kResultTargetsMax, slot);
  }));
  json::object answer = state_json(child);
  json::array results;
  std::size_t bytes = 0;
  std::optional<std::uint32_t> next = page.next;
  for (std::size_t i = 0; i < page.targets.size(); ++i) {
    auto& item = page.targets[i];
    auto shown = fitting(target_json(child, item.target, registry_, kStreamBytesMax));
    const std::size_t size = json::serialize(shown).size();
    if (i > 0 && bytes + size > kResultBytesMax) {
      next = page.targets[i - 1].slot;
      break;
    }
    bytes += size;
    results.push_back(std::move(shown));
  }
  answer["results"] = std::move(results);
  answer["next"] = next ? json::value(*next) : json::value(nullptr);
  co_return answer;
}

ChainService::Answer ChainService::children(core::EndpointId endpoint, core::RunId run) {
  MUSTER_CO_ASSIGN(const jobs::Run parent, co_await runs_.get(run));
  json::array list;
  if (parent.chain) {
    const core::RunId root = parent.chain->is_child() ? parent.chain->above.front().run : parent.id;
    MUSTER_CO_ASSIGN(const auto rows,
                     co_await database_.read([root](store::Connection& connection) {
                       return jobs::RunStore::chain_rows(connection, root);
                     }));
    for (const auto& row : rows)
      if (row.chain.is_child() && row.chain.parent().run == run &&
          row.chain.parent().endpoint == endpoint)
        list.push_back(
            json::object{{"run", row.run.str()}, {"state", row.finished ? "finished" : "running"}});
  }
  co_return json::object{{"children", std::move(list)}};
}

}  // namespace muster::server
