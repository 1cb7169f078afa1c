// SPDX-License-Identifier: Apache-2.0
#include "manage/file_operations.h"

#include <charconv>

#include "core/bytes.h"

namespace muster::manage {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;
using core::Result;
using net::Response;
using runtime::Task;

constexpr std::size_t kBlock = 256 * 1024;
constexpr std::uint32_t kModeMax = 07777;

json::object to_json(const FileInfo& info) {
  json::object object{
      {"name", core::printable(info.name, 300)},
      {"type", info.kind == 'f'   ? "file"
               : info.kind == 'd' ? "folder"
               : info.kind == 'l' ? "link"
                                  : "other"},
      {"size", info.size},
      {"uid", info.uid},
      {"gid", info.gid},
      {"modified_at", core::to_rfc3339(core::wall_from_unix_ms(info.modified_ns / 1'000'000))}};
  char mode[8];
  mode[0] = '0';
  object["mode"] = std::string(mode, std::to_chars(mode + 1, mode + sizeof mode, info.mode, 8).ptr);
  if (info.kind == 'f') object["tag"] = info.tag();
  return object;
}

Result<NewFile> new_file(const Call& call, Place place) {
  NewFile wanted;
  wanted.place = std::move(place);
  MUSTER_ASSIGN(wanted.size, parse_number(call.argument("size"), "size"));
  wanted.sha256 = call.argument("sha256");
  MUSTER_TRY(NewFile::check_digest(wanted.sha256));
  wanted.owner = call.argument("owner");
  if (const std::string mode = call.argument("mode"); !mode.empty()) {
    std::uint32_t bits = 0;
    const auto [end, failed] = std::from_chars(mode.data(), mode.data() + mode.size(), bits, 8);
    if (failed != std::errc{} || end != mode.data() + mode.size() || bits > kModeMax)
      return fail(Code::kInvalid, "mode is an octal number such as 0644");
    wanted.mode = bits;
  }
  return wanted;
}

class FileOperations {
 public:
  FileOperations(Files& files, runtime::WorkerPool& workers) : files_(files), workers_(workers) {}

  Answer list(Asked asked);
  Answer info(Asked asked);
  Answer get(Asked asked);
  Answer put(Asked asked);

 private:
  Response roots() const;
  Task<core::Status> receive(std::shared_ptr<Upload> upload, net::BodyReader& body);

