// SPDX-License-Identifier: Apache-2.0
#include "content/service.h"

#include <algorithm>

namespace muster::content {

Service::Service(runtime::Loop& loop, std::shared_ptr<Store> store, ServicePort& port,
                 RepeaterOptions options, Fetch fetch)
    : loop_(loop),
      store_(std::move(store)),
      port_(port),
      fetch_(std::move(fetch)),
      repeater_(*this, options, core::mono_now()),
      timer_(loop),
      self_(std::make_shared<Service*>(this)) {}

Service::~Service() {
  *self_ = nullptr;
}

void Service::request(ClientId client, const wire::ContentRequest& request) {
  repeater_.request(client, request, core::mono_now());
  arm();
}

void Service::gone(ClientId client) {
  repeater_.gone(client);
  arm();
}

void Service::taken(ClientId client, std::size_t bytes_left) {
  repeater_.taken(client, bytes_left, core::mono_now());
  arm();
}

void Service::set_rates(RepeaterRates rates) {
  repeater_.set_rates(rates, core::mono_now());
  arm();
}

void Service::stalled(ClientId client) {
  loop_.post([self = self_, client] {
    if (*self) (*self)->port_.stalled(client);
  });
}

void Service::load(const ContentId& id) {
  if (!hashing_) hashing_ = std::make_unique<runtime::WorkerPool>(1);
  hashing_->post(
      loop_, [store = store_, id] { return store->open(id); },
      [self = self_, id](core::Result<ObjectPtr> object) {
        if (*self) (*self)->opened(id, std::move(object));
      });
}

void Service::opened(const ContentId& id, core::Result<ObjectPtr> object) {
  const bool missing = !object && object.error().code == core::Code::kNotFound;
  if (!missing || !fetch_) return loaded(id, std::move(object));
  fetch_(id, [self = self_, id](core::Result<ObjectPtr> fetched) {
    if (*self) (*self)->loaded(id, std::move(fetched));
  });
}

void Service::loaded(const ContentId& id, core::Result<ObjectPtr> object) {
  repeater_.loaded(id, std::move(object), core::mono_now());
  arm();
}

// The timer is left alone where it fires early enough.
void Service::arm() {
  const core::MonoTime next = repeater_.deadline();
  if (next >= armed_for_) return;
  armed_for_ = next;
  timer_.start(std::max<core::Duration>(next - core::mono_now(), core::Duration{1}), [this] {
    armed_for_ = core::MonoTime::max();
    repeater_.tick(core::mono_now());
    arm();
  });
}

}  // namespace muster::content
