# SPDX-License-Identifier: Apache-2.0
#
# Carries console/dist inside the program: one object file whose table names each file,
# its content type, an ETag made of its content and, where that is smaller, its content
# packed by gzip. Without console/dist the table is empty and the server says how to build it.

set(console_dist ${CMAKE_SOURCE_DIR}/console/dist)
file(GLOB_RECURSE console_files CONFIGURE_DEPENDS LIST_DIRECTORIES false RELATIVE ${console_dist}
     ${console_dist}/*)
list(SORT console_files)

set(console_types
    html "text/html; charset=utf-8" js "text/javascript; charset=utf-8"
    css "text/css; charset=utf-8" svg "image/svg+xml" png "image/png" ico "image/x-icon"
    json "application/json" webmanifest "application/manifest+json" woff2 "font/woff2"
    txt "text/plain; charset=utf-8")

set(console_packed html js css svg json webmanifest txt)
find_program(MUSTER_GZIP gzip REQUIRED)

set(console_blobs "")
set(console_externs "")
set(console_rows "")
set(console_number 0)
foreach(file IN LISTS console_files)
  string(REGEX MATCH "[^.]+$" extension "${file}")
  list(FIND console_types "${extension}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "console/dist/${file}: no content type is known for .${extension}")
  endif()
  math(EXPR at "${at} + 1")
  list(GET console_types ${at} type)
  file(SHA256 ${console_dist}/${file} digest)
  string(SUBSTRING ${digest} 0 32 etag)
  set(name muster_console_${console_number})
  string(APPEND console_blobs
         "    \"${name}_begin: .incbin \\\"${console_dist}/${file}\\\"\\n${name}_end:\\n\"\n")
  string(APPEND console_externs "extern const char ${name}_begin[], ${name}_end[];\n")
  set(packed_row "{}")
  list(FIND console_packed "${extension}" at)
  file(SIZE ${console_dist}/${file} size)
  if(NOT at EQUAL -1 AND size GREATER 1000)
    set(packed ${CMAKE_BINARY_DIR}/console_packed/${console_number}.gz)
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/console_packed)
    execute_process(COMMAND ${MUSTER_GZIP} -9nc ${console_dist}/${file} OUTPUT_FILE ${packed}
                    COMMAND_ERROR_IS_FATAL ANY)
    string(APPEND console_blobs
           "    \"${name}_packed_begin: .incbin \\\"${packed}\\\"\\n${name}_packed_end:\\n\"\n")
    string(APPEND console_externs
           "extern const char ${name}_packed_begin[], ${name}_packed_end[];\n")
    set(packed_row
        "{${name}_packed_begin, static_cast<std::size_t>(${name}_packed_end - ${name}_packed_begin)}")
  endif()
  string(APPEND console_rows
         "    {\"/${file}\", \"${type}\", \"\\\"${etag}\\\"\",\n"
         "     {${name}_begin, static_cast<std::size_t>(${name}_end - ${name}_begin)},\n"
         "     ${packed_row}},\n")
  math(EXPR console_number "${console_number} + 1")
endforeach()

set(console_source ${CMAKE_BINARY_DIR}/console_assets.cc)
if(console_number EQUAL 0)
  set(console_text "#include \"server/console_assets.h\"

namespace muster::server {
std::span<const Asset> console_assets() { return {}; }
}  // namespace muster::server
")
else()
  set(console_text "#include \"server/console_assets.h\"

asm(\".pushsection .rodata\\n\"
${console_blobs}    \".popsection\\n\");

extern \"C\" {
${console_externs}}

namespace muster::server {

std::span<const Asset> console_assets() {
  static const Asset assets[] = {
${console_rows}  };
  return assets;
}

}  // namespace muster::server
")
endif()
file(CONFIGURE OUTPUT ${console_source} CONTENT "${console_text}" @ONLY)

add_library(muster_console_assets STATIC ${console_source})
target_include_directories(muster_console_assets PRIVATE ${CMAKE_SOURCE_DIR}/src)
list(TRANSFORM console_files PREPEND ${console_dist}/)
# Tags and packed forms are made here, so other content under the same name counts, too.
set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${console_files})
set_source_files_properties(${console_source} PROPERTIES OBJECT_DEPENDS "${console_files}")
