// SPDX-License-Identifier: Apache-2.0
#include "store/detail/postgres_values.h"

#include <bit>
#include <charconv>
#include <utility>

#include "core/bytes.h"
#include "store/detail/text.h"

namespace muster::store::detail {
namespace {

using core::Code;

// Types of columns, by their fixed numbers in every PostgreSQL.
constexpr Oid kBool = 16, kInt8 = 20, kInt2 = 21, kInt4 = 23, kFloat4 = 700, kFloat8 = 701;

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const unsigned char byte : bytes) value = value << 8 | byte;
  return value;
}

}  // namespace

bool PostgresRow::is_null(int column) const {
  return PQgetisnull(result_, row_, column) == 1;
}

std::int64_t PostgresRow::integer(int column) const {
  const std::uint64_t bits = big_endian(text(column));
  switch (PQftype(result_, column)) {
    case kInt8:
    case kBool:
      return static_cast<std::int64_t>(bits);
    case kInt4:
      return static_cast<std::int32_t>(bits);
    case kInt2:
      return static_cast<std::int16_t>(bits);
    case kFloat4:
    case kFloat8:
      return static_cast<std::int64_t>(real(column));
    default:
      return 0;
  }
}

double PostgresRow::real(int column) const {
  const std::uint64_t bits = big_endian(text(column));
  switch (PQftype(result_, column)) {
    case kFloat8:
      return std::bit_cast<double>(bits);
    case kFloat4:
      return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    default:
      return static_cast<double>(integer(column));
  }
}

std::string_view PostgresRow::text(int column) const {
  return {PQgetvalue(result_, row_, column),
          static_cast<std::size_t>(PQgetlength(result_, row_, column))};
}

PostgresParams::PostgresParams(Connection::Params params) {
  const std::size_t count = params.size();
  numbers_.reserve(count);
  values_.reserve(count);
  lengths_.reserve(count);
  formats_.reserve(count);
  for (const Param& param : params) add(param);
}

void PostgresParams::add(const Param& param) {
  switch (param.kind()) {
    case Param::Kind::kNull:
      return put(nullptr, 0, 0);
    case Param::Kind::kInteger:
      return number(param.integer());
    case Param::Kind::kReal:
      return number(param.real());
    case Param::Kind::kText:
      return text(param.bytes());
    case Param::Kind::kBlob:
      const auto bytes = param.bytes();
      return put(bytes.data() == nullptr ? "" : bytes.data(), bytes.size(), 1);
  }
}

void PostgresParams::text(std::string_view given) {
  std::string changed;
  auto stored = storable_text(given, changed);
  if (stored.data() != given.data()) stored = changed_.emplace_back(std::move(changed));
  put(stored.data() == nullptr ? "" : stored.data(), stored.size(), 1);
}

template <typename T>
void PostgresParams::number(T value) {
  auto& digits = numbers_.emplace_back();
  *std::to_chars(digits.data(), digits.data() + digits.size() - 1, value).ptr = '\0';
  put(digits.data(), 0, 0);
}

void PostgresParams::put(const char* value, std::size_t length, int format) {
  values_.push_back(value);
  lengths_.push_back(static_cast<int>(length));
  formats_.push_back(format);
  bytes_ += length + 16;
}

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c != '\n' && c != '\t') {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

core::Error postgres_error(const PGresult* result, std::string_view sql) {
  const char* field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view state = field == nullptr ? "" : field;
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string what = primary == nullptr ? one_line(PQresultErrorMessage(result)) : primary;
  struct Meaning {
    std::string_view state;  // or its beginning; the first that fits counts
    Code code;
  };
  static constexpr Meaning kMeanings[] = {
      {"23505", Code::kExists},   {"23", Code::kConflict},    {"22021", Code::kInvalid},
      {"25006", Code::kDenied},   {"28", Code::kDenied},      {"42501", Code::kDenied},
      {"40", Code::kUnavailable}, {"53", Code::kUnavailable}, {"55P03", Code::kUnavailable},
      {"57", Code::kUnavailable}, {"54", Code::kLimit},       {"58", Code::kIo},
      {"XX001", Code::kCorrupt},  {"XX002", Code::kCorrupt},
  };
  Code code = Code::kInternal;
  for (const Meaning& meaning : kMeanings) {
    if (!state.starts_with(meaning.state)) continue;
    code = meaning.code;
    break;
  }
  if (state == "53100")
    return {code, "the disk that holds the database is full (" + what +
                      "); free some space, nothing that was acknowledged is lost"};
  if (code == Code::kInternal)
    return {code, "database: " + what + " in: " + core::printable(sql, 200)};
  return {code, "database: " + what};
}

}  // namespace muster::store::detail
