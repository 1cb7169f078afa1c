// SPDX-License-Identifier: Apache-2.0
#include "server/trust.h"

namespace muster::server {
namespace {

using core::Code;

class GuardedWriter final : public net::BodyWriter {
 public:
  GuardedWriter(net::BodyWriter& writer, std::shared_ptr<Trust> trust)
      : writer_(writer), trust_(std::move(trust)) {}

  runtime::Task<core::Status> write(std::string bytes) override {
    if (trust_->ended()) co_return over();
    co_return co_await writer_.write(std::move(bytes));
  }
  bool gone() const override { return trust_->ended() || writer_.gone(); }
  void on_gone(std::function<void()> action) override {
    action_ = std::make_shared<Trust::Action>(action);
    trust_->on_end(action_);
    writer_.on_gone(std::move(action));
  }

  static core::Status over() {
    return core::fail(Code::kDenied, "what was granted to the region has changed");
  }

 private:
  net::BodyWriter& writer_;
  const std::shared_ptr<Trust> trust_;
  std::shared_ptr<Trust::Action> action_;
};

}  // namespace

void Trust::end() {
  ended_ = true;
  for (const auto& weak : std::exchange(actions_, {}))
    if (const auto action = weak.lock()) (*action)();
}

void Trust::on_end(const std::shared_ptr<Action>& action) {
  std::erase_if(actions_, [](const auto& weak) { return weak.expired(); });
  actions_.push_back(action);
}

const PeerPrincipal* peer_of(const net::Request& request) {
  const auto* principal = static_cast<const access::Principal*>(request.context.get());
  if (!principal || !principal->via.starts_with(kViaRegion)) return nullptr;
  return static_cast<const PeerPrincipal*>(principal);
}

void end_with(std::shared_ptr<Trust> trust, net::Response& response) {
  if (!response.producer) return;
  response.producer = [produce = std::move(response.producer), trust = std::move(trust)](
                          net::BodyWriter& to) -> runtime::Task<core::Status> {
    GuardedWriter writer(to, trust);
    auto status = co_await produce(writer);
    // Whoever reads must not take a stream that was cut for one that has ended.
    co_return trust->ended() ? GuardedWriter::over() : status;
  };
}

}  // namespace muster::server
