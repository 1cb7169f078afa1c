// SPDX-License-Identifier: Apache-2.0
#include "server/sweep.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/log.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;

constexpr std::uint16_t kSshPort = 22;
constexpr std::size_t kSshBytesMax = 100;
/// How often the end of the last look is looked for.
constexpr std::chrono::milliseconds kLook{50};
/// Agents may still answer so long after it.
constexpr std::chrono::milliseconds kAnswersCome{300};

fleet::IpAddress address_of(const net::DatagramAddress& from) {
  return fleet::IpAddress::parse(from.host()).value_or(fleet::IpAddress{});
}

// "SSH-2.0-OpenSSH_9.2p1 Debian-2" → "OpenSSH_9.2p1 Debian-2"
std::string ssh_name(std::string_view said) {
  const std::size_t second = said.find('-', 4);
  return core::printable(said.substr(std::min(second + 1, said.size())), kSshBytesMax);
}

}  // namespace

std::string_view Found::kind() const {
  return endpoint ? "endpoint" : !ssh.empty() ? "ssh" : "other";
}

Sweeper::Sweeper(runtime::Loop& loop, fleet::Registry& registry, discovery::RegionKey key)
    : loop_(loop), registry_(registry), key_(std::move(key)), tasks_(loop, "sweep") {}

Sweeper::~Sweeper() = default;

core::Result<std::shared_ptr<const Sweep>> Sweeper::start(std::vector<fleet::Subnet> networks,
                                                          std::vector<std::uint16_t> ports) {
  if (!sweeps_.empty() && sweeps_.front()->running)
    return fail(Code::kConflict, "discovery " + std::to_string(sweeps_.front()->id) +
                                     " is under way: wait for its end, or stop it");
  auto sweep = std::make_shared<Sweep>();
  for (const auto& network : networks) sweep->addresses += network.machines();
  if (sweep->addresses > kSweepAddressesMax)
    return fail(Code::kLimit, "these are " + std::to_string(sweep->addresses) +
                                  " addresses, at most " + std::to_string(kSweepAddressesMax) +
                                  " are looked through at a time (an IPv4 network /16)");
  sweep->id = ++last_id_;
  sweep->networks = std::move(networks);
  sweep->ports = std::move(ports);
  sweep->started_at = core::wall_now();
  sweeps_.push_front(sweep);
  if (sweeps_.size() > kSweepsKept) sweeps_.pop_back();
  tasks_.spawn(run(sweep));
  return sweep;
}

std::shared_ptr<const Sweep> Sweeper::find(std::uint64_t id) const {
  const auto found = std::ranges::find(sweeps_, id, [](const auto& sweep) { return sweep->id; });
  return found == sweeps_.end() ? nullptr : *found;
}

void Sweeper::stop(std::uint64_t id) {
  for (const auto& sweep : sweeps_)
    if (sweep->id == id && sweep->running) sweep->stopped = true;
}

runtime::Task<void> Sweeper::end() {
  co_await tasks_.stop();
}

// The region's own hosts in these networks, by what they say of themselves and by where their
// links come from, which counts more.
Sweeper::Known Sweeper::known_in(const Sweep& sweep) const {
  Known known;
  const auto add = [&](const std::string& text, const core::EndpointId& id, bool sure) {
    const auto address = fleet::IpAddress::parse(text);
    if (!address || std::ranges::none_of(sweep.networks, [&](const fleet::Subnet& network) {
          return network.contains(*address);
        }))
      return;
    if (sure)
      known.insert_or_assign(*address, id);
    else
      known.try_emplace(*address, id);
  };
  const auto all = registry_.select(nullptr, nullptr, core::wall_now());
  for (const fleet::Endpoint* endpoint : all)
    for (const auto& text : endpoint->addresses) add(text, endpoint->id, false);
  for (const fleet::Endpoint* endpoint : all) add(endpoint->address, endpoint->id, true);
  return known;
}

