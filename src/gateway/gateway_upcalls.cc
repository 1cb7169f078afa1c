// SPDX-License-Identifier: Apache-2.0
//
// Upcalls: what the gateway answers by itself, and what goes on to the server. For a method only
// where its run goes on, on that endpoint: told by the orders that passed and the ends that were
// announced, without asking the server.
#include <algorithm>

#include "gateway/gateway.h"
#include "intake/items.h"

namespace muster::gateway {

void Gateway::note_held(LinkConnection& connection, const wire::Hello& hello) {
  for (const auto& held : hello.held())
    if (held.state() != wire::HELD_FINISHED) connection.begins(held.run());
}

void Gateway::answer(LinkConnection& connection, std::uint64_t id,
                     core::Result<std::string> outcome) {
  wire::UpcallReply reply;
  reply.set_id(id);
  if (outcome) {
    reply.set_body(std::move(*outcome));
  } else {
    reply.set_error_code(std::string(core::name(outcome.error().code)));
    reply.set_error(outcome.error().message);
  }
  (void)connection.session().send_message(reply);
}

/// REQUIRES: intake or a handler knows the call.
void Gateway::answer_by_itself(LinkConnection& connection, wire::Upcall& upcall) {
  const core::RunId run(upcall.run());
  if (!connection.goes_on(upcall.run()))
    return answer(connection, upcall.id(),
                  core::fail(core::Code::kDenied, "this run does not go on on this machine"));
  if (intake_ && intake::is_intake(upcall.name()))
    return answer(connection, upcall.id(),
                  intake_->take(connection.endpoint(), run, upcall.name(),
                                std::move(*upcall.mutable_body())));
  handlers_->ask(connection.endpoint(), run, upcall.name(), upcall.body(),
                 [this, link = connection.number(), id = upcall.id()](auto outcome) {
                   // The link may have ended, and with it the question.
                   if (LinkConnection* asks = by_number(link); asks && asks->session().open())
                     answer(*asks, id, std::move(outcome));
                 });
}

/// True: it is answered. A method's question only where its run goes on.
bool Gateway::answer_pack_list(LinkConnection& connection, const wire::Upcall& upcall) {
  if (upcall.run() != 0 && !connection.goes_on(upcall.run())) return false;
  if (auto list = pack_lists_.find(connection.endpoint(), server_reachable_, core::mono_now())) {
    answer(connection, upcall.id(), std::move(*list));
    return true;
  }
  if (!server_reachable_) {
    answer(connection, upcall.id(),
           core::fail(core::Code::kUnavailable,
                      "the gateway has no connection to its server, and does not know which "
                      "packs this machine may have; try again later"));
    return true;
  }
  pack_lists_.asked(connection.number(), upcall.id());
  return false;
}

void Gateway::upcall(LinkConnection& connection, wire::Upcall&& upcall) {
  if (upcall.name() == PackLists::kCall && answer_pack_list(connection, upcall)) return;
  if (upcall.name() == "packs.get" && !server_reachable_)
    return answer(connection, upcall.id(),
                  core::fail(core::Code::kUnavailable,
                             "the gateway has no connection to its server, which signs every "
                             "order; try again later"));
  const bool is_ours = (intake_ && intake::is_intake(upcall.name())) ||
                       (handlers_ && handlers_->knows(upcall.name()));
  if (upcall.run() != 0 && is_ours) return answer_by_itself(connection, upcall);
  wire::UpcallUp up;
  up.set_endpoint(std::string(connection.endpoint().bytes()));
  up.set_link(connection.number());
  *up.mutable_upcall() = std::move(upcall);
  server_->upcall(std::move(up));
}

}  // namespace muster::gateway
