// SPDX-License-Identifier: Apache-2.0
#include "gateway/link_connection.h"

#include <algorithm>

#include "gateway/gateway.h"

namespace muster::gateway {

LinkConnection::LinkConnection(Gateway& gateway, std::uint64_t number, core::EndpointId endpoint,
                               std::unique_ptr<net::MessageSocket> socket, Login login,
                               core::MonoTime now)
    : gateway_(gateway),
      socket_(std::move(socket)),
      session_(*this, gateway.shared_, now),
      login_(std::make_unique<Login>(std::move(login))),
      number_(number),
      endpoint_(endpoint) {}

void LinkConnection::on_message(std::string_view message) {
  session_.receive(message, core::mono_now());
}

void LinkConnection::on_closed(core::Error why) {
  session_.broken(std::move(why.message));
  gateway_.gone(*this);  // destroys this
}

void LinkConnection::send(std::string_view frame) {
  // A full queue means that the endpoint does not read: the link is worth nothing.
  if (socket_->send(frame)) return;
  socket_->close(net::CloseCode::kPolicy, "the endpoint does not read its link");
}

void LinkConnection::closed(const link::Ending& ending) {
  socket_->close(net::CloseCode::kNormal, link::name(ending.code));
  gateway_.ended(*this, ending);
}

void LinkConnection::hello(wire::Hello&& hello) {
  std::copy_n(hello.instance().begin(), std::min(hello.instance().size(), instance_.size()),
              instance_.begin());
  gateway_.hello(*this, std::move(hello));
}

void LinkConnection::started(wire::Started&& started) {
  *gateway_.add_report(*this).mutable_started() = std::move(started);
}

void LinkConnection::output(wire::Output&& output) {
  *gateway_.add_report(*this).mutable_output() = std::move(output);
}

void LinkConnection::announced(wire::Announce&& announce) {
  gateway_.announced(*this, std::move(announce));
}

void LinkConnection::chunk(wire::Chunk&& chunk, bool /*last*/) {
  gateway_.chunk(*this, std::move(chunk));
}

void LinkConnection::upcall(wire::Upcall&& upcall) {
  gateway_.upcall(*this, std::move(upcall));
}

void LinkConnection::content_request(wire::ContentRequest&& request) {
  gateway_.content_request(*this, std::move(request));
}

void LinkConnection::begins(std::uint64_t run) {
  if (goes_on(run)) return;
  if (runs_.size() >= kRunsMax) runs_.erase(runs_.begin());
  runs_.push_back(run);
}

void LinkConnection::pass_content(std::string_view frame) {
  if (session_.pass(frame)) socket_->notify_below(content::kPieceBytes / 2);
}

void LinkConnection::on_drained() {
  gateway_.content_taken(*this, socket_->queued_bytes());
}

}  // namespace muster::gateway