runtime::Task<void> Sweeper::run(std::shared_ptr<Sweep> sweep) {
  const Known known = known_in(*sweep);
  const std::string nonce = core::random_bytes(discovery::kNonceBytes);
  const std::string question = write_question(key_, {discovery::kEndpoints, nonce});
  const auto hears = [this, sweep, nonce](std::string_view bytes, const auto& from) {
    hear(*sweep, nonce, bytes, from);
    return true;
  };
  auto v4 = net::DatagramSocket::open(loop_, net::DatagramSocket::Family::kIpv4, 0, hears);
  auto v6 = net::DatagramSocket::open(loop_, net::DatagramSocket::Family::kIpv6, 0, hears);
  const core::MonoTime begin = core::mono_now();
  std::uint64_t begun = 0;
  bool goes_on = true;
  for (const fleet::Subnet& network : sweep->networks)
    for (std::uint64_t i = 0; i < network.machines() && goes_on && !sweep->stopped; ++i) {
      const fleet::IpAddress address = network.machine(i);
      auto& socket = address.is_v4 ? v4 : v6;
      if (const auto to = net::DatagramAddress::parse(address.str(), discovery::kAgentPort);
          socket && to)
        (void)(*socket)->send(question, *to);
      const auto is = known.find(address);
      look_at(sweep, address, is == known.end() ? std::nullopt : std::optional(is->second));
      const auto due = begin + core::Duration(std::chrono::seconds(1)) * ++begun / kSweepPerSecond;
      if (due > core::mono_now()) goes_on = co_await runtime::sleep_for(due - core::mono_now());
    }
  while (goes_on && sweep->looked_at < begun) goes_on = co_await runtime::sleep_for(kLook);
  if (goes_on) co_await runtime::sleep_for(kAnswersCome);
  sweep->running = false;
  core::log(core::Level::kInfo, "server", "a discovery ended",
            {{"id", sweep->id}, {"looked_at", sweep->looked_at}, {"found", sweep->found.size()}});
}

void Sweeper::look_at(const std::shared_ptr<Sweep>& sweep, const fleet::IpAddress& address,
                      std::optional<core::EndpointId> known) {
  auto look = std::make_shared<Look>();
  look->address = address;
  look->known = known;
  look->pending = sweep->ports.size();
  for (const std::uint16_t port : sweep->ports)
    tasks_.spawn([](Sweeper* self, std::shared_ptr<Sweep> of, std::shared_ptr<Look> into,
                    std::uint16_t at) -> runtime::Task<void> {
      auto probe = co_await net::probe_port(self->loop_, into->address.str(), at, at == kSshPort,
                                            kSweepPatience);
      into->answered |= probe.open || probe.refused;
      if (probe.open) into->open.push_back(at);
      if (probe.said.starts_with("SSH-")) into->ssh = ssh_name(probe.said);
      if (--into->pending == 0) settle(*of, *into);
    }(this, sweep, look, port));
}

void Sweeper::settle(Sweep& sweep, const Look& look) {
  ++sweep.looked_at;
  if (!look.answered && !sweep.found.contains(look.address)) return;
  Found& found = sweep.found[look.address];
  found.address = look.address;
  if (!found.endpoint) found.endpoint = look.known;
  found.open = look.open;
  std::ranges::sort(found.open);
  found.ssh = look.ssh;
}

// Only members of the region can write such an answer; still it counts for their address only.
void Sweeper::hear(Sweep& sweep, const std::string& nonce, std::string_view datagram,
                   const net::DatagramAddress& from) {
  const auto answer = read_answer(key_, nonce, datagram);
  const fleet::IpAddress address = address_of(from);
  if (!answer || !answer->endpoint || !registry_.find(*answer->endpoint) ||
      std::ranges::none_of(sweep.networks,
                           [&](const fleet::Subnet& each) { return each.contains(address); }))
    return;
  Found& found = sweep.found[address];
  found.address = address;
  found.endpoint = answer->endpoint;
  found.answers = true;
  found.link_open = answer->link_open;
}

}  // namespace muster::server
