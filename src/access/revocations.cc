// SPDX-License-Identifier: Apache-2.0
#include "access/revocations.h"

#include "access/audit.h"
#include "core/bytes.h"
#include "identity/authority.h"

namespace muster::access {
namespace {

using core::Code;
constexpr std::size_t kReasonBytesMax = 500;

std::string endpoint_subject(core::EndpointId id) {
  return "endpoint:" + id.str();
}

}  // namespace

Revocations::Revocations(store::Database& database, Clock clock)
    : database_(database), clock_(std::move(clock)) {}

core::Status Revocations::load() {
  using Found = std::vector<Revocation>;
  MUSTER_ASSIGN(auto found,
                database_.read_blocking([](store::Connection& connection) -> core::Result<Found> {
                  Found all;
                  MUSTER_TRY(connection.query(
                      "SELECT subject, at, revoked_by, reason FROM access_revocations", {},
                      [&](const store::Row& row) {
                        all.push_back({row.string(0), core::wall_from_unix_ms(row.integer(1)),
                                       row.string(2), row.string(3)});
                      }));
                  return all;
                }));
  for (auto& one : found) {
    auto subject = one.subject;
    revoked_.insert_or_assign(std::move(subject), std::move(one));
  }
  return {};
}

runtime::Task<core::Status> Revocations::revoke_endpoint(Principal by, core::EndpointId id,
                                                         std::string reason, Also also) {
  return revoke(std::move(by), endpoint_subject(id), std::move(reason), std::move(also));
}

runtime::Task<core::Status> Revocations::revoke_gateway(Principal by, std::string name,
                                                        std::string reason, Also also) {
  if (!identity::is_valid_name(name)) {
    co_return core::fail(Code::kInvalid, "not a gateway's name: " + core::printable(name, 64));
  }
  co_return co_await revoke(std::move(by), "gateway:" + name, std::move(reason), std::move(also));
}

runtime::Task<core::Status> Revocations::revoke_serial(Principal by, std::string serial,
                                                       std::string reason, Also also) {
  constexpr std::string_view kHex = "0123456789abcdef";
  if (serial.empty() || serial.size() > 40 || serial.front() == '0' ||
      serial.find_first_not_of(kHex) != std::string::npos) {
    co_return core::fail(Code::kInvalid,
                         "not a serial number (lower-case hexadecimal, no leading zeros): " +
                             core::printable(serial, 64));
  }
  co_return co_await revoke(std::move(by), "serial:" + serial, std::move(reason), std::move(also));
}

runtime::Task<core::Status> Revocations::revoke(Principal by, std::string subject,
                                                std::string reason, Also also) {
  MUSTER_CO_TRY(require(by, Right::kManageHosts));
  if (!by.selectors.empty() && !subject.starts_with("endpoint:")) {
    co_return core::fail(Code::kDenied, "your rights are narrowed to some hosts");
  }
  Revocation made{subject, clock_(), by.name, core::printable(reason, kReasonBytesMax)};
  MUSTER_CO_TRY(co_await database_.write(
      [made, by, also = std::move(also)](store::Connection& connection) -> core::Status {
        auto added = connection.execute(
            "INSERT INTO access_revocations(subject, at, revoked_by, reason) VALUES(?, ?, ?, ?)",
            {made.subject, core::unix_ms(made.at), made.by, made.reason});
        if (!added && added.error().code == Code::kExists) {
          return core::fail(Code::kExists, made.subject + " is revoked already");
        }
        MUSTER_TRY(added);
        const auto colon = made.subject.find(':');
        MUSTER_TRY(Audit::append(connection, made.at, by, made.subject.substr(0, colon) + ".revoke",
                                 made.subject.substr(colon + 1),
                                 audit_detail({{"reason", made.reason}})));
        return also ? also(connection) : core::Status();
      }));
  revoked_.insert_or_assign(made.subject, made);
  if (listener_) listener_(made);
  co_return core::Status();
}

bool Revocations::revoked(core::EndpointId id) const {
  return revoked_.contains(endpoint_subject(id));
}

bool Revocations::revoked(const identity::PeerIdentity& peer) const {
  return revoked_.contains(std::string(identity::name(peer.role)) + ":" + peer.name) ||
         revoked_.contains("serial:" + peer.serial);
}

std::vector<Revocation> Revocations::list() const {
  std::vector<Revocation> all;
  all.reserve(revoked_.size());
  for (const auto& [subject, one] : revoked_) all.push_back(one);
  return all;
}

}  // namespace muster::access
