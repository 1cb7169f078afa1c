# SPDX-License-Identifier: Apache-2.0
#
# The task modules of tests/tasks in <build>/tasks, with what must be compiled for them:
# the executables of `probe`, one for each machine type, whichever this machine is.
set(MUSTER_TEST_TASKS ${CMAKE_BINARY_DIR}/tasks)
file(GLOB_RECURSE task_files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/tests/tasks
     ${CMAKE_SOURCE_DIR}/tests/tasks/*)
set(task_outputs)
foreach(file IN LISTS task_files)
  add_custom_command(
    OUTPUT ${MUSTER_TEST_TASKS}/${file}
    COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_SOURCE_DIR}/tests/tasks/${file}
            ${MUSTER_TEST_TASKS}/${file}
    DEPENDS ${CMAKE_SOURCE_DIR}/tests/tasks/${file})
  list(APPEND task_outputs ${MUSTER_TEST_TASKS}/${file})
endforeach()
foreach(machine IN ITEMS x86_64 aarch64)
  set(output ${MUSTER_TEST_TASKS}/probe/tasks/machine_${machine})
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_CXX_COMPILER} -x c --target=${machine}-linux-gnu -O1 -ffreestanding -nostdlib
            -fno-stack-protector -static -fuse-ld=lld -o ${output}
            ${CMAKE_SOURCE_DIR}/tests/tasks/probe/src/probe.c
    DEPENDS ${CMAKE_SOURCE_DIR}/tests/tasks/probe/src/probe.c
            ${MUSTER_TEST_TASKS}/probe/tasks/machine.json)
  list(APPEND task_outputs ${output})
endforeach()
# The libraries for methods as a module whose files others name, and a method in C++ with its own.
foreach(file IN ITEMS sh/muster.sh python/muster_method.py)
  get_filename_component(name ${file} NAME)
  add_custom_command(
    OUTPUT ${MUSTER_TEST_TASKS}/muster_sdk/files/${name}
    COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_SOURCE_DIR}/sdk/${file}
            ${MUSTER_TEST_TASKS}/muster_sdk/files/${name}
    DEPENDS ${CMAKE_SOURCE_DIR}/sdk/${file})
  list(APPEND task_outputs ${MUSTER_TEST_TASKS}/muster_sdk/files/${name})
endforeach()
set(sdk_cpp ${MUSTER_TEST_TASKS}/sdk_cpp/tasks/init_native)
add_custom_command(
  OUTPUT ${sdk_cpp}
  COMMAND ${CMAKE_CXX_COMPILER} -std=c++17 -Wall -Wextra -Werror -O1 -I${CMAKE_SOURCE_DIR}/sdk/cpp -o ${sdk_cpp}
          ${CMAKE_SOURCE_DIR}/tests/tasks/sdk_cpp/src/init.cc ${CMAKE_SOURCE_DIR}/sdk/cpp/muster_method.cc
  DEPENDS ${CMAKE_SOURCE_DIR}/tests/tasks/sdk_cpp/src/init.cc ${CMAKE_SOURCE_DIR}/sdk/cpp/muster_method.cc
          ${CMAKE_SOURCE_DIR}/sdk/cpp/muster_method.h ${MUSTER_TEST_TASKS}/sdk_cpp/tasks/init.json)
list(APPEND task_outputs ${sdk_cpp})
add_custom_target(muster_test_tasks DEPENDS ${task_outputs})
