// SPDX-License-Identifier: Apache-2.0
//
// The aliases of the stdlib module that tasks use, in the words of plain types. They
// follow what the names promise; where the original is stricter than a task could care
// about (the form of every IPv6 address), a little more is accepted.
#include <algorithm>
#include <array>

#include "methods/detail/type_node.h"

namespace muster::methods::detail {
namespace {

constexpr std::array<TypeAlias, 52> kAliases = {{
    {"Stdlib::Absolutepath", "Variant[Stdlib::Unixpath, Stdlib::Windowspath]", "an absolute path"},
    {"Stdlib::Base32", "Pattern[/\\A[a-zA-Z2-7]+={0,6}\\z/]", "text in base 32"},
    {"Stdlib::Base64", "Pattern[/\\A[a-zA-Z0-9\\/+]+={0,2}\\z/]", "text in base 64"},
    {"Stdlib::CreateResources", "Hash[String[1], Hash[String[1], Any]]", ""},
    {"Stdlib::Datasize", "Pattern[/\\A\\d+(?i:[kmgt]b?|b)?\\z/]", "a size such as 10k"},
    {"Stdlib::Dns::Zone", "Variant[Enum['.'], Pattern[/\\A([a-zA-Z0-9_-]{1,63}\\.)+\\z/]]",
     "a DNS zone that ends in a dot"},
    {"Stdlib::Email", "Pattern[/\\A[^@\\s]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\\z/]",
     "an e-mail address"},
    {"Stdlib::Ensure::File", "Enum['present', 'file', 'directory', 'link', 'absent']", ""},
    {"Stdlib::Ensure::File::Directory", "Enum['directory', 'absent']", ""},
    {"Stdlib::Ensure::File::File", "Enum['file', 'absent']", ""},
    {"Stdlib::Ensure::File::Link", "Enum['link', 'absent']", ""},
    {"Stdlib::Ensure::Package",
     "Variant[Enum['present', 'absent', 'purged', 'disabled', 'installed', 'latest'], String[1]]",
     ""},
    {"Stdlib::Ensure::Service", "Enum['stopped', 'running']", ""},
    {"Stdlib::Filemode",
     "Variant[Pattern[/\\A[0-7]{3,4}\\z/], "
     "Pattern[/\\A[ugoa]*([-+=][rwxXstugo]*)+(,[ugoa]*([-+=][rwxXstugo]*)+)*\\z/]]",
     "a file mode such as 0644 or u=rw,go=r"},
    {"Stdlib::Filesource",
     "Variant[Stdlib::Absolutepath, Stdlib::HTTPUrl, Pattern[/\\Afile:\\/\\/\\/./], "
     "Pattern[/\\Apuppet:\\/\\/./]]",
     "a path or URL of a file"},
    {"Stdlib::Fqdn",
     "Pattern[/\\A([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?\\.)*"
     "[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?\\.?\\z/]",
     "a host's name"},
    {"Stdlib::HTTPSUrl", "Pattern[/\\A(?i:https):\\/\\/[^\\s]+\\z/]", "an https URL"},
    {"Stdlib::HTTPUrl", "Pattern[/\\A(?i:https?):\\/\\/[^\\s]+\\z/]", "an http or https URL"},
    {"Stdlib::Host", "Variant[Stdlib::Fqdn, Stdlib::IP::Address]", "a host's name or address"},
    {"Stdlib::HttpStatus", "Integer[100, 599]", "an HTTP status"},
    {"Stdlib::Httpstatus", "Integer[100, 599]", "an HTTP status"},
    {"Stdlib::Http::Method",
     "Enum['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']", ""},
    {"Stdlib::Http::Status", "Integer[100, 599]", "an HTTP status"},
    {"Stdlib::Httpsurl", "Stdlib::HTTPSUrl", ""},
    {"Stdlib::Httpurl", "Stdlib::HTTPUrl", ""},
    {"Stdlib::IP::Address", "Variant[Stdlib::IP::Address::V4, Stdlib::IP::Address::V6]",
     "an IP address"},
    {"Stdlib::IP::Address::Nosubnet",
     "Variant[Stdlib::IP::Address::V4::Nosubnet, Stdlib::IP::Address::V6::Nosubnet]",
     "an IP address without a prefix"},
    {"Stdlib::IP::Address::V4",
     "Pattern[/\\A((25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\.){3}"
     "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)(\\/(3[0-2]|[12]?\\d))?\\z/]",
     "an IPv4 address"},
    {"Stdlib::IP::Address::V4::CIDR",
     "Pattern[/\\A((25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\.){3}"
     "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\/(3[0-2]|[12]?\\d)\\z/]",
     "an IPv4 address with its prefix"},
    {"Stdlib::IP::Address::V4::Nosubnet",
     "Pattern[/\\A((25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\.){3}"
     "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\z/]",
     "an IPv4 address without a prefix"},
    {"Stdlib::IP::Address::V6",
     "Pattern[/\\A[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*(\\/(12[0-8]|1[01]\\d|[1-9]?\\d))?\\z/]",
     "an IPv6 address"},
    {"Stdlib::IP::Address::V6::CIDR",
     "Pattern[/\\A[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*\\/(12[0-8]|1[01]\\d|[1-9]?\\d)\\z/]",
     "an IPv6 address with its prefix"},
    {"Stdlib::IP::Address::V6::Nosubnet",
     "Pattern[/\\A[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*\\z/]",
     "an IPv6 address without a prefix"},
    {"Stdlib::MAC", "Pattern[/\\A(\\h{2}[:-]){5}\\h{2}\\z/, /\\A(\\h{2}[:-]){19}\\h{2}\\z/]",
     "a hardware address"},
    {"Stdlib::ObjectStore", "Pattern[/\\A(gs|s3):\\/\\/./]", "an s3: or gs: URL"},
    {"Stdlib::ObjectStore::GSUri", "Pattern[/\\Ags:\\/\\/./]", "a gs: URL"},
    {"Stdlib::ObjectStore::S3Uri", "Pattern[/\\As3:\\/\\/./]", "an s3: URL"},
    {"Stdlib::Port", "Integer[0, 65535]", "a port from 0 to 65535"},
    {"Stdlib::Port::Dynamic", "Integer[49152, 65535]", "a port from 49152 to 65535"},
    {"Stdlib::Port::Ephemeral", "Integer[49152, 65535]", "a port from 49152 to 65535"},
    {"Stdlib::Port::Privileged", "Integer[1, 1023]", "a port from 1 to 1023"},
    {"Stdlib::Port::Registered", "Integer[1024, 49151]", "a port from 1024 to 49151"},
    {"Stdlib::Port::Unprivileged", "Integer[1024, 65535]", "a port from 1024 to 65535"},
    {"Stdlib::Port::User", "Integer[1024, 49151]", "a port from 1024 to 49151"},
    {"Stdlib::Syslogfacility",
     "Enum['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', "
     "'authpriv', 'ftp', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', "
     "'local7']",
     ""},
    {"Stdlib::Unixpath", "Pattern[/\\A\\/([^\\n\\/\\0]+\\/*)*\\z/]", "an absolute path of Unix"},
    {"Stdlib::Windowspath", "Pattern[/\\A(([a-zA-Z]:[\\\\\\/])|([\\\\\\/][\\\\\\/][^\\\\\\/]+))/]",
     "an absolute path of Windows"},
    {"Stdlib::Yes_no", "Enum['yes', 'no', true]", "yes or no"},
    {"Stdlib::Compat::Absolute_path", "Stdlib::Absolutepath", ""},
    {"Stdlib::Compat::Integer", "Variant[Integer, Pattern[/\\A-?\\d+\\z/]]", "a whole number"},
    {"Stdlib::Compat::Ip_address", "Stdlib::IP::Address", ""},
    {"Stdlib::Compat::String", "String", ""},
}};

}  // namespace

const TypeAlias* find_alias(std::string_view name) {
  const auto* found = std::ranges::find(kAliases, name, &TypeAlias::name);
  return found == kAliases.end() ? nullptr : found;
}

}  // namespace muster::methods::detail