  Files& files_;
  runtime::WorkerPool& workers_;
};

Response FileOperations::roots() const {
  json::array folders;
  for (const Root& root : files_.roots())
    folders.push_back(
        json::object{{"name", root.name}, {"type", "folder"}, {"writable", root.writable}});
  return json_answer(json::object{{"entries", std::move(folders)}});
}

Answer FileOperations::list(Asked asked) {
  const std::string path = asked.call.argument("path");
  if (path.empty()) co_return roots();
  MUSTER_CO_ASSIGN(const Place place, Place::parse(path));
  MUSTER_CO_ASSIGN(const auto found,
                   co_await workers_.run([this, place] { return files_.list(place); }));
  json::array entries;
  for (const FileInfo& info : found) entries.push_back(to_json(info));
  co_return json_answer(json::object{{"path", path}, {"entries", std::move(entries)}});
}

Answer FileOperations::info(Asked asked) {
  const std::string path = asked.call.argument("path");
  MUSTER_CO_ASSIGN(const Place place, Place::parse(path));
  const bool digest = asked.call.argument("digest") == "1";
  json::object answer{{"path", path}};
  if (!asked.call.argument("sha256").empty()) {
    MUSTER_CO_ASSIGN(const NewFile wanted, new_file(asked.call, place));
    MUSTER_CO_ASSIGN(const std::uint64_t there,
                     co_await workers_.run([this, wanted] { return files_.uploaded(wanted); }));
    answer["uploaded"] = there;
  }
  using Found = Result<std::pair<FileInfo, std::string>>;
  const Found found = co_await workers_.run([this, place, digest]() -> Found {
    if (!digest) {
      MUSTER_ASSIGN(auto info, files_.info(place));
      return std::pair(std::move(info), std::string());
    }
    MUSTER_ASSIGN(auto file, files_.open(place));
    MUSTER_ASSIGN(auto sha256, file.sha256());
    return std::pair(std::move(file.info), std::move(sha256));
  });
  // An upload may be asked about before there is a file.
  if (!found && !(found.error().code == Code::kNotFound && answer.contains("uploaded")))
    co_return fail(core::Error(found.error()));
  if (found) answer["file"] = to_json(found->first);
  if (found && digest) answer["sha256"] = found->second;
  co_return json_answer(answer);
}

/// What the range and "If-Range" come to: a Range, or the whole.
Result<std::optional<Range>> wanted_range(const net::Request& request, const FileInfo& info) {
  const auto header = request.header("range");
  if (!header) return std::optional<Range>();
  const auto only_if = request.header("if-range");
  if (only_if && *only_if != "\"" + info.tag() + "\"") return std::optional<Range>();
  return parse_range(*header, info.size);
}

Answer FileOperations::get(Asked asked) {
  MUSTER_CO_ASSIGN(const Place place, Place::parse(asked.call.argument("path")));
  MUSTER_CO_ASSIGN(auto opened,
                   co_await workers_.run([this, place] { return files_.open(place); }));
  const auto file = std::make_shared<OpenFile>(std::move(opened));
  const std::uint64_t size = file->info.size;
  const auto range = wanted_range(asked.request, file->info);
  Response response;
  response.headers = {{"Content-Type", "application/octet-stream"},
                      {"Accept-Ranges", "bytes"},
                      {"ETag", "\"" + file->info.tag() + "\""}};
  if (!range) {
    Response refused = Response::error(range.error());
    refused.status = 416;
    refused.headers.emplace_back("Content-Range", "bytes */" + std::to_string(size));
    co_return refused;
  }
  const Range part = range->value_or(Range{0, size});
  if (*range) {
    response.status = 206;
    response.headers.emplace_back("Content-Range", "bytes " + std::to_string(part.first) + "-" +
                                                       std::to_string(part.first + part.count - 1) +
                                                       "/" + std::to_string(size));
  }
  response.content_length = part.count;
  auto& workers = workers_;
  response.producer = [file, part, &workers](net::BodyWriter& writer) -> Task<core::Status> {
    for (std::uint64_t sent = 0; sent < part.count;) {
      const std::size_t most = std::min<std::uint64_t>(kBlock, part.count - sent);
      MUSTER_CO_ASSIGN(std::string bytes,
                       co_await workers.run(
                           [file, most, at = part.first + sent] { return file->read(at, most); }));
      if (bytes.empty())
        co_return fail(Code::kConflict, "the file became shorter while it was sent");
      sent += bytes.size();
      MUSTER_CO_TRY(co_await writer.write(std::move(bytes)));
    }
    co_return core::Status{};
  };
  co_return response;
}

Task<core::Status> FileOperations::receive(std::shared_ptr<Upload> upload, net::BodyReader& body) {
  std::string waiting;
  for (bool ended = false; !ended;) {
    auto part = co_await body.read();
    // What came before the break stays: the upload goes on behind it.
    ended = !part || part->empty();
    if (part) waiting += *part;
    if (waiting.size() >= kBlock || (ended && !waiting.empty())) {
      MUSTER_CO_TRY(co_await workers_.run(
          [upload, bytes = std::move(waiting)] { return upload->append(bytes); }));
      waiting.clear();
    }
    if (!part) co_return std::unexpected(std::move(part.error()));
  }
  co_return core::Status{};
}

Answer FileOperations::put(Asked asked) {
  MUSTER_CO_ASSIGN(Place place, Place::parse(asked.call.argument("path")));
  MUSTER_CO_ASSIGN(NewFile wanted, new_file(asked.call, std::move(place)));
  std::uint64_t offset = 0;
  if (const std::string text = asked.call.argument("offset"); !text.empty()) {
    MUSTER_CO_ASSIGN(offset, parse_number(text, "offset"));
  }
  auto begun = co_await workers_.run([this, wanted] { return files_.upload(wanted); });
  if (!begun && begun.error().code == Code::kLimit) {
    Response too_large = Response::error(begun.error());
    too_large.status = 413;
    co_return too_large;
  }
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  const auto upload = std::make_shared<Upload>(std::move(*begun));
  if (upload->there() != offset) {
    const std::string at = std::to_string(upload->there());
    const core::Error error{Code::kConflict,
                            "of this upload " + at + " bytes are here: go on with offset=" + at};
    co_return json_answer(
        json::object{{"error", {{"code", core::name(error.code)}, {"message", error.message}}},
                     {"uploaded", upload->there()}},
        net::http_status(error.code));
  }
  MUSTER_CO_TRY(co_await receive(upload, *asked.request.body_stream));
  json::object answer{{"path", asked.call.argument("path")},
                      {"size", wanted.size},
                      {"uploaded", upload->there()},
                      {"complete", upload->whole()}};
  if (!upload->whole()) co_return json_answer(answer, 202);
  MUSTER_CO_TRY(co_await workers_.run([upload] { return upload->finish(); }));
  answer["sha256"] = wanted.sha256;
  co_return json_answer(answer);
}

}  // namespace

void offer_files(Resource& resource, Files& files, runtime::WorkerPool& workers) {
  const auto made = std::make_shared<FileOperations>(files, workers);
  resource.offer("file.list", [made](Asked asked) { return made->list(asked); });
  resource.offer("file.info", [made](Asked asked) { return made->info(asked); });
  resource.offer("file.get", [made](Asked asked) { return made->get(asked); });
  resource.offer("file.put", [made](Asked asked) { return made->put(asked); });
}

}  // namespace muster::manage
