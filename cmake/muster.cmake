# SPDX-License-Identifier: Apache-2.0
#
# How Muster is compiled, and the three functions by which a module says what it is.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)  # everything ends in a position-independent executable
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(MUSTER_TESTS "Build the tests" ON)
set(MUSTER_SANITIZE "" CACHE STRING "Sanitizers for everything: address,undefined or thread")
option(MUSTER_FUZZ "Build fuzz targets with libFuzzer (otherwise they replay their corpus)" OFF)

find_program(CCACHE ccache)
if(CCACHE)
  # The precompiled header is safe to share: its content is hashed, not its time.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_COMPILERCHECK=content
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough
                    -Werror -fPIE -fno-omit-frame-pointer -ffunction-sections -fdata-sections
                    -Xclang -fno-pch-timestamp)
add_link_options(-fuse-ld=lld -pie -Wl,--gc-sections -Wl,--icf=all)
if(MUSTER_SANITIZE)
  add_compile_options(-fsanitize=${MUSTER_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MUSTER_SANITIZE})
else()
  add_compile_definitions(_FORTIFY_SOURCE=2)
  add_compile_options(-fstack-protector-strong)
endif()
if(MUSTER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Asio and Beast are compiled once, in runtime and net, not in every file that names them.
add_compile_definitions(BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
                        BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_DISABLE_BOOST_DATE_TIME)

find_package(OpenSSL 3.0 REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(Protobuf REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(PostgreSQL REQUIRED)
if(MUSTER_TESTS)
  find_package(GTest REQUIRED)
  enable_testing()
endif()
include_directories(SYSTEM ${Protobuf_INCLUDE_DIRS})

# muster_module(NAME [ASIO] [POSTGRES] [DEPS module...] [LIBS library...] [TEST_DEPS target...])
#   POSTGRES: its tests use store::Database::open_temporary, and run a second time on PostgreSQL.
#   ASIO: its files speak coroutines, so they are compiled with the precompiled Asio header.
#   Every *.cc of the folder (and of its detail/) becomes the library muster_NAME.
#   tests/*_test.cc become the program NAME_test, each tests/X_fuzz.cc the program X_fuzz.
function(muster_module name)
  cmake_parse_arguments(arg "ASIO;POSTGRES" "" "DEPS;LIBS;TEST_DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc detail/*.cc)
  list(FILTER sources EXCLUDE REGEX "/(main|precompiled)\\.cc$")
  list(TRANSFORM arg_DEPS PREPEND muster_)
  if(sources)
    add_library(muster_${name} STATIC ${sources})
    target_include_directories(muster_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(muster_${name} PUBLIC ${arg_DEPS} ${arg_LIBS})
    if(arg_ASIO)
      target_precompile_headers(muster_${name} REUSE_FROM muster_precompiled)
    endif()
  else()
    add_library(muster_${name} INTERFACE)
    target_include_directories(muster_${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(muster_${name} INTERFACE ${arg_DEPS} ${arg_LIBS})
  endif()
  if(arg_ASIO)
    set(MUSTER_ASIO_TESTS ${name})
  endif()
  if(arg_POSTGRES)
    set(MUSTER_POSTGRES_TESTS ${name})
  endif()
  muster_tests(${name} muster_${name} ${arg_TEST_DEPS})
endfunction()

# muster_tests(NAME library...): the tests and fuzz targets of the current folder.
function(muster_tests name)
  if(NOT MUSTER_TESTS)
    return()
  endif()
  file(GLOB tests CONFIGURE_DEPENDS tests/*_test.cc)
  if(tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${ARGN} GTest::gmock GTest::gtest_main)
    if(${name} IN_LIST MUSTER_ASIO_TESTS)
      target_precompile_headers(${name}_test REUSE_FROM muster_precompiled)
    endif()
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 300)
    if(${name} IN_LIST MUSTER_POSTGRES_TESTS)
      add_test(NAME ${name}_postgres
               COMMAND ${CMAKE_SOURCE_DIR}/tests/functional/postgres.py $<TARGET_FILE:${name}_test>)
      set_tests_properties(${name}_postgres PROPERTIES TIMEOUT 300)
    endif()
  endif()
  file(GLOB fuzzers CONFIGURE_DEPENDS tests/*_fuzz.cc)
  foreach(fuzzer IN LISTS fuzzers)
    get_filename_component(target ${fuzzer} NAME_WE)
    if(MUSTER_FUZZ)
      add_executable(${target} ${fuzzer})
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    else()
      add_executable(${target} ${fuzzer} ${CMAKE_SOURCE_DIR}/fuzz/replay.cc)
    endif()
    target_link_libraries(${target} PRIVATE ${ARGN})
    # -runs=0 replays the corpus in libFuzzer; replay.cc does so always and fails on an empty folder.
    add_test(NAME ${target} COMMAND ${target} -runs=0 ${CMAKE_SOURCE_DIR}/fuzz/corpus/${target})
    set_tests_properties(${target} PROPERTIES TIMEOUT 120)
  endforeach()
endfunction()

# muster_program(NAME MODULE): main.cc of this folder becomes the program NAME over the module's library.
function(muster_program name module)
  add_executable(${name} main.cc)
  target_link_libraries(${name} PRIVATE muster_${module})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()
